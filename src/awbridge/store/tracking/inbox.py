"""The table `inbox`: every delivery as received, before it is interpreted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

import msgspec

from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.tracking.dead_letter import DeadLetterReason, problem_text, reason_of
from awbridge.domain.tracking.scan import SOURCES, Source
from awbridge.store.engine.database import Row, Session, Writes
from awbridge.store.engine.ids import STEP, Ids
from awbridge.store.engine.packing import packed, packed_thoroughly, unpacked
from awbridge.store.engine.queries import Queries
from awbridge.store.people import audit_log

_sql = Queries(__name__)
_ids = Ids()

_ADD = (_sql.add, _sql.add_batches)
BATCH = 64  # deliveries of a full batch
GROUPED = 10_000  # dead letters that are counted by reason
LAST_DIGITS = 5  # of an order_status_id, which say nothing of its shard

_LETTERS = {source: source.value[0] for source in Source}  # as they are stored; older versions stored the word
_SOURCES = SOURCES | {letter: source for source, letter in _LETTERS.items()}


class NewDelivery(NamedTuple):
    """A delivery to be stored. With a `problem` it is kept for inspection and never applied.

    A tuple, because making one is on the path of every webhook.
    """

    identity: str
    source: Source
    body: bytes
    received_at: datetime
    problem: str | None = None


class Delivery(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A stored delivery that is due to be applied.

    `tries` counts how often it had to wait; `again`: it was applied before. `by_row`: its own row has a due time. Else
    its batch made it due, and is gone with this transaction.
    """

    shard: int
    id: int
    identity: str
    source: Source
    body: bytes
    received_at: datetime
    tries: int
    again: bool = False
    by_row: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A dead-lettered delivery: unreadable, or not attributable to a shipment.

    `problem` is the reason with its details, for people. `reason` is None for a row of an older version.
    `next_try_at`: when an ambiguous delivery is retried.
    """

    id: int
    source: str
    identity: str
    body: bytes
    received_at: datetime
    problem: str
    reason: DeadLetterReason | None
    next_try_at: datetime | None = None


async def add(session: Session, deliveries: Sequence[NewDelivery]) -> None:
    """Store deliveries; a copy of one that is known changes nothing.

    Sorted by key: two writers whose batches share keys in different order would deadlock on PostgreSQL.
    """
    await _add(session, _rows(deliveries))


async def _add(session: Session, rows: Sequence[tuple[object, ...]]) -> None:
    for statement in _ADD:
        await session.write_rows(statement, rows)


async def add_counted(session: Session, deliveries: Sequence[NewDelivery]) -> int:
    """Store deliveries as `add` does; how many of them are new rows."""
    rows = _rows(deliveries)
    await _add(session, rows)
    stored = await session.fetch_rows(_sql.ids, [(shard, identity) for shard, _, identity, *_ in rows])
    return len({row_id for _, row_id, *_ in rows} & {row["id"] for row in stored})


async def add_at_once(
    store: Writes, deliveries: Sequence[NewDelivery], *, on_written: Callable[[], None] | None = None
) -> None:
    """Store deliveries as `add` does, in a transaction of their own that is committed on return.

    `on_written`: as in `write_at_once`.
    """
    await store.write_at_once(_ADD, _rows(deliveries), on_written=on_written)


def _shard(identity: str) -> int:
    """The shard of a delivery: order_status_ids that differ only in their last digits share one.

    ClickPost's ids are consecutive, so a batch changes few pages of each index.
    """
    kind, _, rest = identity.partition(":")
    return shard_of(rest.partition(":")[0][:-LAST_DIGITS] if kind == "osid" else identity)


def _rows(deliveries: Sequence[NewDelivery]) -> list[tuple[object, ...]]:
    ids = _ids.take(len(deliveries))
    in_order = sorted(deliveries, key=_received_at)  # so are their ids, by which they are claimed
    keyed = sorted([(_shard(d[0]), d[0], row_id, d) for row_id, d in zip(ids, in_order, strict=True)], key=_key)
    return [
        (
            shard,
            row_id,
            identity,
            _LETTERS[source],
            packed(body) if source is Source.WEBHOOK else packed_thoroughly(body),
            received_at,
            problem,
        )
        for shard, identity, row_id, (_, source, body, received_at, problem) in keyed
    ]


_received_at = itemgetter(3)
_key = itemgetter(0, 1, 2)


def delivery_of(row: Row, *, again: bool = False, by_row: bool = False) -> Delivery:
    """A delivery out of a row that holds its columns."""
    return Delivery(
        shard=row["shard"],
        id=row["id"],
        identity=row["identity"],
        source=_SOURCES[row["source"]],
        body=unpacked(row["body"]),
        received_at=row["received_at"],
        tries=row["tries"],
        again=again,
        by_row=by_row,
    )


@dataclass(slots=True)
class BatchSize:
    """How many deliveries a batch holds, as far as was seen."""

    average: int = BATCH
    is_known: bool = False

    def learn(self, batches: Sequence[Row]) -> None:
        """From batches that came; one alone, which may be the last of a commit, says less than several before."""
        if len(batches) > 1 or not self.is_known:
            self.average = max(1, sum(batch["deliveries"] for batch in batches) // len(batches))
            self.is_known = True


async def claim(
    session: Session,
    *,
    now: datetime,
    limit: int,
    enough: int | None = None,
    most: int | None = None,
    size: BatchSize | None = None,
) -> list[Delivery]:
    """Take about `limit` due deliveries for the length of this transaction, `most` at the most (else `limit`).

    Fewer than `enough` (else `limit`) only where no more are due. Where fewer are enough, or more may come, fewer
    batches are read and put back in part: what is put back is due once this transaction ends, and others claim newer
    deliveries before. `size` says how many batches to ask for, and learns from those that come.
    """
    due = [
        delivery_of(row, again=bool(row["again"]), by_row=True) for row in await session.fetch(_sql.claim, now, limit)
    ]
    enough = limit if enough is None else enough
    most = limit if most is None else most
    size = size or BatchSize()
    while len(due) < enough:
        asked = max(1, (limit - len(due)) // size.average)
        batches = await session.fetch(_sql.claim_batches, asked)
        due += await _of_batches(session, batches, most - len(due))
        if len(batches) < asked:
            break
        size.learn(batches)
    return due


async def need_not_last(session: Session) -> None:
    """Commit this transaction without waiting for the disk, on PostgreSQL: what it does can be done again.

    A crash may undo it as a whole, and its deliveries are due again. Whoever acts on what it wrote claims that first,
    in a transaction that does wait; the log is written in order, so what was claimed lasts.

    From now on the transaction's statements are planned without a look at values, until `plan_by_values`, if there are
    more than a thousand scans or so.
    """
    await session.fetch(_sql.need_not_last)


async def plan_by_values(session: Session) -> None:
    """What follows in this transaction is planned as anywhere else, on PostgreSQL.

    For statements whose plan depends on how much there is: made while a table is empty, it may read all of it later.
    """
    await session.execute(_sql.plan_by_values)


async def _of_batches(session: Session, batches: Sequence[Row], limit: int) -> list[Delivery]:
    """The first `limit` deliveries of these batches, oldest first; what is left of a batch is put back."""
    keys = [(batch["shard"], batch["first_id"], batch["last_id"], STEP) for batch in batches]
    found = sorted(await session.fetch_rows(_sql.of_batches, keys), key=_id)
    for batch in batches if found[limit:] else ():
        if rest := [row for row in found[limit:] if _is_in(row, batch)]:
            first = rest[0]
            await session.execute(
                _sql.put_back, first["id"], batch["shard"], batch["last_id"], len(rest), first["received_at"]
            )
    return [delivery_of(row) for row in found[:limit]]


_id = itemgetter("id")


def _is_in(row: Row, batch: Row) -> bool:
    first, last = batch["first_id"], batch["last_id"]
    return row["shard"] == batch["shard"] and first <= row["id"] <= last and (row["id"] - first) % STEP == 0


async def applied(session: Session, deliveries: Sequence[tuple[Delivery, str | None, int]], *, now: datetime) -> None:
    """Mark deliveries as applied, each with what could not be read (or None) and how many shipments it updated.

    Without a problem, the rows of those that came by a batch stay as they are: the batch is gone.
    """
    rows = [
        (d.shard, d.id, now, problem, min(updated, 32_767)) for d, problem, updated in deliveries if d.by_row or problem
    ]
    await session.write_rows(_sql.applied, rows)


async def wait(session: Session, delivery: Delivery, *, key: str, until: datetime, problem: str | None = None) -> None:
    """Its shipment is not known yet: retry then, or as soon as `key` becomes known.

    `problem` describes an ambiguity.
    """
    await session.execute(_sql.wait, delivery.shard, delivery.id, until, key, problem)


async def waited_for(session: Session, keys: Sequence[str]) -> list[str]:
    """Those of these keys that any delivery waits for."""
    rows = await session.fetch_rows(_sql.waited_for, [(key,) for key in sorted(set(keys))])
    return [row["waiting_for"] for row in rows]


async def apply_again(session: Session, reference_number: str, *, since: datetime, now: datetime) -> None:
    """Updates of this shipment received since then become due again: they may belong to another one.

    Call `update_sources.take_out` before: only deliveries with rows of their own become due.
    """
    await session.execute(_sql.apply_again, shard_of(reference_number), reference_number, since, now)


async def dead_lettered(session: Session, delivery: Delivery, *, problem: str) -> None:
    """Dead-letter a delivery: it stays, with the reason, until it is replayed. `problem`: DeadLetterReason.of."""
    await session.execute(_sql.dead_lettered, delivery.shard, delivery.id, problem)


async def wake(session: Session, keys: Sequence[str], *, now: datetime) -> None:
    """What waits for one of these keys ("w:" waybill, "r:" reference number, "o:" order id) is due now."""
    if keys:
        await session.execute(_sql.wake, list(keys), now)


async def replay(session: Session, *, reason: DeadLetterReason | None = None, now: datetime) -> int:
    """All dead-lettered deliveries, or those of a reason, become due again (after a fix); how many."""
    due = await session.execute(_sql.replay, now, reason.value if reason else "")
    after = {"deliveries": due, **({"reason": reason.value} if reason else {})}
    await audit_log.record(session, AuditAction.DEAD_LETTERS_RETRIED, "", after=after, now=now)
    return due


async def replay_one(session: Session, number: int, *, now: datetime) -> bool:
    """One dead-lettered delivery becomes due again; False if there is none of this id, or it cannot be applied."""
    if not await session.execute(_sql.replay_one, now, number):
        return False
    await audit_log.record(session, AuditAction.DEAD_LETTERS_RETRIED, number, after={"deliveries": 1}, now=now)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterGroup:
    """The dead letters of one reason; None for those of older versions."""

    reason: DeadLetterReason | None
    deliveries: int
    last_at: datetime


async def problem_groups(session: Session) -> list[DeadLetterGroup]:
    """The newest dead-lettered or ambiguous deliveries (GROUPED) by reason, the most frequent first."""
    found: dict[DeadLetterReason | None, DeadLetterGroup] = {}
    for row in await session.fetch(_sql.problem_groups, GROUPED):
        reason, last_at, count = reason_of(row["reason"]), row["last_at"], row["deliveries"]
        if known := found.get(reason):
            last_at, count = max(last_at, known.last_at), count + known.deliveries
        found[reason] = DeadLetterGroup(reason=reason, deliveries=count, last_at=last_at)
    return sorted(found.values(), key=lambda group: -group.deliveries)


async def apply_uncounted(session: Session, *, now: datetime, limit: int) -> int:
    """Up to `limit` deliveries that were applied before there were update_sources are due again; how many."""
    return await session.execute(_sql.apply_uncounted, now, limit)


async def problems(
    session: Session, *, reason: DeadLetterReason | None = None, before: int | None = None, limit: int
) -> list[DeadLetter]:
    """The newest deliveries that are dead-lettered or ambiguous, of one reason or all.

    `before` is the id where the last page ended.
    """
    return [
        DeadLetter(
            id=row["id"],
            source=_SOURCES[row["source"]].value,
            identity=row["identity"],
            body=unpacked(row["body"]),
            received_at=row["received_at"],
            problem=problem_text(row["problem"]),
            reason=reason_of(row["problem"]),
            next_try_at=row["next_try_at"],
        )
        for row in await session.fetch(_sql.problems, limit, before or 2**63 - 1, reason.value if reason else "")
    ]


async def counts(session: Session) -> dict[str, int]:
    """How many deliveries there are: total, applied, waiting (for their shipment), ambiguous (of those, what could be
    about several), due, dead_lettered."""
    return dict((await session.fetch(_sql.counts, STEP))[0])


async def received_at(session: Session, identity: str) -> datetime | None:
    """When a delivery was received; None where there is none of that identity."""
    rows = await session.fetch(_sql.find, _shard(identity), identity)
    return rows[0]["received_at"] if rows else None


async def settle(session: Session, identity: str, *, now: datetime) -> None:
    """A delivery that was only a test is done with: it waits for no shipment."""
    await session.execute(_sql.settle, _shard(identity), identity, now)


async def longest_due(session: Session, *, now: datetime) -> datetime | None:
    """Since when the oldest delivery waits to be applied; None where none is due."""
    return (await session.fetch(_sql.longest_due, now))[0]["due_at"]
