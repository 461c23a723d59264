"""Speed with millions of scans against speed on a new database, on one PostgreSQL.

Storing deliveries, applying them and showing a shipment are each measured on one database and right after it on the
other, in alternating order, and compared round by round, because a shared machine is fast for a minute and slow for the
next. The large database holds ten scans and ten deliveries for each shipment, written day by day, so the rows of one
shipment are far apart on the disk. The shipments' rows have the resulting status. The extension pg_prewarm is required
(it comes with the server).
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import asyncpg
import click
import httpx2
from rich.console import Console
from rich.table import Table
from tests.support.postgres import postgres_server

from awbridge.domain.tracking.scan import Source
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery
from bench import databases
from bench.load import FIRST_ID, FIRST_WAYBILL, body
from bench.processes import Server, bridge, load

NEW, LARGE = "awbridge_bench_new", "awbridge_bench_large"
EACH = 10  # scans per shipment
CODE = 5  # their status: in transit
ACTIVE = 20_000  # shipments in the new database; deliveries are about as many of the large one's
BLOCKS = 8  # per round, alternating between the databases:
TO_APPLY = 500  # deliveries per block
PAGES = 40  # per block
QUIET_LOOKS = 10  # in a row, 0.2 s apart
ALLOWED = 0.2  # how much slower the large database may be

_SCANS = """
INSERT INTO scans (shard, id, reference_number, fingerprint, scan_id, checkpoint_id, waybill,
  courier_partner_id, status_code, status, remark, location, ndr_code, scanned_at, received_at, source)
SELECT shard, number * 10 + $1::bigint, reference_number,
  md5(reference_number || $1), 'old-' || number || '-' || $1, NULL, waybill, 4, 5, 'In Transit',
  'Shipment received at facility, connected to destination hub', 'Bengaluru_Hoskote_GW (Karnataka)', NULL,
  current_date - 10 + $1 * interval '1 day', current_date - 10 + $1 * interval '1 day', 'webhook'
FROM (SELECT shipments.*, substr(reference_number, 7)::bigint AS number FROM shipments) AS numbered
"""
_DELIVERIES = """
INSERT INTO inbox (shard, id, identity, source, body, received_at, due_at, applied_at, waiting_for, tries, problem)
SELECT number % 64, number * 10 + $1::bigint, 'osid:old-' || number || '-' || $1, 'webhook',
  convert_to(repeat('x', 900), 'UTF8'), current_date - 10 + $1 * interval '1 day', NULL,
  current_date - 10 + $1 * interval '1 day', NULL, 0, NULL
FROM generate_series(0, $2::bigint - 1) AS number
"""
_MILESTONES = """
INSERT INTO milestones (shard, reference_number, milestone, status_code, status_at, reached_at, why)
SELECT shard, reference_number, 'shipped', 5, current_date - 10, current_date - 10, '' FROM shipments
"""
_PROMISES = """
INSERT INTO promises (shard, reference_number, stated_at, edd, received_at, source)
SELECT shard, reference_number, current_date - 10, to_char(current_date + 3, 'YYYY-MM-DD'), current_date - 10, 'webhook'
FROM shipments
"""
_WARM = """
SELECT sum(pg_prewarm(oid, 'read')) FROM pg_class
WHERE relkind IN ('r', 'i', 't') AND relnamespace = 'public'::regnamespace AND relname <> 'inbox'
"""
_BUSY = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'awbridge' AND state = 'active'"
_STORED_SINCE = "SELECT count(*) FROM inbox WHERE shard = ANY($1::smallint[]) AND id > $2 AND identity LIKE 'osid:%'"


@dataclass(kw_only=True)
class Place:
    """One database and its figures, one per round."""

    url: str
    shipments: int
    acks: list[float] = field(default_factory=list[float])  # per second
    p99: list[float] = field(default_factory=list[float])  # ms
    applied: list[float] = field(default_factory=list[float])  # per second
    pages: list[float] = field(default_factory=list[float])  # ms
    used: int = 0  # delivery numbers already used
    lost: int = 0


async def _fill_large(url: str, shipments: int) -> None:
    """Fill it within PostgreSQL."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute(_MILESTONES, timeout=3600)
        await connection.execute(_PROMISES, timeout=3600)
        for day in range(EACH):
            await connection.execute(_SCANS.replace("$1", str(day)), timeout=3600)
            await connection.execute(_DELIVERIES.replace("$1", str(day)).replace("$2", str(shipments)), timeout=3600)
            click.echo(f"  {(day + 1) * shipments:,} scans", err=True)
    finally:
        await connection.close()


