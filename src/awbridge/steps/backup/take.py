"""Take a backup of a SQLite database in use, and store it: verified, listed, old ones deleted."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

import awbridge
from awbridge.domain.backup.manifest import (
    FOLDER,
    MANIFEST_ENDING,
    BackupManifest,
    backup_name,
    outdated,
    read_manifest,
)
from awbridge.domain.errors import BackupError, ObjectsError
from awbridge.private_files import open_private
from awbridge.sinks.objects import Objects
from awbridge.worker_process import WorkerError, run_worker

log = structlog.get_logger()

_PREFIX = ".awbridge-backup-"
LEFT_BEHIND = 2 * 86400.0  # seconds after which a work folder is a killed process's


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPolicy:
    """Which SQLite file is backed up. `folder`: on this machine, for the copy until it is stored.

    `keep`: how long backups are kept (None: forever). `longest`: after which making one is aborted.
    """

    source: Path
    folder: Path
    keep: timedelta | None = timedelta(days=14)
    longest: timedelta = timedelta(hours=1)


async def back_up(*, objects: Objects, policy: BackupPolicy) -> BackupManifest:
    """Take a backup, store it and its manifest, and delete outdated ones. Raises BackupError, ObjectsError."""
    _check_source(policy)
    with work_folder(policy.folder) as folder:
        packed = folder / "backup.db.gz"
        manifest = await snapshot(policy, packed)
        stored = await objects.put_file(manifest.key, packed)
        if stored.sha256 != manifest.sha256:
            raise ObjectsError(f"put: {manifest.key} changed before it was stored")
        await objects.put(manifest.manifest_key, manifest.to_json())
    log.info("backup.made", name=manifest.name, bytes=manifest.bytes, taken_at=manifest.taken_at.isoformat())
    await delete_outdated(objects=objects, newest=manifest, keep=policy.keep)
    return manifest


async def back_up_to_file(*, file: Path, policy: BackupPolicy) -> BackupManifest:
    """Take a backup into a new file, with its manifest beside it. Raises BackupError, also where the file exists."""
    _check_source(policy)
    with work_folder_beside(file) as folder:
        packed = folder / "backup.db.gz"
        manifest = await snapshot(policy, packed)
        notes = folder / "manifest"
        with open_private(notes) as out:
            out.write(manifest.to_json())
        os.replace(packed, file)
        os.replace(notes, manifest_of(file))
    return manifest


def manifest_of(file: Path) -> Path:
    """The file that holds the manifest of a backup in a file."""
    return file.with_name(file.name + MANIFEST_ENDING)


async def snapshot(policy: BackupPolicy, packed: Path) -> BackupManifest:
    """A compressed and checked copy of the database in `packed`, made by a process of its own. Raises BackupError."""
    seconds = policy.longest.total_seconds()
    arguments = str(policy.source.absolute()), str(packed)
    try:
        out = await run_worker("awbridge.store.backup.snapshot", *arguments, seconds=seconds)
    except TimeoutError:
        raise BackupError(f"the backup was not made within {seconds:g} s: increase AWBRIDGE_BACKUP_TIMEOUT") from None
    except WorkerError as error:
        raise BackupError(f"the backup could not be made: {error}") from None
    return _manifest(json.loads(out))


def _manifest(made: dict[str, Any]) -> BackupManifest:
    taken_at, contents = datetime.fromisoformat(made["taken_at"]).astimezone(UTC), made["contents"]
    return BackupManifest(
        name=backup_name(contents["database"], taken_at),
        database=contents["database"],
        taken_at=taken_at,
        version=awbridge.__version__,
        schema=contents["schema"],
        bytes=made["bytes"],
        sha256=made["sha256"],
        database_bytes=contents["bytes"],
        database_sha256=contents["sha256"],
        counts=contents["counts"],
    )


async def stored_backups(objects: Objects) -> list[BackupManifest]:
    """Every complete backup, newest first. One whose manifest cannot be read is logged and left out."""
    found: list[BackupManifest] = []
    for key in await objects.keys(FOLDER):
        if not key.endswith(MANIFEST_ENDING):
            continue
        content = await objects.get(key)
        try:
            found += [read_manifest(content)] if content is not None else []
        except BackupError as error:
            log.warning("backup.unreadable", key=key, problem=str(error))
    return sorted(found, key=lambda one: one.taken_at, reverse=True)


async def delete_outdated(*, objects: Objects, newest: BackupManifest, keep: timedelta | None) -> int:
    """Delete the backups that are older than `keep` now that a newer one is verified; how many."""
    if keep is None:
        return 0
    old = outdated(await stored_backups(objects), newest, keep=keep)
    for one in old:
        await objects.delete(one.manifest_key)  # first: what has no manifest is no backup
        await objects.delete(one.key)
        log.info("backup.deleted", name=one.name)
    return len(old)


def _check_source(policy: BackupPolicy) -> None:
    if not policy.source.is_file():
        raise BackupError(f"there is no database {policy.source} to back up")


def work_folder_beside(file: Path) -> contextlib.AbstractContextManager[Path]:
    """A work folder on the disk of a file that is to be made. Raises BackupError where the file exists."""
    if file.exists():
        raise BackupError(f"{file} exists already; choose another name")
    return work_folder(file.absolute().parent)


@contextlib.contextmanager
def work_folder(parent: Path) -> Generator[Path]:
    """A new folder in `parent`, readable by its owner only, that is deleted when the block ends.

    What a killed process left behind goes too.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(prefix=_PREFIX, dir=parent)  # 0700
    except OSError as error:
        raise BackupError(f"{parent} cannot be written to: {error.strerror}") from None
    for left in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_BEHIND:
                shutil.rmtree(left)
    with made as folder:
        yield Path(folder)
