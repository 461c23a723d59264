"""What an idle replica costs: processor time a second of the process and of PostgreSQL, and statements a second.

Nothing is due, so all of it is looking for work. `--source` measures another version of awbridge, by the folder of its
sources. With `--waiting`, so many shipments wait for a time that is far off, and deliveries for their shipments.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import click
from rich.console import Console
from rich.table import Table
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer, find_binaries
from tests.support.processes import bridge_environment, running

from awbridge.store import Store
from bench.webhook import Places, places_for

SETTLED = 150.0  # seconds after the start: the first rounds are over, and what follows a migration
COMMANDS = ("serve", "work")
_STATEMENT = re.compile(rb"LOG:  (?:execute|statement)")
_TICK = os.sysconf("SC_CLK_TCK")

# Both kinds of rows of which a million may wait: what push will take, and what apply looks for.
_WAITING = """
INSERT INTO account_states (account, courier_partner_id, account_code) VALUES ('4:main', 4, 'main');
INSERT INTO shipments (shard, reference_number, courier_partner_id, account_code, account, priority, payload,
  created_at, region, delivery_type, state, success, no_of_retries, cancel_tries, status_step, final, updated_at,
  next_try_at, phone_tail)
SELECT n % 64, 'R' || n, 4, 'main', '4:main', 1, '{}', now() - interval '3 days', 'india', 'FORWARD', 'retrying', FALSE,
  3, 0, 0, FALSE, now() - interval '3 days', now() + interval '1 day', '' FROM generate_series(1, ROWS) n;
INSERT INTO track_link_progress (id, until_at, reference_number)
SELECT n, now() - interval '3 days', 'S' FROM generate_series(1, 2) n;
INSERT INTO inbox (shard, id, identity, source, body, received_at, due_at, waiting_for, tries)
SELECT n % 64, n, 'D' || n, 'webhook', '{}', now(), now() + interval '1 day', 'w:' || n, 1
FROM generate_series(1, ROWS) n;
ANALYZE;
"""


@click.command()
@click.option("--seconds", default=60, show_default=True, type=click.IntRange(5, 600), help="Length of one run.")
@click.option("--engine", "engines", multiple=True, type=click.Choice(["SQLite", "PostgreSQL"]), help="Default: both.")
@click.option("--command", "commands", multiple=True, type=click.Choice(COMMANDS), help="Default: both.")
@click.option("--waiting", default=0, help="Rows that wait, on PostgreSQL.")
@click.option("--source", default=None, type=click.Path(exists=True), help="The `src` of another version to measure.")
def idle(seconds: int, engines: tuple[str, ...], commands: tuple[str, ...], waiting: int, source: str | None) -> None:
    """Processor time and statements a second of an idle replica, one core being 1."""
    chosen = list(engines) or ["SQLite", *(["PostgreSQL"] if find_binaries() else [])]
    table = Table("", "", "process", "PostgreSQL", "statements/s", title=f"processor time a second, over {seconds} s")
    with places_for(chosen) as places:
        for engine in chosen:
            for command in commands or COMMANDS:
                url = places.fresh(engine, filled=False)
                asyncio.run(_prepare(url, waiting if engine == "PostgreSQL" else 0))
                table.add_row(engine, command, *_measure(places, url, command, seconds, source))
    Console().print(table)


async def _prepare(url: str, waiting: int) -> None:
    store = await Store.open(url)
    await store.migrate()
    await store.close()
    if waiting:
        connection = await asyncpg.connect(url)
        await connection.execute(_WAITING.replace("ROWS", str(waiting)), timeout=600)
        await connection.close()


def _measure(places: Places, url: str, command: str, seconds: int, source: str | None) -> tuple[str, str, str]:
    postgres = places.postgres if url.startswith("postgres") else None
    with _replica(url, command, source) as pid:
        time.sleep(SETTLED)
        before, theirs = seconds_of(pid), seconds_of(postgres.pid) if postgres else 0.0
        began = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        used = (seconds_of(pid) - before) / took
        if postgres is None:
            return f"{used:.4f}", "", ""
        served = (seconds_of(postgres.pid) - theirs) / took
        return f"{used:.4f}", f"{served:.4f}", f"{_statements(postgres, url, seconds):.2f}"


@contextmanager
def _replica(url: str, command: str, source: str | None) -> Iterator[int]:
    """A replica beside a sandbox that answers for ClickPost; its process id."""
    port, vendor = free_port(), free_port()
    path = [source] if source else []
    env = bridge_environment(url, f"http://127.0.0.1:{vendor}", port)
    env = {k: v for k, v in env.items() if k.rpartition("_")[2] in ("URL", "USERNAME", "KEY", "KEYS", "PORT", "LEVEL")}
    env |= {"PYTHONPATH": os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")])}
    sandbox = [sys.executable, "-m", "awbridge", "sandbox", "--port", str(vendor)]
    if command == "work":
        env |= {"AWBRIDGE_METRICS_PORT": str(port)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env |= {"AWBRIDGE_DATA_DIR": str(folder / "data")}
        theirs = subprocess.Popen(sandbox, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        try:
            with running([command], env, folder, port, forked=False) as process:
                yield process.pid
        finally:
            theirs.terminate()
            theirs.wait(30)


def _statements(postgres: PostgresServer, url: str, seconds: int) -> float:
    """Statements a second that the server gets, also those that begin and end transactions."""
    log = postgres.folder / "log"
    postgres.execute(url, "ALTER SYSTEM SET log_statement = 'all'")
    postgres.execute(url, "SELECT pg_reload_conf()")
    time.sleep(1)
    at = log.stat().st_size
    time.sleep(seconds)
    counted = len(_STATEMENT.findall(log.read_bytes()[at:]))
    postgres.execute(url, "ALTER SYSTEM RESET log_statement")
    postgres.execute(url, "SELECT pg_reload_conf()")
    return counted / seconds


def seconds_of(pid: int) -> float:
    """Seconds of processor time that a process and its children have used, also those that have ended."""
    while True:
        try:
            return _seconds_of(pid)
        except FileNotFoundError:  # a child has ended meanwhile, and counts as the parent's from now on
            continue


def _seconds_of(pid: int) -> float:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICK + sum(_seconds_of(int(child)) for child in children)
