"""A verified, compressed copy of a SQLite file that is in use: `python -m awbridge.store.backup.snapshot FILE FOLDER`.

A process of its own, with low priority: copying, checking and compressing would take the time of the interpreter that
answers webhooks. VACUUM INTO reads one consistent state and holds up no writer. It leaves out free pages, so what was
deleted or erased is not in the copy.
"""

# apsw names its buffer type by a Python 3.12 name, which the type checker does not know when it checks for 3.11.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw

LEVEL = 6  # of gzip
CHUNK = 1024 * 1024
BUSY_MS = 30_000
NICENESS = 10
ROOM = 1.5  # free space that is needed, as a share of the file: the copy, then its compressed form


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What is in a SQLite file: which database, the number of its last migration, its rows by table, its SHA-256."""

    database: str
    schema: int
    counts: dict[str, int]
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A compressed copy. Everything that was committed before `taken_at` (ISO, UTC) is in it."""

    taken_at: str
    bytes: int
    sha256: str
    contents: Contents


class NotSound(Exception):
    """A file is not a sound database of awbridge. The text says why."""


def take(source: Path, compressed: Path) -> Snapshot:
    """Copy, check and compress a database in use. Raises NotSound, OSError, apsw.Error; leaves no parts behind."""
    copy = compressed.with_suffix(".copy")
    _check_room(source, compressed.parent)
    try:
        taken_at = datetime.now(UTC).isoformat()
        _copy(source, copy)
        contents = check(copy)
        size, digest = _compress(copy, compressed)
    except BaseException:
        compressed.unlink(missing_ok=True)
        raise
    finally:
        copy.unlink(missing_ok=True)
    return Snapshot(taken_at=taken_at, bytes=size, sha256=digest, contents=contents)


def _check_room(source: Path, folder: Path) -> None:
    needed, free = round(source.stat().st_size * ROOM), shutil.disk_usage(folder).free
    if free < needed:
        raise NotSound(f"the disk of {folder} has {free >> 20} MiB free, and a backup needs {needed >> 20} MiB")


def _copy(source: Path, copy: Path) -> None:
    connection = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("VACUUM INTO ?", (str(copy),))
    finally:
        connection.close()
    with copy.open("rb") as written:
        os.fsync(written.fileno())


def check(file: Path) -> Contents:
    """What is in a file that nobody uses. Raises NotSound where SQLite finds it damaged, or it is not awbridge's."""
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        with contextlib.closing(connection):
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            if found != ["ok"]:
                raise NotSound(f"SQLite finds it damaged: {'; '.join(found)}")
            tables = [
                str(row[0])
                for row in connection.execute(
                    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
                )
            ]
            if not {"schema_migrations", "shipments", "inbox"}.issubset(tables):
                raise NotSound("it is a SQLite file, but not a database of awbridge")
            counts = {name: int(_one(connection, f'SELECT COUNT(*) FROM "{name}"')) for name in tables}  # noqa: S608 names of its own schema
            schema = int(_one(connection, "SELECT MAX(number) FROM schema_migrations"))
            born = str(_one(connection, "SELECT MIN(applied_at) FROM schema_migrations"))
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise NotSound(f"SQLite cannot read it: {error}") from None
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return Contents(database=database_id(born), schema=schema, counts=counts, bytes=file.stat().st_size, sha256=digest)


def _one(connection: apsw.Connection, sql: str) -> Any:
    return next(iter(connection.execute(sql)))[0]


def database_id(born: str) -> str:
    """A short name of a database: when its first migration was applied, which no two have in common."""
    return hashlib.blake2b(born.encode(), digest_size=4).hexdigest()


def _compress(copy: Path, compressed: Path) -> tuple[int, str]:
    with (
        copy.open("rb") as content,
        open(compressed, "xb", opener=_private) as out,
        gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=LEVEL, mtime=0) as packed,
    ):
        shutil.copyfileobj(content, packed, CHUNK)
    with compressed.open("rb") as written:
        os.fsync(written.fileno())
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return compressed.stat().st_size, digest


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def main() -> None:
    """Write the snapshot's data as JSON on standard output, or what went wrong on standard error."""
    source, compressed = map(Path, sys.argv[1:])
    os.umask(0o077)
    os.nice(NICENESS)
    try:
        print(json.dumps(asdict(take(source, compressed))))  # noqa: T201 the answer
    except (NotSound, OSError, apsw.Error) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
