"""Match: compares ClickPost's rows with our shipments in constant memory.

Both sides are streamed into a database on the local disk (store/reconciliation/matching.py). Pairs that differ are
compared by domain/reconciliation/differences.py and stored in batches. Repeating it stores the same differences.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import structlog

from awbridge.clickpost.reports.report_rows import ReportRow, ReportRows, read_report
from awbridge.clickpost.wire.tracking_codes import status_info
from awbridge.domain.errors import TableUnreadable
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.reconciliation.differences import (
    DifferenceKind,
    DifferenceTable,
    Gap,
    NotUnderstood,
    Ours,
    Theirs,
    differences,
    is_partly_compared,
    newest,
)
from awbridge.domain.schedule import day_span
from awbridge.steps.records.courier_names import courier_names
from awbridge.steps.records.placed import record_found
from awbridge.steps.runtime.progress import OnDone, unwatched
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments, waybills
from awbridge.store.reconciliation import differences as found_differences
from awbridge.store.reconciliation import reconciliations
from awbridge.store.reconciliation.differences import Finding
from awbridge.store.reconciliation.matching import LaidRow, Matching, OursAs
from awbridge.store.reconciliation.reconciliations import Outcome

log = structlog.get_logger()

T = TypeVar("T")

SLICE = 5000  # rows read at once
LOOK_UP = 1000  # rows looked up in the database at once
KEEP = 500  # differences written in one transaction
MOST_KEPT = 100_000  # differences of one kind that are stored; further ones are only counted
LINES_OF_A_FILE = 10**9  # the offset between the line numbers of several files
POLL_AGAIN = timedelta(hours=2)  # shortest time between two polls: ClickPost polls couriers this often
CHECK_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Files to match (path, name) on the local disk, and how to read them.

    With a `day`, every shipment placed on it must be in a table of registered shipments. `made_at`: when the table was
    made, if known. `may_be_empty`: whether files without rows are valid. `counted`: False if ClickPost's count of the
    day could not be read. `on_rows` receives how many more rows of the files were read.
    """

    reconciliation_id: int
    files: Sequence[tuple[Path, str]]
    table: DifferenceTable
    zone: ZoneInfo
    day: date | None = None
    made_at: datetime | None = None
    may_be_empty: bool = True
    counted: bool = True
    on_rows: OnDone = unwatched


@dataclass(slots=True)
class _Tally:
    """The counts so far. `differing_partly`: rows that differ and could be compared only in part."""

    lines: int = 0
    differing: int = 0
    differing_partly: int = 0
    times: int = 0
    repeated: int = 0
    found: Counter[DifferenceKind] = field(default_factory=Counter[DifferenceKind])


async def match(store: Store, task: Task, *, now: datetime) -> Outcome:
    """Match and store the differences.

    Raises TableUnreadable for a file that is not a table, and if no row names a shipment: every shipment of ours would
    count as missing there.
    """
    tally = _Tally()
    async with _bench() as bench:
        reports = [await asyncio.to_thread(read_report, path, name, zone=task.zone) for path, name in task.files]
        async with store.read() as session:
            names = await courier_names(session)
        for number, report in enumerate(reports):
            report.vocabulary.names = names
            tally.lines += await _add_theirs(bench, report, number * LINES_OF_A_FILE, task.on_rows)
        _require_rows(task, reports, tally.lines)
        if task.day:
            await _add_ours(store, bench, *day_span(task.day, task.zone))
        await asyncio.to_thread(bench.pair)
        async for rows in _sliced(bench.alone(LOOK_UP)):
            await asyncio.to_thread(bench.add_named, await _find_ours(store, rows))
        await asyncio.to_thread(bench.pair)
        tally.repeated = await asyncio.to_thread(_drop_repeated, bench, task.zone, tally)
        descriptions = {code: text for report in reports for code, text in report.vocabulary.of_codes.items()}
        async for findings in _findings(bench, task, tally):
            await _keep(store, task, await _with_descriptions(store, findings, descriptions), tally, now)
        paired = await asyncio.to_thread(bench.pairs)
        partly = await asyncio.to_thread(bench.partly) if task.table is not DifferenceTable.FAILURES else 0
    partly -= tally.differing_partly
    return Outcome(
        columns_read=_columns_read(reports[0]) if reports else None,
        line_count=tally.lines + sum(report.unreadable for report in reports),
        matched=paired - tally.differing - partly,
        partly=partly,
        not_understood=_not_understood(reports, task, tally),
        repeated=tally.repeated,
        spoilt=sum(report.spoilt for report in reports),
        unreadable=sum(report.unreadable for report in reports),
        found={kind.value: number for kind, number in sorted(tally.found.items())},
    )


