"""The customer's page, uncached, while webhooks arrive: beside a bare page of the same size from the same process.

Every request is about another parcel and without If-None-Match; webhooks are about the same parcels. In turns: webhooks
alone, beside the bare page, beside the bare page that gives way to them as the customer's page does, and beside the
customer's page. Webhooks come over so many connections that their rate does not depend on how soon they are answered.
Pages are asked for by wrk (a package of most systems), which costs little.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx2
from rich.console import Console
from rich.table import Table
from tests.support.processes import bridge_environment

from awbridge.domain.customer_page.links import LinkKeys
from bench import databases
from bench.customer_page_rows import PARCELS, fill
from bench.figures import Figure, keep
from bench.processes import NOWHERE, Load, Server, load, peer

LEAST_SHARE = 0.25  # of the bare page's rate
P99_LIMIT = 100  # ms, of pages
KEY = "bench-key-of-links"
WEBHOOK_CONNECTIONS = 128


@dataclass(frozen=True, kw_only=True)
class Pages:
    """One run of requests for pages. Times in ms; `size`: bytes of one answer, its head included."""

    per_second: float
    p50: float
    p99: float
    longest: float
    size: float
    wrong: int


@dataclass(kw_only=True)
class Measured:
    """All rounds on one engine, with the webhooks of each: alone, and beside each page."""

    bare: list[Pages] = field(default_factory=list[Pages])
    yielding: list[Pages] = field(default_factory=list[Pages])
    page: list[Pages] = field(default_factory=list[Pages])
    alone: list[Load] = field(default_factory=list[Load])
    beside_bare: list[Load] = field(default_factory=list[Load])
    beside_yielding: list[Load] = field(default_factory=list[Load])
    beside_page: list[Load] = field(default_factory=list[Load])

    def share(self, of: list[Pages]) -> float:
        """The customer's page's rate as a share of another page's, the median of the rounds."""
        rounds = zip(self.page, of, strict=True)
        return statistics.median(page.per_second / bare.per_second for page, bare in rounds)


@contextmanager
def serving(url: str) -> Generator[Server]:
    """The service with its defaults, all steps included, and the bare page beside it."""
    env = bridge_environment(url, NOWHERE, 0)
    env |= {"AWBRIDGE_STEPS_IDLE_SECONDS": "1", "AWBRIDGE_LOG_LEVEL": "error"}
    env |= {"AWBRIDGE_TRACK_URL": "https://track.shop.example", "AWBRIDGE_TRACK_KEYS": KEY}
    with peer("paged", env=os.environ | env) as server:
        yield server


def paths() -> list[str]:
    """The pages of all parcels, in no order."""
    keys = LinkKeys([KEY])
    found = [f"/track/{keys.token(databases.reference(n))}" for n in range(PARCELS)]
    random.Random(3).shuffle(found)
    return found


class Bench:
    """Runs against one service."""

    def __init__(self, server: Server, folder: Path, *, connections: int, seconds: int, rate: float, encoding: str):
        self._server = server
        self._folder = folder
        self._connections = connections
        self._seconds = seconds
        self._rate = rate
        self._encoding = encoding
        self._deliveries = 0
        self._pages = self._written("pages", paths())

    def _written(self, name: str, lines: list[str]) -> Path:
        file = self._folder / name
        file.write_text("\n".join(lines))
        return file

    def warm_up(self) -> None:
        """Ask for pages as long as it takes until they are made by a process of their own."""
        self._both(self._pages)

    def round(self, measured: Measured) -> None:
        """One run of each kind."""
        measured.alone.append(self._webhooks())
        size = self._body_size()
        pages, hooks = self._both(self._written("bare", [f"/bare/{size}"]))
        measured.bare.append(pages)
        measured.beside_bare.append(hooks)
        pages, hooks = self._both(self._written("yielding", [f"/yielding/{size}"]))
        measured.yielding.append(pages)
        measured.beside_yielding.append(hooks)
        pages, hooks = self._both(self._pages)
        measured.page.append(pages)
        measured.beside_page.append(hooks)

    def _body_size(self) -> int:
        """The bytes of a page's body as sent."""
        path = self._pages.read_text().partition("\n")[0]
        with httpx2.Client() as http:
            url = f"http://127.0.0.1:{self._server.port}{path}"
            with http.stream("GET", url, headers={"accept-encoding": self._encoding}) as answer:
                answer.raise_for_status()
                return sum(map(len, answer.iter_raw()))

    def _both(self, file: Path) -> tuple[Pages, Load]:
        script = Path(__file__).with_name("pages.lua")
        target = f"http://127.0.0.1:{self._server.port}/"
        command = ["wrk", "-t1", f"-c{self._connections}", f"-d{self._seconds}s", "--timeout", "10s"]
        command += ["-s", str(script), target, "--", str(file), self._encoding]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
            hooks = self._webhooks()
            output, _ = asking.communicate()
        said = json.loads(output.splitlines()[-1])
        pages = Pages(
            per_second=(said["requests"] - said["status"]) * 1e6 / said["microseconds"],
            size=said["bytes"] / max(said["requests"], 1),
            wrong=said["status"] + said["broken"],
            **{name: said[name] for name in ("p50", "p99", "longest")},
        )
        return pages, hooks

    def _webhooks(self) -> Load:
        seen = load(
            self._server,
            connections=WEBHOOK_CONNECTIONS,
            seconds=self._seconds - 0.5,  # its warm-up takes as long
            shipments=PARCELS,
            rate=self._rate,
            first=self._deliveries,
        )
        self._deliveries += 10_000_000
        return seen