async def _settle(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE", timeout=3600)
        await connection.execute("CHECKPOINT", timeout=3600)
        # A database that has been in use is in memory as far as that goes; one that was just written is not. Applied
        # deliveries are not read again.
        await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        await connection.execute(_WARM, timeout=3600)
    finally:
        await connection.close()


async def _size(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT pg_database_size(current_database())")
    finally:
        await connection.close()


async def _create(url: str, name: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    return f"{url.rpartition('/')[0]}/{name}"


def _round(places: Sequence[Place], seconds: float) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(bridge(place.url)) for place in places]
        for place in places:
            asyncio.run(_until_at_rest(place.url))
        for place, server in zip(places, servers, strict=True):
            with _held([other for other in servers if other is not server]):
                _take_in(place, server, seconds)
        for place in places:
            asyncio.run(_until_applied(place.url))
        times = [list[float]() for _ in places]
        for _ in range(BLOCKS):
            for place, server, took in zip(places, servers, times, strict=True):
                took.extend(_show(server.port, place))
    for place, took in zip(places, times, strict=True):
        place.pages.append(statistics.median(took))
    asyncio.run(_apply_by_turns(places))


@contextmanager
def _held(servers: Sequence[Server]) -> Iterator[None]:
    """Pause these processes, so that their backlog does not slow down the measured one."""
    for server in servers:
        os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for server in servers:
            os.kill(server.pid, signal.SIGCONT)


def _take_in(place: Place, server: Server, seconds: float) -> None:
    since = (time.time_ns() // 1000) << 10  # ids grow with time
    seen = load(server, connections=128, seconds=seconds, shipments=place.shipments, first=place.used)
    place.acks.append(seen.per_second)
    place.p99.append(seen.p99)
    place.used += len(seen.acknowledged) + sum(seen.statuses.values())
    place.lost += len(seen.acknowledged) - asyncio.run(_stored(place.url, since))


async def _stored(url: str, since: int) -> int:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(_STORED_SINCE, list(range(64)), since, timeout=600)
    finally:
        await connection.close()


async def _until_at_rest(url: str) -> None:
    """Wait until a started process has processed what is due and late: that is not part of the measured load."""
    connection = await asyncpg.connect(url)
    try:
        quiet = 0
        while quiet < QUIET_LOOKS:
            await asyncio.sleep(0.2)
            quiet = 0 if await connection.fetchval(_BUSY) else quiet + 1
    finally:
        await connection.close()


async def _until_applied(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        while await connection.fetchval("SELECT count(*) FROM inbox_batches"):
            await asyncio.sleep(0.2)
    finally:
        await connection.close()


def _show(port: int, place: Place) -> list[float]:
    """Milliseconds to show a shipment with its timeline, for a block of them."""
    dice = random.Random(time.time_ns())
    times: list[float] = []
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        http.get("/healthz")
        for _ in range(PAGES):
            name = databases.reference(dice.randrange(place.shipments))
            started = time.perf_counter()
            http.get(f"/v1/shipments/{name}").raise_for_status()
            http.get(f"/v1/shipments/{name}/scans").raise_for_status()
            times.append((time.perf_counter() - started) * 1000)
    return times


async def _apply_by_turns(places: Sequence[Place]) -> None:
    """Deliveries per second that apply processes on its own."""
    dice = random.Random(places[0].used)
    stores = [await Store.open(place.url) for place in places]
    took = [0.0 for _ in places]
    try:
        for _ in range(BLOCKS):
            for number, (place, store) in enumerate(zip(places, stores, strict=True)):
                await inbox.add_at_once(store, [_delivery(place, dice) for _ in range(TO_APPLY)])
                took[number] += await _apply(store)
    finally:
        for store in stores:
            await store.close()
    for place, seconds in zip(places, took, strict=True):
        place.applied.append(BLOCKS * TO_APPLY / seconds)


async def _apply(store: Store) -> float:
    """Seconds to apply what is due."""
    policy = ApplyPolicy(zone=ZoneInfo("Asia/Kolkata"))
    started = time.perf_counter()
    while await apply_due(store=store, clock=utc_now, policy=policy):
        pass
    return time.perf_counter() - started


def _delivery(place: Place, dice: random.Random) -> NewDelivery:
    place.used += 1
    waybill = databases.waybill(dice.randrange(place.shipments))
    told = body(FIRST_ID + place.used).replace(FIRST_WAYBILL.encode(), waybill.encode())
    return NewDelivery(f"osid:{FIRST_ID + place.used}", Source.WEBHOOK, told, utc_now())


def _loaded(admin: str, shipments: int) -> tuple[Place, Place]:
    """The databases of an earlier run. Its delivery numbers are used up, so new ones grow with the clock."""
    used = int(time.time() - 1_795_000_000) * 10_000
    named = ((NEW, ACTIVE), (LARGE, shipments))
    new, large = (Place(url=f"{admin.rpartition('/')[0]}/{name}", shipments=n, used=used) for name, n in named)
    for place in (new, large):
        asyncio.run(_settle(place.url))
    return new, large


async def _prepare(admin: str, shipments: int) -> tuple[Place, Place]:
    new = Place(url=await _create(admin, NEW), shipments=ACTIVE)
    large = Place(url=await _create(admin, LARGE), shipments=shipments)
    started = time.monotonic()
    await databases.fill(new.url, range(ACTIVE))
    await databases.fill(large.url, range(shipments), code=CODE)
    await _fill_large(large.url, shipments)
    for place in (new, large):
        await _settle(place.url)
    size = await _size(large.url)
    click.echo(f"  loaded in {time.monotonic() - started:.0f} s; {size / 1e9:.1f} GB", err=True)
    return new, large


def _run(admin: str, scans: int, seconds: float, rounds: int, *, again: bool) -> tuple[Place, Place]:
    shipments = max(scans // EACH, ACTIVE)
    new, large = _loaded(admin, shipments) if again else asyncio.run(_prepare(admin, shipments))
    for number in range(rounds):
        _round((new, large) if number % 2 == 0 else (large, new), seconds)
        for place in (new, large):
            figures = (place.acks[-1], place.p99[-1], place.applied[-1], place.pages[-1])
            click.echo(
                f"  {place.shipments:,} shipments: " + ", ".join(f"{figure:,.1f}" for figure in figures), err=True
            )
    return new, large


def _print(new: Place, large: Place, scans: int) -> bool:
    table = Table("median", "new database", f"with {scans:,} scans", "speed", "within 20 %")
    rows = [
        ("acknowledgements a second, 128 connections", new.acks, large.acks, False),
        ("applied a second", new.applied, large.applied, False),
        ("a shipment and its scans, ms", new.pages, large.pages, True),
    ]
    kept = True
    for name, small, big, is_time in rows:
        speeds = [a / b if is_time else b / a for a, b in zip(small, big, strict=True)]
        speed = statistics.median(speeds)
        kept = kept and speed >= 1 - ALLOWED
        a, b = statistics.median(small), statistics.median(big)
        shown = f"{speed:.2f} ({min(speeds):.2f} to {max(speeds):.2f})"
        table.add_row(name, f"{a:,.1f}", f"{b:,.1f}", shown, "yes" if speed >= 1 - ALLOWED else "NO")
    a, b = statistics.median(new.p99), statistics.median(large.p99)
    table.add_row("p99 of acknowledgements, ms", f"{a:,.1f}", f"{b:,.1f}", "", "")
    console = Console(width=120)
    console.print(table)
    console.print("Medians of the rounds; speed: of the large one beside the new one in the same round, and its range.")
    return kept


@click.command()
@click.option("--scans", default=10_000_000, show_default=True, type=click.IntRange(1), help="In the large database.")
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.5, 60), help="Length of one load.")
@click.option("--rounds", default=6, show_default=True, type=click.IntRange(1, 20), help="Runs per median.")
@click.option("--database", help="postgresql://... of a server for two new databases; by default one is started.")
@click.option("--again", is_flag=True, help="Reuse the two databases of an earlier run.")
def scale(scans: int, seconds: float, rounds: int, database: str | None, *, again: bool) -> None:
    """Speed with millions of scans against speed on a new database. The full size needs 25 GB of disk."""
    if again and not database:
        raise click.UsageError("--again needs --database: a server that is started here has nothing yet.")
    if database:
        new, large = _run(database, scans, seconds, rounds, again=again)
    else:
        with postgres_server(durable=True) as server:
            new, large = _run(server.url(), scans, seconds, rounds, again=False)
    kept = _print(new, large, scans)
    if new.lost or large.lost:
        raise SystemExit(f"VOID: acknowledged and stored differ by {new.lost} and {large.lost}")
    raise SystemExit(0 if kept else 1)
