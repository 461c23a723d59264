"""The table `shipments`: stored, changed, cancelled, listed. How push claims and records is in dispatch.py."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from awbridge.domain.orders.shipment import (
    DUE_STATES,
    NewShipment,
    Region,
    SettleBy,
    Shipment,
    State,
    Tracked,
    account_key,
    shard_of,
)
from awbridge.domain.tracking.lifecycle import Bucket, Sighting
from awbridge.domain.tracking.overdue import StuckAfter, silent_since
from awbridge.store.couriers import accounts
from awbridge.store.couriers.accounts import Held
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.queries import Queries
from awbridge.store.tracking import inbox

_sql = Queries(__name__)
_END_OF_TIME = (datetime(9999, 12, 31, tzinfo=UTC), "")
MOST_OF_ORDER = 20  # shipments of one order that are looked at: one order id may be that of every shipment there is
FEW_OF_ORDER = 3  # of them that are named: two are ambiguous
_COLUMNS = frozenset(f.name for f in fields(Shipment))


def from_row(row: Row) -> Shipment:
    """A shipment out of its row."""
    values: dict[str, Any] = {name: value for name, value in row.items() if name in _COLUMNS}
    values["payload"] = from_json(values["payload"], cache_strings="keys")  # a fifth of what json.loads takes
    values["children"] = tuple(json.loads(values["children"] or "[]"))
    values["region"] = Region(values["region"])
    values["state"] = State(values["state"])
    values["payload_version"] = values["payload_version"] or 1
    values["settle_by"] = SettleBy(values["settle_by"]) if values["settle_by"] else None
    return Shipment(**values)


def payload_text(payload: Mapping[str, Any]) -> str:
    """The payload as it is kept: its own order of fields, nothing escaped that need not be."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


async def add(session: Session, new: NewShipment, *, now: datetime) -> bool:
    """Store a shipment, ready to be pushed; False when its reference number is taken.

    Whoever adds several adds them in order of (shard, reference number), and makes sure of their accounts first
    (`accounts.ensure`), so that two who add never wait for each other in circles.
    """
    await accounts.ensure(session, [(new.courier_partner_id, new.account_code)])
    added = await session.execute(
        _sql.add,
        shard_of(new.reference_number),
        new.reference_number,
        new.order_id,
        new.transporter,
        new.courier_partner_id,
        new.account_code,
        new.region.value,
        new.delivery_type,
        payload_text(new.payload),
        now,
        new.account,
        new.priority,
    )
    return added > 0


async def wake_deliveries(session: Session, added: Sequence[NewShipment], *, now: datetime) -> None:
    """Deliveries that came before their shipments get their turn now."""
    await inbox.wake(session, [f"r:{n.reference_number}" for n in added], now=now)
    await wake_orders(session, [n.order_id for n in added if n.order_id], now=now)


async def wake_orders(session: Session, order_ids: Sequence[str], *, now: datetime) -> None:
    """What waits for one of these orders gets its turn, where the order has one shipment: of several, none is meant."""
    if waited_for := await inbox.waited_for(session, [f"o:{order_id}" for order_id in order_ids]):
        orders = await of_orders(session, [key.removeprefix("o:") for key in waited_for])
        of_one = [key for key in waited_for if len(orders.get(key.removeprefix("o:"), ())) < 2]
        await inbox.wake(session, of_one, now=now)


async def get(session: Session, reference_number: str) -> Shipment | None:
    """One shipment; None when there is none of that reference number."""
    rows = await session.fetch(_sql.get, shard_of(reference_number), reference_number)
    return from_row(rows[0]) if rows else None


async def lock_many(session: Session, references: Sequence[str]) -> dict[str, Shipment]:
    """These shipments by reference number, locked until the transaction ends."""
    if not references:
        return {}
    unique = sorted(set(references))
    rows = await session.fetch(_sql.lock_many, unique, [shard_of(r) for r in unique])
    return {row["reference_number"]: from_row(row) for row in rows}


async def lock_tracked(session: Session, references: Sequence[str]) -> dict[str, Tracked]:
    """What tracking needs of these shipments, by reference number; locked until the transaction ends.

    Without the payload, which is most of a row: apply reads a thousand of them a second.
    """
    if not references:
        return {}
    unique = sorted(set(references))
    rows = await session.fetch(_sql.lock_tracked, unique, [shard_of(r) for r in unique])
    return {row["reference_number"]: _tracked(row) for row in rows}


