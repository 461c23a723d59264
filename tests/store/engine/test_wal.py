"""SQLite's log: what is acknowledged is on the disk, nobody else waits for that, and the log does not grow for ever."""

from __future__ import annotations

import asyncio
import errno
import shutil
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import apsw
import pytest

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.store import Store
from awbridge.store.engine import sqlite
from awbridge.store.engine.connections import wal
from awbridge.store.engine.connections.wal import LogCopy
from awbridge.store.engine.database import Session
from tests.support.rows import count, sql
from tests.support.stores import postgres_only

pytestmark = pytest.mark.heavy

NEW_PACE = sql("INSERT INTO paces (name, next_turn) VALUES ($1, 0)")
SYNCHRONOUS = sql("PRAGMA synchronous")


class Disk:
    """What the disk has of a SQLite file: its state at the last sync of the log."""

    def __init__(self, file: Path, kept: Path) -> None:
        self._file, self._kept = file, kept
        self.syncs = 0
        self.error: OSError | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.began = threading.Event()

    def sync(self, _descriptor: int) -> None:
        self.syncs += 1
        self.began.set()
        assert self.goes_on.wait(20)
        if self.error:
            raise self.error
        for ending in ("", "-wal"):
            shutil.copy(f"{self._file}{ending}", f"{self._kept}{ending}")

    @property
    def paces(self) -> set[str]:
        """What a power cut would leave."""
        connection = apsw.Connection(str(self._kept))
        try:
            return {str(name) for (name,) in connection.execute("SELECT name FROM paces")}
        finally:
            connection.close()


@contextmanager
def disk_of(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(file, file.with_name("kept.db"))
    monkeypatch.setattr(wal, "_sync_file", disk.sync)
    yield disk


@asynccontextmanager
async def opened(tmp_path: Path) -> AsyncGenerator[Store]:
    store = await Store.open(f"sqlite:///{tmp_path}/a.db")
    try:
        async with store.write() as session:
            await session.script("CREATE TABLE paces (name TEXT PRIMARY KEY, next_turn INTEGER)")
        yield store
    finally:
        await store.close()


async def pace(store: Store, name: str, on_written: Callable[[], None] | None = None) -> None:
    await store.write_at_once([NEW_PACE], [(name,)], on_written=on_written)


async def test_what_must_last_is_on_the_disk_and_takes_along_what_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as store:
        with disk_of(tmp_path / "a.db", monkeypatch) as disk:
            await pace(store, "first")
            assert disk.paces == {"first"}
            await store.transact(lambda session: session.execute(NEW_PACE, "later"), lasts=False)
            assert (disk.syncs, disk.paces) == (1, {"first"})
            await store.transact(lambda session: session.execute(NEW_PACE, "last"))
            assert disk.paces == {"first", "later", "last"}
            assert disk.syncs == 2


async def test_others_write_while_the_disk_is_awaited_and_share_the_next_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as store:
        with disk_of(tmp_path / "a.db", monkeypatch) as disk:
            disk.goes_on.clear()
            first = asyncio.create_task(pace(store, "first"))
            await asyncio.to_thread(disk.began.wait, 20)
            written: list[str] = []
            others = [asyncio.create_task(pace(store, f"{n}", lambda: written.append(""))) for n in range(5)]
            while len(written) < 5:
                await asyncio.sleep(0.001)
            assert await count(store, "paces") == 6, "they are committed"
            assert not any(task.done() for task in (first, *others)), "but nobody is told so"
            disk.goes_on.set()
            await asyncio.gather(first, *others)
            assert disk.syncs == 2
            assert len(disk.paces) == 6


@pytest.mark.parametrize(("number", "kind"), [(errno.EIO, StoreError), (errno.ENOSPC, StoreBusy)])
async def test_after_a_sync_that_failed_the_log_is_copied_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StoreError]
) -> None:
    async with opened(tmp_path) as store:
        with disk_of(tmp_path / "a.db", monkeypatch) as disk:
            disk.error = OSError(number, "broken")
            with pytest.raises(kind, match="disk"):
                await pace(store, "in doubt")
            before = (tmp_path / "a.db-wal").stat().st_size
            disk.error = None
            await pace(store, "sure")
            assert (tmp_path / "a.db-wal").stat().st_size < before
            assert disk.paces == {"in doubt", "sure"}


