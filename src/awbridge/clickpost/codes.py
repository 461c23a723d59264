"""ClickPost's numbers as tables: status codes, answer codes, couriers, delivery failures, events.

Source: ClickPost's API reference. An unknown number stays visible (its own name says so) and harmless (never final,
never a success).
"""

from __future__ import annotations

from enum import Enum

from awbridge.domain.lifecycle import Bucket, StatusInfo

_IN_TRANSIT_STEP = 50

# code, name, bucket, step along the journey, final. Steps only rank: the RTO leg after the way out, the ends last.
# ClickPost names no bucket for 23 and 30-32; theirs are ours, by what its event table pairs them with.
_STATUS_ROWS: tuple[tuple[int, str, Bucket, int, bool], ...] = (
    (28, "AwbRegistered", Bucket.ORDER_PLACED, 5, False),
    (1, "OrderPlaced", Bucket.ORDER_PLACED, 10, False),
    (2, "PickupPending", Bucket.ORDER_PLACED, 20, False),
    (25, "OutForPickup", Bucket.ORDER_PLACED, 30, False),
    (3, "PickupFailed", Bucket.ORDER_PLACED, 35, False),
    (4, "PickedUp", Bucket.SHIPPED, 40, False),
    (5, "InTransit", Bucket.IN_TRANSIT, _IN_TRANSIT_STEP, False),
    (18, "ShipmentDelayed", Bucket.IN_TRANSIT, 51, False),
    (20, "ShipmentHeld", Bucket.IN_TRANSIT, 52, False),
    (19, "ContactCustomerCare", Bucket.IN_TRANSIT, 53, False),
    (1004, "DestinationHubIn", Bucket.IN_TRANSIT, 60, False),
    (6, "OutForDelivery", Bucket.OUT_FOR_DELIVERY, 70, False),
    (7, "NotServiceable", Bucket.FAILED_DELIVERY, 79, False),
    (9, "FailedDelivery", Bucket.FAILED_DELIVERY, 80, False),
    (8, "Delivered", Bucket.DELIVERED, 90, True),
    (30, "ExchangePickup", Bucket.IN_TRANSIT, 92, False),
    (31, "ExchangeInTransit", Bucket.IN_TRANSIT, 94, False),
    (32, "ExchangeDelivered", Bucket.DELIVERED, 96, True),
    (11, "RTO-Requested", Bucket.RETURNED, 100, False),
    (12, "RTO-Marked", Bucket.RETURNED, 110, False),
    (21, "RTO-InTransit", Bucket.RETURNED, 120, False),
    (27, "RTO-ShipmentDelayed", Bucket.RETURNED, 121, False),
    (26, "RTO-ContactCustomerCare", Bucket.RETURNED, 122, False),
    (13, "RTO-OutForDelivery", Bucket.RETURNED, 130, False),
    (15, "RTO-Failed", Bucket.RETURNED, 140, False),
    (14, "RTO-Delivered", Bucket.RETURNED, 150, True),
    (23, "Expired", Bucket.ORDER_PLACED, 200, True),
    (10, "CancelledOrder", Bucket.ORDER_PLACED, 210, True),
    (17, "Damaged", Bucket.DAMAGED, 220, True),
    (16, "Lost", Bucket.LOST, 230, True),
)

STATUSES: dict[int, StatusInfo] = {
    code: StatusInfo(code=code, name=name, bucket=bucket, step=step, final=final)
    for code, name, bucket, step, final in _STATUS_ROWS
}


def status_info(code: int) -> StatusInfo:
    """What a status code means. An unknown one counts as in transit, is never final, and says that it is unknown.

    Codes outside ClickPost's published table (43, 1005, ...) are seen in real payloads.
    """
    return STATUSES.get(code) or StatusInfo(
        code=code, name=f"Unknown({code})", bucket=Bucket.IN_TRANSIT, step=_IN_TRANSIT_STEP, known=False
    )


class Answer(Enum):
    """What an answer code means for whoever asked."""

    SUCCESS = "success"
    REGISTERED = "registered before"
    PENDING = "being worked on"
    TRANSIENT = "passes by itself"
    THROTTLED = "too many requests"
    UNCLEAR = "may pass or not"
    CONFIGURATION = "key, credentials or account"
    PERMANENT = "this request never works"


_ANSWER_ROWS: dict[Answer, tuple[int, ...]] = {
    Answer.SUCCESS: (200, 323),
    Answer.REGISTERED: (303,),
    Answer.PENDING: (102, 202),
    Answer.TRANSIENT: (322, 329, 500, 502, 503, 504),
    Answer.THROTTLED: (429,),
    Answer.UNCLEAR: (319, 354),
    Answer.CONFIGURATION: (301, 306, 316, 320, 324, 351, 352, 353, 401, 403),
    Answer.PERMANENT: (302, *range(307, 316), 321, 328, 330, 350, 355, 400, 422),
}

