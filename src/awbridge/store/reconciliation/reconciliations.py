"""The tables `reconciliations` and `reconciliation_files`: each run, its progress, its result; and what a run
reads of the shipments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter

from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.reconciliation.differences import Compared, DayCounts, DifferenceTable, NotUnderstood, Ours
from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.packing import packed_texts
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of
from awbridge.store.orders.shipments import payload_text

_sql = Queries(__name__)
_ids = Ids()


class Stage(StrEnum):
    """How far a run is.

    counting ──(counts differ)──> reporting ──> done     a day: reports are requested, awaited, downloaded, matched
        └───────(they agree)─────────────────────> done
    matching ──> done                                    a file; failed from any
    """

    COUNTING = "counting"
    REPORTING = "reporting"
    MATCHING = "matching"
    DONE = "done"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing more happens."""
        return self in (Stage.DONE, Stage.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportWindow:
    """A report of the changes in a window (UTC). `reference` is ClickPost's, once requested."""

    start: datetime
    end: datetime
    reference: str = ""
    requested_at: Annotated[datetime | None, BeforeValidator(lambda at: at or None)] = None  # "" in older rows


_WINDOWS = TypeAdapter(tuple[ReportWindow, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """One run. `found` counts the differences by kind; `tries` the failures since it last came further.

    `matched` counts rows that are the same in all that is compared; `partly` those of which something could not be.
    """

    id: int
    identity: str
    source: str
    kind: DifferenceTable
    name: str
    day: date | None
    state: Stage
    ours_placed: int | None
    theirs_placed: int | None
    theirs_tracked: int | None
    windows: tuple[ReportWindow, ...]
    columns_read: dict[str, Any] | None
    line_count: int | None
    matched: int | None
    repeated: int | None
    spoilt: int | None
    unreadable: int | None
    found: dict[str, int] | None
    problem: str | None
    tries: int
    lease_owner: str | None = field(repr=False)
    next_try_at: datetime | None
    created_at: datetime
    finished_at: datetime | None
    partly: int | None
    not_understood: NotUnderstood

    @property
    def compared(self) -> Compared | None:
        """How much was compared; None while it is not known."""
        if self.state is not Stage.DONE:
            return None
        gaps = (self.not_understood, self.partly, self.spoilt, self.unreadable)
        return Compared.PARTLY if any(gaps) else Compared.FULLY


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to begin. The same `identity` is one run, however often it is begun."""

    identity: str
    source: str
    kind: DifferenceTable
    name: str
    day: date | None
    state: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a run. `columns_read`: which columns were understood and which passed over."""

    columns_read: dict[str, Any] | None = None
    line_count: int = 0
    matched: int = 0
    repeated: int = 0
    spoilt: int = 0
    unreadable: int = 0
    found: dict[str, int] = field(default_factory=dict[str, int])
    partly: int = 0
    not_understood: NotUnderstood = field(default_factory=NotUnderstood)


def new_id() -> int:
    """An id for a run that is about to begin."""
    return _ids.next()


def _run(row: Row) -> Reconciliation:
    columns_read, found = (json.loads(row[name]) if row[name] else None for name in ("columns_read", "found"))
    return row_as(
        Reconciliation,
        row,
        day=date.fromisoformat(row["day"]) if row["day"] else None,
        windows=_WINDOWS.validate_json(row["windows"]),
        columns_read=columns_read,
        found=found,
        not_understood=NotUnderstood(**json.loads(row["not_understood"] or "{}")),
    )


async def begin(session: Session, number: int, new: NewRun, *, now: datetime) -> Reconciliation:
    """The run of this identity: begun now under the id `number`, or the one that was there."""
    day = new.day.isoformat() if new.day else None
    await session.execute(
        _sql.begin, number, new.identity, new.source, new.kind.value, new.name, day, new.state.value, now
    )
    return _run((await session.fetch(_sql.by_identity, new.identity))[0])


async def get(session: Session, number: int) -> Reconciliation | None:
    """One run; None when there is none of that id."""
    rows = await session.fetch(_sql.get, number)
    return _run(rows[0]) if rows else None


async def newest(session: Session, *, before: int | None = None, limit: int = 50) -> list[Reconciliation]:
    """Runs, newest first; `before` is the id where the last page ended."""
    return [_run(row) for row in await session.fetch(_sql.newest, before or 2**63 - 1, limit)]


async def newest_of(session: Session, source: str, *, since: datetime) -> Reconciliation | None:
    """The newest run of this source that was done after `since`; None where there is none."""
    rows = await session.fetch(_sql.newest_by_itself, source, since)
    return _run(rows[0]) if rows else None


async def claim(
    session: Session, *, owner: str, now: datetime, until: datetime, only: int | None = None
) -> Reconciliation | None:
    """Take a run that is due, or `only` that one, under a lease that ends at `until`; None when nothing is due."""
    rows = await session.fetch(_sql.claim, owner, now, until, only)
    return _run(rows[0]) if rows else None


async def renew(session: Session, run: Reconciliation, *, until: datetime) -> bool:
    """Keep the lease; False when it is lost."""
    return await session.execute(_sql.renew, run.id, run.lease_owner, until) > 0


async def keep_counts(session: Session, run: Reconciliation, counts: DayCounts) -> None:
    """Keep how many shipments each side counts for the day."""
    await session.execute(_sql.counted, run.id, run.lease_owner, counts.ours, counts.placed, counts.tracked)


async def go_on(
    session: Session,
    run: Reconciliation,
    *,
    state: Stage,
    windows: Sequence[ReportWindow],
    at: datetime,
    problem: str | None = None,
    tries: int = 0,
) -> bool:
    """The run continues then, from here. False if the lease was lost: nothing is written."""
    text = _WINDOWS.dump_json(tuple(windows)).decode()
    return await session.execute(_sql.go_on, run.id, run.lease_owner, state.value, text, problem, tries, at) > 0


async def finish(
    session: Session, run: Reconciliation, outcome: Outcome | None, *, problem: str | None = None, now: datetime
) -> bool:
    """The run is over: done with an outcome, else failed. False when the lease was lost: nothing is written."""
    result = outcome or Outcome()
    changed = await session.execute(
        _sql.finish,
        run.id,
        run.lease_owner,
        (Stage.DONE if outcome else Stage.FAILED).value,
        problem,
        json.dumps(result.columns_read, ensure_ascii=False) if result.columns_read else None,
        *(result.line_count, result.matched, result.repeated, result.spoilt, result.unreadable),
        json.dumps(result.found),
        now,
        result.partly,
        json.dumps(result.not_understood.as_json(), ensure_ascii=False) if result.not_understood.as_json() else None,
    )
    return changed > 0


async def add_part(session: Session, number: int, part: int, body: bytes) -> None:
    """Keep a part of a run's file; parts count from 0."""
    await session.execute(_sql.add_part, number, part, body)


async def read_part(session: Session, number: int, part: int) -> bytes | None:
    """A part of a run's file; None after the last."""
    rows = await session.fetch(_sql.part, number, part)
    return bytes(rows[0]["body"]) if rows else None


async def drop_file(session: Session, number: int) -> None:
    """Forget a run's file."""
    await session.execute(_sql.drop_file, number)


async def drop_orphans(session: Session, *, before: datetime) -> int:
    """Delete parts of files received before then whose run never began; how many parts."""
    return await session.execute(_sql.drop_orphans, int(before.timestamp() * 1_000_000) << 10)


async def count_placed(session: Session, start: datetime, end: datetime) -> int:
    """How many shipments were placed in a span of time."""
    return (await session.fetch(_sql.count_placed, start, end))[0]["placed"]


async def placed_between(
    session: Session, after: tuple[datetime, str], end: datetime, *, limit: int
) -> tuple[list[Row], tuple[datetime, str]]:
    """Shipments placed before `end` and after this (placed_at, reference number), in that order; where they end.

    They are many, and go onto the workbench (matching.py) as the rows that they are.
    """
    rows = await session.fetch(_sql.placed_between, *after, end, limit)
    return rows, (rows[-1]["placed_at"], rows[-1]["reference_number"]) if rows else after


async def ours_of(session: Session, references: Sequence[str]) -> dict[str, Ours]:
    """The state of these shipments, by reference number."""
    rows = await fetch_of(session, _sql.ours_of, references)
    return {row["reference_number"]: row_as(Ours, row, waybill=row["waybill"] or "") for row in rows}


async def ask_soon(
    session: Session, references: Sequence[str], *, now: datetime, asked_before: datetime, else_at: datetime
) -> None:
    """Poll these shipments at once, or at `else_at` if they were polled since `asked_before`."""
    if references:
        shards = sorted({shard_of(r) for r in references})
        await session.execute(_sql.ask_soon, sorted(set(references)), shards, asked_before, else_at, now)


async def push_again(
    session: Session,
    reference_number: str,
    waybill: str,
    *,
    now: datetime,
    edited: tuple[JsonObject, int] | None = None,
) -> bool:
    """Push registers it again; False if it is no longer placed with this waybill.

    `edited`: the payload that goes out in place of the one it has, and its version.
    """
    payload, version = (packed_texts(payload_text(edited[0])), edited[1]) if edited else (None, None)
    shard = shard_of(reference_number)
    return await session.execute(_sql.push_again, shard, reference_number, waybill, now, payload, version) > 0
