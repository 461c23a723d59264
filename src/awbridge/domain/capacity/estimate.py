"""Rows, bytes, calls and processor time of a volume of parcels. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from awbridge.domain.capacity.measured import Engine, Measured, RowBytes, Work
from awbridge.domain.capacity.stages import Need, Stage, stage_of
from awbridge.domain.capacity.workload import MONTH, Workload
from awbridge.domain.tracking.asking import WAYBILLS_A_CALL
from awbridge.domain.tracking.polling_mode import PollingMode

DAY = 86_400.0  # seconds
BUSY = 0.6  # of a core in the sale hour: more leaves no room for bursts within the hour
DISK = 1.5  # of the bytes: room for vacuum, index builds and the log of changes
ITEMS_A_PAGE = 100  # of updated-order
WINDOWS_A_DAY = 288  # of updated-order: five minutes each


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """A table: rows, their bytes, the bytes of its indexes, and the days it covers.

    `for_ever`: its rows are never deleted by age, so it grows beyond the days.
    """

    table: str
    rows: int
    bytes: int
    index_bytes: int
    days: float
    for_ever: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls to one API of ClickPost, failed ones included: on an average day, and per second in the sale hour."""

    api: str
    a_day: int
    per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Work of one kind in the sale hour: how much per second, and the cores that it keeps busy."""

    work: Work
    per_second: float
    own_cores: float
    server_cores: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a workload needs.

    `bytes`: of the database. `disk_bytes`: to provide for it. `growth_bytes`: by which it grows each month once
    everything that has days is as old as these. `own_cores`, `server_cores`: busy in the sale hour, in processes of
    awbridge and in PostgreSQL. `cores`: to provide. `processes`: of awbridge, each on one core. `polling_pace`: polling
    calls per second on an average day. `notes`: what to know or to set.
    """

    tables: Sequence[TableSize]
    calls: Sequence[Calls]
    load: Sequence[Load]
    rows: int
    bytes: int
    disk_bytes: int
    growth_bytes: int
    own_cores: float
    server_cores: float
    cores: int
    processes: int
    polling_pace: float
    stage: Stage
    why: str
    notes: Sequence[str]


def estimate(workload: Workload, measured: Measured) -> Capacity:
    """What this workload needs, by these constants."""
    tables = table_sizes(workload, measured)
    calls = calls_of(workload)
    load = load_of(workload, measured)
    own, server = sum(one.own_cores for one in load), sum(one.server_cores for one in load)
    size = sum(one.bytes + one.index_bytes for one in tables)
    size += round(workload.accounts * measured.engines[workload.engine].empty)
    processes = max(1, ceil(own / BUSY))
    need = Need(
        engine=workload.engine, bytes=size, own_cores=own, server_cores=server, busy=BUSY, accounts=workload.accounts
    )
    stage, why = stage_of(need)
    polling = sum(one.a_day for one in calls if one.api != "create-order") / DAY
    return Capacity(
        tables=tables,
        calls=calls,
        load=load,
        rows=sum(one.rows for one in tables),
        bytes=size,
        disk_bytes=round(size * DISK),
        growth_bytes=round(sum((t.bytes + t.index_bytes) / t.days * MONTH for t in tables if t.for_ever and t.days)),
        own_cores=own,
        server_cores=server,
        cores=processes + (ceil(server / BUSY) if workload.engine is Engine.POSTGRES else 0),
        processes=processes,
        polling_pace=polling,
        stage=stage,
        why=why,
        notes=_notes(workload, polling),
    )


def rows_of_a_parcel(workload: Workload, measured: Measured) -> Mapping[str, float]:
    """Rows that one parcel leaves on its way, by kind."""
    scans, items = workload.scans, measured.stored_items
    listed, polled = scans * items, workload.polls * items
    events = (1 + scans * measured.events) if workload.subscribers else 0.0
    return {
        "shipments": 1.0,
        "waybills": measured.waybills,
        "track_links": 1.0,
        "milestones": measured.milestones,
        "attempts": _tries(workload) + workload.failed * (workload.polls / WAYBILLS_A_CALL),
        "inbox.webhook": scans,
        "inbox.updated_order": listed,
        "inbox.track_order": polled,
        "update_sources": (listed + polled) * measured.updates,
        "scans": scans,
        "promises": scans * measured.promises,
        "events": events,
        "event_deliveries": events * workload.subscribers,
        "notices": workload.messages,
    }


