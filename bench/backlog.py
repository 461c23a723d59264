"""The memory of one `awbridge work` while it pushes a long queue.

The orders are in the database before it starts. Its resident memory is sampled: at the end it must be about the same as
near the beginning. Every order must be placed, with one attempt recorded for each; otherwise the run is void.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from tests.support.processes import Running, bridge_environment

from awbridge.store import Store
from awbridge.store.engine.queries import parse
from bench import databases
from bench.processes import NOWHERE
from bench.push import target

MARKS = (0.1, 0.5, 1.0)  # of all orders
ALLOWED = 1.15  # how much larger memory may be at the end than at the first mark
PAUSE = 0.5  # seconds between two samples
PATIENCE = 0.02  # seconds per order
_SQL = parse("""
-- name: left
SELECT COUNT(*) AS orders FROM shipments WHERE next_try_at IS NOT NULL AND NOT success

-- name: counts
SELECT (SELECT COUNT(*) FROM shipments WHERE state = 'placed' AND waybill IS NOT NULL) AS placed,
  (SELECT COUNT(*) FROM attempts WHERE outcome = 'placed') AS attempts
""")


@dataclass(kw_only=True)
class Seen:
    """Memory of the process. `at_marks`: MiB when each share of the orders was placed; `most`: the maximum."""

    at_marks: list[float] = field(default_factory=list[float])
    most: float = 0.0
    seconds: float = 0.0
    honest: bool = False

    @property
    def flat(self) -> bool:
        """Whether memory at the end is about the same as at the first mark."""
        return len(self.at_marks) == len(MARKS) and self.at_marks[-1] <= ALLOWED * self.at_marks[0]


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def _watch(store: Store, work: Running, number: int) -> Seen:
    seen, started = Seen(), time.perf_counter()
    while len(seen.at_marks) < len(MARKS) and time.perf_counter() - started < PATIENCE * number:
        await asyncio.sleep(PAUSE)
        memory = _resident(work.pid)
        seen.most = max(seen.most, memory)
        async with store.read() as session:
            left = (await session.fetch(_SQL["left"]))[0]["orders"]
        if number - left >= MARKS[len(seen.at_marks)] * number:
            seen.at_marks.append(memory)
    seen.seconds = time.perf_counter() - started
    async with store.read() as session:
        counts = dict((await session.fetch(_SQL["counts"]))[0])
    seen.honest = counts == {"placed": number, "attempts": number}
    return seen


async def _run(url: str, vendor: str, number: int, folder: Path) -> Seen:
    store = await Store.open(url)
    try:
        await store.migrate()
        await databases.queue(store, range(number))
        click.echo(f"  {number:,} orders wait", err=True)
        env = bridge_environment(url, vendor, 0) | {
            "AWBRIDGE_CLICKPOST_TRACKING_URL": NOWHERE,
            "AWBRIDGE_PUSH_LEASE_SECONDS": "120",
            "AWBRIDGE_LOG_LEVEL": "error",
        }
        work = Running(["work"], env, folder, 0, forked=False)
        work.start()
        try:
            return await _watch(store, work, number)
        finally:
            work.stop()
    finally:
        await store.close()


@click.command()
@click.option("--only", type=click.Choice(["SQLite", "PostgreSQL"]), help="One database.  [default: both]")
@click.option("--orders", "number", default=200_000, show_default=True, type=click.IntRange(1_000, 10_000_000))
def backlog(number: int, only: str | None) -> None:
    """The memory of one process while it pushes a long queue, on every database."""
    marks = [f"at {mark:.0%}, MiB" for mark in MARKS]
    table = Table("database", *marks, "most, MiB", "orders/s", "placed and recorded")
    good = True
    with (
        tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder,
        target() as vendor,
        databases.both(Path(folder), "backlog") as urls,
    ):
        for engine, url in urls.items():
            if only not in (None, engine):
                continue
            seen = asyncio.run(_run(url, vendor, number, Path(folder)))
            sizes = [f"{size:.0f}" for size in seen.at_marks] + ["-"] * (len(MARKS) - len(seen.at_marks))
            rate = f"{number / seen.seconds:,.0f}"
            table.add_row(engine, *sizes, f"{seen.most:.0f}", rate, "all" if seen.honest else "VOID")
            good &= seen.flat and seen.honest
    Console(width=110).print(table)
    sys.exit(0 if good else 1)
