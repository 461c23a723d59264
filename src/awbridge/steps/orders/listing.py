"""Reads a page of a list of shipments: of its own order, of a state, of an identifier or a phone number; filtered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from awbridge.domain.orders.listing import Listing, ListKind
from awbridge.domain.orders.shipment import DUE_STATES, Shipment
from awbridge.domain.tracking.overdue import StuckAfter, silent_since
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Session
from awbridge.store.orders import filtered, lists
from awbridge.store.registration import cancellations

EXAMINED_AT_ONCE = 200  # rows that are compared here, where no statement filters

Position = tuple[datetime, str]  # the time and the reference number of the last shipment of a page
_Read = Callable[[Position | None, int], Awaitable[Sequence[Shipment]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """Shipments of a list, in its order. `end` is where the next page starts, None at the end of the list.

    With rare matches a page may have fewer shipments than requested, or none, and still an `end`.
    """

    shipments: Sequence[Shipment]
    end: Position | None


_ORDERED_BY: dict[ListKind, Callable[[Shipment], datetime | None]] = {
    ListKind.STUCK: silent_since,
    ListKind.LATE: attrgetter("edd_due_at"),
    ListKind.NDR: attrgetter("ndr_at"),
    ListKind.PIECES: attrgetter("piece_exception_at"),
    ListKind.SILENT: attrgetter("aged_out_at"),
    ListKind.NOT_CANCELLED: attrgetter("cancel_requested_at"),
}


async def read_page(
    session: Session,
    listing: Listing,
    limits: StuckAfter,
    *,
    now: datetime,
    after: Position | None = None,
    limit: int,
) -> ListPage:
    """The shipments of a list that follow `after`. Costs a page, however many shipments there are."""
    wanted = listing.filter
    if listing.phone_tail is not None:
        return await _with_phone(session, listing, after=after, limit=limit)
    if wanted.is_empty:
        found = await _reader(session, listing, limits, now)(after, limit + 1)
        return _page(listing, found, limit, end=None)
    is_named = listing.waybill is not None or listing.order_id is not None or listing.q is not None
    held = await accounts.held(session, now=now)
    if listing.kind is None and not is_named and (listing.state not in DUE_STATES or not held):
        page = await filtered.newest(session, wanted, state=listing.state, before=after, limit=limit)
        shown = [lists.shown(shipment, held) for shipment in page.shipments]
        return ListPage(shipments=shown, end=page.end)
    return await _compared(session, listing, _reader(session, listing, limits, now), after=after, limit=limit)


async def _compared(session: Session, listing: Listing, read: _Read, *, after: Position | None, limit: int) -> ListPage:
    """A page of a list that no statement filters: the next rows are read and compared."""
    examined = max(EXAMINED_AT_ONCE, limit + 1)
    rows = await read(after, examined)
    codes: dict[str, int | None] = {}
    if listing.filter.failure_code is not None:
        codes = await filtered.failure_codes(session, [row.reference_number for row in rows])
    matching = [row for row in rows if listing.filter.matches(row, codes.get(row.reference_number))]
    return _page(listing, matching, limit, end=_position(listing, rows[-1]) if len(rows) == examined else None)


async def _with_phone(session: Session, listing: Listing, *, after: Position | None, limit: int) -> ListPage:
    from awbridge.clickpost.orders.order_facts import TAIL, digits_of_number, phone_digits

    digits = digits_of_number(listing.phone_tail or "")
    if not digits:
        return ListPage(shipments=[], end=None)
    examined = max(EXAMINED_AT_ONCE, limit + 1)
    rows = await filtered.with_phone(session, digits[-TAIL:], before=after, limit=examined)
    matching = [row for row in rows if phone_digits(row.payload).endswith(digits) and listing.filter.matches(row, None)]
    return _page(listing, matching, limit, end=_position(listing, rows[-1]) if len(rows) == examined else None)


def _page(listing: Listing, found: Sequence[Shipment], limit: int, *, end: Position | None) -> ListPage:
    """The first `limit` of these; the page ends with them, or at `end` if there are no more."""
    if len(found) > limit:
        return ListPage(shipments=found[:limit], end=_position(listing, found[limit - 1]))
    return ListPage(shipments=found, end=end)


def _reader(session: Session, listing: Listing, limits: StuckAfter, now: datetime) -> _Read:
    """What reads the next rows of a list, without its filter."""
    match listing.kind:
        case ListKind.STUCK:
            return lambda after, limit: lists.stuck(session, limits, now=now, after=after, limit=limit)
        case ListKind.LATE:
            return lambda after, limit: lists.sla_breached(session, now=now, after=after, limit=limit)
        case ListKind.NDR:
            return lambda after, limit: lists.in_ndr(session, after=after, limit=limit)
        case ListKind.PIECES:
            return lambda after, limit: lists.piece_exceptions(session, after=after, limit=limit)
        case ListKind.SILENT:
            from awbridge.store.polling import polls

            return lambda after, limit: polls.aged_out(session, before=after, limit=limit)
        case ListKind.NOT_CANCELLED:
            return lambda after, limit: cancellations.need_a_person(session, after=after, limit=limit)
        case None:
            return _newest_reader(session, listing, now)


def _newest_reader(session: Session, listing: Listing, now: datetime) -> _Read:
    async def read(after: Position | None, limit: int) -> Sequence[Shipment]:
        if listing.waybill is not None or listing.q is not None:
            return await _named(session, listing, after=after, limit=limit)
        if listing.order_id is not None:
            return await lists.newest_of_order(session, listing.order_id, before=after, limit=limit)
        held = await accounts.held(session, now=now)
        return await lists.newest(session, state=listing.state, before=after, limit=limit, held=held)

    return read


async def _named(session: Session, listing: Listing, *, after: Position | None, limit: int) -> Sequence[Shipment]:
    """The shipments with this waybill, or those that `q` may name."""
    from awbridge.steps.orders import look_up

    if listing.waybill is None:
        return await look_up.search(session, listing.q or "", before=after, limit=limit)
    found = await look_up.of_waybill(session, listing.waybill)
    return [s for s in found if after is None or (s.created_at, s.reference_number) < after][:limit]


def _position(listing: Listing, shipment: Shipment) -> Position:
    at = _ORDERED_BY[listing.kind](shipment) if listing.kind else None
    return at or shipment.created_at, shipment.reference_number
