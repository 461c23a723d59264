"""The tables `milestones`, `events`, `event_deliveries`: what happened, written in the transaction that learnt it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from awbridge.domain.json import written
from awbridge.domain.notify.events import EventKind, ShipmentEvent
from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.tracking.milestones import Milestone
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.ids import Ids, first_id
from awbridge.store.engine.packing import packed_texts, whole
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)
_ids = Ids()
_END = 2**63 - 1


class ReachedNow(NamedTuple):
    """A milestone that a shipment reached, for its notices."""

    reference_number: str
    milestone: Milestone
    status_code: int
    status_at: datetime
    reached_at: datetime
    fresh_at: datetime | None


async def reach(session: Session, reached: Sequence[ReachedNow]) -> None:
    """Keep milestones of which no endpoint is to hear, as `write` does."""
    rows = sorted(
        (shard_of(r), r, milestone.value, code, None, at, now, fresh_at)
        for r, milestone, code, at, now, fresh_at in reached
    )
    await session.write_rows(_sql.reach, rows)


async def has_listeners(session: Session) -> bool:
    """Whether there is any endpoint; true to the end of this transaction."""
    return bool(await session.fetch(_sql.listeners))


async def write(session: Session, happenings: Sequence[ShipmentEvent], *, now: datetime) -> None:
    """Keep what happened: milestones for the notices, events for every endpoint that wants them.

    Call it in the transaction that learnt of it, with the shipments locked. Without endpoints no event is kept.
    """
    # What a status and a cancellation show alike is one milestone; the first that says so is kept.
    reached = {_key(h.reference_number, h.milestone): h for h in happenings[::-1] if h.milestone}
    rows = [
        (*key, h.status_code, h.ndr_code, h.at, now, h.fresh_at)
        for key, h in sorted(reached.items(), key=itemgetter(0))
    ]
    if rows:
        await session.write_rows(_sql.reach, rows)
    if any(h.kinds for h in happenings):
        await _tell_endpoints(session, happenings, now)


def _key(reference_number: str, milestone: Milestone) -> tuple[int, str, str]:
    return shard_of(reference_number), reference_number, milestone.value


async def _tell_endpoints(session: Session, happenings: Sequence[ShipmentEvent], now: datetime) -> None:
    listeners = [
        (row["id"], row["kinds"].split(",") if row["kinds"] else None, row["enabled"])
        for row in await session.fetch(_sql.listeners)
    ]
    events: list[tuple[object, ...]] = []
    deliveries: list[tuple[object, ...]] = []
    for happening in happenings:
        for kind in happening.kinds:
            wanting = [(i, enabled) for i, kinds, enabled in listeners if kinds is None or kind in kinds]
            if not wanting:
                continue
            shard, event = shard_of(happening.reference_number), _ids.next()
            events.append(
                (shard, event, happening.reference_number, kind.value, packed_texts(_body(kind, happening)), now)
            )
            deliveries += [(shard, event, i, now if enabled else None, now) for i, enabled in wanting]
    if events:
        await session.write_rows(_sql.add, events)
        await session.write_rows(_sql.add_deliveries, deliveries)


def _body(kind: EventKind, happening: ShipmentEvent) -> str:
    event = {"type": kind.value, "timestamp": happening.at.isoformat(), "data": happening.data}
    return written(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDelivery:
    """An event on its way to an endpoint. `tries` counts those before. `link_generation`: of its shipment's link."""

    shard: int
    event_id: int
    reference_number: str
    link_generation: int
    endpoint_id: int
    tries: int
    kind: str
    body: str = field(repr=False)


