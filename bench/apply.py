"""Deliveries applied per second, and scans replayed, by two builds in alternating rounds.

The other build is a worktree with its own `.venv` (`git worktree add ../before COMMIT`). Both run the same worker, each
with its own Python, on a database of its own. On a busy machine CPU seconds per delivery are the reliable figure: those
of the process and of the PostgreSQL server together. A run that leaves a delivery unapplied is void.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from tests.support.postgres import PostgresServer, find_binaries, postgres_server

from bench.figures import Figure, keep

HERE = Path(__file__).parent.parent
WORKER = Path(__file__).with_name("apply_worker.py")
ENGINES = ("PostgreSQL", "SQLite")
MICROSECONDS = 1e6


@dataclass
class Build:
    """One build and its figures, in microseconds per delivery, one per round."""

    name: str
    folder: Path
    wall: list[float] = field(default_factory=list[float])
    own: list[float] = field(default_factory=list[float])
    server: list[float] = field(default_factory=list[float])

    @property
    def cpu(self) -> list[float]:
        return [own + server for own, server in zip(self.own, self.server, strict=True)]

    def record(self, figures: Mapping[str, float]) -> None:
        if figures["applied"] != figures["deliveries"]:
            raise click.ClickException(f"void: {self.name} applied {figures['applied']} of {figures['deliveries']}")
        for of_kind, name in ((self.wall, "seconds"), (self.own, "own_cpu"), (self.server, "server_cpu")):
            of_kind.append(figures[name] / figures["deliveries"] * MICROSECONDS)


@contextmanager
def _database(server: PostgresServer | None, name: str) -> Generator[tuple[str, int]]:
    """An empty database: its URL and the server's process id."""
    if server is None:
        with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder:
            yield f"sqlite:///{folder}/apply.db", 0
        return
    admin = server.url()
    server.execute(admin, f"CREATE DATABASE {name}")
    pid = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    try:
        yield server.url(name), pid
    finally:
        server.execute(admin, f"DROP DATABASE {name} WITH (FORCE)")


def _run(build: Build, server: PostgresServer | None, shipments: int, scans: int, kind: str) -> None:
    with _database(server, f"apply_{len(build.wall)}") as (url, pid):
        if server:
            server.execute(server.url(), "CHECKPOINT")
        command = [build.folder / ".venv/bin/python", WORKER, url, str(pid), str(shipments), str(scans), kind]
        env = {**os.environ, "PYTHONPATH": str(build.folder)}
        done = subprocess.run(command, cwd=build.folder, env=env, check=True, stdout=subprocess.PIPE)
    build.record(json.loads(done.stdout.splitlines()[-1]))


def _measure(engine: str, builds: list[Build], rounds: int, shipments: int, scans: int, kind: str) -> None:
    with tempfile.TemporaryDirectory() if engine == "SQLite" else postgres_server(durable=True) as server:
        found = server if isinstance(server, PostgresServer) else None
        for number in range(rounds):
            for build in builds if number % 2 == 0 else builds[::-1]:
                _run(build, found, shipments, scans, kind)
                click.echo(
                    f"  {engine}, {build.name}: {build.wall[-1]:,.0f} us, CPU {build.own[-1]:,.0f} + "
                    f"{build.server[-1]:,.0f} us a delivery",
                    err=True,
                )


@click.command()
@click.option("--beside", type=click.Path(exists=True, path_type=Path), help="The worktree of the build before.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 50))
@click.option("--shipments", default=2_000, show_default=True, type=click.IntRange(100))
@click.option("--scans", default=6, show_default=True, type=click.IntRange(1), help="Of each shipment, by webhook.")
@click.option("--engine", type=click.Choice(ENGINES), help="One engine only.")
@click.option("--kind", default="apply", show_default=True, type=click.Choice(["apply", "replay"]))
def apply(beside: Path | None, rounds: int, shipments: int, scans: int, engine: str | None, kind: str) -> None:
    """Deliveries applied (or replayed) per second, today's build beside another one."""
    engines = [e for e in ENGINES if engine in (None, e) and (e == "SQLite" or find_binaries())]
    table = Table("", "build", "deliveries/s", "own CPU, us", "server CPU, us", "CPU ratio", "wall ratio")
    for name in engines:
        now = Build("now", HERE)
        builds = [now, Build("before", beside.resolve())] if beside else [now]
        _measure(name, builds, rounds, shipments, scans, kind)
        for build in builds:
            cpu = statistics.median(b / a for a, b in zip(now.cpu, build.cpu, strict=True))
            wall = statistics.median(b / a for a, b in zip(now.wall, build.wall, strict=True))
            rate = MICROSECONDS / statistics.median(build.wall)
            if build is now:
                keep(Figure(line=f"{kind}, {name}", now=rate, unit="deliveries/s"))
            table.add_row(
                name,
                build.name,
                f"{rate:,.0f}",
                f"{statistics.median(build.own):,.0f}",
                f"{statistics.median(build.server):,.0f}",
                f"{cpu:.2f}",
                f"{wall:.2f}",
            )
    Console(width=110).print(table)
    sys.stdout.write(f"{kind}: medians of {rounds} alternating rounds; ratios: of each build's time to today's.\n")
