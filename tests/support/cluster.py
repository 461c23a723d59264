"""A PostgreSQL cluster that archives its WAL, a base backup of it, and a new cluster at a point in time."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.support.ports import free_port
from tests.support.postgres import PostgresServer, postgres_server, postgres_user


class Archived:
    """A running server whose WAL is archived. The commands are those of docs/how-to/deploy/backup.md."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server = server
        self.wal = folder / "wal"
        self.base = folder / "base"

    def take_base_backup(self) -> None:
        command = [str(self.server.binaries / "pg_basebackup"), "-D", str(self.base), "-X", "none", "-c", "fast"]
        subprocess.run([*command, "-d", self.server.url()], user=postgres_user(), check=True)

    def now(self) -> datetime:
        return self._ask("SELECT clock_timestamp()")

    def archive_wal(self) -> None:
        """Close the current WAL file, and wait until it is in the archive."""
        name = self._ask("SELECT pg_walfile_name(pg_switch_wal())")
        deadline = time.monotonic() + 60
        while not (self.wal / name).exists():
            assert time.monotonic() < deadline, f"{name} was not archived: {(self.server.folder / 'log').read_text()}"
            time.sleep(0.05)

    def _ask(self, sql: str) -> Any:
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            row = connection.execute(sql).fetchone()
        assert row
        return row[0]

    @contextmanager
    def restored(self, at: datetime) -> Iterator[PostgresServer]:
        """A new cluster with what was committed up to this time."""
        folder = _folder()
        shutil.copytree(self.base, folder / "data")
        with (folder / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.write(
                f"restore_command = 'cp {self.wal}/%f %p'\n"
                f"recovery_target_time = '{at.isoformat()}'\n"
                "recovery_target_action = 'promote'\n"
                "archive_mode = off\n"
            )
        (folder / "data" / "recovery.signal").touch()
        _give_away(folder)
        server = PostgresServer(self.server.binaries, folder, free_port())
        try:
            server.start()
            deadline = time.monotonic() + 60
            while self._recovers(server):
                assert time.monotonic() < deadline, (folder / "log").read_text()[-3000:]
                time.sleep(0.05)
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)

    def _recovers(self, server: PostgresServer) -> bool:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
        return bool(row and row[0])


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="awbridge-pitr-"))
    _give_away(folder)
    return folder


def _give_away(folder: Path) -> None:
    if user := postgres_user():
        subprocess.run(["chown", "-R", user, str(folder)], check=True)
    if (folder / "data").exists():
        (folder / "data").chmod(0o700)


@contextmanager
def archiving_server() -> Iterator[Archived]:
    """A fresh cluster that archives its WAL into a folder; stopped and deleted after."""
    folder = _folder()
    (folder / "wal").mkdir()
    _give_away(folder)
    try:
        with postgres_server() as server:
            server.stop()
            with (server.folder / "data" / "postgresql.auto.conf").open("a") as settings:
                settings.write("wal_level = replica\narchive_mode = on\n")
                # A restore must never read half a file.
                archived = f"{folder}/wal/%f"
                command = f"test ! -f {archived} && cp %p {archived}.part && mv {archived}.part {archived}"
                settings.write(f"archive_command = '{command}'\n")
            server.start()
            yield Archived(server, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
