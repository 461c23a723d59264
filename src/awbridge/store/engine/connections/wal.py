# apsw names its buffer type by a Python 3.12 name, which the type checker does not know when it checks for 3.11.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The write-ahead log of a SQLite file: when what was committed is on the disk, and when it is copied into the file.

SQLite would do both within the commit, while nobody else can write. Here a commit that must last is followed by a sync
of the log, in a thread of its own and for all that wait for one. The log is copied by a thread too; only what was
written meanwhile is left for the writing thread, so that the log can begin anew.
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable

import apsw
import structlog

from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.store.engine.connections.worker import Worker

log = structlog.get_logger()

# Pages of 4 KiB in the log from which on they are copied into the file. Apply changes pages here and there: the more of
# them are copied at once, the more changes one copy covers.
COPIED_FROM = 4000
COPIED_AT_ONCE_FROM = 4 * COPIED_FROM  # by the writing thread, however long it takes: the log must not grow for ever

_sync_file: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class LogSync:
    """Waits until commits are on the disk. The log exists, as a connection holds it for as long as this lives."""

    def __init__(self, path: str) -> None:
        self._file = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        self._worker = Worker("sqlite-sync")
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self.failed = False  # until the log was copied, nothing in it is sure to be on the disk

    async def sync(self) -> None:
        """Return once all that is committed now is on the disk. Raises StoreBusy, StoreError."""
        if self._next is None:
            self._next = asyncio.create_task(self._sync_next())
        await asyncio.shield(self._next)

    async def _sync_next(self) -> None:
        async with self._turn:
            self._next = None  # what is committed from now on may come too late for this one
            await self._worker.run(self._sync)

    def _sync(self) -> None:
        try:
            _sync_file(self._file)
        except OSError as error:
            # The system reports a page that it could not write once. Another sync would succeed without it.
            self.failed = True
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise StoreBusy("the disk that holds the database is full") from error
            raise StoreError(f"SQLite: the log cannot be written to the disk: {error.strerror}") from error

    def close(self) -> None:
        """Close the log."""
        self._worker.end()
        os.close(self._file)


class LogCopy:
    """Copies the log into the file once it is long. `connect` opens another connection to the file."""

    def __init__(self, writer: apsw.Connection, connect: Callable[[], apsw.Connection]) -> None:
        self._writer = writer
        self._connect = connect
        self._pages = 0
        self._next = COPIED_FROM
        self._thread: threading.Thread | None = None
        writer.set_wal_hook(self._note)

    def _note(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._pages = pages
        return apsw.SQLITE_OK

    def after_commit(self) -> None:
        """Copy the log if it is long. Called in the writing thread."""
        if self._pages < COPIED_FROM:
            self._next = COPIED_FROM
        if self._pages < self._next:
            return
        if self._thread is None and self._pages < COPIED_AT_ONCE_FROM:
            self._thread = threading.Thread(target=self._copy_most, name="sqlite-copy", daemon=True)
            self._thread.start()
        elif self._thread is None or not self._thread.is_alive():
            self._thread = None
            self._next = self._pages + COPIED_FROM  # it cannot begin anew while somebody reads from it
            _copy(self._writer)

    def _copy_most(self) -> None:
        try:
            connection = self._connect()
        except apsw.Error as error:  # the writing thread copies all
            log.warning("sqlite.log_not_copied", error=type(error).__name__)
            return
        _copy(connection)
        connection.close()

    def copy_all(self) -> None:
        """Copy the whole log into the file and begin it anew. Raises StoreBusy while somebody reads from it."""
        [(busy, *_)] = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy:
            raise StoreBusy("the log of the database could not be written to the disk, and is not copied yet")

    def close(self) -> None:
        """Wait for a copy that is under way."""
        if self._thread:
            self._thread.join()


def _copy(connection: apsw.Connection) -> None:
    """Copy what no reader needs in the log. The commits in it are valid either way, so an error ends none of them."""
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except apsw.Error as error:
        log.warning("sqlite.log_not_copied", error=type(error).__name__)