@click.command("customer_page")
@click.option("--seconds", default=6, show_default=True, type=click.IntRange(2, 60), help="Length of one run.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 20), help="Runs per median.")
@click.option("--connections", default=128, show_default=True, help="That ask for pages.")
@click.option("--rate", default=1000.0, show_default=True, help="Webhooks per second meanwhile.")
@click.option("--encoding", default="gzip", show_default=True, type=click.Choice(["gzip", "identity"]))
@click.option("--engine", "engines", multiple=True, type=click.Choice(["SQLite", "PostgreSQL"]), help="Default: both.")
def customer_page(
    seconds: int, rounds: int, connections: int, rate: float, encoding: str, engines: tuple[str, ...]
) -> None:
    """Uncached pages for customers per second while webhooks arrive, beside a bare page. Needs wrk."""
    if not shutil.which("wrk"):
        raise click.ClickException("wrk is not installed; on Debian: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as name, databases.both(Path(name), "pages") as urls:
        for engine, url in urls.items():
            if engines and engine not in engines:
                continue
            asyncio.run(fill(url))
            measured = Measured()
            with serving(url) as server:
                bench = Bench(
                    server, Path(name), connections=connections, seconds=seconds, rate=rate, encoding=encoding
                )
                bench.warm_up()
                for _ in range(rounds):
                    bench.round(measured)
            _print(engine, connections, measured)


def _print(engine: str, connections: int, measured: Measured) -> None:
    table = Table(
        engine, "pages/s", "page/this", "p50 ms", "p99 ms", "longest", "bytes", "wrong", "webhooks/s", "p50", "p99"
    )
    shares = measured.share(measured.bare), measured.share(measured.yielding)
    table.add_row(*_row("customer's page", measured.page, measured.beside_page, ""))
    table.add_row(*_row("bare page", measured.bare, measured.beside_bare, f"{shares[0]:.2f}"))
    table.add_row(*_row("bare page that gives way", measured.yielding, measured.beside_yielding, f"{shares[1]:.2f}"))
    table.add_row("webhooks alone", *[""] * 7, *_hooks(measured.alone))
    Console(width=130).print(table)
    Console(width=130).print(f"Medians of {len(measured.page)} rounds, {connections} connections for pages.")
    p99 = statistics.median(one.p99 for one in measured.page)
    hooks, alone = (statistics.median(one.p99 for one in runs) for runs in (measured.beside_page, measured.alone))
    keep(Figure(line=f"customer's page, {engine}, share of bare", now=shares[0], unit="", least=LEAST_SHARE))
    keep(Figure(line=f"customer's page, {engine}, p99", now=p99, unit="ms", most=P99_LIMIT))
    keep(Figure(line=f"webhooks beside the page, {engine}, p99", now=hooks, unit="ms", peer=alone))


def _row(name: str, pages: list[Pages], hooks: list[Load], share: str) -> list[str]:
    rate, p50, p99, longest, size = (
        statistics.median(getattr(one, column) for one in pages)
        for column in ("per_second", "p50", "p99", "longest", "size")
    )
    wrong = str(sum(one.wrong for one in pages))
    figures = [f"{rate:,.0f}", share, f"{p50:.0f}", f"{p99:.0f}", f"{longest:.0f}", f"{size:,.0f}", wrong]
    return [name, *figures, *_hooks(hooks)]


def _hooks(runs: list[Load]) -> list[str]:
    middle = [statistics.median(getattr(one, name) for one in runs) for name in ("per_second", "p50", "p99")]
    return [f"{middle[0]:,.0f}", f"{middle[1]:.1f}", f"{middle[2]:.1f}"]
