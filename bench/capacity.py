"""The constants of `awbridge capacity`: bytes of each kind of row, and processor time of each kind of work.

Parcels go their whole way on a database of each engine, in waves, so that a part of them is under way at a time; the
database is vacuumed after each scan, as it is in service. With --write the constants of the package are written anew.
With --check the model is held against a database that is filled with many times as many parcels.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click
import structlog
from rich.console import Console
from rich.table import Table
from tests.support.copies import copy_postgres, copy_sqlite
from tests.support.parcels import Cost, road
from tests.support.postgres import PostgresServer, find_binaries, postgres_server
from tests.support.processes import WEBHOOK_KEY
from tests.support.sizes import Size, postgres_sizes, sqlite_sizes
from tests.support.stores import migrate

from awbridge.app.capacity.figures import FILE, measured
from awbridge.app.work import settle_down
from awbridge.domain.capacity.estimate import estimate
from awbridge.domain.capacity.measured import KINDS, Engine, Work
from awbridge.domain.capacity.workload import MONTH, Workload
from awbridge.domain.tracking.asking import HEADROOM
from awbridge.steps.runtime.clock import utc_now
from bench.processes import load, peer

ENGINES = {Engine.SQLITE: "SQLite", Engine.POSTGRES: "PostgreSQL"}
ALLOWED = 0.15  # how far prediction and database may be apart
_COSTS = {Work.STORE: "webhook", Work.APPLY: "apply webhook"}  # as the road names them; others have the same name


@dataclass(frozen=True, kw_only=True)
class Place:
    """An empty database, and what is done to it from outside."""

    url: str
    sizes: Callable[[], dict[str, Size]]
    total: Callable[[], int]
    vacuum: Callable[[], None]
    copy: Callable[[range, Callable[[int], None]], None]
    postmaster: int = 0


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was measured on one database."""

    empty: int
    scans: int
    polled: int
    sizes: Mapping[str, Size]
    costs: Mapping[str, Cost]


@contextmanager
def _place(engine: Engine) -> Generator[Place]:
    if engine is Engine.SQLITE:
        with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder:
            path = Path(folder) / "capacity.db"
            yield Place(
                url=f"sqlite:///{path}",
                sizes=lambda: sqlite_sizes(path),
                total=lambda: path.stat().st_size if path.exists() else 0,
                vacuum=lambda: None,
                copy=lambda numbers, on_done: copy_sqlite(path, numbers, on_done=on_done),
            )
        return
    with postgres_server(durable=True) as server:
        url = server.url()
        yield Place(
            url=url,
            sizes=lambda: asyncio.run(postgres_sizes(url)),
            total=lambda: _total(server, url),
            vacuum=lambda: server.execute(url, "VACUUM"),
            copy=lambda numbers, on_done: asyncio.run(copy_postgres(url, numbers, on_done=on_done)),
            postmaster=int((server.folder / "data" / "postmaster.pid").read_text().split()[0]),
        )


def _total(server: PostgresServer, url: str) -> int:
    command = [str(server.binaries / "psql"), url, "-tAc", "SELECT pg_database_size(current_database())"]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _follow(place: Place, parcels: int, wave: int) -> Found:
    """Parcels on their whole way on this database."""
    before = place.total()
    asyncio.run(migrate(place.url))
    empty = place.total() - before

    async def follow() -> tuple[int, dict[str, Cost]]:
        async with road(place.url, postmaster=place.postmaster) as way:
            await way.follow(parcels, wave=wave, after_scan=place.vacuum)
            return way.simulated.scans(), dict(way.costs)

    scans, costs = asyncio.run(follow())
    return Found(empty=empty, scans=scans, polled=costs["track-order"].count, sizes=place.sizes(), costs=costs)


def _receive_time() -> float:
    """Microseconds to read and answer a webhook, without its row."""
    with peer("unstored", WEBHOOK_KEY) as server:
        return load(server, connections=32, seconds=4, shipments=10_000, rate=1000).cpu


