"""The table `shipments`: stored, claimed for push, listed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from awbridge.domain.lifecycle import Sighting
from awbridge.domain.outcome import Placed
from awbridge.domain.shipment import NewShipment, Region, Shipment, State, WaybillKind, shard_of
from awbridge.store import inbox, waybills
from awbridge.store.database import Row, Session
from awbridge.store.queries import Queries

_sql = Queries("shipments")
_END_OF_TIME = (datetime(9999, 12, 31, tzinfo=UTC), "")
_COLUMNS = frozenset(f.name for f in fields(Shipment))


def _shipment(row: Row) -> Shipment:
    values: dict[str, Any] = {name: value for name, value in row.items() if name in _COLUMNS}
    values["payload"] = json.loads(values["payload"])
    values["children"] = tuple(json.loads(values["children"] or "[]"))
    values["region"] = Region(values["region"])
    values["state"] = State(values["state"])
    return Shipment(**values)


def payload_text(payload: Mapping[str, Any]) -> str:
    """The payload as it is kept: its own order of fields, nothing escaped that need not be."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


async def add(session: Session, new: NewShipment, *, now: datetime) -> bool:
    """Store a shipment, ready to be pushed; False when its reference number is taken. Wakes deliveries that came first.

    Whoever adds several adds them in order of (shard, reference number).
    """
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
    )
    return added > 0


async def wake_deliveries(session: Session, added: Sequence[NewShipment], *, now: datetime) -> None:
    """Deliveries that came before their shipments get their turn now."""
    keys = [f"r:{n.reference_number}" for n in added] + [f"o:{n.order_id}" for n in added if n.order_id]
    await inbox.wake(session, keys, now=now)


async def get(session: Session, reference_number: str) -> Shipment | None:
    """One shipment; None when there is none of that reference number."""
    rows = await session.fetch(_sql.get, shard_of(reference_number), reference_number)
    return _shipment(rows[0]) if rows else None


async def lock_many(session: Session, references: Sequence[str]) -> dict[str, Shipment]:
    """These shipments by reference number, locked until the transaction ends."""
    if not references:
        return {}
    shards = sorted({shard_of(r) for r in references})
    rows = await session.fetch(_sql.lock_many, sorted(set(references)), shards)
    return {row["reference_number"]: _shipment(row) for row in rows}


async def get_many(session: Session, references: Sequence[str]) -> list[Shipment]:
    """Those of these shipments that exist."""
    if not references:
        return []
    shards = sorted({shard_of(r) for r in references})
    return [_shipment(row) for row in await session.fetch(_sql.get_many, sorted(set(references)), shards)]


async def of_orders(session: Session, order_ids: Sequence[str]) -> dict[str, list[str]]:
    """Order id -> the reference number of every shipment of it."""
    found: dict[str, list[str]] = {}
    if order_ids:
        for row in await session.fetch(_sql.of_orders, sorted(set(order_ids))):
            found.setdefault(row["order_id"], []).append(row["reference_number"])
    return found


async def claim(session: Session, *, owner: str, now: datetime, until: datetime, limit: int) -> list[Shipment]:
    """Take up to `limit` due shipments under a lease that ends at `until`. `owner` is new for every claim."""
    return [_shipment(row) for row in await session.fetch(_sql.claim, owner, until, now, limit)]


async def place(
    session: Session,
    shipment: Shipment,
    placed: Placed,
    *,
    note: str | None,
    now: datetime,
    next_ask_at: datetime | None,
) -> bool:
    """ClickPost holds it: keep what its answer said. False when another worker's answer had been kept already."""
    courier = placed.courier_partner_id or shipment.courier_partner_id
    changed = await session.execute(
        _sql.place,
        shard_of(shipment.reference_number),
        shipment.reference_number,
        note,
        now,
        placed.waybill,
        placed.label_url,
        placed.sort_code,
        placed.security_key,
        placed.vendor_order_id,
        json.dumps(placed.children),
        next_ask_at,
        courier,
        placed.account_code or shipment.account_code,
    )
    await waybills.add(session, placed.waybill, courier, shipment.reference_number, WaybillKind.MAIN, now=now)
    for child in placed.children:
        await waybills.add(session, child, courier, shipment.reference_number, WaybillKind.CHILD, now=now)
    keys = [f"w:{w}" for w in (placed.waybill, *placed.children)]
    keys += [f"r:{shipment.reference_number}", *([f"o:{shipment.order_id}"] if shipment.order_id else [])]
    await inbox.wake(session, keys, now=now)
    return changed > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPlaced:
    """What push decided about a shipment that was not placed by this try."""

    state: State
    no_of_retries: int
    problem: str | None
    next_try_at: datetime | None
    waiting_since_at: datetime | None = None


async def not_placed(session: Session, reference_number: str, owner: str, decided: NotPlaced, *, now: datetime) -> bool:
    """Keep what push decided; False when the lease was lost (then nothing is written)."""
    changed = await session.execute(
        _sql.not_placed,
        shard_of(reference_number),
        reference_number,
        owner,
        decided.state.value,
        decided.no_of_retries,
        decided.problem,
        decided.next_try_at,
        decided.waiting_since_at,
        now,
    )
    return changed > 0


