"""Catching up after an outage: all shipments changed at ClickPost while awbridge was down for a day.

    python -m bench outage --shipments 200000

One `awbridge work` with its default pace and every step running. Every shipment is also due for polling, as after a
real outage. The time is from the start of the process until updated-order is covered and applied. Every shipment must
then have ClickPost's status; otherwise the run is void.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from tests.support.processes import Running

from awbridge.store import Store
from awbridge.store.engine.queries import parse
from awbridge.store.polling import windows
from awbridge.store.tracking import inbox
from bench import databases
from bench.figures import Figure, keep
from bench.processes import cpu_of

LIMIT = 600  # seconds
ENDED = 600.0  # seconds ago: the last window is as long as the others
PAUSE = 2.0  # seconds between two looks
PATIENCE = 6  # times the limit
_SQL = parse("""
-- name: down_since
INSERT INTO catch_up_windows (from_at, to_at, done_at, items) VALUES ($1, $2, $2, 0)

-- name: due_polls
UPDATE shipments SET next_poll_at = $1, placed_at = $1, status_at = NULL, last_tracked_at = NULL

-- name: calls
SELECT SUM(items) AS items, COUNT(*) AS windows FROM catch_up_windows

-- name: statuses
SELECT waybill, status_code FROM shipments
""")


@dataclass(frozen=True, kw_only=True)
class CaughtUp:
    """`seconds` until covered and applied, `cpu` seconds of the process; updated-order listed `items` in `windows`."""

    seconds: float
    cpu: float
    items: int
    windows: int
    honest: bool


@contextmanager
def _vendor(shipments: int, hours: float, ended_at: float, statuses: Path) -> Generator[str]:
    command = [sys.executable, "-m", "bench.outage_vendor", *map(str, (shipments, hours, ended_at, statuses))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.stdin.close()
        process.wait(60)


async def _prepare(store: Store, hours: float, began: datetime) -> None:
    down_since = began - timedelta(hours=hours)
    async with store.write() as session:
        await session.execute(_SQL["down_since"], down_since - timedelta(minutes=10), down_since)
        await session.execute(_SQL["due_polls"], down_since)


async def _wait(store: Store, until: datetime) -> bool:
    """Whether all was covered, and what had arrived by then was applied. Polling brings more all the while."""
    deadline = time.monotonic() + PATIENCE * LIMIT
    covered_at = None
    while time.monotonic() < deadline:
        await asyncio.sleep(PAUSE)
        now = datetime.now(UTC)
        async with store.read() as session:
            covered = await windows.covered_until(session)
            due = await inbox.longest_due(session, now=now)
        if covered_at is None and covered and covered >= until:
            covered_at = now
        if covered_at and (due is None or due > covered_at):
            return True
    return False


async def _run(url: str, vendor: str, hours: float, ended_at: float, folder: Path, statuses: Path) -> CaughtUp:
    store = await Store.open(url)
    try:
        until = datetime.fromtimestamp(ended_at, UTC)
        await _prepare(store, hours, until)
        env = {
            "AWBRIDGE_DATABASE_URL": url,
            "AWBRIDGE_CLICKPOST_USERNAME": "sandbox",
            "AWBRIDGE_CLICKPOST_KEY": "sandbox-key",
            "AWBRIDGE_CLICKPOST_URL": vendor,
            "AWBRIDGE_CLICKPOST_TRACKING_URL": vendor,
            "AWBRIDGE_LOG_LEVEL": "error",
        }
        work = Running(["work"], env, folder, 0, forked=False)
        started = time.perf_counter()
        work.start()
        try:
            finished = await _wait(store, until)
        finally:
            seconds, cpu = time.perf_counter() - started, cpu_of(work.pid)
            work.stop()
        async with store.read() as session:
            calls = (await session.fetch(_SQL["calls"]))[0]
            here = {row["waybill"]: row["status_code"] for row in await session.fetch(_SQL["statuses"])}
        there = {w: int(code) for w, code in (line.split(",") for line in statuses.read_text().splitlines())}
        honest = finished and here == there
        return CaughtUp(seconds=seconds, cpu=cpu, items=calls["items"], windows=calls["windows"], honest=honest)
    finally:
        await store.close()


@click.command()
@click.option("--only", type=click.Choice(["SQLite", "PostgreSQL"]), help="One database.  [default: both]")
@click.option("--shipments", default=200_000, show_default=True, type=click.IntRange(100, 1_000_000))
@click.option("--hours", default=24.0, show_default=True, help="Length of the outage.")
def outage(shipments: int, hours: float, only: str | None) -> None:
    """Catching up after an outage in which every shipment changed, at the default pace."""
    table = Table("database", "seconds", "CPU", "items", "windows", "items/s", "every status as at ClickPost")
    good = True
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as name:
        folder = Path(name)
        ended_at, statuses = time.time() - ENDED, folder / "statuses.csv"
        with databases.both(folder, "outage") as urls, _vendor(shipments, hours, ended_at, statuses) as vendor:
            for engine, url in urls.items():
                if only not in (None, engine):
                    continue
                asyncio.run(databases.fill(url, range(shipments)))
                found = asyncio.run(_run(url, vendor, hours, ended_at, folder, statuses))
                rate = f"{found.items / found.seconds:,.0f}"
                keep(Figure(line=f"catching up, {engine}", now=found.items / found.seconds, unit="items/s"))
                said = "yes" if found.honest else "VOID"
                table.add_row(
                    engine,
                    f"{found.seconds:.0f}",
                    f"{found.cpu:.0f}",
                    f"{found.items:,}",
                    str(found.windows),
                    rate,
                    said,
                )
                good &= found.honest
    Console(width=110).print(table)
    sys.exit(0 if good else 1)