ANSWERS: dict[int, Answer] = {code: answer for answer, codes in _ANSWER_ROWS.items() for code in codes}

# HTTP statuses that decide by themselves, whatever the body says.
_HTTP_ANSWERS: dict[int, Answer] = {
    401: Answer.CONFIGURATION,
    403: Answer.CONFIGURATION,
    404: Answer.UNCLEAR,
    405: Answer.UNCLEAR,
    406: Answer.UNCLEAR,
    408: Answer.TRANSIENT,
    429: Answer.THROTTLED,
}


def classify(http_status: int, business_status: int | None) -> Answer:
    """What an answer means, by its HTTP status and the business status in its body (None: it carries none).

    Success needs HTTP 200 and a business status of success; anything that only looks like it is unclear.
    """
    if http_status >= 500:
        return Answer.TRANSIENT
    if http_status in _HTTP_ANSWERS:
        return _HTTP_ANSWERS[http_status]
    answer = ANSWERS.get(business_status, Answer.UNCLEAR) if business_status is not None else Answer.UNCLEAR
    if answer is Answer.UNCLEAR and business_status is None and http_status in (400, 413, 414, 422):
        return Answer.PERMANENT
    if answer in (Answer.SUCCESS, Answer.REGISTERED) and http_status != 200:
        return Answer.UNCLEAR
    if answer is Answer.PENDING and http_status not in (200, 202):
        return Answer.UNCLEAR
    return answer


# Names of the answer codes, for people. Source: ClickPost's published error-code page.
ANSWER_NAMES: dict[int, str] = {
    102: "still working on it",
    200: "success",
    202: "queued",
    301: "invalid key",
    302: "invalid courier partner id",
    303: "waybill already registered",
    304: "already registered for this service",
    305: "webhook already registered",
    306: "not registered for this service",
    307: "invalid order type",
    308: "invalid order priority",
    309: "invalid delivery type",
    310: "reason of the return is missing",
    311: "courier partner does not take returns",
    312: "items are missing",
    313: "items are malformed",
    314: "order data are malformed",
    315: "invalid COD value",
    316: "no credentials for this courier partner",
    319: "the courier refused the order",
    320: "service is not subscribed",
    321: "the courier does not know this AWB number",
    322: "server error at the courier",
    323: "already placed",
    324: "invalid credentials for the courier",
    327: "webhook is not registered",
    328: "invalid POST data",
    329: "the courier did not answer in time",
    330: "waybill does not exist",
    350: "waybill is invalid or cannot be cancelled",
    351: "account does not exist",
    352: "several accounts match",
    353: "account is inactive",
    354: "unhandled error at the courier",
    355: "vendor code not found",
    400: "bad request",
    422: "invalid entity",
    500: "server error at ClickPost",
    600: "cancelled",
}

COURIER_NAMES: dict[int, str] = {
    1: "FedEx",
    2: "Aramex",
    3: "EcomExpress",
    4: "Delhivery",
    5: "Bluedart",
    6: "XpressBees",
    9: "Shadowfax",
    11: "Shadowfax RVP",
    25: "Delhivery RVP",
    28: "Bluedart RVP",
    31: "Fareye",
    35: "Self",
    38: "Fareye RVP",
    41: "XpressBees RVP",
    50: "Loadshare",
    55: "Ekart",
    145: "DHL International",
    150: "Shipsy",
    207: "Grow Simplee",
    212: "Amazon Transportation",
}

# Why a delivery failed (NDR: non-delivery report). More codes exist than are published.
NDR_NAMES: dict[int, str] = {
    0: "Unknown",
    1: "Customer Unavailable",
    2: "Rejected by Customer",
    3: "Delivery Rescheduled",
    4: "No Attempt",
    5: "Customer Unreachable",
    6: "Address Issue",
    7: "Payment Issue",
    8: "Out Of Delivery Area",
    9: "Already Cancelled",
    10: "Self Collect",
    11: "Shipment Seized",
    12: "Wants Open Delivery",
}

# Events of the webhook service that sends selected events only.
EVENT_NAMES: dict[int, str] = {
    1: "Out For Pickup",
    2: "Shipped",
    3: "Out For Delivery",
    4: "Failed Delivery",
    5: "Delivered",
    6: "RTO In Transit",
    9: "AWB Generated",
    10: "Cancelled",
    11: "Return Placed",
    12: "RTO Delivered",
    13: "Destination Hub",
    14: "Exchange Pickup",
    15: "Exchange Delivered",
    16: "Pickup Cancelled",
    17: "Stuck",
    18: "SLA Breached",
    19: "Lost",
    20: "Damaged",
    22: "Return Approved",
    23: "Return Rejected",
    29: "Exchange Approved",
    30: "Exchange Placed",
    31: "Exchange Rejected",
    80: "Expired",
}
