"""awbridge: the finished ClickPost integration. The public names of the library, nothing else.

They are imported when they are first used: a command that does not call ClickPost starts without them.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from awbridge.clickpost.client.async_client import AsyncClickPost
    from awbridge.clickpost.client.sync_client import ClickPost
    from awbridge.clickpost.wire.answers import CancelAnswer, OrderAnswer, TrackAnswer
    from awbridge.domain.call import Call
    from awbridge.domain.customer_page.links import track_url
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
    "track_url",
]

_MODULES = {
    "AsyncClickPost": "awbridge.clickpost.client.async_client",
    "AwbridgeError": "awbridge.domain.errors",
    "Call": "awbridge.domain.call",
    "CancelAnswer": "awbridge.clickpost.wire.answers",
    "ClickPost": "awbridge.clickpost.client.sync_client",
    "Misconfigured": "awbridge.domain.orders.outcome",
    "OrderAnswer": "awbridge.clickpost.wire.answers",
    "Outcome": "awbridge.domain.orders.outcome",
    "Pending": "awbridge.domain.orders.outcome",
    "Placed": "awbridge.domain.orders.outcome",
    "Region": "awbridge.domain.orders.shipment",
    "Rejected": "awbridge.domain.orders.outcome",
    "TrackAnswer": "awbridge.clickpost.wire.answers",
    "TryLater": "awbridge.domain.orders.outcome",
    "Unknown": "awbridge.domain.orders.outcome",
    "VendorError": "awbridge.domain.errors",
    "track_url": "awbridge.domain.customer_page.links",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(importlib.import_module(_MODULES[name]), name)
    return value