def table_sizes(workload: Workload, measured: Measured) -> tuple[TableSize, ...]:
    """Every table that grows with parcels, the largest first."""
    tables: dict[str, list[float]] = {}
    for kind, rows_each in rows_of_a_parcel(workload, measured).items():
        table = kind.partition(".")[0]
        rows = rows_each * workload.parcels_a_day * workload.days_kept(table)
        each = _row_bytes(kind, workload, measured)
        sums = tables.setdefault(table, [0.0, 0.0, 0.0])
        for place, more in enumerate((rows, rows * each.table, rows * each.indexes)):
            sums[place] += more
    sizes = [
        TableSize(
            table=table,
            rows=round(rows),
            bytes=round(size),
            index_bytes=round(indexes),
            days=workload.days_kept(table),
            for_ever=workload.is_kept_for_ever(table),
        )
        for table, (rows, size, indexes) in tables.items()
    ]
    return tuple(sorted(sizes, key=lambda one: (-one.bytes - one.index_bytes, one.table)))


def _row_bytes(kind: str, workload: Workload, measured: Measured) -> RowBytes:
    """Bytes of a row. A polled timeline grows with its scans, beyond what an item with one scan takes."""
    rows = measured.engines[workload.engine].rows
    if kind != "inbox.track_order":
        return rows[kind]
    least, found = rows["inbox.updated_order"].table, rows[kind]
    table = least + max(0.0, found.table - least) * workload.scans / measured.scans
    return RowBytes(table=table, indexes=found.indexes)


def _tries(workload: Workload) -> float:
    """Calls of create-order for a parcel: failed ones are repeated."""
    return 1 / (1 - workload.failed)


def calls_of(workload: Workload) -> tuple[Calls, ...]:
    """Calls to ClickPost. Polling is spread over the day by its pace; everything else follows the sale hour."""
    parcels, again = workload.parcels_a_day, _tries(workload)
    create = parcels * again
    track = parcels * workload.polls / WAYBILLS_A_CALL * again
    windows = WINDOWS_A_DAY * workload.accounts
    pages = max(windows, parcels * workload.scans / ITEMS_A_PAGE) * again
    return (
        Calls(api="create-order", a_day=round(create), per_second=create / DAY * workload.peak),
        Calls(api="track-order", a_day=round(track), per_second=track / DAY),
        Calls(
            api="updated-order",
            a_day=round(pages),
            per_second=max(windows, parcels * workload.scans / ITEMS_A_PAGE * workload.peak) / DAY,
        ),
    )


def load_of(workload: Workload, measured: Measured) -> tuple[Load, ...]:
    """The work of the sale hour."""
    orders = workload.parcels_a_day / DAY * workload.peak
    scans, polls = orders * workload.scans, workload.parcels_a_day * workload.polls / DAY
    events = orders * (1 + workload.scans * measured.events) * workload.subscribers
    a_second = {
        Work.INTAKE: orders,
        Work.PUSH: orders * _tries(workload),
        Work.RECEIVE: scans,
        Work.STORE: scans,
        Work.APPLY: scans,
        Work.LIST: scans,
        Work.APPLY_LISTED: scans * measured.stored_items,
        Work.POLL: polls,
        Work.APPLY_POLLED: polls * measured.stored_items,
        Work.EVENT: events,
    }
    times = measured.engines[workload.engine].work
    return tuple(
        Load(
            work=work,
            per_second=number,
            own_cores=number * times[work].own / 1e6,
            server_cores=number * times[work].server / 1e6,
        )
        for work, number in a_second.items()
    )


def _notes(workload: Workload, polling: float) -> tuple[str, ...]:
    found: list[str] = []
    if polling > workload.polling_pace:
        pace = f"the pace is {workload.polling_pace:g}"
        needed = f"polling needs {polling:,.1f} calls per second on an average day, and {pace}"
        ways = "raise AWBRIDGE_POLLING_CALLS_PER_SECOND as far as ClickPost allows"
        if workload.polling is PollingMode.GUIDE:
            ways += ", or set AWBRIDGE_POLLING=economical"
        found.append(f"{needed}: {ways}")
    return tuple(found)