def _columns_read(report: ReportRows) -> dict[str, Any]:
    problems = [report.first_problem] if report.first_problem else []
    return {
        "understood": report.understood,
        "passed_over": report.passed_over,
        "notes": [*report.notes, *problems],
    }


def _require_rows(task: Task, reports: Sequence[ReportRows], read: int) -> None:
    unreadable = sum(report.unreadable for report in reports)
    name = ", ".join(name for _, name in task.files)
    if not read and unreadable:
        first = next(report.first_problem for report in reports if report.first_problem)
        raise TableUnreadable(f"{name}: none of its {unreadable} rows names a shipment; the first: {first}")
    if not read and not task.may_be_empty:
        raise TableUnreadable(f"{name}: holds no rows, only columns")


def _not_understood(reports: Sequence[ReportRows], task: Task, tally: _Tally) -> NotUnderstood:
    """What could not be read in all files. Of failed orders, only their identifiers are compared."""
    if task.table is DifferenceTable.FAILURES:
        return NotUnderstood(times=tally.times, counts=not task.counted)
    found = NotUnderstood.of_all([report.not_understood() for report in reports])
    return replace(found, times=tally.times, counts=not task.counted)


@asynccontextmanager
async def _bench() -> AsyncGenerator[Matching]:
    with tempfile.TemporaryDirectory(prefix="awbridge-reconcile-") as folder:
        bench = await asyncio.to_thread(Matching, Path(folder) / "bench.db")
        try:
            yield bench
        finally:
            await asyncio.to_thread(bench.close)


async def _sliced(slices: Iterator[T]) -> AsyncGenerator[T]:
    while (rows := await asyncio.to_thread(next, slices, None)) is not None:
        yield rows


async def _add_theirs(bench: Matching, report: ReportRows, offset: int, on_rows: OnDone) -> int:
    rows: Iterator[ReportRow] = iter(report)
    if offset:
        rows = (row._replace(line=row.line + offset) for row in rows)
    laid = 0
    while number := await asyncio.to_thread(bench.add_theirs, rows, SLICE):
        laid += number
        on_rows(number)
    return laid


async def _add_ours(store: Store, bench: Matching, start: datetime, end: datetime) -> None:
    after = (start, "")
    while True:
        async with store.read() as session:
            page, after = await reconciliations.placed_between(session, after, end, limit=SLICE)
        if not page:
            return
        await asyncio.to_thread(bench.add_day, page)


async def _find_ours(store: Store, rows: Sequence[LaidRow]) -> list[OursAs]:
    """Our shipments for rows: by any waybill, else by the reference number, else by the order."""
    async with store.read() as session:
        known = await waybills.find(session, [row.waybill for row in rows if row.waybill])
        left = [row.reference_number for row in rows if row.reference_number and row.waybill not in known]
        of_orders = await shipments.of_orders(session, left)
        aliases = {name: found[0] for name, found in of_orders.items() if len(found) == 1}
        named = [waybill.reference_number for waybill in chain.from_iterable(known.values())]
        held = await reconciliations.ours_of(session, [*named, *left, *aliases.values()])
    by_waybill = [
        OursAs(waybill.waybill, "", replace(held[waybill.reference_number], kind=waybill.kind))
        for waybill in chain.from_iterable(known.values())
        if waybill.reference_number in held
    ]
    by_name = {name: held.get(name) or held.get(aliases.get(name, "")) for name in left}
    return [*by_waybill, *(OursAs("", name, ours) for name, ours in by_name.items() if ours)]


def _drop_repeated(bench: Matching, zone: ZoneInfo, tally: _Tally) -> int:
    """Drop all rows about one shipment but the newest; how many. Counts times that cannot be read."""
    dropped: list[int] = []
    for rows in bench.repeated():
        read = [ReportRow(*row).theirs(zone) for row in rows]
        tally.times += sum(bool(row.seen) and one.status_at is None for row, one in zip(rows, read, strict=True))
        kept = newest(read).line
        dropped += [row.line for row in rows if row.line != kept]
    bench.drop(dropped)
    return len(dropped)


