"""Lists of shipments for people: by state, account, order, and by what needs attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from awbridge.domain.orders.shipment import DUE_STATES, Shipment, State
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.store.couriers import accounts
from awbridge.store.couriers.accounts import Held
from awbridge.store.engine.database import Session
from awbridge.store.engine.pages import AFTER_ALL, BEFORE_ALL
from awbridge.store.engine.queries import Queries
from awbridge.store.orders.shipments import fetch_shipments, get_many

_sql = Queries(__name__)


async def stuck(
    session: Session, limits: StuckAfter, *, now: datetime, after: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """Open shipments without a scan for longer than their leg allows, the longest first.

    Those that mark_stuck has looked at. `after` is (time of the newest scan or, before the first, of placing, reference
    number) of the last one of the page before.
    """
    return await fetch_shipments(session, _sql.stuck, *limits.since(now), *(after or BEFORE_ALL), limit)


async def count_stuck(session: Session, limits: StuckAfter, *, now: datetime) -> int:
    """How many such shipments there are."""
    return (await session.fetch(_sql.count_stuck, *limits.since(now)))[0]["shipments"]


async def sla_breached(
    session: Session, *, now: datetime, after: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """Open shipments past their promised day, the longest overdue first; `after` is an (edd_due_at, reference)."""
    return await fetch_shipments(session, _sql.sla_breached, now, *(after or BEFORE_ALL), limit)


async def piece_exceptions(
    session: Session, *, after: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """Shipments with a piece that is lost, damaged or going back; `after` is a (piece_exception_at, reference)."""
    return await fetch_shipments(session, _sql.piece_exceptions, *(after or BEFORE_ALL), limit)


async def count_piece_exceptions(session: Session, *, since: datetime) -> int:
    """How many shipments had such a piece first since then."""
    return (await session.fetch(_sql.count_piece_exceptions, since))[0]["shipments"]


async def in_ndr(session: Session, *, after: tuple[datetime, str] | None = None, limit: int = 50) -> list[Shipment]:
    """Shipments whose last delivery failed, or that of a piece, until delivered or turned back.

    `after` is an (ndr_at, reference).
    """
    return await fetch_shipments(session, _sql.in_ndr, *(after or BEFORE_ALL), limit)


async def newest_of_order(
    session: Session, order_id: str, *, before: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """The shipments of one order, newest first; `before` as in `newest`."""
    return await fetch_shipments(session, _sql.newest_of_order, order_id, *(before or AFTER_ALL), limit)


async def newest(
    session: Session,
    *,
    state: State | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 50,
    held: Mapping[str, Held] | None = None,
) -> list[Shipment]:
    """Shipments as they are shown, newest first; `before` is the (created_at, reference_number) of the last page's end.

    With `held` (of accounts.held), what waits to be placed in these accounts is shown as held, with the reason.
    """
    at, reference = before or AFTER_ALL
    held = held or {}
    if state is None:
        found = await fetch_shipments(session, _sql.newest, at, reference, limit)
    elif state not in DUE_STATES or not held:
        found = await fetch_shipments(session, _sql.newest_in_state, state.value, at, reference, limit)
    elif state is State.HELD:
        found = await fetch_shipments(session, _sql.newest_in_state, state.value, at, reference, limit)
        others = [other for other in DUE_STATES if other is not State.HELD]
        keys = [(account, other.value, at, reference, limit) for account in sorted(held) for other in others]
        found += await _newest_of_accounts(session, keys, limit)
    else:  # what of this state is shown as such: that of the accounts that are not held
        every = [account.state.account for account in await accounts.every(session)]
        keys = [(account, state.value, at, reference, limit) for account in every if account not in held]
        found = await _newest_of_accounts(session, keys, limit)
    found.sort(key=lambda s: (s.created_at, s.reference_number), reverse=True)
    return [shown(shipment, held) for shipment in found[:limit]]


async def _newest_of_accounts(session: Session, keys: Sequence[tuple[object, ...]], limit: int) -> list[Shipment]:
    """The newest over all of these accounts and states: the keys of a page of each, then the rows of one page."""
    found = [(row["created_at"], row["reference_number"]) for row in await session.fetch_rows(_sql.of_accounts, keys)]
    return await get_many(session, [reference for _, reference in sorted(found, reverse=True)[:limit]])


def shown(shipment: Shipment, held: Mapping[str, Held]) -> Shipment:
    """A shipment as it is shown: held where it waits to be placed in an account that is held."""
    why = held.get(shipment.account)
    if why is None or shipment.success or shipment.next_try_at is None or shipment.state not in DUE_STATES:
        return shipment
    return replace(shipment, state=State.HELD, problem=why.problem)


async def count_in_state(session: Session, state: State) -> int:
    """How many shipments are in one state, without counting all others."""
    rows = await session.fetch(_sql.count_in_state, state.value)
    return rows[0]["shipments"]


async def count_by_state(session: Session, *, held: Mapping[str, Held] | None = None) -> dict[str, int]:
    """How many shipments are in each state, as they are shown (see `newest`)."""
    counts = {row["state"]: row["shipments"] for row in await session.fetch(_sql.count_by_state)}
    for by_state in (await accounts.count_unplaced(session, list(held or {}))).values():
        for state, number in by_state.items():
            counts[state] -= number
            counts[State.HELD.value] = counts.get(State.HELD.value, 0) + number
    return {state: number for state, number in sorted(counts.items()) if number > 0}