async def claim(session: Session, *, owner: str, now: datetime, until: datetime, limit: int) -> list[DueDelivery]:
    """Take up to `limit` deliveries that are due, under a lease that ends at `until`."""
    rows = await session.fetch(_sql.claim, owner, until, now, limit)
    if not rows:
        return []
    ids, shards = sorted({r["event_id"] for r in rows}), sorted({r["shard"] for r in rows})
    bodies = {row["id"]: whole(row) for row in await session.fetch(_sql.bodies, ids, shards)}
    return [row_as(DueDelivery, {**bodies[row["event_id"]], **row}) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of one try: `state` is due (again at `next_try_at`), delivered or failed."""

    state: str
    next_try_at: datetime | None = None
    http_status: int | None = None
    problem: str | None = None


async def settle(session: Session, delivery: DueDelivery, owner: str, result: Settled, *, now: datetime) -> bool:
    """Store the result of one try; False when the lease was lost."""
    changed = await session.execute(
        _sql.settle,
        delivery.shard,
        delivery.event_id,
        delivery.endpoint_id,
        owner,
        result.state,
        delivery.tries + 1,
        result.next_try_at,
        result.http_status,
        result.problem,
        now,
    )
    return changed > 0


async def pause(session: Session, endpoint_id: int) -> None:
    """The endpoint is disabled: what is due to it waits."""
    await session.execute(_sql.pause, endpoint_id)


async def resume(session: Session, endpoint_id: int, *, now: datetime) -> None:
    """The endpoint is enabled: what waited is due, with all its tries."""
    await session.execute(_sql.resume, endpoint_id, now)


async def redeliver(session: Session, endpoint_id: int, event_id: int, *, now: datetime) -> bool:
    """Send one event again, whatever its state; False when it was never due to the endpoint."""
    return await session.execute(_sql.redeliver, endpoint_id, event_id, now) > 0


async def redeliver_failed(session: Session, endpoint_id: int, *, now: datetime) -> int:
    """Send every event again that failed; how many."""
    return await session.execute(_sql.redeliver_failed, endpoint_id, now)


async def forget(session: Session, endpoint_id: int) -> None:
    """The endpoint is removed, and its deliveries with it."""
    await session.execute(_sql.forget, endpoint_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryShown:
    """The delivery of one event to one endpoint."""

    event_id: int
    kind: str
    reference_number: str
    state: str
    tries: int
    next_try_at: datetime | None
    http_status: int | None
    problem: str | None
    created_at: datetime
    updated_at: datetime


async def newest(session: Session, endpoint_id: int, *, before: int | None = None, limit: int) -> list[DeliveryShown]:
    """An endpoint's deliveries, newest first; `before` is the event's id where the last page ended."""
    rows = await session.fetch(_sql.newest, endpoint_id, limit, before or _END)
    return [row_as(DeliveryShown, row) for row in rows]


async def newest_undelivered(
    session: Session, endpoint_id: int, state: str, *, before: int | None = None, limit: int
) -> list[DeliveryShown]:
    """An endpoint's deliveries that are due, or that failed, newest first; `before` as in `newest`."""
    rows = await session.fetch(_sql.newest_undelivered, endpoint_id, limit, state, before or _END)
    return [row_as(DeliveryShown, row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """The body of an event, without the link to the customer's page; `link_generation`: of its shipment's link."""

    reference_number: str
    link_generation: int
    body: str = field(repr=False)


async def get(session: Session, endpoint_id: int, event_id: int) -> tuple[DeliveryShown, StoredEvent] | None:
    """One delivery of an endpoint, and its event; None if there is none."""
    rows = await session.fetch(_sql.one, endpoint_id, event_id)
    return (row_as(DeliveryShown, rows[0]), row_as(StoredEvent, whole(rows[0]))) if rows else None


async def count_since(session: Session, endpoint_id: int, start: datetime, end: datetime) -> int:
    """How many events were addressed to an endpoint between two times."""
    rows = await session.fetch(_sql.count_since, endpoint_id, first_id(start), first_id(end))
    return rows[0]["events"]


async def redeliver_between(
    session: Session, endpoint_id: int, after: int, end: datetime, *, now: datetime, limit: int
) -> list[int]:
    """Send up to `limit` events again whose ids begin at `after` and were given before `end`; their ids.

    Those that are due anyway stay as they are.
    """
    rows = await session.fetch(_sql.redeliver_between, endpoint_id, after, first_id(end), limit, now)
    return sorted(row["event_id"] for row in rows)


async def count_undelivered(session: Session) -> dict[tuple[int, str], int]:
    """How many deliveries are due and how many failed, by (endpoint, state)."""
    rows = await session.fetch(_sql.count_undelivered)
    return {(row["endpoint_id"], row["state"]): row["deliveries"] for row in rows}


async def reached_by(session: Session, references: Sequence[str]) -> set[tuple[str, str]]:
    """(reference number, milestone) of everything that these shipments have reached."""
    rows = await fetch_of(session, _sql.reached_by, references)
    return {(row["reference_number"], row["milestone"]) for row in rows}
