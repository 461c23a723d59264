"""Many accounts in one service: what idle ones cost, and whether the flood of one delays the others.

Idle: `awbridge serve` with accounts that have nothing to do, after it has looked at each of them; the processor time of
the service and of PostgreSQL, and memory.

Fair: small accounts get a webhook, then an order, again and again: how long until it is acknowledged, until it is
applied and until the order is placed. First alone, then while another account is flooded with webhooks, has deliveries
to apply and orders to push.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import httpx2
from tests.support.ports import free_port
from tests.support.processes import running

from awbridge.domain.accounts.names import schema_of
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.store import Store
from bench import databases, load
from bench.processes import Server

KEY = "bench-key"
FLOODED = "flooded"
COURIER = (4, "Delhivery Surface")  # which the sandbox knows
OPENED = 25  # accounts of which the opening is measured
SETTLED = 0.02  # cores, below which a service has nothing left to look at


def _tables(names: list[str], vendor: str) -> str:
    return "".join(
        f'[accounts.{name}]\nclickpost_username = "sandbox"\nclickpost_key = "sandbox-key"\n'
        f'clickpost_url = "{vendor}"\n'
        f'clickpost_tracking_url = "{vendor}"\nwebhook_keys = "{KEY}"\napi_keys = "{KEY}"\n\n'
        for name in names
    )


@contextlib.contextmanager
def _service(database: str, names: list[str], vendor: str, folder: Path) -> Iterator[Server]:
    """`awbridge serve` for these accounts, migrated before."""
    port = free_port()
    config = folder / "awbridge.toml"
    top = f'data_dir = "{folder}/data"\nlog_level = "error"\napi_keys = "{KEY}"\ncourier_comparison_seconds = 0\n'
    config.write_text(top + _tables(names, vendor))
    env = {"AWBRIDGE_DATABASE_URL": database, "AWBRIDGE_CONFIG": str(config), "AWBRIDGE_PORT": str(port)}
    started = time.monotonic()
    command = [sys.executable, "-m", "awbridge", "migrate"]
    subprocess.run(command, check=True, env=os.environ | env, stdout=subprocess.DEVNULL)
    click.echo(f"  migrated in {time.monotonic() - started:.0f} s")
    with running(["serve"], env, folder, port, forked=False) as process:
        yield Server(port, process.pid)


def _memory(pid: int) -> float:
    """MiB of a process's resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _database_cpu(url: str) -> float:
    """Seconds of processor time that PostgreSQL's processes have used; 0 for SQLite, which is in the service."""
    if not url.startswith("postgres"):
        return 0.0
    total = 0.0
    port = str(urlsplit(url).port)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes().split(b"\0")
            if any(f"port={port}".encode() in part for part in command):  # the server itself, with its ended children
                total += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
            elif command[0].startswith(b"postgres:") and _parent_has(int(fields[1]), port):
                total += sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    return total


def _parent_has(pid: int, port: str) -> bool:
    return f"port={port}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


def _idle(url: str, count: int, seconds: float, folder: Path) -> None:
    names = [f"shop{number}" for number in range(count)]
    port = free_port()
    with (
        running(["sandbox", "--port", str(port)], {}, folder, port, forked=False) as vendor,
        _service(url, names, vendor.url, folder) as server,
    ):
        started = time.monotonic()
        while True:  # until each was looked at, and those that were opened sleep again
            before = server.cpu()
            time.sleep(5)
            if (server.cpu() - before) / 5 < SETTLED or time.monotonic() - started > 600:
                break
        settled = time.monotonic() - started
        before, database = server.cpu(), _database_cpu(url)
        time.sleep(seconds)
        used, stored = (server.cpu() - before) / seconds, (_database_cpu(url) - database) / seconds
        click.echo(
            f"  {count} idle accounts: {used:.3f} cores, PostgreSQL {stored:.3f}, {_memory(server.pid):.0f} MiB "
            f"({settled:.0f} s after the start, over {seconds:.0f} s)"
        )
        used, stored = asyncio.run(_opened(server, names[:OPENED], url))
        click.echo(
            f"  opening an account, one round of its steps, and closing it: {used * 1000:.0f} ms of processor time, "
            f"PostgreSQL {stored * 1000:.0f}; {count} accounts that are opened once an hour: "
            f"{count * (used + stored) / 3600:.3f} cores"
        )


async def _opened(server: Server, names: list[str], url: str) -> tuple[float, float]:
    """Seconds of processor time for each of these accounts, opened by a request until it sleeps again.

    Those of the service, and of PostgreSQL.
    """
    before, database = server.cpu(), _database_cpu(url)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=30) as http:
        for name in names:
            answer = await http.get(f"/a/{name}/v1/couriers", headers={"authorization": f"Bearer {KEY}"})
            assert answer.status_code == 200, answer.text
        await asyncio.sleep(60)
        metrics = await http.get("/metrics", headers={"authorization": f"Bearer {KEY}"})
    assert 'awbridge_accounts{state="awake"} 0.0' in metrics.text, "the accounts do not sleep"
    return (server.cpu() - before) / len(names), (_database_cpu(url) - database) / len(names)


