"""What ClickPost's codes mean to a customer: statuses, reasons of failed deliveries, events of returns. Tables only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from awbridge.clickpost.wire.tracking_codes import COURIER_NAMES
from awbridge.domain.customer_page.meanings import Meaning, Reason, ReturnMeaning
from awbridge.domain.notify.events import EventKind
from awbridge.domain.tracking.returns import ReturnEvent

MEANINGS: Final[Mapping[int, Meaning]] = {
    28: Meaning.REGISTERED,
    1: Meaning.REGISTERED,
    2: Meaning.AWAITING_PICKUP,
    25: Meaning.PICKUP_COMING,
    3: Meaning.PICKUP_FAILED,
    4: Meaning.PICKED_UP,
    1005: Meaning.ORIGIN_IN,
    1006: Meaning.ORIGIN_OUT,
    5: Meaning.ON_THE_WAY,
    18: Meaning.DELAYED,
    20: Meaning.HELD,
    19: Meaning.ASK_US,
    1004: Meaning.NEARBY,
    6: Meaning.OUT_FOR_DELIVERY,
    7: Meaning.OUT_OF_AREA,
    9: Meaning.FAILED,
    8: Meaning.DELIVERED,
    30: Meaning.EXCHANGE_PICKED_UP,
    31: Meaning.EXCHANGE_ON_THE_WAY,
    32: Meaning.EXCHANGE_DONE,
    11: Meaning.GOING_BACK_ASKED,
    12: Meaning.GOING_BACK,
    21: Meaning.GOING_BACK_ON_THE_WAY,
    27: Meaning.GOING_BACK_DELAYED,
    26: Meaning.GOING_BACK_ASK_US,
    13: Meaning.GOING_BACK_NEARBY,
    15: Meaning.GOING_BACK_FAILED,
    14: Meaning.BACK,
    23: Meaning.EXPIRED,
    10: Meaning.CANCELLED,
    17: Meaning.DAMAGED,
    16: Meaning.LOST,
}

_REASONS: Final[Mapping[int, Reason]] = {
    1: Reason.NOT_THERE,
    2: Reason.REFUSED,
    3: Reason.POSTPONED,
    4: Reason.NOT_TRIED,
    5: Reason.NOT_REACHED,
    6: Reason.ADDRESS,
    7: Reason.PAYMENT,
    8: Reason.OUT_OF_AREA,
    9: Reason.CANCELLED,
    10: Reason.PICK_UP_YOURSELF,
    11: Reason.SEIZED,
    12: Reason.OPEN_BOX,
    13: Reason.MISROUTED,
}

_NEWS: Final[Mapping[str, ReturnMeaning]] = {
    EventKind.RETURN_PLACED.value: ReturnMeaning.RETURN_PLACED,
    EventKind.RETURN_APPROVED.value: ReturnMeaning.RETURN_APPROVED,
    EventKind.RETURN_REJECTED.value: ReturnMeaning.RETURN_REJECTED,
    EventKind.EXCHANGE_PLACED.value: ReturnMeaning.EXCHANGE_PLACED,
    EventKind.EXCHANGE_APPROVED.value: ReturnMeaning.EXCHANGE_APPROVED,
    EventKind.EXCHANGE_REJECTED.value: ReturnMeaning.EXCHANGE_REJECTED,
}

_OWN_DELIVERIES = "Self"
_SPELLED: Final[Mapping[str, str]] = {"EcomExpress": "Ecom Express", "Bluedart": "Blue Dart"}


def meaning_of(code: int) -> Meaning:
    """What a status says to a customer. An unknown code says that the parcel is on its way."""
    return MEANINGS.get(code, Meaning.ON_THE_WAY)


def reason_of(ndr_code: int | None) -> Reason:
    """Why a delivery failed. An unknown code, like none at all, names no reason."""
    return _REASONS.get(ndr_code or 0, Reason.UNKNOWN)


def news_of(kind: str) -> ReturnMeaning:
    """What the event of a return or an exchange says."""
    return _NEWS.get(kind, ReturnMeaning.RETURN_UPDATED)


def has_refund(event: ReturnEvent) -> bool:
    """Whether an item of a return is to be paid back. ClickPost names a `refund_mode` then."""
    return any(item.get("refund_mode") for item in event.items)


def courier_for_customers(courier_partner_id: int) -> str:
    """The courier's name as customers know it; "" for an unknown one and for the shop's own deliveries."""
    name = COURIER_NAMES.get(courier_partner_id, "").removesuffix(" RVP")
    return "" if name == _OWN_DELIVERIES else _SPELLED.get(name, name)