def _toml(found: Mapping[Engine, Found], parcels: int, receive: float, machine: str, command: str) -> str:
    first = next(iter(found.values()))
    rows = {kind: size.rows for kind, size in first.sizes.items()}
    items = rows["inbox.updated_order"] + rows["inbox.track_order"]
    shares = {
        "scans": first.scans / parcels,
        "waybills": rows["waybills"] / parcels,
        "milestones": rows["milestones"] / parcels,
        "stored_items": items / (first.scans + first.polled),
        "updates": rows.get("update_sources", 0) / items,
        "promises": rows.get("promises", 0) / first.scans,
        "events": (rows["events"] - parcels) / first.scans,
    }
    lines = [
        "# The constants of `awbridge capacity`. `python -m bench capacity --write` measures and writes them.",
        f"# {parcels:,} parcels went their whole way on each database: orders stored and pushed, a webhook",
        "# and an item of updated-order for each scan, a poll after every second scan, events to one subscriber.",
        "",
        "[about]",
        f'day = "{utc_now().date().isoformat()}"',
        f'machine = "{machine}"',
        f'command = "{command}"',
        "",
        "# Counted in that run. scans, waybills, milestones: of a parcel. stored_items: rows of each polled item, as",
        "# one that repeats another is not stored. updates: rows of update_sources of each stored item. promises,",
        "# events: of each scan (and an event of each parcel, when it is placed).",
        "[rows_of_a_parcel]",
        *(f"{name} = {share:.3f}" for name, share in shares.items()),
    ]
    for engine, one in found.items():
        lines += _of_engine(engine, one, receive)
    return "\n".join(lines) + "\n"


def _of_engine(engine: Engine, found: Found, receive: float) -> list[str]:
    lines = ["", f"[{engine.value}]", f"empty = {found.empty}  # bytes of the tables without rows", ""]
    lines.append("# Bytes of a row: the files of table and indexes, divided by rows (tests/support/sizes.py).")
    lines.append(f"[{engine.value}.bytes]")
    for kind in KINDS:
        sizes = [size for name, size in found.sizes.items() if name == kind or (kind == "attempts" and kind in name)]
        rows = sum(size.rows for size in sizes) or 1
        table, indexes = (sum(getattr(size, part) for size in sizes) / rows for part in ("table", "indexes"))
        lines.append(f'"{kind}" = {{ table = {table:.0f}, indexes = {indexes:.0f} }}')
    lines += [
        "",
        "# Microseconds of processor time: of awbridge, and of the server (tests/support/parcels.py). receive:",
    ]
    lines += ["# of the webhook endpoint on a store that keeps nothing, at 1,000 a second (bench/peers/unstored.py)."]
    lines.append(f"[{engine.value}.microseconds]")
    for work in Work:
        own, server = receive, 0.0
        if work is not Work.RECEIVE:
            cost = found.costs[_COSTS.get(work, work.value)]
            own, server = (seconds / cost.count * 1e6 for seconds in (cost.own, cost.server))
        lines.append(f'"{work.value}" = {{ own = {own:.0f}, server = {server:.0f} }}')
    return lines


def _workload(engine: Engine, found: Found, parcels: int) -> Workload:
    """What a database holds in which so many parcels went the way of the originals: nothing is deleted."""
    open_days = (found.polled / parcels - 1.25) * HEADROOM
    return Workload(
        engine=engine,
        parcels=parcels,
        age=MONTH,
        scans=found.scans / parcels,
        open_days=open_days,
        failed=0,
        messages=found.sizes["notices"].rows / parcels,
    )


