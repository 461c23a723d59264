"""Restore a backup of a SQLite database: fetch, verify, correct, and only then put in place of the database."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import shutil
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import apsw
import structlog

from awbridge.domain.backup.manifest import BackupManifest, read_manifest
from awbridge.domain.errors import BackupError
from awbridge.private_files import new_private
from awbridge.sinks.objects import Objects
from awbridge.steps.backup.after_restore import AfterRestore, AfterRestorePolicy, after_restore
from awbridge.steps.backup.take import manifest_of, stored_backups, work_folder, work_folder_beside
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.backup.replace_file import check_unused, make_whole, put_in_place
from awbridge.store.backup.snapshot import Contents, NotSound, check
from awbridge.store.engine.clocks import clock_marks
from awbridge.store.engine.migrate import own_schema
from awbridge.store.engine.sqlite import SqliteDatabase

log = structlog.get_logger()

_GZIP = b"\x1f\x8b"
_SQLITE = b"SQLite format 3\x00"
_CHUNK = 1024 * 1024
LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBackup:
    """A backup in object storage: `key` of its file; `manifest`, if it has one."""

    objects: Objects
    key: str
    manifest: BackupManifest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A restore. `aside`: where the old database is kept (None: there was none). `corrected`: what followed."""

    contents: Contents
    manifest: BackupManifest | None
    aside: Path | None = None
    corrected: AfterRestore | None = None
    migrated: list[str] = field(default_factory=list[str])


async def find_stored(objects: Objects, name: str) -> StoredBackup:
    """The stored backup of this name, the beginning of a name, or `latest`. Raises BackupError, ObjectsError."""
    found = await stored_backups(objects)
    matching = found[:1] if name == LATEST else [one for one in found if one.name.startswith(name)]
    if len(matching) != 1:
        what = f"{len(matching) or 'no file and no backup'} {'are' if len(matching) > 1 else 'is'} named {name}"
        what = what if found else f"there is no file {name}, and there are no backups"
        raise BackupError(f"{what}; awbridge restore --list shows all, and a file or URL may be given instead")
    return StoredBackup(objects=objects, key=matching[0].key, manifest=matching[0])


async def find_by_url(objects: Objects, key: str) -> StoredBackup:
    """The backup under this key, with its manifest if that lies beside it. Raises BackupError, ObjectsError."""
    notes = await objects.get(f"{key}.json")
    return StoredBackup(objects=objects, key=key, manifest=read_manifest(notes) if notes is not None else None)


async def extract(*, source: Path | StoredBackup, target: Path) -> Restored:
    """Write the database of a backup to a new file, verified and otherwise as it was.

    Raises BackupError, ObjectsError.
    """
    with work_folder_beside(target) as folder:
        file, manifest, contents = await _verified(source, folder)
        os.replace(file, target)
    return Restored(contents=contents, manifest=manifest)


async def restore(
    *,
    source: Path | StoredBackup,
    database: Path,
    clock: Clock,
    policy: AfterRestorePolicy,
    point: datetime | None = None,
    until: datetime | None = None,
    last_manifest: int | None = None,
) -> Restored:
    """Restore a backup in place of the database, which is set aside. Nothing is changed where anything fails.

    The restored database is migrated and corrected (`after_restore`) before it is put in place: no service can start on
    it earlier. `point`: by default when the backup was taken, else the latest time that it knows.

    Raises BackupError, ObjectsError, SchemaTooNew.
    """
    check_unused(database)
    with work_folder(database.parent) as folder:
        file, manifest, contents = await _verified(source, folder)
        store = Store(SqliteDatabase(file))
        try:
            migrated = await store.migrate()
            corrected = await after_restore(
                store=store,
                clock=clock,
                policy=policy,
                point=point or (manifest.taken_at if manifest else await _latest(store)) or clock(),
                until=until,
                last_manifest=last_manifest,
            )
        finally:
            await store.close()
        await asyncio.to_thread(make_whole, file)
        aside = await asyncio.to_thread(put_in_place, file, database, now=clock())
    log.warning("restore.done", name=manifest.name if manifest else "", aside=str(aside or ""))
    return Restored(contents=contents, manifest=manifest, aside=aside, corrected=corrected, migrated=migrated)


async def _latest(store: Store) -> datetime | None:
    """The latest time that the database knows: no service has run on this copy since."""
    async with store.read() as session:
        return await clock_marks.latest(session)


async def _verified(source: Path | StoredBackup, folder: Path) -> tuple[Path, BackupManifest | None, Contents]:
    """The database of a backup as a file in this folder, compared with its manifest."""
    if isinstance(source, StoredBackup):
        packed, manifest = folder / "fetched", source.manifest
        if await source.objects.get_file(source.key, packed) is None:
            raise BackupError(f"there is no backup {source.key}")
    else:
        packed, manifest = source, await asyncio.to_thread(_manifest_beside, source)
    file = folder / "restored.db"
    try:
        contents = await asyncio.to_thread(_unpacked, packed, file, manifest)
    except (NotSound, OSError, EOFError, zlib.error, apsw.Error) as error:
        raise BackupError(f"the backup is not sound, and nothing was restored: {error}") from None
    if contents.schema > own_schema():
        raise BackupError(
            f"the backup is of a newer version of awbridge (schema {contents.schema}, this one has {own_schema()}): "
            "install that version to restore it"
        )
    return file, manifest, contents


def _manifest_beside(source: Path) -> BackupManifest | None:
    notes = manifest_of(source)
    return read_manifest(notes.read_bytes()) if notes.is_file() else None


def _unpacked(packed: Path, file: Path, manifest: BackupManifest | None) -> Contents:
    if not packed.is_file():
        raise NotSound(f"there is no file {packed}")
    with packed.open("rb") as content:
        if manifest and hashlib.file_digest(content, "sha256").hexdigest() != manifest.sha256:
            raise NotSound("its SHA-256 differs from the manifest's")
        content.seek(0)
        beginning = content.read(len(_SQLITE))
        content.seek(0)
        with new_private(file) as out:
            if beginning.startswith(_GZIP):
                with gzip.GzipFile(fileobj=content, mode="rb") as unpacked:
                    shutil.copyfileobj(unpacked, out, _CHUNK)
            elif beginning == _SQLITE:
                shutil.copyfileobj(content, out, _CHUNK)
            else:
                raise NotSound("it is neither a SQLite file nor one compressed with gzip")
    wal = Path(f"{packed}-wal")
    if beginning == _SQLITE and wal.is_file():  # a copy of a database that was not closed
        shutil.copyfile(wal, f"{file}-wal")
        make_whole(file)
    contents = check(file)
    if manifest:
        _compare(contents, manifest)
    return contents


def _compare(contents: Contents, manifest: BackupManifest) -> None:
    if contents.sha256 != manifest.database_sha256:
        raise NotSound("the SHA-256 of its database differs from the manifest's")
    if contents.counts != dict(manifest.counts):
        tables = sorted({*contents.counts, *manifest.counts})
        different = [t for t in tables if contents.counts.get(t) != manifest.counts.get(t)]
        raise NotSound(f"the numbers of rows differ from the manifest's: {', '.join(different[:5])}")