async def hold_account(session: Session, shipment: Shipment, *, problem: str, until: datetime, now: datetime) -> int:
    """Hold every due shipment of the same courier account until then; how many."""
    return await session.execute(
        _sql.hold_account, shipment.courier_partner_id, shipment.account_code, problem, until, now
    )


async def release_account(session: Session, shipment: Shipment, *, now: datetime) -> int:
    """The courier account works again: what was held with it is due at once; how many."""
    return await session.execute(_sql.release_account, shipment.courier_partner_id, shipment.account_code, now)


async def try_again(session: Session, reference_number: str, *, now: datetime) -> bool:
    """Push takes it up at once, with all its tries; False when its state does not allow that."""
    return await session.execute(_sql.try_again, shard_of(reference_number), reference_number, now) > 0


async def change_payload(session: Session, new: NewShipment, *, now: datetime) -> bool:
    """Replace the payload and push it again; False when it is placed, cancelled or in flight."""
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
    )
    return changed > 0


async def cancel(session: Session, reference_number: str, *, now: datetime) -> None:
    """Cancel at once what never went out; for the rest, note that it must be cancelled at ClickPost."""
    shard = shard_of(reference_number)
    if not await session.execute(_sql.cancel_unsent, shard, reference_number, now):
        await session.execute(_sql.ask_cancel, shard, reference_number, now)


async def claim_cancels(session: Session, *, owner: str, now: datetime, until: datetime, limit: int) -> list[Shipment]:
    """Take up to `limit` placed shipments that are to be cancelled at ClickPost."""
    return [_shipment(row) for row in await session.fetch(_sql.claim_cancels, owner, until, now, limit)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelResult:
    """What came of a call that cancels. `tries` counts the failed ones."""

    state: State
    tries: int
    problem: str | None
    next_try_at: datetime | None


async def after_cancel(
    session: Session, reference_number: str, owner: str, result: CancelResult, *, now: datetime
) -> None:
    """Keep what came of a call that cancels."""
    await session.execute(
        _sql.after_cancel,
        shard_of(reference_number),
        reference_number,
        owner,
        result.state.value,
        result.problem,
        result.next_try_at,
        result.tries,
        now,
    )


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


async def claim_to_ask(session: Session, *, now: datetime, next_ask_at: datetime, limit: int) -> list[ToAsk]:
    """Take up to `limit` open shipments not heard of for long; nobody asks for them again before `next_ask_at`."""
    return [_to_ask(row) for row in await session.fetch(_sql.claim_to_ask, now, next_ask_at, limit)]


async def asked(session: Session, reference_number: str, *, next_ask_at: datetime) -> None:
    """The question was answered: the next one is due then, unless the shipment has reached its end."""
    await session.execute(_sql.asked, shard_of(reference_number), reference_number, next_ask_at)


async def placed_after(session: Session, after: tuple[int, str], *, limit: int) -> list[ToAsk]:
    """All shipments with a waybill after this (shard, reference number), in that order."""
    return [_to_ask(row) for row in await session.fetch(_sql.placed_after, *after, limit)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where tracking says a shipment stands now."""

    sighting: Sighting | None
    bucket: int | None
    edd: str | None
    ndr_code: int | None


async def set_standing(
    session: Session, reference_number: str, standing: Standing, *, heard_at: datetime, next_ask_at: datetime | None
) -> None:
    """Keep where a shipment stands, when it was last heard of and when to ask next."""
    seen = standing.sighting
    await session.execute(
        _sql.set_status,
        shard_of(reference_number),
        reference_number,
        seen.code if seen else None,
        seen.seen_at if seen else None,
        standing.bucket,
        seen.step if seen else 0,
        seen.final if seen else False,
        standing.edd,
        standing.ndr_code,
        heard_at,
        next_ask_at,
    )


async def newest(
    session: Session, *, state: State | None = None, before: tuple[datetime, str] | None = None, limit: int = 50
) -> list[Shipment]:
    """Shipments, newest first; `before` is the (created_at, reference_number) where the last page ended."""
    at, reference = before or _END_OF_TIME
    if state is None:
        rows = await session.fetch(_sql.newest, at, reference, limit)
    else:
        rows = await session.fetch(_sql.newest_in_state, state.value, at, reference, limit)
    return [_shipment(row) for row in rows]


async def count_by_state(session: Session) -> dict[str, int]:
    """How many shipments are in each state."""
    return {row["state"]: row["shipments"] for row in await session.fetch(_sql.count_by_state)}


async def cancel_is_asked(session: Session, reference_number: str) -> bool:
    """Whether somebody wants this shipment cancelled."""
    return bool(await session.fetch(_sql.cancel_asked, shard_of(reference_number), reference_number))


async def late_journeys(
    session: Session, after: tuple[int, str], *, silent_since: datetime, expected_before: str, limit: int
) -> list[Shipment]:
    """Shipments on their way that are silent since then, or were expected before this day (an ISO date).

    In order of (shard, reference number), after this one. Couriers write dates in other ways too: check again.
    """
    rows = await session.fetch(_sql.late_journeys, *after, silent_since, expected_before, limit)
    return [_shipment(row) for row in rows]
