"""What is known of the parcels of one order: the facts from which the customer's page is made. Pure.

Times are local to the shop. Texts of the vendor and of the payload are left out, but for places, a first name and a
city, which are cut down before they come here.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from awbridge.domain.customer_page.answer_view import Asks
from awbridge.domain.customer_page.meanings import Meaning, Reason, ReturnMeaning


class Sighted(msgspec.Struct, frozen=True, gc=False):
    """One scan. `final` and `step` rank scans of the same moment, as `lifecycle.Sighting` does. `box`: its waybill."""

    meaning: Meaning
    at: datetime
    step: int
    final: bool = False
    place: str = ""
    reason: Reason = Reason.UNKNOWN
    box: str = ""


class ReturnSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event of a return or an exchange. `refund`: an item is to be paid back."""

    news: ReturnMeaning
    at: datetime
    refund: bool = False


class CustomerParcel(msgspec.Struct, frozen=True, kw_only=True):
    """One shipment.

    `is_placed`: the courier has it in its books. `replaces`: it was sent instead of a parcel that the courier had.
    `is_replaced`: another parcel was sent instead of it. `status`: None before the first scan; `status_at` is its time.
    `scans` in any order. `boxes`: the waybills of a shipment of several boxes. `promised`: each expected day that
    differs from the one before, oldest first. `is_stuck`: longer without news than its leg allows.
    `asks`: what the customer may answer about it.
    """

    is_return: bool = False
    is_placed: bool = True
    is_cancelled: bool = False
    is_replaced: bool = False
    replaces: bool = False
    is_stuck: bool = False
    ordered_at: datetime
    placed_at: datetime | None = None
    cancelled_at: datetime | None = None
    status: Meaning | None = None
    status_at: datetime | None = None
    reason: Reason = Reason.UNKNOWN
    courier: str = ""
    first_name: str = ""
    city: str = ""
    scans: tuple[Sighted, ...] = ()
    boxes: tuple[str, ...] = ()
    promised: tuple[date, ...] = ()
    returns: tuple[ReturnSeen, ...] = ()
    asks: Asks | None = None


class CustomerOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The parcels on one page: first the link's own, then the others of the same customer, oldest first.

    `language`: the short code of the customer's language, or "". `has_more`: not all parcels are shown.
    """

    parcels: tuple[CustomerParcel, ...]
    language: str = ""
    has_more: bool = False
