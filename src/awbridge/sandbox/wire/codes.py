"""ClickPost's published tables: order types, status codes, buckets, notification events, NDR and business codes."""

from collections.abc import Mapping
from typing import Final

DESCRIPTIONS: Final[Mapping[int, str]] = {
    1: "OrderPlaced",
    2: "PickupPending",
    3: "PickupFailed",
    4: "PickedUp",
    5: "InTransit",
    6: "OutForDelivery",
    7: "NotServiceable",
    8: "Delivered",
    9: "FailedDelivery",
    10: "CancelledOrder",
    11: "RTO-Requested",
    12: "RTO-Marked",
    13: "RTO-OutForDelivery",
    14: "RTO-Delivered",
    15: "RTO-Failed",
    16: "Lost",
    17: "Damaged",
    18: "ShipmentDelayed",
    19: "ContactCustomerCare",
    20: "ShipmentHeld",
    21: "RTO-InTransit",
    23: "Expired",
    25: "OutForPickup",
    26: "RTO-ContactCustomerCare",
    27: "RTO-ShipmentDelayed",
    28: "AwbRegistered",
    30: "ExchangePickup",
    31: "ExchangeInTransit",
    32: "ExchangeDelivered",
    1004: "DestinationHubIn",
    1005: "OriginCityIn",
    1006: "OriginCityOut",
}
_UNIFIED: Final[Mapping[int, str]] = {
    10: "Cancelled",
    15: "RTO-Failed Delivery",
    27: "RTO-ShipmentDelay",
}
"""Status names in reports that differ from those of the status codes."""

PICKED_UP: Final = frozenset({4})
DELIVERED: Final = frozenset({8, 32})
REVERSE_COURIERS: Final = frozenset({11, 25, 28, 38, 41})
"""Courier partners that are the reverse service of another courier."""

UNDOCUMENTED: Final = (43, 1005)
"""Codes that occur but are on no public list."""

ORDER_TYPES: Final = ("PREPAID", "COD", "EXCHANGE")
DELIVERY_TYPES: Final = ("FORWARD", "RVP")

FINAL_CODES: Final = frozenset({8, 10, 14, 16, 17, 23, 32})
RTO_CODES: Final = frozenset({11, 12, 13, 14, 15, 21, 26, 27})

BUCKET_NAMES: Final[Mapping[int, str]] = {
    1: "Order Placed",
    2: "Shipped",
    3: "In Transit",
    4: "Out For Delivery",
    5: "Failed Delivery",
    6: "Delivered",
    7: "Returned",
    8: "Lost",
    9: "Damaged",
}
_CODES_IN_BUCKET: Final[Mapping[int, tuple[int, ...]]] = {
    1: (1, 2, 3, 10, 25, 28),
    2: (4,),
    3: (5, 18, 19, 20),
    4: (6,),
    5: (7, 9),
    6: (8,),
    7: (11, 12, 13, 14, 15, 21, 26, 27),
    8: (16,),
    9: (17,),
}
_BUCKETS: Final = {code: bucket for bucket, codes in _CODES_IN_BUCKET.items() for code in codes}


def bucket_of(code: int) -> int:
    """The bucket of a status code. Codes without a bucket are shown as in transit."""
    return _BUCKETS.get(code, 3)


def description_of(code: int) -> str:
    """ClickPost's name for a status code."""
    return DESCRIPTIONS.get(code, f"Status{code}")


def unified_status(code: int) -> str:
    """The name of a status in reports."""
    return _UNIFIED.get(code) or description_of(code)


_CODES_OF_EVENT: Final[Mapping[int, tuple[int, ...]]] = {
    1: (25,),
    2: (4, 5, 18, 19, 20),
    3: (6,),
    4: (7, 9),
    5: (8,),
    6: (13, 15, 21, 26, 27),
    10: (10,),
    12: (14,),
    13: (1004,),
    14: (30, 31),
    15: (32,),
    16: (3,),
    19: (16,),
    20: (17,),
    80: (23,),
}
EVENT_OF_CODE: Final = {code: event for event, codes in _CODES_OF_EVENT.items() for code in codes}
"""Status code -> notification event. Codes without an event are omitted."""

NDR_REASONS: Final[Mapping[int, str]] = {
    1: "Customer Unavailable",
    2: "Rejected by Customer",
    3: "Delivery Rescheduled",
    4: "No Attempt",
    5: "Customer Unreachable",
    6: "Address Issue",
    7: "Payment Issue",
    8: "Out Of Delivery Area",
    10: "Self Collect",
    12: "Wants Open Delivery",
    13: "Misrouted",
    77: "OTP Mismatch",
}
"""77 represents the codes that are on no public list."""

NPR_REASONS: Final[Mapping[int, str]] = {
    1: "Customer Unavailable",
    2: "Pickup Rescheduled",
    3: "Item Not Ready",
    5: "Quality Check Failed",
}
"""Why a pickup failed. ClickPost publishes no list: codes and texts are ours, the fields are ClickPost's."""

MESSAGES: Final[Mapping[int, str]] = {
    102: "The order is still being processed",
    200: "Order Placed Successfully",
    202: "The order is queued",
    301: "Authentication Failed: Invalid Token or API Key",
    302: "Invalid courier partner id",
    303: "This waybill is already registered",
    304: "This service is already registered",
    305: "A webhook is already registered",
    306: "The account is not entitled to this service",
    307: "Invalid order type",
    308: "Invalid order priority",
    309: "Invalid delivery type",
    310: "The RVP reason is missing",
    311: "The courier partner does not accept returns",
    312: "Items are missing from the order",
    313: "The items are not in a valid format",
    314: "The order data is not in a valid format",
    315: "Invalid COD value",
    316: "No credentials for the courier partner",
    319: "The courier partner refused the order",
    320: "This service is not subscribed",
    321: "No waybill: the courier partner needs an awb_number assigned beforehand",
    322: "Internal error on the courier partner's server, try again",
    323: "This order was already placed",
    324: "The credentials of the courier partner are no longer valid",
    327: "No webhook is registered",
    328: "Invalid POST data",
    329: "The courier partner did not answer in time",
    330: "The waybill does not exist",
    350: "Invalid waybill, or it can no longer be cancelled",
    351: "The account does not exist",
    352: "More than one account matches, give the account_code",
    353: "The account is not active",
    354: "Unhandled error of the courier partner",
    355: "The vendor code was not found",
    400: "Bad request",
    422: "Invalid entity",
    404: "Not found",
    500: "Ops! Internal server error in Clickpost",
    600: "ORDER ALREADY CANCELLED",
}


def message_of(code: int) -> str:
    """The default message of a business code."""
    return MESSAGES.get(code, f"Error {code}")