def _tracked(row: Row) -> Tracked:
    children = tuple(json.loads(row["children"])) if row["children"] else ()
    return row_as(Tracked, row, children=children, state=State(row["state"]))


async def get_many(session: Session, references: Sequence[str]) -> list[Shipment]:
    """Those of these shipments that exist."""
    if not references:
        return []
    unique = sorted(set(references))
    return [from_row(row) for row in await session.fetch(_sql.get_many, unique, [shard_of(r) for r in unique])]


async def of_orders(session: Session, order_ids: Sequence[str]) -> dict[str, list[str]]:
    """Order id -> the reference numbers of its shipments; of an order of many, of some: more than one.

    Not those that a fallback ended: they are not at ClickPost, the successor is meant.
    """
    looked_at: dict[str, list[Row]] = {}
    if order_ids:
        keys = [(order_id, MOST_OF_ORDER) for order_id in sorted(set(order_ids))]
        for row in await session.fetch_rows(_sql.of_orders, keys):
            looked_at.setdefault(row["order_id"], []).append(row)
    found: dict[str, list[str]] = {}
    for order_id, rows in looked_at.items():
        is_whole = len(rows) < MOST_OF_ORDER
        live = [row["reference_number"] for row in rows if not (is_whole and row["replaced"])]
        if live:
            found[order_id] = sorted(live)[:FEW_OF_ORDER]
    return found


async def try_again(session: Session, reference_number: str, *, now: datetime) -> bool:
    """Push (or allocate, where it has no courier) takes it up at once; False when its state does not allow that."""
    return await session.execute(_sql.try_again, shard_of(reference_number), reference_number, now) > 0


async def change_payload(session: Session, new: NewShipment, *, now: datetime, version: int | None = None) -> bool:
    """Replace the payload and push it again; False when it is placed, cancelled or in flight.

    `version` counts its payloads; None keeps the count.
    """
    await accounts.ensure(session, [(new.courier_partner_id, new.account_code)])
    changed = await session.execute(
        _sql.new_payload,
        shard_of(new.reference_number),
        new.reference_number,
        payload_text(new.payload),
        new.order_id,
        new.transporter,
        new.courier_partner_id,
        new.account_code,
        new.delivery_type,
        now,
        new.region.value,
        version,
        new.account,
        new.priority,
    )
    return changed > 0


async def link(session: Session, old: str, successor: str, *, now: datetime) -> None:
    """Note on both that the one was made in place of the other."""
    await session.execute(_sql.set_replaces, shard_of(successor), successor, old)
    await session.execute(_sql.set_replaced_by, shard_of(old), old, successor, now)


async def hold_back(session: Session, reference_number: str, waits_for: str, *, now: datetime) -> None:
    """Hold a shipment that was never sent until another is cancelled."""
    problem = f"waits until {waits_for} is cancelled"
    await session.execute(_sql.hold_back, shard_of(reference_number), reference_number, waits_for, problem, now)


async def waiting(session: Session, after: tuple[int, str], *, limit: int) -> dict[tuple[int, str], str]:
    """(shard, reference number) -> the shipment whose cancellation it waits for, after this key, in key order."""
    rows = await session.fetch(_sql.waiting, *after, limit)
    return {(row["shard"], row["reference_number"]): row["waits_for"] for row in rows}


async def release(session: Session, reference_number: str, *, now: datetime) -> None:
    """What it waited for is cancelled: push takes it up, unless it was cancelled itself meanwhile."""
    await session.execute(_sql.release, shard_of(reference_number), reference_number, now)


async def explain_waiting(session: Session, reference_number: str, problem: str, *, now: datetime) -> bool:
    """Say why it goes on waiting for another's cancellation; False where it says so already, or waits no more."""
    shard = shard_of(reference_number)
    return await session.execute(_sql.explain_waiting, shard, reference_number, problem, now) > 0


