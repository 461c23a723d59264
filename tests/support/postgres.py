"""A PostgreSQL server of the tests' own: the system's binaries, a fresh cluster, loopback only, stopped after."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psycopg

from tests.support.ports import free_port

_numbers = itertools.count(1)

# What is measured is set up as docs/how-to/operate/operations.md advises; for tests the defaults are plenty.
MEASURED = ("shared_buffers=2GB", "max_wal_size=8GB", "wal_compression=lz4")


def find_binaries() -> Path | None:
    """The folder with initdb and postgres; None where PostgreSQL is not installed."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        candidates.insert(0, Path(found).resolve().parent)
    return next((c for c in candidates if (c / "initdb").exists() and (c / "postgres").exists()), None)


def postgres_user() -> str | None:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


class PostgresServer:
    """A running server. `url(name)` is the address of a database in it."""

    def __init__(
        self, binaries: Path, folder: Path, port: int, *, durable: bool = False, settings: Sequence[str] = ()
    ) -> None:
        self.durable = durable
        self.settings = (*(MEASURED if durable else ()), *settings)
        self.binaries = binaries
        self.folder = folder
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._kept: dict[str, psycopg.Connection] = {}

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://awbridge@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(self.binaries / "postgres"),
                    *("-D", str(self.folder / "data")),
                    *("-c", f"port={self.port}"),
                    *("-c", "listen_addresses=127.0.0.1"),
                    *("-c", f"unix_socket_directories={self.folder}"),
                    *("-c", "max_connections=100"),
                    # Each connection lets asyncpg ask what arrays are made of, which costs the server half without JIT.
                    *(() if self.durable else ("-c", "jit=off")),
                    # Without fsync commits still survive every kill of a process: only a power failure loses them.
                    *("-c", f"fsync={'on' if self.durable else 'off'}"),
                    *(option for setting in self.settings for option in ("-c", setting)),
                ],
                user=postgres_user(),
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL ended at once: {(self.folder / 'log').read_text()[-2000:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0 and self._answers():
                    return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not start within 30 s")

    def follow(self, primary: PostgresServer) -> None:
        """Become a streaming replica: a copy of the other's data, or what is here already, after it was its standby."""
        conninfo = f"host=127.0.0.1 port={primary.port} user=awbridge application_name=standby"
        if not (self.folder / "data").exists():
            copy = [
                str(self.binaries / "pg_basebackup"),
                "-D",
                str(self.folder / "data"),
                "-d",
                conninfo,
                "-X",
                "stream",
            ]
            subprocess.run([*copy, "-c", "fast"], user=postgres_user(), check=True)
        (self.folder / "data" / "standby.signal").touch()
        with (self.folder / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = '{conninfo}'\n")
        self.start()

    def promote(self) -> None:
        """Become a primary; returns when it accepts writes."""
        promote = [str(self.binaries / "pg_ctl"), "promote", "-w", "-D", str(self.folder / "data")]
        subprocess.run(promote, user=postgres_user(), check=True, stdout=subprocess.DEVNULL)

    def stop_fast(self) -> None:
        """A fast clean stop: sessions are ended, standbys get all commits."""
        if self._process:
            self._process.send_signal(2)
            self._process.wait(60)
            self._process = None

    def execute(self, url: str, sql: str) -> None:
        """Run SQL over one connection to that database, kept until the server stops: a new one costs 20 ms more."""
        try:
            self._connection(url).execute(sql)
        except psycopg.OperationalError:  # a test ended every connection to the server
            self._kept.pop(url).close()
            self._connection(url).execute(sql)

    def _connection(self, url: str) -> psycopg.Connection:
        if url not in self._kept:
            self._kept[url] = psycopg.connect(url, autocommit=True)
        return self._kept[url]

    async def new_database(self) -> str:
        """A fresh database's URL."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        connection = await asyncpg.connect(self.url())
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return self.url(name)

    def _answers(self) -> bool:
        ready = [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def stop(self) -> None:
        while self._kept:
            self._kept.popitem()[1].close()
        if self._process:
            self._process.terminate()  # smart enough: sessions end first
            try:
                self._process.wait(3)
            except subprocess.TimeoutExpired:
                self._process.send_signal(2)  # fast shutdown
                self._process.wait(60)
            self._process = None

    def kill(self) -> None:
        """End it at once, without waiting for sessions and without a clean shutdown."""
        if self._process:
            self._process.send_signal(3)  # immediate shutdown
            self._process.wait(60)
            self._process = None


@contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """A second server that follows the first by streaming replication; stopped and deleted after."""
    folder = Path(tempfile.mkdtemp(prefix="awbridge-pg-"))
    if user := postgres_user():
        shutil.chown(folder, user)
    standby = PostgresServer(primary.binaries, folder, free_port())
    try:
        standby.follow(primary)
        yield standby
    finally:
        standby.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server(*, durable: bool = False, settings: Sequence[str] = ()) -> Iterator[PostgresServer]:
    """A fresh cluster on a free port; stopped and deleted after.

    `durable`: commits wait for the disk. `settings`: of the server, as `name=value`.
    """
    binaries = find_binaries()
    if binaries is None:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="awbridge-pg-"))
    server = PostgresServer(binaries, folder, free_port(), durable=durable, settings=settings)
    try:
        if user := postgres_user():
            shutil.chown(folder, user)
        subprocess.run(
            [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "awbridge", "-A", "trust", "-E", "UTF8", "-N"],
            user=postgres_user(),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
