"""Which server answers webhooks: `awbridge serve`, and the same as an ordinary ASGI app under uvicorn and Granian.

Each variant really stores, with every step running. Load comes from wrk (a package of most systems), which is not
Python and costs little. Variants take turns within a round, and ratios are within a round.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import httpx2
from rich.console import Console
from rich.table import Table
from tests.support.ports import free_port
from tests.support.postgres import find_binaries
from tests.support.processes import WEBHOOK_KEY, bridge_environment

from awbridge.store import Store
from bench import databases, load
from bench.processes import NOWHERE, Server
from bench.webhook import SHIPMENTS, Places, places_for

TODAY = "awbridge serve"
VARIANTS = {
    TODAY: ["awbridge", "serve"],
    "bare uvicorn": ["bench.peers.served", "uvicorn"],
    "Granian": ["bench.peers.served", "granian"],
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One run. Times in ms; memory of all its processes after the load in MiB; `cpu`: their CPU time in microseconds
    per acknowledgement, including the steps."""

    per_second: float
    p50: float
    p99: float
    p999: float
    longest: float
    refused: int
    broken: int
    timeouts: int
    memory: float
    cpu: float
    lost: int


@contextmanager
def _running(variant: str, database: str) -> Iterator[tuple[int, int]]:
    port = free_port()
    env = os.environ | bridge_environment(database, NOWHERE, port)
    env |= {"AWBRIDGE_STEPS_IDLE_SECONDS": "1", "AWBRIDGE_LOG_LEVEL": "error"}
    module, argument = VARIANTS[variant]
    command = [sys.executable, "-m", module, argument, *([] if variant == TODAY else [str(port)])]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    raise RuntimeError("the server did not come up")


def _memory(pid: int) -> float:
    """MiB of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    status = Path(f"/proc/{pid}/status").read_text()
    mine = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return mine / 1024 + sum(_memory(int(child)) for child in children)


def _cpu(pid: int) -> float:
    """Seconds of CPU time that a process and its children have used."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return Server(0, pid).cpu() + sum(_cpu(int(child)) for child in children)


def measure(places: Places, variant: str, engine: str, connections: int, seconds: int) -> Seen:
    """One run on a fresh database."""
    url = places.fresh(engine, filled=True)
    with _running(variant, url) as (port, pid), tempfile.NamedTemporaryFile("w") as pieces:
        body = load.body(load.FIRST_ID).decode()
        before, rest = body.split(load.FIRST_WAYBILL)
        between, after = rest.split(str(load.FIRST_ID))
        pieces.write("\n".join((before, between, after)))
        pieces.flush()
        script = Path(__file__).with_name("deliveries.lua")
        target = f"http://127.0.0.1:{port}/webhooks/clickpost"
        command = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            "10s",
            "-s",
            str(script),
            target,
            "--",
        ]
        command += [WEBHOOK_KEY, str(SHIPMENTS), str(load.FIRST_ID), pieces.name]
        before_cpu = _cpu(pid)
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        counted = json.loads(said.splitlines()[-1])
        used, memory = _cpu(pid) - before_cpu, _memory(pid)
    acknowledged = counted["requests"] - counted["status"]
    stored = asyncio.run(_stored(url))
    places.remove(url)
    return Seen(
        per_second=acknowledged * 1e6 / counted["microseconds"],
        **{name: counted[name] for name in ("p50", "p99", "p999", "longest", "broken", "timeouts")},
        refused=counted["status"],
        memory=memory,
        cpu=used * 1e6 / max(acknowledged, 1),
        lost=max(0, acknowledged - stored),
    )


async def _stored(url: str) -> int:
    store = await Store.open(url)
    try:
        async with store.read() as session:
            return len(await session.fetch(databases.IDENTITIES))
    finally:
        await store.close()


@click.command()
@click.option("--seconds", default=4, show_default=True, type=click.IntRange(1, 60), help="Length of one run.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 20), help="Runs per median.")
@click.option("--connections", default="32,128,512", show_default=True)
@click.option("--engine", "engines", multiple=True, type=click.Choice(["SQLite", "PostgreSQL"]), help="Default: both.")
def servers(seconds: int, rounds: int, connections: str, engines: tuple[str, ...]) -> None:
    """Durable acknowledgements per second of awbridge under each server. Needs wrk and the extra `bench`."""
    if not shutil.which("wrk"):
        raise click.ClickException("wrk is not installed; on Debian: apt-get install wrk")
    chosen = list(engines) or ["SQLite", *(["PostgreSQL"] if find_binaries() else [])]
    seen: defaultdict[tuple[str, int, str], list[Seen]] = defaultdict(list)
    with places_for(chosen) as places:
        places.prepare()
        for engine in chosen:
            for number in (int(part) for part in connections.split(",")):
                for turn in range(rounds):
                    order = list(VARIANTS)[turn % 3 :] + list(VARIANTS)[: turn % 3]
                    for variant in order:
                        seen[(engine, number, variant)].append(measure(places, variant, engine, number, seconds))
                _print({key: runs for key, runs in seen.items() if key[:2] == (engine, number)})
    if lost := [key for key, runs in seen.items() if any(one.lost for one in runs)]:
        raise SystemExit(f"VOID: acknowledged and not stored: {lost}")


def _print(seen: dict[tuple[str, int, str], list[Seen]]) -> None:
    table = Table(
        "",
        "connections",
        "",
        "acks/s",
        "ratio",
        "least",
        "most",
        "p50",
        "p99",
        "p99.9",
        "worst p99.9",
        "CPU us",
        "MiB",
        "refused",
        "broken",
        "timeouts",
    )
    for (engine, number, variant), runs in sorted(seen.items(), key=lambda item: list(VARIANTS).index(item[0][2])):
        today = seen[(engine, number, TODAY)]
        ratios = [one.per_second / base.per_second for one, base in zip(runs, today, strict=True)]
        table.add_row(
            engine,
            str(number),
            variant,
            f"{_middle(runs, 'per_second'):,.0f}",
            f"{statistics.median(ratios):.2f}",
            f"{min(ratios):.2f}",
            f"{max(ratios):.2f}",
            *(f"{_middle(runs, name):.0f}" for name in ("p50", "p99", "p999")),
            f"{max(one.p999 for one in runs):.0f}",
            f"{_middle(runs, 'cpu'):.0f}",
            f"{_middle(runs, 'memory'):.0f}",
            *(str(sum(getattr(one, name) for one in runs)) for name in ("refused", "broken", "timeouts")),
        )
    Console(width=150).print(table)


def _middle(runs: list[Seen], name: str) -> float:
    return statistics.median(getattr(one, name) for one in runs)
