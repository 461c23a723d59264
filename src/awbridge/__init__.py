"""awbridge: the finished ClickPost integration. The public names of the library, nothing else."""

from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.client.sync_client import ClickPost
from awbridge.clickpost.wire.answers import CancelAnswer, OrderAnswer, TrackAnswer
from awbridge.domain.call import Call
from awbridge.domain.errors import AwbridgeError, VendorError
from awbridge.domain.orders.outcome import Misconfigured, Outcome, Pending, Placed, Rejected, TryLater, Unknown
from awbridge.domain.orders.shipment import Region

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