async def test_a_long_log_is_copied_beside_the_writing_thread_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "COPIED_FROM", 20)
    monkeypatch.setattr(wal, "COPIED_AT_ONCE_FROM", 80)
    copied: list[str] = []
    copying = LogCopy._copy_most  # pyright: ignore[reportPrivateUsage]

    def copy(of: LogCopy) -> None:
        copied.append(threading.current_thread().name)
        copying(of)

    monkeypatch.setattr(LogCopy, "_copy_most", copy)
    async with opened(tmp_path) as store:
        for n in range(150):
            await pace(store, f"{n}")
        assert set(copied) == {"sqlite-copy"}
        assert (tmp_path / "a.db-wal").stat().st_size < 120 * 4200
        assert await count(store, "paces") == 150
    assert apsw.Connection(str(tmp_path / "a.db")).execute("SELECT count(*) FROM paces").fetchall() == [(150,)]


async def test_while_somebody_reads_from_a_long_log_it_is_not_copied_with_every_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wal, "COPIED_FROM", 20)
    copied: list[int] = []
    monkeypatch.setattr(LogCopy, "_copy_most", lambda _: copied.append(1))
    async with opened(tmp_path) as store:
        async with store.snapshot():
            for n in range(100):
                await pace(store, f"{n}")
        assert 1 <= len(copied) <= (tmp_path / "a.db-wal").stat().st_size / 4120 / 20
        for n in range(100, 140):
            await pace(store, f"{n}")
        longest = (tmp_path / "a.db-wal").stat().st_size
        for n in range(140, 160):
            await pace(store, f"{n}")
        assert (tmp_path / "a.db-wal").stat().st_size == longest, "it began anew once nobody read from it"


async def test_a_log_that_the_thread_cannot_copy_is_copied_by_the_writing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []
    connecting = sqlite._connect  # pyright: ignore[reportPrivateUsage]

    def connect(path: str) -> apsw.Connection:
        if threading.current_thread().name == "sqlite-copy":
            refused.append(path)
            raise apsw.CantOpenError("too many open files")
        return connecting(path)

    monkeypatch.setattr(sqlite, "_connect", connect)
    monkeypatch.setattr(wal, "COPIED_FROM", 20)
    async with opened(tmp_path) as store:
        for n in range(90):
            await pace(store, f"{n}")
            for thread in threading.enumerate():
                if thread.name == "sqlite-copy":
                    await asyncio.to_thread(thread.join)
        assert refused
        assert (tmp_path / "a.db-wal").stat().st_size < 90 * 4120, "a page each, at least"
        assert await count(store, "paces") == 90


async def test_every_other_transaction_waits_for_the_disk_itself(tmp_path: Path) -> None:
    found: list[int] = []

    async def look(session: Session) -> None:
        found.append((await session.fetch(SYNCHRONOUS))[0]["synchronous"])

    async with opened(tmp_path) as store:
        await store.transact(look)
        async with store.write() as session:
            await look(session)
        await store.transact(look, lasts=False)
    assert found == [1, 2, 1]


@postgres_only
async def test_on_postgresql_a_transaction_that_need_not_last_does_not_wait_for_the_disk(store: Store) -> None:
    setting = sql("SELECT current_setting('synchronous_commit') AS setting")
    found = [
        (await store.transact(lambda session: session.fetch(setting), lasts=lasts))[0]["setting"]
        for lasts in (True, False, True)
    ]
    assert found == ["on", "off", "on"]
