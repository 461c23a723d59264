"""ClickPost's numbers as tables: status codes, couriers, delivery failures, events.

Source: ClickPost's API reference. An unknown number stays visible (its own name says so) and harmless (never final,
never a success).
"""

from __future__ import annotations

from awbridge.domain.lifecycle import Bucket, StatusInfo
from awbridge.domain.milestones import Milestone

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


# What people are told of, by status code: ClickPost's notification events, with its own pairs. ShipmentDelayed (18) is
# a stop on the way in that table; being late is what the clock says of the expected date of delivery.
_MILESTONES: dict[Milestone, tuple[int, ...]] = {
    Milestone.AWB_GENERATED: (28,),
    Milestone.OUT_FOR_PICKUP: (25,),
    Milestone.SHIPPED: (4, 5, 18, 19, 20, 1004),
    Milestone.OUT_FOR_DELIVERY: (6,),
    Milestone.FAILED_DELIVERY: (7, 9),
    Milestone.DELIVERED: (8, 32),
    Milestone.RTO_STARTED: (11, 12, 13, 15, 21, 26, 27),
    Milestone.RTO_DELIVERED: (14,),
    Milestone.CANCELLED: (10,),
    Milestone.DAMAGED: (17,),
    Milestone.LOST: (16,),
}
_MILESTONE_OF_CODE = {code: milestone for milestone, codes in _MILESTONES.items() for code in codes}


def milestone_of(code: int) -> Milestone | None:
    """The milestone that a status stands for; None where it is worth no message."""
    return _MILESTONE_OF_CODE.get(code)


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
