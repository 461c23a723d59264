"""Durable webhook acknowledgements per second, against a server without a database; then pushed orders per second.

    make bench        or        python -m bench --seconds 5 --connections 32,128,512 --orders 5000
    python -m bench --only push

Load comes from a process of its own. Every acknowledged delivery is counted on the client and in the database after
each run: if they differ, the run is void and the exit code is 1.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click
from rich.console import Console
from rich.table import Table
from tests.support.postgres import find_binaries, postgres_server

from awbridge.store import Store, inbox
from bench import push

KEY = "bench-key"


@contextmanager
def server(database: str, *, keep: bool) -> Iterator[int]:
    """The endpoint in a process of its own; its port."""
    command = [sys.executable, "-m", "bench.webhook_server", database, KEY, "keep" if keep else "drop"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(30)


def load(port: int, connections: int, seconds: float) -> dict[str, object]:
    """One run of load, from a process of its own."""
    command = [sys.executable, "-m", "bench.load", str(port), str(connections), str(seconds), KEY]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


async def stored(database: str) -> int:
    """How many deliveries the database holds."""
    store = await Store.open(database)
    try:
        async with store.read() as session:
            return (await inbox.counts(session))["total"]
    finally:
        await store.close()


def measure(name: str, database: str, connections: list[int], seconds: float, table: Table) -> bool:
    """Measure one kind of storage at every number of connections; whether every acknowledgement was found again."""
    honest = True
    keep = name != "none"
    for number in connections:
        # The identities of one run repeat in the next; a database of its own for each keeps the counts apart.
        url = f"{database}_{number}" if database.startswith("postgresql") else f"{database}{number}.db"
        with server(url, keep=keep) as port:
            result = load(port, number, seconds)
        statuses = result["statuses"]
        assert isinstance(statuses, dict)
        acknowledged = int(statuses.get("200", 0))
        found = acknowledged if not keep else asyncio.run(stored(url))
        agree = found == acknowledged
        honest = honest and agree
        check = "-" if not keep else f"{found:,} of {acknowledged:,}" + ("" if agree else "  VOID")
        others = {k: v for k, v in statuses.items() if k != "200"}
        table.add_row(
            name,
            str(number),
            f"{result['per_second']:,}",
            str(result["p50_ms"]),
            str(result["p99_ms"]),
            check,
            str(others or ""),
        )
    return honest


@click.command()
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(0.5, 60))
@click.option("--connections", default="32,128,512", show_default=True)
@click.option("--orders", default=5000, show_default=True, type=click.IntRange(100, 100_000), help="Orders to push.")
@click.option("--only", type=click.Choice(["webhooks", "push"]), help="Only this part.")
def main(seconds: float, connections: str, orders: int, only: str | None) -> None:
    """Measure the webhook endpoint and push on every database; print a table for each."""
    honest = only == "push" or webhooks(seconds, connections)
    honest &= only == "webhooks" or pushing(orders)
    sys.exit(0 if honest else 1)


def pushing(orders: int) -> bool:
    """Measure push beside a bare client; whether every order was found placed and recorded."""
    table = Table("who", "orders/s", "of the bare client", "placed and recorded")
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder, ExitStack() as stack:
        databases = {"SQLite": f"sqlite:///{folder}/push.db"}
        if find_binaries():
            postgres = stack.enter_context(postgres_server())
            command = [str(postgres.binaries / "createdb"), "-h", "127.0.0.1", "-p", str(postgres.port)]
            subprocess.run([*command, "-U", "awbridge", "bench_push"], check=True)
            databases["PostgreSQL"] = postgres.url("bench_push")
        honest = push.measure(databases, orders, table)
    Console(width=100).print(table)
    return honest


def webhooks(seconds: float, connections: str) -> bool:
    """Measure the webhook endpoint; whether every acknowledgement was found again."""
    numbers = [int(part) for part in connections.split(",")]
    table = Table("storage", "connections", "acks/s", "p50 ms", "p99 ms", "found in the database", "other answers")
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder:
        honest = measure("none", f"sqlite:///{folder}/none", numbers, seconds, table)
        honest &= measure("SQLite", f"sqlite:///{folder}/bench", numbers, seconds, table)
    if find_binaries():
        with postgres_server() as postgres:
            for number in numbers:
                command = [str(postgres.binaries / "createdb"), "-h", "127.0.0.1", "-p", str(postgres.port)]
                subprocess.run([*command, "-U", "awbridge", f"bench_{number}"], check=True)
            honest &= measure("PostgreSQL", postgres.url("bench"), numbers, seconds, table)
    else:
        click.echo("PostgreSQL is not installed: not measured")
    Console(width=100).print(table)
    return honest


if __name__ == "__main__":
    main()
