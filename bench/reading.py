"""How long each page, list, search and metric takes with a million shipments and ten million scans."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import httpx2
from rich.console import Console
from rich.table import Table

from bench import databases, reading_load
from bench.processes import bridge
from bench.reading_rows import kind_of, order_id, reference, waybill

LIMIT = 50.0  # ms: what the p99 of each may be
WARM_UP = 10  # requests of each that are not counted
LATER_PAGES = 20  # how far into a list its later pages are
_LISTS = ("stuck", "sla_breached", "ndr", "silent", "piece_exception", "not_cancelled")
_STATES = ("allocating", "ready", "waiting", "retrying", "held", "rejected", "gave_up", "placed", "cancelled")
_ONE = "/v1/shipments/{reference}"
_OF_ONE = ("", "/scans", "/attempts", "/actions", "/notices", "/payloads", "/evidence")
_SINGLE = (
    *("/", "/endpoints", "/endpoints/1", "/endpoints/1?state=failed", "/endpoints/1?state=due", "/alarms"),
    *("/metrics", "/healthz", "/readyz", "/v1/coverage", "/v1/archive", "/v1/schedules", "/v1/reports", "/v1/erasures"),
    *("/v1/accounts", "/v1/downtimes", "/v1/couriers", "/v1/couriers/warnings", "/v1/allocation-rules"),
    *("/v1/endpoints", "/v1/endpoints/1/deliveries", "/v1/alarms", "/v1/alarms?everything=true"),
    *("/v1/reconciliations/1", "/v1/reconciliations", "/v1/reconciliations/1/differences"),
    *("/v1/reconciliations/1/differences?kind=missing_there", "/v1/reconciliations/1/differences?kind=missing_here"),
    *("/v1/actions?state=due", "/v1/actions?state=done", "/v1/actions?state=unclear", "/v1/actions"),
    *("/v1/shipments?waybill={waybill}", "/v1/shipments?order_id={order_id}", "/v1/shipments?limit=500"),
    *("/shipments", "/couriers", "/v1/shipments?phone_tail=4567", "/v1/shipments?account=3:account-2&cod=true"),
    *("/v1/shipments?state=placed&bucket=lost", "/v1/shipments?courier=99", "/v1/shipments?ndr=true&courier=3"),
    *(_ONE + part for part in _OF_ONE),
)
_PAGED = ("/v1/shipments", *(f"/v1/shipments?state={state}" for state in _STATES))
_PAGED += tuple(f"/v1/shipments?{name}=true" for name in _LISTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Milliseconds of one kind of request."""

    name: str
    p50: float
    p99: float
    busy: float  # p99 without what the two main threads waited for a processor


class Reader:
    """Sends requests about shipments at random, and times them. `pid`: of the server."""

    def __init__(self, http: httpx2.Client, shipments: int, requests: int, *, pid: int) -> None:
        self._http = http
        self._waits = tuple(Path(f"/proc/{one}/task/{one}/schedstat") for one in (pid, os.getpid()))
        self._shipments = shipments
        self._requests = requests
        self._dice = random.Random(7)

    def timed(self, name: str, path: str) -> Timed:
        """The times of a path, with other shipments in each request."""
        for _ in range(WARM_UP):
            self._get(path)
        took = [self._get(path) for _ in range(self._requests)]
        whole, busy = sorted(ms for ms, _ in took), sorted(ms - waited for ms, waited in took)
        last = min(int(len(took) * 0.99), len(took) - 1)
        return Timed(name=name, p50=statistics.median(whole), p99=whole[last], busy=busy[last])

    def later_page(self, path: str) -> str:
        """The path of a page far into a list, or of its last one."""
        mark, cursor = "&" if "?" in path else "?", ""
        for _ in range(LATER_PAGES):
            page = self._http.get(f"{path}{mark}limit=500{cursor}").raise_for_status().json()
            if not page["next"]:
                break
            cursor = f"&cursor={page['next']}"
        return f"{path}{mark}limit=50{cursor}"

    def _get(self, path: str) -> tuple[float, float]:
        """Milliseconds until the answer, and those of them without a processor, by the kernel's count."""
        number = self._dice.randrange(self._shipments)
        while kind_of(number) not in ("delivered", "on the way"):
            number = self._dice.randrange(self._shipments)
        names = {"reference": reference(number), "waybill": waybill(number), "order_id": order_id(number)}
        before, started = self._waited(), time.perf_counter()
        self._http.get(path.format(**names)).raise_for_status()
        took = (time.perf_counter() - started) * 1000
        return took, self._waited() - before

    def _waited(self) -> float:
        return sum(int(file.read_text().split()[1]) for file in self._waits) / 1e6


def measure(url: str, shipments: int, requests: int) -> list[Timed]:
    """Every page, list and search of one service on this database."""
    with bridge(url) as server, httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as http:
        reader = Reader(http, shipments, requests, pid=server.pid)
        found = [reader.timed(path, path) for path in _SINGLE]
        for path in _PAGED:
            found.append(reader.timed(path, path))
            found.append(reader.timed(f"{path}, page {LATER_PAGES} or last", reader.later_page(path)))
    return found


@contextmanager
def _urls(database: str | None, shipments: int) -> Iterator[dict[str, str]]:
    if database:
        yield {"": database}
        return
    with tempfile.TemporaryDirectory() as folder, databases.both(Path(folder), "reading") as urls:
        for engine, url in urls.items():
            click.echo(f"loading {shipments:,} shipments into {engine}", err=True)
            asyncio.run(reading_load.load(url, shipments))
        yield urls


@click.command()
@click.option("--shipments", default=1_000_000, show_default=True, help="Each has ten scans.")
@click.option("--requests", default=200, show_default=True, help="Of each kind, one after the other.")
@click.option("--database", help="A database to fill, or one that an earlier run has filled.")
@click.option("--again", is_flag=True, help="The database is filled.")
def reading(shipments: int, requests: int, database: str | None, *, again: bool) -> None:
    """Every page, list, search and metric on a large database. The full size needs 30 GB of disk."""
    if database and not again:
        asyncio.run(reading_load.load(database, shipments))
    with _urls(database, shipments) as urls:
        slow = [len(_print(engine, measure(url, shipments, requests))) for engine, url in urls.items()]
    raise SystemExit(1 if any(slow) else 0)


def _print(engine: str, found: list[Timed]) -> list[Timed]:
    table = Table(f"{engine} ms".strip(), "p50", "p99", "without waits", f"within {LIMIT:g} ms")
    slow = [timed for timed in found if timed.p99 > LIMIT]
    for timed in found:
        verdict = "yes" if timed not in slow else "NO" if timed.busy > LIMIT else "NO, for want of a processor"
        table.add_row(timed.name, f"{timed.p50:.1f}", f"{timed.p99:.1f}", f"{timed.busy:.1f}", verdict)
    Console(width=130).print(table)
    click.echo(f"{len(found) - len(slow)} of {len(found)} within {LIMIT:g} ms")
    return slow
