"""awbridge: the finished ClickPost integration. The public names of the library, nothing else."""

from awbridge.clickpost.answers import CancelAnswer, OrderAnswer, TrackAnswer
from awbridge.clickpost.async_client import AsyncClickPost
from awbridge.clickpost.sync_client import ClickPost
from awbridge.domain.call import Call
from awbridge.domain.errors import AwbridgeError, VendorError
from awbridge.domain.outcome import Misconfigured, Outcome, Pending, Placed, Rejected, TryLater, Unknown
from awbridge.domain.shipment import Region

__version__ = "0.1.0"

__all__ = [
    "AsyncClickPost",
    "AwbridgeError",
    "Call",
    "CancelAnswer",
    "ClickPost",
    "Misconfigured",
    "OrderAnswer",
    "Outcome",
    "Pending",
    "Placed",
    "Region",
    "Rejected",
    "TrackAnswer",
    "TryLater",
    "Unknown",
    "VendorError",
    "__version__",
]
