"""Export an account: every table as of one moment, written to one file. It holds personal data and keys."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile

import awbridge
from awbridge.domain.errors import TransferError
from awbridge.domain.transfer.manifest import (
    MANIFEST,
    ExportedMigration,
    ExportedTable,
    ExportManifest,
    entry_of,
    written_line,
    written_manifest,
)
from awbridge.private_files import new_private
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.engine import migrate
from awbridge.store.engine.database import Row, Session
from awbridge.store.transfer import tables
from awbridge.store.transfer.tables import Table

FIRST_ROWS = 4  # of the first page of a table, until it is known how large its rows are
MOST_ROWS = 2000
PAGE_BYTES = 2 * 1024 * 1024  # of a page's lines, about
LEVEL = 6  # of deflate


def nobody(_rows: int) -> None:
    """Nobody watches."""


async def export_account(
    *, store: Store, file: Path, account: str, clock: Clock, on_rows: Callable[[int], None] = nobody
) -> ExportManifest:
    """Write all that a database holds to a new file, which only its owner may read. `on_rows` receives the rows done.

    The store may be in use. What is in the account's data folder and in object storage is not part of it.

    Raises TransferError where the file exists or cannot be written, and where there are no tables; StoreError.
    """
    try:
        with new_private(file) as out:
            try:
                manifest = await _write(store, out, account, clock, on_rows)
                await asyncio.to_thread(os.fsync, out.fileno())
            except BaseException:
                await asyncio.shield(asyncio.to_thread(file.unlink, missing_ok=True))
                raise
    except FileExistsError:
        raise TransferError(f"{file} exists: an export is written to a new file") from None
    except OSError as error:
        raise TransferError(f"cannot write {file}: {error.strerror or error}") from error
    return manifest


async def _write(
    store: Store, out: IO[bytes], account: str, clock: Clock, on_rows: Callable[[int], None]
) -> ExportManifest:
    async with store.snapshot() as session:
        exported_at = clock()
        found = await tables.tables(session)
        if tables.HISTORY not in found:
            raise TransferError("there is nothing to export: the account has no tables")
        history = [ExportedMigration(**row) for row in await migrate.history(session)]
        written: list[ExportedTable] = []
        with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:
            for table in found.values():
                written.append(await _write_table(session, table, archive, on_rows))
            manifest = ExportManifest(
                account=account,
                version=awbridge.__version__,
                dialect=store.dialect,
                exported_at=exported_at,
                schema=max(one.number for one in history),
                migrations=tuple(history),
                tables=tuple(written),
            )
            archive.writestr(MANIFEST, written_manifest(manifest))
    return manifest


def _pack(table: Table, rows: Sequence[Row], out: IO[bytes]) -> bytes:
    """Rows as lines, compressed into the archive. In a thread: compression takes most of the time of an export."""
    lines = b"".join([written_line([row[name] for name in table.columns]) for row in rows])
    out.write(lines)
    return lines


async def _write_table(
    session: Session, table: Table, archive: ZipFile, on_rows: Callable[[int], None]
) -> ExportedTable:
    done, digest, limit = 0, hashlib.sha256(), FIRST_ROWS
    after: tuple[object, ...] = ()
    with archive.open(entry_of(table.name), "w", force_zip64=True) as out:
        while rows := await tables.page(session, table, after=after, limit=limit):
            lines = await asyncio.to_thread(_pack, table, rows, out)
            digest.update(lines)
            done += len(rows)
            on_rows(len(rows))
            if len(rows) < limit:
                break
            after = tables.key_of(table, rows[-1])
            limit = min(MOST_ROWS, 4 * limit, max(1, PAGE_BYTES * len(rows) // len(lines)))
    return ExportedTable(
        name=table.name, columns=table.columns, kinds=table.kinds, rows=done, sha256=digest.hexdigest()
    )
