"""Tables of ClickPost's codes: statuses, couriers, delivery failures.

Source: ClickPost's API reference. An unknown number stays visible (its name contains it) and harmless (never final,
never a success).
"""

from __future__ import annotations

from datetime import datetime

from awbridge.domain.tracking.lifecycle import Bucket, StatusInfo
from awbridge.domain.tracking.milestones import Milestone, StatusEvent

_IN_TRANSIT_STEP = 50
ORDER_PLACED = 1  # the status of a piece without an update yet

# code, name, bucket, step along the journey, final. Steps only rank: RTO after the forward leg, final statuses last.
# ClickPost names no bucket for 23 and 30-32; theirs are ours, by what its event table pairs them with.
_STATUS_ROWS: tuple[tuple[int, str, Bucket, int, bool], ...] = (
    (28, "AwbRegistered", Bucket.ORDER_PLACED, 5, False),
    (1, "OrderPlaced", Bucket.ORDER_PLACED, 10, False),
    (2, "PickupPending", Bucket.ORDER_PLACED, 20, False),
    (25, "OutForPickup", Bucket.ORDER_PLACED, 30, False),
    (3, "PickupFailed", Bucket.ORDER_PLACED, 35, False),
    (4, "PickedUp", Bucket.SHIPPED, 40, False),
    (1005, "OriginCityIn", Bucket.IN_TRANSIT, 43, False),
    (1006, "OriginCityOut", Bucket.IN_TRANSIT, 46, False),
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

# Returns and exchanges that customers ask for. Of 103 to 106 no name is published: their own description is shown.
_RETURN_CODES = range(101, 107)
_RETURN_NAMES = {101: "Return Request Placed", 102: "Return Request Approved"}


def status_info(code: int, description: str = "") -> StatusInfo:
    """What a status code means. An unknown one counts as in transit and is never final.

    Codes outside ClickPost's published table (43, 50, ...) are seen in real payloads. `description` is ClickPost's own,
    and names an unknown code. Without it, the name says that the code is unknown.
    """
    if known := STATUSES.get(code):
        return known
    if code in _RETURN_CODES:
        name = _RETURN_NAMES.get(code) or description or f"Unknown({code})"
        is_known = code in _RETURN_NAMES
        return StatusInfo(code=code, name=name, bucket=Bucket.ORDER_PLACED, step=0, known=is_known, about_return=True)
    return StatusInfo(
        code=code, name=description or f"Unknown({code})", bucket=Bucket.IN_TRANSIT, step=_IN_TRANSIT_STEP, known=False
    )


def status_name(code: int | None, description: str | None = None) -> str:
    """The name of a status code, as `status_info` has it; "" if there is no status."""
    return "" if code is None else status_info(code, description or "").name


def ndr_name(code: int | None, description: str = "", *, unknown: str | None = None) -> str:
    """Why a delivery failed, as text; "" if no reason is given.

    `description` names a code that is in no table; without it the name is `unknown`, by default "Unknown(code)".
    """
    if code is None:
        return ""
    return NDR_NAMES.get(code) or description or (f"Unknown({code})" if unknown is None else unknown)


# The milestone of each status, grouped as in ClickPost's own events, with these differences: 11 only requests the
# return, which the courier may refuse. With 12 it confirms it; ClickPost's event "RTO-InTransit" comes with the first
# move after it. 18 is the courier's report of a delay, perhaps long before the estimated day: whether a parcel is
# late is decided by the calendar (`overdue`).
MILESTONES: dict[int, Milestone] = {
    28: Milestone.AWB_GENERATED,
    25: Milestone.OUT_FOR_PICKUP,
    4: Milestone.SHIPPED,
    6: Milestone.OUT_FOR_DELIVERY,
    7: Milestone.FAILED_DELIVERY,
    9: Milestone.FAILED_DELIVERY,
    8: Milestone.DELIVERED,
    32: Milestone.DELIVERED,
    **dict.fromkeys((12, 13, 15, 21, 26, 27), Milestone.RTO_STARTED),
    14: Milestone.RTO_DELIVERED,
    10: Milestone.CANCELLED,
    16: Milestone.LOST,
    17: Milestone.DAMAGED,
}
# ClickPost's event "Shipped" counts 18, 19 and 20 among these.
_ON_THE_WAY = frozenset({4, 5, 6, 8, 9, 18, 19, 20, 1004, 1005, 1006})
_TRIES_TO_DELIVER = frozenset({6, 8, 9})
_NO_ATTEMPT = 4  # an NDR code
_PICKUP_FAILED = 3


def is_failure(code: int) -> bool:
    """Whether a status alone means that a delivery or pickup failed."""
    return is_failed_pickup(code) or MILESTONES.get(code) is Milestone.FAILED_DELIVERY


def is_failed_pickup(code: int) -> bool:
    """Whether a status means a failed pickup."""
    return code == _PICKUP_FAILED


def status_event(
    code: int,
    *,
    at: datetime,
    ndr_code: int | None = None,
    npr_code: int | None = None,
    npr_description: str = "",
    remark: str = "",
    ndr_description: str = "",
) -> StatusEvent:
    """What a scan means for milestones, attempts, failed deliveries and failed pickups.

    ClickPost publishes no list of NPR codes: its description of a code is the only name.
    """
    failed = MILESTONES.get(code) is Milestone.FAILED_DELIVERY
    reason = ndr_code if failed or ndr_code else None  # 0 with any other status has no meaning
    return StatusEvent(
        at=at,
        step=status_info(code).step,
        code=code,
        milestone=MILESTONES.get(code),
        moving=code in _ON_THE_WAY,
        attempt=code in _TRIES_TO_DELIVER,
        ndr_code=reason,
        ndr_name=ndr_name(reason, ndr_description),
        no_attempt=failed and reason == _NO_ATTEMPT,
        remark=remark,
        pickup_failed=is_failed_pickup(code),
        npr_code=npr_code if is_failed_pickup(code) or npr_code else None,
        npr_name=npr_description,
    )


def milestone_of(code: int) -> Milestone | None:
    """The milestone of a status; None if no one is notified of it. In transit is shipped."""
    return MILESTONES.get(code) or (Milestone.SHIPPED if code in _ON_THE_WAY else None)


COURIER_NAMES: dict[int, str] = {
    1: "FedEx",
    2: "Aramex",
    3: "EcomExpress",
    4: "Delhivery",
    5: "Bluedart",
    6: "XpressBees",
    9: "Shadowfax",
    11: "Shadowfax RVP",
    21: "Vamaship",
    25: "Delhivery RVP",
    28: "Bluedart RVP",
    31: "Fareye",
    35: "Self",
    38: "Fareye RVP",
    41: "XpressBees RVP",
    46: "ElasticRun",
    50: "Loadshare",
    55: "Ekart",
    145: "DHL International",
    150: "Shipsy",
    207: "Grow Simplee",
    212: "Amazon Transportation",
    250: "Smartr",
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
    13: "Misrouted by Courier",
}
