"""Durable webhook acknowledgements per second: `awbridge serve`, no database at all, and the plain design.

Load comes from its own process over keep-alive connections. After each run, every delivery that was answered with 200
is looked up in the database: if one is missing or duplicated, the run is void and the exit code is 1.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import click
from rich.console import Console
from rich.table import Table
from tests.support.postgres import PostgresServer, find_binaries, postgres_server
from tests.support.processes import WEBHOOK_KEY

from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.tracking import inbox
from bench import databases
from bench.figures import Figure, keep
from bench.processes import Load, bridge, load, peer

P99_LIMIT = 50  # ms
SHIPMENTS = 20_000
HOLLOW = ("no database", "nothing stored")  # servers that store nothing
PATIENCE = 60.0  # seconds that apply gets to process the backlog of the load


@dataclass(kw_only=True)
class Measured:
    """The runs of one server with one number of connections."""

    loads: list[Load] = field(default_factory=list[Load])
    applied: list[float] = field(default_factory=list[float])  # per second, during the load
    drained: list[float] = field(default_factory=list[float])  # per second, after the load until nothing was left
    behind: list[float] = field(default_factory=list[float])  # seconds that the oldest was due when the load ended
    lost: int = 0
    extra: int = 0

    def median(self, name: str) -> float:
        """The median of one figure over the runs."""
        return statistics.median(getattr(one, name) for one in self.loads)

    @property
    def void(self) -> bool:
        """Whether an acknowledged delivery is missing, or a stored one was never sent."""
        return bool(self.lost or self.extra)


class Places:
    """New databases, copied from one that is already filled."""

    def __init__(self, folder: Path, postgres: PostgresServer | None) -> None:
        self._folder = folder
        self._postgres = postgres
        self._number = 0

    @property
    def postgres(self) -> PostgresServer | None:
        """The server of the databases, if one was chosen."""
        return self._postgres

    def prepare(self) -> None:
        """Fill the databases to copy."""
        asyncio.run(databases.fill_indexed(f"sqlite:///{self._folder}/filled.db", range(SHIPMENTS)))
        if self._postgres:
            self._admin("CREATE DATABASE filled")
            asyncio.run(databases.fill_indexed(self._postgres.url("filled"), range(SHIPMENTS)))

    def fresh(self, engine: str, *, filled: bool) -> str:
        """The URL of a new database."""
        self._number += 1
        if engine == "SQLite":
            path = self._folder / f"run{self._number}.db"
            if filled:
                shutil.copy(self._folder / "filled.db", path)
            return f"sqlite:///{path}"
        assert self._postgres
        self._admin(f"CREATE DATABASE run{self._number}" + (" TEMPLATE filled" if filled else ""))
        self._admin("CHECKPOINT")  # the copy's writes must not happen during the run
        return self._postgres.url(f"run{self._number}")

    def remove(self, url: str) -> None:
        """Delete a measured database."""
        if url.startswith("sqlite"):
            for file in self._folder.glob(Path(url).name + "*"):
                file.unlink()
        else:
            self._admin(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def _admin(self, sql: str) -> None:
        assert self._postgres
        tool = str(self._postgres.binaries / "psql")
        where = ["-h", "127.0.0.1", "-p", str(self._postgres.port), "-U", "awbridge", "-d", "postgres"]
        subprocess.run([tool, "-q", *where, "-c", sql], check=True)


def bare(connections: int, seconds: float) -> Measured:
    """The same server without key, JSON and database."""
    with peer("bare") as server:
        return Measured(loads=[load(server, connections=connections, seconds=seconds, shipments=SHIPMENTS)])


def unstored(connections: int, seconds: float) -> Measured:
    """awbridge's endpoint on a store that keeps nothing, without steps."""
    with peer("unstored", WEBHOOK_KEY) as server:
        return Measured(loads=[load(server, connections=connections, seconds=seconds, shipments=SHIPMENTS)])


def plain(places: Places, engine: str, connections: int, seconds: float) -> Measured:
    """FastAPI, pydantic, SQLAlchemy."""
    url = places.fresh(engine, filled=False)
    with peer("plain", url, WEBHOOK_KEY) as server:
        result = Measured(loads=[load(server, connections=connections, seconds=seconds, shipments=SHIPMENTS)])
    _compare(result, asyncio.run(_plain_stored(url)))
    places.remove(url)
    return result


def ours(places: Places, engine: str, connections: int, seconds: float, rate: float) -> Measured:
    """`awbridge serve`, with apply running in the same process."""
    url = places.fresh(engine, filled=True)
    result = Measured()
    with bridge(url) as server:
        seen = load(server, connections=connections, seconds=seconds, shipments=SHIPMENTS, rate=rate)
        result.loads.append(seen)
        asyncio.run(_watch_apply(url, result, seconds))
    _compare(result, asyncio.run(_ours_stored(url)))
    places.remove(url)
    return result


def _compare(result: Measured, stored: list[int]) -> None:
    [seen] = result.loads
    result.lost = len(seen.acknowledged - set(stored))
    unknown = sum(count for status, count in seen.statuses.items() if status != "200")  # may or may not be stored
    result.extra = max(0, len(stored) - len(seen.acknowledged) - unknown)


