"""The cost of a claim with ten thousand, a hundred thousand and a million waiting orders.

A claim is what push does for a batch: find the accounts with due orders, take the orders under a lease.
Between claims the orders are placed, untimed, so every claim finds the queue as push leaves it. Every claim must return
a full batch, urgent orders first, and no order twice; otherwise the run is void.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import NORMAL, Shipment
from awbridge.store import Store
from awbridge.store.couriers import accounts
from awbridge.store.engine.queries import Queries, Statement, parse
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import Placing
from bench import databases

BATCH = 96  # orders per claim, the same number for each account
ROUNDS = 60
WARM = 5  # rounds that are not measured
ALLOWED = 2.0  # how much more a claim may cost in the longest queue than in the shortest
LEASE = timedelta(seconds=120)

_ANALYZE = parse("-- name: analyze\nANALYZE shipments")["analyze"]


@dataclass(kw_only=True)
class Measured:
    """Claims at one queue size. Times in ms."""

    waiting: int
    looks: list[float] = field(default_factory=list[float])
    claims: list[float] = field(default_factory=list[float])
    honest: bool = True

    @property
    def whole(self) -> float:
        """The median of finding and claiming together."""
        return statistics.median(look + claim for look, claim in zip(self.looks, self.claims, strict=True))


async def _claim(store: Store, now: datetime, measured: Measured) -> list[Shipment]:
    started = time.perf_counter()
    async with store.read() as session:
        due = await accounts.due(session, now=now)
    looked = time.perf_counter()
    turns, owner = {a.account: BATCH // len(databases.ACCOUNTS) for a in due}, uuid.uuid4().hex
    async with store.write() as session:
        urgent = {a.account for a in due if a.urgent}
        claimed = await dispatch.claim(session, turns, urgent, owner=owner, now=now, until=now + LEASE, locked=False)
    measured.looks.append((looked - started) * 1000)
    measured.claims.append((time.perf_counter() - looked) * 1000)
    return claimed


async def _place(store: Store, claimed: Sequence[Shipment], now: datetime) -> None:
    placings = [
        Placing(shipment=s, placed=Placed(waybill=f"AWB{s.reference_number}"), difference=None, next_poll_at=None)
        for s in claimed
    ]
    async with store.write() as session:
        await dispatch.place(session, placings, now=now)


async def _measure(store: Store, waiting: int) -> Measured:
    measured, seen, now = Measured(waiting=waiting), set[str](), datetime.now(UTC)
    for number in range(WARM + ROUNDS):
        if number == WARM:
            measured.looks.clear()
            measured.claims.clear()
        claimed = await _claim(store, now, measured)
        references = {s.reference_number for s in claimed}
        ordered = [s.priority for s in claimed] == sorted(s.priority for s in claimed)
        measured.honest &= len(claimed) == BATCH and ordered and not references & seen
        seen |= references
        await _place(store, claimed, now)
    return measured


async def _plan(store: Store) -> str:
    """The database's plan for the claim of one account."""
    claim, now = Queries(dispatch.__name__).claim, datetime.now(UTC)
    explain = Statement("plan", f"EXPLAIN {claim.postgres}", f"EXPLAIN QUERY PLAN {claim.sqlite}")
    courier, code = databases.ACCOUNTS[0]
    row = ("owner", now + LEASE, now, f"{courier}:{code}", NORMAL, BATCH, False)
    async with store.write() as session:
        rows = await session.fetch_rows(explain, [row])
    return "\n".join(str(list(dict(row).values())[-1]) for row in rows)


async def _run(url: str, sizes: Sequence[int]) -> tuple[list[Measured], str]:
    store = await Store.open(url)
    try:
        await store.migrate()
        measured: list[Measured] = []
        stored = placed = 0
        for size in sizes:
            started = time.perf_counter()
            await databases.queue(store, range(stored, size + placed))
            stored = size + placed
            async with store.write() as session:
                await session.execute(_ANALYZE)  # as autovacuum would do a minute later
            click.echo(f"  {size:,} orders wait, after {time.perf_counter() - started:.0f} s", err=True)
            measured.append(await _measure(store, size))
            placed += (WARM + ROUNDS) * BATCH
        return measured, await _plan(store)
    finally:
        await store.close()


def _row(engine: str, measured: Measured) -> tuple[str, ...]:
    numbers = (
        statistics.median(measured.looks),
        statistics.median(measured.claims),
        measured.whole,
        statistics.quantiles(measured.claims, n=20)[-1],
    )
    return (engine, f"{measured.waiting:,}", *(f"{n:.1f}" for n in numbers), "all" if measured.honest else "VOID")


@click.command()
@click.option("--most", default=1_000_000, show_default=True, type=click.IntRange(100_000, 10_000_000))
def claims(most: int) -> None:
    """The cost of a claim for growing numbers of waiting orders, with the databases' plans."""
    table = Table("database", "waiting", "look, ms", f"claim of {BATCH}, ms", "both, ms", "claim, 95 %", "whole, once")
    good, plans = True, dict[str, str]()
    with (
        tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder,
        databases.both(Path(folder), "claims") as urls,
    ):
        for engine, url in urls.items():
            measured, plans[engine] = asyncio.run(_run(url, sorted({10_000, 100_000, most})))
            for each in measured:
                table.add_row(*_row(engine, each))
            good &= all(m.honest for m in measured) and measured[-1].whole <= ALLOWED * measured[0].whole
    console = Console(width=110)
    console.print(table)
    for engine, plan in plans.items():
        click.echo(f"\nThe plan of {engine} among {most:,}:\n{plan}")
    sys.exit(0 if good else 1)