@dataclass
class _Seen:
    """Seconds of each round: acknowledged, applied, placed."""

    acknowledged: list[float]
    applied: list[float]
    placed: list[float]

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {statistics.median(values) * 1000:.0f} (p99 {sorted(values)[len(values) * 99 // 100] * 1000:.0f})"
            for name, values in vars(self).items()
            if values
        )


async def _rounds(port: int, names: list[str], first: int, seconds: float) -> _Seen:
    """Rounds of every small account at the same time, one after the other in each."""
    seen = _Seen([], [], [])
    ends_at = time.monotonic() + seconds

    async def one(name: str, place: int) -> None:
        number = first + place * 10_000
        limits = httpx2.Limits(max_keepalive_connections=1)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}/a/{name}", timeout=30, limits=limits) as http:
            while time.monotonic() < ends_at:
                number += 1
                await _round(http, number, seen)
                await asyncio.sleep(0.2)

    await asyncio.gather(*(one(name, place) for place, name in enumerate(names)))
    return seen


async def _round(http: httpx2.AsyncClient, number: int, seen: _Seen) -> None:
    bearer = {"authorization": f"Bearer {KEY}"}
    order = demo_order(number, 1)
    order["shipment_details"] |= {
        "reference_number": f"R{number}",
        "courier_partner": COURIER[0],
        "account_code": COURIER[1],
    }
    del order["transporter"]
    started = time.monotonic()
    answer = await http.post("/v1/shipments", json=order, headers=bearer)
    assert answer.status_code in (200, 202), answer.text
    while (shipment := (await http.get(f"/v1/shipments/R{number}", headers=bearer)).json())["state"] != "placed":
        assert shipment["state"] in ("ready", "retrying"), shipment
        await asyncio.sleep(0.02)
    seen.placed.append(time.monotonic() - started)
    body = load.body(load.FIRST_ID + number).replace(load.FIRST_WAYBILL.encode(), shipment["waybill"].encode())
    started = time.monotonic()
    answer = await http.post("/webhooks/clickpost", content=body, headers={"webhook_key": KEY})
    assert answer.status_code == 200, answer.text
    seen.acknowledged.append(time.monotonic() - started)
    while not (await http.get(f"/v1/shipments/R{number}/scans", headers=bearer)).json():
        await asyncio.sleep(0.02)
    seen.applied.append(time.monotonic() - started)


async def _fill(database: str, shipments: int, orders: int) -> None:
    """The flooded account's shipments that deliveries are about, and orders that are due."""
    file = database.startswith("sqlite:")
    url = f"{database.removesuffix('.db')}-accounts/{FLOODED}.db" if file else database
    store = await Store.open(url, schema="" if file else schema_of(FLOODED))
    try:
        await databases.fill_store(store, range(shipments))
        await databases.queue(store, range(shipments, shipments + orders), [COURIER])
    finally:
        await store.close()


def _fair(database: str, small: int, seconds: float, rate: float, folder: Path) -> None:
    names = [f"small{number}" for number in range(small)]
    port = free_port()
    with (
        running(["sandbox", "--port", str(port)], {}, folder, port, forked=False) as vendor,
        _service(database, [FLOODED, *names], vendor.url, folder) as server,
    ):
        asyncio.run(_rounds(server.port, names, 100_000, 3.0))  # opens them
        alone = asyncio.run(_rounds(server.port, names, 1_000_000, seconds))
        click.echo(f"  alone, ms: {alone}")
        asyncio.run(_fill(database, 2_000, 20_000))
        path = f"/a/{FLOODED}{load.PATH}"
        arguments = [server.port, 32, seconds + 3, KEY, 2_000, rate, 0, os.devnull, path]
        flood = subprocess.Popen(
            [sys.executable, "-m", "bench.load", *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )
        time.sleep(2.0)
        beside = asyncio.run(_rounds(server.port, names, 2_000_000, seconds))
        said, _ = flood.communicate()
        click.echo(f"  beside a flood, ms: {beside}")
        click.echo(f"  the flood: {json.loads(said)['per_second']} acknowledged/s of {rate:.0f}/s sent")


@click.command()
@click.option("--idle", default=500, show_default=True, help="Accounts that have nothing to do.")
@click.option("--small", default=5, show_default=True, help="Small accounts beside the flooded one.")
@click.option("--seconds", default=60.0, show_default=True, help="Of each measurement.")
@click.option("--rate", default=1000.0, show_default=True, help="Webhooks per second to the flooded account.")
@click.option("--engine", type=click.Choice(["SQLite", "PostgreSQL"]), help="Only this one. [default: both]")
def accounts(idle: int, small: int, seconds: float, rate: float, engine: str | None) -> None:
    """Many accounts: what idle ones cost, and whether one's flood delays the others."""
    with tempfile.TemporaryDirectory() as folder, databases.both(Path(folder), "many") as urls:
        for of, url in urls.items():
            if engine not in (None, of):
                continue
            click.echo(f"{of}:")
            for name in ("idle", "fair"):
                (Path(folder) / of / name).mkdir(parents=True)
            if idle:
                _idle(url, idle, seconds, Path(folder) / of / "idle")
            if small:
                _fair(url, small, seconds, rate, Path(folder) / of / "fair")