async def _watch_apply(url: str, result: Measured, seconds: float) -> None:
    store = await Store.open(url)
    try:
        async with store.read() as session:
            oldest = await inbox.longest_due(session, now=utc_now())
            before, started = (await inbox.counts(session))["applied"], time.monotonic()
        result.behind.append((utc_now() - oldest).total_seconds() if oldest else 0.0)
        while oldest and time.monotonic() < started + PATIENCE:
            await asyncio.sleep(0.1)
            async with store.read() as session:  # counting every delivery here would take a quarter of a core
                oldest = await inbox.longest_due(session, now=utc_now())
        ended = time.monotonic()
        async with store.read() as session:
            after = (await inbox.counts(session))["applied"]
        result.applied.append(before / seconds)
        result.drained.append((after - before) / (ended - started))
    finally:
        await store.close()


async def _ours_stored(url: str) -> list[int]:
    store = await Store.open(url)
    try:
        async with store.read() as session:
            rows = await session.fetch(databases.IDENTITIES)
    finally:
        await store.close()
    return [int(row["identity"].removeprefix("osid:")) for row in rows]


async def _plain_stored(url: str) -> list[int]:
    query = "SELECT order_status_id FROM deliveries"
    if url.startswith("sqlite"):
        # The peer's process has ended: no second SQLite library has the file open.
        with sqlite3.connect(url.removeprefix("sqlite:///")) as opened:
            return [row[0] for row in opened.execute(query)]
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()


@contextmanager
def places_for(engines: list[str]) -> Iterator[Places]:
    """Databases of these engines, removed at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as name:
        if "PostgreSQL" in engines:
            with postgres_server(durable=True) as postgres:
                yield Places(Path(name), postgres)
        else:
            yield Places(Path(name), None)


@click.command()
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0.5, 60), help="Length of one run.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20), help="Runs per median.")
@click.option("--connections", default="32,128,512", show_default=True)
@click.option("--engine", "engines", multiple=True, type=click.Choice(["SQLite", "PostgreSQL"]), help="Default: both.")
@click.option("--rate", default=0.0, help="Send this many per second to awbridge instead of as many as it can answer.")
@click.option("--peers/--no-peers", default=True, help="Whether to measure the plain design too.")
def webhook(
    seconds: float, rounds: int, connections: str, engines: tuple[str, ...], rate: float, *, peers: bool
) -> None:
    """Durable acknowledgements per second, in turns with the same server without a database and the plain design."""
    chosen = list(engines) or ["SQLite", *(["PostgreSQL"] if find_binaries() else [])]
    numbers = [int(part) for part in connections.split(",")]
    results: dict[tuple[str, int], Measured] = {}
    with places_for(chosen) as places:
        places.prepare()
        for _ in range(rounds):
            for number in numbers:
                _add(results, ("no database", number), bare(number, seconds))
                _add(results, ("nothing stored", number), unstored(number, seconds))
                for engine in chosen:
                    if peers:
                        _add(results, (f"plain, {engine}", number), plain(places, engine, number, seconds))
                    _add(results, (engine, number), ours(places, engine, number, seconds, rate))
    _print(results)
    if void := [name for name, measured in results.items() if measured.void]:
        raise SystemExit(f"VOID: {void}")


def _add(results: dict[tuple[str, int], Measured], key: tuple[str, int], one: Measured) -> None:
    known = results.setdefault(key, Measured())
    known.loads += one.loads
    known.applied += one.applied
    known.drained += one.drained
    known.behind += one.behind
    known.lost += one.lost
    known.extra += one.extra


def _print(results: dict[tuple[str, int], Measured]) -> None:
    columns = ("", "connections", "acks/s", "of no database", "times plain", "p50 ms", "p99 ms", "longest", "CPU us")
    table = Table(*columns, "applied/s", "behind, s", "then/s", "lost", "other answers")
    for (name, number), measured in sorted(results.items(), key=lambda item: (item[0][1], item[0][0])):
        rate = measured.median("per_second")
        base, beside = results[("no database", number)], results.get((f"plain, {name}", number))
        if name not in HOLLOW and beside:
            keep(Figure(line=f"webhooks, {name}", now=rate, unit="acks/s", peer=beside.median("per_second")))
            keep(Figure(line=f"webhooks, {name}, p99", now=measured.median("p99"), unit="ms", most=P99_LIMIT))
        table.add_row(
            name,
            str(number),
            f"{rate:,.0f}",
            f"{rate / base.median('per_second'):.2f}",
            f"{rate / beside.median('per_second'):.0f}" if beside else "",
            f"{measured.median('p50'):.0f}",
            f"{measured.median('p99'):.0f}",
            f"{measured.median('longest'):.0f}",
            f"{measured.median('cpu'):.0f}",
            f"{statistics.median(measured.applied):,.0f}" if measured.applied else "",
            f"{max(measured.behind):.1f}" if measured.behind else "",
            f"{statistics.median(measured.drained):,.0f}" if measured.drained else "",
            "-" if name in HOLLOW else f"{measured.lost}" + (" VOID" if measured.void else ""),
            str({k: v for one in measured.loads for k, v in one.statuses.items() if k != "200"} or ""),
        )
    Console(width=130).print(table)
    Console(width=130).print(
        "Medians. no database: the server with a bare ASGI app. nothing stored: awbridge's own endpoint on a store "
        "that keeps nothing. applied/s: while the load lasted, in the same process; behind: how long the oldest was "
        "due when it ended, the most of all runs; then/s: after it, until nothing was due. "
        " CPU: the server process's own time for each acknowledgement, apply included."
    )