def _compare(engine: Engine, found: Found, real: Mapping[str, Size], total: int, parcels: int, each: int) -> bool:
    """Print what is predicted for `parcels`, of which `each` were followed, beside what is there; whether it fits."""
    predicted = estimate(replace(_workload(engine, found, each), parcels=parcels), measured())
    table = Table(title=f"{ENGINES[engine]}, {parcels:,} parcels")
    for name in ("table", "rows predicted", "rows", "ratio", "MB predicted", "MB", "ratio"):
        table.add_column(name, justify="left" if name == "table" else "right")
    sums = [0.0, 0.0, 0.0, 0.0]
    for one in predicted.tables:
        sizes = [size for kind, size in real.items() if kind.partition(".")[0] == one.table]
        rows, size = sum(s.rows for s in sizes), sum(s.table + s.indexes for s in sizes)
        line = (one.rows, rows, one.bytes + one.index_bytes, size)
        sums = [a + b for a, b in zip(sums, line, strict=True)]
        table.add_row(one.table, *_line(*line))
    table.add_row("all", *_line(*sums), style="bold")
    console = Console(width=110)
    console.print(table)
    console.print(f"The database has {total / 1e6:,.0f} MB; predicted are {predicted.bytes / 1e6:,.0f}.")
    return all(abs(a / b - 1) <= ALLOWED for a, b in ((sums[0], sums[1]), (sums[2], sums[3]), (predicted.bytes, total)))


def _line(rows_predicted: float, rows: float, bytes_predicted: float, size: float) -> tuple[str, ...]:
    ratios = [f"{a / b:.2f}" if b else "" for a, b in ((rows_predicted, rows), (bytes_predicted, size))]
    megabytes = [f"{number / 1e6:,.1f}" for number in (bytes_predicted, size)]
    return f"{rows_predicted:,.0f}", f"{rows:,}", ratios[0], *megabytes, ratios[1]


def _print_costs(engine: Engine, found: Found) -> None:
    table = Table(title=f"{ENGINES[engine]}: microseconds of processor time")
    for name in ("work", "number", "awbridge", "server", "seconds on the clock"):
        table.add_column(name, justify="left" if name == "work" else "right")
    for kind, cost in found.costs.items():
        own, server = (seconds / max(cost.count, 1) * 1e6 for seconds in (cost.own, cost.server))
        table.add_row(kind, f"{cost.count:,}", f"{own:,.0f}", f"{server:,.0f}", f"{cost.wall:.1f}")
    Console(width=110).print(table)


@click.command()
@click.option("--parcels", default=1000, show_default=True, type=click.IntRange(20, 100_000), help="To follow.")
@click.option("--engine", type=click.Choice([one.value for one in Engine]), help="One database only; not with --write.")
@click.option("--check", "filled", type=click.IntRange(100, 10_000_000), help="Fill with so many parcels and compare.")
@click.option("--write", is_flag=True, help="Write the constants of the package.")
@click.option("--machine", default="2 cores", show_default=True, help="The machine in words, for the constants.")
def capacity(parcels: int, engine: str | None, filled: int | None, *, write: bool, machine: str) -> None:
    """The constants of `awbridge capacity`, and its prediction against a filled database."""
    if write and (engine or filled):
        raise click.UsageError("--write measures every database, and nothing else")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    settle_down()
    fits, found = True, dict[Engine, Found]()
    for one in Engine:
        if engine not in (None, one) or (one is Engine.POSTGRES and not find_binaries()):
            continue
        with _place(one) as place:
            found[one] = _follow(place, parcels, max(parcels // 20, 1))
            _print_costs(one, found[one])
            if filled:
                fits &= _check(one, place, found[one], parcels, filled)
            elif not write:
                fits &= _compare(one, found[one], found[one].sizes, place.total(), parcels, parcels)
    if write:
        command = f"python -m bench capacity --parcels {parcels} --write"
        FILE.write_text(_toml(found, parcels, _receive_time(), machine, command), encoding="utf-8")
        click.echo(f"written: {FILE.name}")
        return
    sys.exit(0 if fits else 1)


def _check(engine: Engine, place: Place, found: Found, parcels: int, filled: int) -> bool:
    started, copies = time.monotonic(), filled // parcels - 1

    def report(copy: int) -> None:
        click.echo(f"  {(copy + 1) * parcels:,} parcels after {time.monotonic() - started:.0f} s", err=True)

    place.copy(range(1, copies + 1), report)
    return _compare(engine, found, place.sizes(), place.total(), (copies + 1) * parcels, parcels)