async def _findings(bench: Matching, task: Task, tally: _Tally) -> AsyncGenerator[list[Finding]]:
    async for pairs in _sliced(bench.unequal(KEEP, every=task.table is DifferenceTable.FAILURES)):
        findings: list[Finding] = []
        for row, ours in pairs:
            theirs = _theirs(row, task.zone)
            kinds = differences(ours, theirs, task.table, made_at=task.made_at)
            tally.differing += bool(kinds)
            tally.differing_partly += bool(kinds) and is_partly_compared(ours, Gap(row.gaps))
            tally.times += bool(row.seen) and theirs.status_at is None
            findings += [Finding(kind=kind, ours=ours, theirs=theirs) for kind in kinds]
        yield findings
    async for rows in _sliced(bench.alone(KEEP)):
        yield [Finding(kind=DifferenceKind.MISSING_HERE, ours=None, theirs=_theirs(row, task.zone)) for row in rows]
    if task.day and task.table is DifferenceTable.REGISTERED:
        async for missing in _sliced(bench.missing(KEEP)):
            yield [Finding(kind=DifferenceKind.MISSING_THERE, ours=ours, theirs=None) for ours in missing]


def _theirs(row: LaidRow, zone: ZoneInfo) -> Theirs:
    theirs = ReportRow(*row).theirs(zone)
    return replace(theirs, line=theirs.line % LINES_OF_A_FILE)


async def _with_descriptions(
    store: Store, findings: Sequence[Finding], descriptions: Mapping[int, str]
) -> list[Finding]:
    """The findings with ClickPost's descriptions of unpublished codes; `descriptions`: those of the report."""

    def is_unpublished(seen: Ours | Theirs | None) -> bool:
        return seen is not None and seen.status_code is not None and not status_info(seen.status_code).known

    ours = [f.ours.reference_number for f in findings if f.ours and is_unpublished(f.ours)]
    async with store.read() as session:
        stored = {s.reference_number: s.status_description or "" for s in await shipments.get_many(session, ours)}
    described: list[Finding] = []
    for finding in findings:
        mine, theirs = finding.ours, finding.theirs
        if mine and is_unpublished(mine):
            mine = replace(mine, status_description=stored.get(mine.reference_number, ""))
        if theirs and is_unpublished(theirs):
            theirs = replace(theirs, status_description=descriptions.get(theirs.status_code or 0, ""))
        described.append(replace(finding, ours=mine, theirs=theirs))
    return described


async def _keep(store: Store, task: Task, findings: Sequence[Finding], tally: _Tally, now: datetime) -> None:
    """Store differences; make shipments whose status differs due for polling."""
    kept: list[Finding] = []
    for finding in findings:
        tally.found[finding.kind] += 1
        if tally.found[finding.kind] <= MOST_KEPT:
            kept.append(finding)
    behind = [f.ours.reference_number for f in findings if f.kind is DifferenceKind.STATUS and f.ours]
    if not findings:
        return
    number = task.reconciliation_id
    # ClickPost is asked before a person is notified.
    at_once = [f for f in kept if f.kind is DifferenceKind.MISSING_THERE]
    later = [f for f in kept if f.kind is not DifferenceKind.MISSING_THERE]
    async with store.write() as session:
        await found_differences.add(session, number, at_once, check_at=now, now=now)
        await found_differences.add(session, number, later, check_at=now + CHECK_AFTER, now=now)
        if task.table is not DifferenceTable.FAILURES:
            await reconciliations.ask_soon(
                session, behind, now=now, asked_before=now - POLL_AGAIN, else_at=now + POLL_AGAIN
            )
            for finding in findings:
                await _keep_placed(session, finding, now)


async def _keep_placed(session: Session, finding: Finding, now: datetime) -> None:
    """A report that names a shipment by its reference number, with a waybill, proves that ClickPost holds it."""
    ours, theirs = finding.ours, finding.theirs
    if ours is None or theirs is None or ours.waybill or not theirs.waybill:
        return
    if theirs.reference_number != ours.reference_number:
        return
    shipment = await shipments.get(session, ours.reference_number)
    if shipment and shipment.sent_at and not shipment.success:
        placed = Placed(waybill=theirs.waybill, already=True, courier_partner_id=theirs.courier_partner_id)
        await record_found(session, shipment, placed, ask_at=now, now=now)
        log.warning("shipment.found", reference=shipment.reference_number, waybill=theirs.waybill)