async def cancel(session: Session, reference_number: str, *, now: datetime) -> None:
    """Cancel at once what never went out; for the rest, note that it must be cancelled at ClickPost."""
    shard = shard_of(reference_number)
    if not await session.execute(_sql.cancel_unsent, shard, reference_number, now):
        await session.execute(_sql.ask_cancel, shard, reference_number, now)


async def claim_cancels(session: Session, *, owner: str, now: datetime, until: datetime, limit: int) -> list[Shipment]:
    """Take up to `limit` placed shipments that are to be cancelled at ClickPost."""
    return [from_row(row) for row in await session.fetch(_sql.claim_cancels, owner, until, now, limit)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToAsk:
    """A shipment whose tracking is to be asked for."""

    reference_number: str
    waybill: str
    courier_partner_id: int


def _to_ask(row: Row) -> ToAsk:
    return ToAsk(
        reference_number=row["reference_number"],
        waybill=row["waybill"],
        courier_partner_id=row["courier_partner_id"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SoonAsked:
    """How many shipments of a courier are to be asked for soon, and when the first of them is due."""

    courier_partner_id: int
    shipments: int
    first_at: datetime


async def to_ask_soon(session: Session, *, due: datetime, asked_before: datetime, limit: int) -> list[SoonAsked]:
    """How many to ask for by courier, among the `limit` earliest due by `due` and not asked for since `asked_before`.

    The courier whose shipment is due first comes first.
    """
    return [row_as(SoonAsked, row) for row in await session.fetch(_sql.to_ask_soon, due, asked_before, limit)]


async def open_by_courier(session: Session, *, heard_before: datetime) -> dict[int, tuple[int, int]]:
    """By courier: how many shipments are on their way, and how many of them were last heard of before."""
    rows = await session.fetch(_sql.open_by_courier, heard_before)
    return {row["courier_partner_id"]: (row["shipments"], row["silent"]) for row in rows}


async def claim_to_ask(
    session: Session,
    courier_partner_id: int,
    *,
    now: datetime,
    due: datetime,
    asked_before: datetime,
    next_poll_at: datetime,
    limit: int,
) -> list[ToAsk]:
    """Take up to `limit` shipments of a courier to ask for; nobody asks for them again before `next_poll_at`."""
    rows = await session.fetch(_sql.claim_to_ask, now, next_poll_at, limit, due, courier_partner_id, asked_before)
    return [_to_ask(row) for row in rows]


async def age_out(session: Session, *, now: datetime, silent_since: datetime, limit: int) -> int:
    """Put shipments without any news since then onto a person's list, and off the schedule; how many.

    Looks at the first `limit` that are due.
    """
    return await session.execute(_sql.age_out, now, silent_since, limit)


async def resume_polling(
    session: Session, reference_number: str, *, now: datetime, asked_before: datetime, else_at: datetime
) -> bool:
    """Have a shipment asked for at once, or at `else_at` when it was asked for since `asked_before`.

    False for one without a waybill and one that has reached its end.
    """
    shard = shard_of(reference_number)
    return await session.execute(_sql.resume_polling, shard, reference_number, now, asked_before, else_at) > 0


async def aged_out(session: Session, *, before: tuple[datetime, str] | None = None, limit: int = 50) -> list[Shipment]:
    """Shipments that are no longer asked for, being silent too long; those aged out last come first.

    `before` is the (aged_out_at, reference_number) where the last page ended.
    """
    rows = await session.fetch(_sql.aged_out, *(before or _END_OF_TIME), limit)
    return [from_row(row) for row in rows]


async def count_aged_out(session: Session) -> int:
    """How many shipments are on the list of the silent ones."""
    return (await session.fetch(_sql.count_aged_out))[0]["shipments"]


async def asked(session: Session, reference_number: str, *, polled_at: datetime, next_poll_at: datetime) -> None:
    """The question was answered: the next one is due then, unless the shipment has reached its end."""
    await session.execute(_sql.asked, shard_of(reference_number), reference_number, next_poll_at, polled_at)


async def placed_after(session: Session, after: tuple[int, str], *, limit: int) -> list[ToAsk]:
    """All shipments with a waybill after this (shard, reference number), in that order."""
    return [_to_ask(row) for row in await session.fetch(_sql.placed_after, *after, limit)]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingStatus:
    """Where tracking says a shipment stands now. The columns of the same names say what each is."""

    sighting: Sighting | None
    bucket: int | None
    edd: str | None
    ndr_code: int | None
    edd_due_at: datetime | None = None
    ndr_at: datetime | None = None
    npr_code: int | None = None
    status_description: str | None = None
    ndr_description: str | None = None
    piece_exception_at: datetime | None = None
    forward_waybill: str | None = None
    forward_reference_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingChange:
    """What the row of a shipment that was heard of is to say. `updated_at` is None where that is `last_tracked_at`."""

    reference_number: str
    standing: TrackingStatus
    last_tracked_at: datetime
    next_poll_at: datetime | None
    updated_at: datetime | None = None


async def set_tracking_statuses(session: Session, heard: Sequence[TrackingChange]) -> None:
    """Keep where shipments stand, when they were last heard of and when to ask next. They are locked by the caller.

    One that is silent for too long stays on its list unless it is asked for again, or has reached its end.
    """
    await session.write_rows(_sql.set_status, [_heard_row(one) for one in heard])


async def set_tracking_status(
    session: Session,
    reference_number: str,
    standing: TrackingStatus,
    *,
    last_tracked_at: datetime,
    next_poll_at: datetime | None,
    updated_at: datetime | None = None,
) -> None:
    """The same for one shipment."""
    one = TrackingChange(
        reference_number=reference_number,
        standing=standing,
        last_tracked_at=last_tracked_at,
        next_poll_at=next_poll_at,
        updated_at=updated_at,
    )
    await set_tracking_statuses(session, [one])


def _heard_row(heard: TrackingChange) -> tuple[object, ...]:
    standing = heard.standing
    seen = standing.sighting
    return (
        shard_of(heard.reference_number),
        heard.reference_number,
        seen.code if seen else None,
        seen.seen_at if seen else None,
        standing.bucket,
        seen.step if seen else 0,
        seen.final if seen else False,
        standing.edd,
        standing.ndr_code,
        heard.last_tracked_at,
        heard.next_poll_at,
        heard.updated_at or heard.last_tracked_at,
        standing.edd_due_at,
        standing.ndr_at,
        standing.forward_waybill,
        standing.forward_reference_number,
        standing.npr_code,
        standing.status_description,
        standing.ndr_description,
        standing.piece_exception_at,
    )


async def set_label(session: Session, reference_number: str, label_url: str, *, now: datetime) -> None:
    """Keep where a fresh label lies."""
    await session.execute(_sql.set_label, shard_of(reference_number), reference_number, label_url, now)


async def set_security_key(session: Session, reference_number: str, security_key: str, *, now: datetime) -> None:
    """Keep the key that opens the shipment's tracking page."""
    await session.execute(_sql.set_security_key, shard_of(reference_number), reference_number, security_key, now)


async def tracked_after(session: Session, after: tuple[int, str], *, limit: int) -> list[Shipment]:
    """Shipments that were heard of, after this (shard, reference number), locked until the transaction ends."""
    return [from_row(row) for row in await session.fetch(_sql.tracked_after, *after, limit)]


_BEGIN_OF_TIME = (datetime(1970, 1, 1, tzinfo=UTC), "")


async def silent(
    session: Session, bucket: Bucket, *, since: datetime, after: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """Open shipments of a bucket whose newest scan (before the first, whose placing) was by then, the longest first.

    `after` is (time of the newest scan or of placing, reference number) of the last one of the page before.
    """
    rows = await session.fetch(_sql.silent, bucket, since, *(after or _BEGIN_OF_TIME), limit)
    return [from_row(row) for row in rows]


async def stuck(
    session: Session, limits: StuckAfter, *, now: datetime, after: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """Open shipments without a scan for longer than their leg allows, the longest first; `after` as with `silent`.

    Costs a page of each bucket, however many are stuck.
    """
    found = [
        shipment
        for bucket in Bucket
        for shipment in await silent(session, bucket, since=now - limits.on_leg(bucket), after=after, limit=limit)
    ]
    return sorted(found, key=lambda s: (silent_since(s) or now, s.reference_number))[:limit]


async def sla_breached(
    session: Session, *, now: datetime, after: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """Open shipments whose promised day is over, the longest overdue first; `after` is an (edd_due_at, reference)."""
    rows = await session.fetch(_sql.sla_breached, now, *(after or _BEGIN_OF_TIME), limit)
    return [from_row(row) for row in rows]


async def piece_exceptions(
    session: Session, *, after: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """Shipments with a piece that is lost, damaged or going back; `after` is a (piece_exception_at, reference)."""
    rows = await session.fetch(_sql.piece_exceptions, *(after or _BEGIN_OF_TIME), limit)
    return [from_row(row) for row in rows]


async def count_piece_exceptions(session: Session, *, since: datetime) -> int:
    """How many shipments had such a piece first since then."""
    return (await session.fetch(_sql.count_piece_exceptions, since))[0]["shipments"]


async def in_ndr(session: Session, *, after: tuple[datetime, str] | None = None, limit: int = 50) -> list[Shipment]:
    """Shipments whose last delivery failed, or that of a piece, until delivered or turned back.

    `after` is an (ndr_at, reference).
    """
    rows = await session.fetch(_sql.in_ndr, *(after or _BEGIN_OF_TIME), limit)
    return [from_row(row) for row in rows]


async def newest_of_order(
    session: Session, order_id: str, *, before: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """The shipments of one order, newest first; `before` as in `newest`."""
    rows = await session.fetch(_sql.newest_of_order, order_id, *(before or _END_OF_TIME), limit)
    return [from_row(row) for row in rows]


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
    at, reference = before or _END_OF_TIME
    held = held or {}
    if state is None:
        rows = await session.fetch(_sql.newest, at, reference, limit)
    elif state not in DUE_STATES or not held:
        rows = await session.fetch(_sql.newest_in_state, state.value, at, reference, limit)
    elif state is State.HELD:
        rows = await session.fetch(_sql.newest_in_state, state.value, at, reference, limit)
        rows += [
            row
            for account in held
            for other in DUE_STATES
            if other is not State.HELD
            for row in await session.fetch(_sql.newest_of_account, account, other.value, at, reference, limit)
        ]
    else:  # what of this state is shown as such: that of the accounts that are not held
        rows = [
            row
            for account in await accounts.every(session)
            if account.state.account not in held
            for row in await session.fetch(
                _sql.newest_of_account, account.state.account, state.value, at, reference, limit
            )
        ]
    found = sorted(map(from_row, rows), key=lambda s: (s.created_at, s.reference_number), reverse=True)
    return [shown(shipment, held) for shipment in found[:limit]]


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


async def cancel_is_asked(session: Session, reference_number: str) -> bool:
    """Whether somebody wants this shipment cancelled."""
    return bool(await session.fetch(_sql.cancel_asked, shard_of(reference_number), reference_number))


async def set_allocated_by(session: Session, reference_number: str, by: str | None) -> None:
    """Keep what chose the courier."""
    await session.execute(_sql.set_allocated_by, shard_of(reference_number), reference_number, by)


async def set_allocating(session: Session, reference_number: str, *, now: datetime) -> bool:
    """It has no courier yet: the recommendation is asked for at once; False when it is placed or cancelled."""
    return await session.execute(_sql.set_allocating, shard_of(reference_number), reference_number, now) > 0


async def claim_allocating(
    session: Session, *, owner: str, now: datetime, until: datetime, limit: int
) -> list[Shipment]:
    """Take up to `limit` shipments that wait for a courier under a lease that ends at `until`."""
    return [from_row(row) for row in await session.fetch(_sql.claim_allocating, owner, until, now, limit)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAllocated:
    """What allocate decided about a shipment that got no courier. `ask_at`: when the recommendation is asked again."""

    state: State
    no_of_retries: int
    problem: str | None
    ask_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The courier account that was chosen for a shipment, and by what."""

    transporter: str
    courier_partner_id: int
    account_code: str | None
    by: str


async def allocate(session: Session, reference_number: str, owner: str, chosen: Chosen, *, now: datetime) -> bool:
    """Give a shipment its courier and hand it to push; False when the lease was lost."""
    await accounts.ensure(session, [(chosen.courier_partner_id, chosen.account_code)])
    changed = await session.execute(
        _sql.allocated,
        shard_of(reference_number),
        reference_number,
        owner,
        chosen.transporter,
        chosen.courier_partner_id,
        chosen.account_code,
        chosen.by,
        now,
        account_key(chosen.courier_partner_id, chosen.account_code),
    )
    return changed > 0


async def not_allocated(
    session: Session, reference_number: str, owner: str, decided: NotAllocated, *, now: datetime
) -> bool:
    """Keep what became of a shipment that got no courier."""
    changed = await session.execute(
        _sql.not_allocated,
        shard_of(reference_number),
        reference_number,
        owner,
        decided.state.value,
        decided.no_of_retries,
        decided.problem,
        decided.ask_at,
        now,
    )
    return changed > 0


async def settle_not_held(
    session: Session, reference_number: str, *, by: str, problem: str | None, now: datetime
) -> bool:
    """Keep a person's word that nothing of it is held anywhere; False where nothing may stand, or it is being sent.

    It is cancelled where somebody asked for that.
    """
    shard = shard_of(reference_number)
    return await session.execute(_sql.settle_not_held, shard, reference_number, now, by, problem) > 0


async def settle_held(session: Session, reference_number: str, *, by: str, now: datetime) -> None:
    """Keep who said under which waybill it is held; `dispatch.place` keeps that."""
    await session.execute(_sql.settle_held, shard_of(reference_number), reference_number, now, by)


async def claim_replaceable(
    session: Session, *, owner: str, now: datetime, until: datetime, not_before: datetime, failures: int, limit: int
) -> list[Shipment]:
    """Take shipments that another transporter might take: ended, or failed at least `failures` times, since then."""
    rows = await session.fetch(_sql.claim_replaceable, owner, until, now, not_before, failures, limit)
    return [from_row(row) for row in rows]


async def free_ended(session: Session, *, now: datetime, not_before: datetime) -> list[str]:
    """Give back the leases on ended shipments that ran out; the reference numbers."""
    return [row["reference_number"] for row in await session.fetch(_sql.free_ended, now, not_before)]


async def replace_later(session: Session, reference_number: str, owner: str, *, at: datetime) -> None:
    """Look again at then whether another transporter may take it."""
    await session.execute(_sql.replace_later, shard_of(reference_number), reference_number, owner, at)


async def not_replaced(session: Session, reference_number: str, owner: str) -> None:
    """No other transporter takes it, as it stands now. It is looked at again when it has changed."""
    await session.execute(_sql.not_replaced, shard_of(reference_number), reference_number, owner)


async def supersede(
    session: Session, reference_number: str, owner: str, new: NewShipment, *, problem: str, now: datetime
) -> bool:
    """End a shipment in favour of a successor that was added; False when anything happened to it since its claim.

    The caller rolls back on False: the successor must not stand without this.
    """
    shard = shard_of(reference_number)
    done = await session.execute(_sql.replaced, shard, reference_number, owner, new.reference_number, problem, now)
    await session.execute(_sql.set_replaces, shard_of(new.reference_number), new.reference_number, reference_number)
    await set_allocated_by(session, new.reference_number, f"fallback of {reference_number}")
    return done > 0


async def placed_though_replaced(session: Session, *, limit: int) -> list[str]:
    """Shipments that were placed after all, by a worker thought dead, after a successor had taken their place."""
    return [row["reference_number"] for row in await session.fetch(_sql.placed_though_replaced, limit)]


async def movable(session: Session, transporter: str, after: tuple[int, str], *, limit: int) -> list[Shipment]:
    """What a transporter still has to place, after this (shard, reference number), locked."""
    return [from_row(row) for row in await session.fetch(_sql.movable, transporter, *after, limit)]


async def move(session: Session, reference_number: str, chosen: Chosen, *, now: datetime) -> bool:
    """Put a shipment under another courier account; False when ClickPost may hold it, or it is being sent."""
    await accounts.ensure(session, [(chosen.courier_partner_id, chosen.account_code)])
    changed = await session.execute(
        _sql.move,
        shard_of(reference_number),
        reference_number,
        chosen.transporter,
        chosen.courier_partner_id,
        chosen.account_code,
        chosen.by,
        now,
        account_key(chosen.courier_partner_id, chosen.account_code),
    )
    return changed > 0
