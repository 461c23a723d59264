"""Puts a restored SQLite file in place of the database: only while nobody uses that, and never without keeping it."""

# apsw names its buffer type by a Python 3.12 name, which the type checker does not know when it checks for 3.11.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import apsw

from awbridge.domain.errors import BackupError

# Where SQLite locks a file that is open: https://www.sqlite.org/fileformat2.html#the_lock_byte_page
_LOCK_BYTES, _LOCK_LENGTH = 0x40000000, 512
_SIDE_FILES = ("-wal", "-shm", "-journal")


def check_unused(database: Path) -> None:
    """Raise BackupError while a process has the database open."""
    with locked(database):
        pass


@contextmanager
def locked(database: Path) -> Generator[None]:
    """Lock a SQLite file for this process alone. Raises BackupError while another has it open. It may not exist."""
    if not database.exists():
        yield
        return
    _fold_in_wal(database)
    file = os.open(database, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_LENGTH, _LOCK_BYTES)
        except OSError:
            raise _in_use(database) from None
        yield
    finally:
        os.close(file)  # gives the lock back


def _fold_in_wal(database: Path) -> None:
    """Leave the rollback mode behind, so that the file is complete by itself and whoever opens it late must lock it."""
    connection = None
    try:
        connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(0)
        mode = next(iter(connection.execute("PRAGMA journal_mode = DELETE")))[0]
        if mode != "delete":
            raise _in_use(database)
    except (apsw.BusyError, apsw.LockedError):
        raise _in_use(database) from None
    except (apsw.NotADBError, apsw.CorruptError, apsw.IOError):
        return  # damaged: it is set aside as it is
    finally:
        if connection:
            connection.close()


def _in_use(database: Path) -> BackupError:
    return BackupError(
        f"{database} is in use: stop `awbridge serve`, every `awbridge work`, and other programs that have it open"
    )


def put_in_place(restored: Path, database: Path, *, now: datetime) -> Path | None:
    """Rename a restored file to the database; where the old one is kept, None where there was none.

    The database's name is never without a file, and the old file is never written to. Raises BackupError while a
    process uses it, OSError.
    """
    with locked(database):
        aside = None
        if database.exists():
            aside = database.with_name(f"{database.name}.before-restore-{now.astimezone(UTC):%Y%m%dT%H%M%S%fZ}")
            _keep(database, aside)
            for ending in _SIDE_FILES:
                with contextlib.suppress(FileNotFoundError):
                    os.replace(f"{database}{ending}", f"{aside}{ending}")
        _give_to_owner_of(database if database.exists() else database.parent, restored)
        os.replace(restored, database)
        folder = os.open(database.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return aside


def _keep(database: Path, aside: Path) -> None:
    """A second name for a file, or a copy where the file system has one name a file."""
    try:
        os.link(database, aside)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(database, aside)
    aside.chmod(0o600)


def _give_to_owner_of(owned: Path, file: Path) -> None:
    """As root, give a file to the user of the service, who could not open it otherwise."""
    if os.geteuid() == 0:
        owner = owned.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def make_whole(file: Path) -> None:
    """Make a SQLite file that nobody uses complete by itself, and write it to the disk."""
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READWRITE)
    with contextlib.closing(connection):
        connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    for ending in ("-wal", "-shm", "-lock"):
        Path(f"{file}{ending}").unlink(missing_ok=True)
    with file.open("rb") as content:
        os.fsync(content.fileno())
