"""Import an exported account into an empty database: all of it in one transaction, or nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile, ZipFile

from awbridge.domain.errors import StoreBusy, StoreError, TransferError
from awbridge.domain.transfer.manifest import MANIFEST, ExportedTable, ExportManifest, line_reader, read_manifest
from awbridge.steps.transfer.export import MOST_ROWS, PAGE_BYTES, nobody
from awbridge.store import Store
from awbridge.store.engine import migrate
from awbridge.store.engine.database import Session
from awbridge.store.transfer import tables
from awbridge.store.transfer.tables import HISTORY, OF_PROCESSES, Table

_Rows = list[list[Any]]


def manifest_of(file: Path) -> ExportManifest:
    """What a file holds, as it says itself. Raises TransferError where it is no export."""
    with _opened(file) as archive:
        return _manifest(archive)


async def import_account(*, store: Store, file: Path, on_rows: Callable[[int], None] = nobody) -> ExportManifest:
    """Fill an empty database with what was exported, and then migrate it to the schema of this version.

    The database may be new, or migrated without holding anything. Meanwhile nobody else may use it. `on_rows` receives
    the rows done.

    Raises TransferError where the file is damaged or made by a newer version, and where the database is not empty;
    StoreError. Then nothing was imported.
    """
    with _opened(file) as archive:
        manifest = _manifest(archive)
        check_migrations(manifest)
        await _prepare(store, manifest)
        async with store.write() as session:
            found = await tables.tables(session)
            await _check_empty(session, found)
            for exported in manifest.tables:
                if exported.name != HISTORY:
                    await _load(session, archive, exported, found, on_rows)
    await tables.analyze(store, manifest.counts)
    await store.migrate()
    return manifest


def check_migrations(manifest: ExportManifest) -> None:
    """Raise TransferError unless this version can make the schema of the export, and go on from there."""
    own = {migration.number: migration for migration in migrate.migrations()}
    for one in manifest.migrations:
        if one.number not in own:
            raise TransferError(
                f"the file was exported on schema {manifest.schema:04} by awbridge {manifest.version}; this version "
                f"does not know its migration {one.name}. Install that version, or a newer one"
            )
        if own[one.number].checksum != one.checksum:
            raise TransferError(f"migration {one.name} was changed since the file was exported")
    given = {one.number for one in manifest.migrations}
    if lacking := [own[number].name for number in own if number <= manifest.schema and number not in given]:
        raise TransferError(f"the file was exported from a database that lacks {lacking[0]}: migrate it, export again")


async def _prepare(store: Store, manifest: ExportManifest) -> None:
    """Bring the database to the schema of the export. A newer one is made anew where it holds nothing."""
    state = await store.schema_state()
    if state.schema > manifest.schema:
        async with store.write() as session:
            found = await tables.tables(session)
            await _check_empty(session, found)
            for name in found:
                await tables.drop(session, name)
    await migrate.migrate(store.database, until=manifest.schema)


async def _check_empty(session: Session, found: dict[str, Table]) -> None:
    for name in found:
        if name != HISTORY and name not in OF_PROCESSES and await tables.has_rows(session, name):
            raise TransferError(
                f"the account has data already: {name} has rows. An export is imported into an empty account"
            )


async def _load(
    session: Session, archive: ZipFile, exported: ExportedTable, found: dict[str, Table], on_rows: Callable[[int], None]
) -> None:
    table = found.get(exported.name)
    unknown = set(exported.columns) - set(table.columns if table else ())
    if not table or unknown:
        what = f"{exported.name}.{min(unknown)}" if unknown else exported.name
        raise TransferError(f"the schema {MANIFEST} speaks of has no {what}: the file is not whole")
    if exported.name in OF_PROCESSES:
        await tables.empty(session, exported.name)
    digest, done = hashlib.sha256(), 0
    try:
        with archive.open(exported.entry) as stream:
            pages = _pages(BufferedReader(cast("Any", stream), 1 << 20), exported, digest.update)
            while rows := await asyncio.to_thread(next, pages, None):
                await tables.add(session, table, exported.columns, rows)
                done += len(rows)
                on_rows(len(rows))
    except (KeyError, BadZipFile, ValueError, EOFError) as error:
        raise _damaged(exported, error) from error
    except StoreBusy:
        raise
    except StoreError as error:
        raise TransferError(f"{exported.name} cannot be imported after {done} rows: {error}") from error
    if done != exported.rows or digest.hexdigest() != exported.sha256:
        raise _damaged(exported, f"{done} rows of {exported.rows}" if done != exported.rows else "another checksum")


def _pages(stream: BufferedReader, exported: ExportedTable, seen: Callable[[bytes], None]) -> Iterator[_Rows]:
    """Rows in pieces of bounded size."""
    read = line_reader(exported.kinds)
    rows, size = cast("_Rows", []), 0
    for line in stream:
        seen(line)
        rows.append(read(line))
        size += len(line)
        if len(rows) >= MOST_ROWS or size >= PAGE_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _damaged(exported: ExportedTable, why: object) -> TransferError:
    return TransferError(f"{exported.entry} in the file is damaged: {why}. Export again")


def _opened(file: Path) -> ZipFile:
    try:
        return ZipFile(file)
    except FileNotFoundError:
        raise TransferError(f"there is no file {file}") from None
    except (BadZipFile, OSError) as error:
        raise TransferError(f"{file} is not an export of awbridge: {error}") from None


def _manifest(archive: ZipFile) -> ExportManifest:
    try:
        return read_manifest(archive.read(MANIFEST))
    except (KeyError, BadZipFile) as error:
        raise TransferError(f"{archive.filename} is not an export of awbridge: {error}") from None
