"""Checks of what is stored: folders that must be writable, files that others can read, backups."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.app.settings import Settings
from awbridge.domain.errors import SettingsError
from awbridge.store.audit import runs
from awbridge.store.backup import wal_archive
from awbridge.store.engine.store import sqlite_file

BACKUP_JOB = "backup"  # as the table `runs` names it
OLD_BACKUP = timedelta(days=2)
OLD_ARCHIVED_WAL = timedelta(hours=1)
_NEWEST_RUNS = 50


def check_folders(settings: Settings) -> list[Diagnosis]:
    """Whether this process can write where it has to. Creates no folder."""
    found = [
        Diagnosis("folders", PROBLEM, f"{folder} ({what}) cannot be written: {reason}", _DO)
        for folder, what in _folders(settings)
        if (reason := _unwritable(folder))
    ]
    return [*(found or [Diagnosis("folders", OK, "the data folder is writable")]), *_readable_by_others(settings)]


_DO = "give it to the user that runs awbridge (chown), or set another one"


def _folders(settings: Settings) -> Iterator[tuple[Path, str]]:
    data = Path(settings.data_dir).absolute()
    yield data, "AWBRIDGE_DATA_DIR"
    if data.is_dir():
        yield from ((inner, "in AWBRIDGE_DATA_DIR") for inner in sorted(data.iterdir()) if inner.is_dir())
    if settings.archive_url.startswith("file://"):
        yield Path(settings.archive_url.removeprefix("file://")).absolute(), "AWBRIDGE_ARCHIVE_URL"
    if settings.reconcile_dir:
        yield Path(settings.reconcile_dir).absolute(), "AWBRIDGE_RECONCILE_DIR"
    if file := _database_file(settings):
        yield file.absolute().parent, "the database's folder, where SQLite writes beside the file"


def _database_file(settings: Settings) -> Path | None:
    try:
        return sqlite_file(settings.database_url)
    except SettingsError:  # the check of the database tells
        return None


def _unwritable(folder: Path) -> str:
    """Why no file can be created in a folder, or in the folder that it will be created in; "" if one can."""
    for place in (folder, *folder.parents):
        try:
            if not place.exists():
                continue
            with tempfile.TemporaryFile(dir=place, prefix=".awbridge-doctor-"):
                return ""
        except OSError as error:
            return error.strerror or type(error).__name__
    return "it does not exist"


def _readable_by_others(settings: Settings) -> list[Diagnosis]:
    file = _database_file(settings)
    try:
        mode = stat.S_IMODE(file.stat().st_mode) if file else 0
    except OSError:  # there is none yet
        return []
    if not file or not mode & 0o077:
        return []
    text = f"{file.absolute()} has the mode {mode:04o}: other users of this machine may read orders and addresses"
    return [Diagnosis("folders", WARNING, text, f"chmod 600 {file.absolute()}*")]


async def check_backup(context: CheckContext) -> list[Diagnosis]:
    """Whether there is a recent backup: one that awbridge recorded or, on PostgreSQL, archived WAL."""
    now = context.clock()
    async with context.store.read() as session:
        recent = await runs.recent(session, BACKUP_JOB, limit=_NEWEST_RUNS)
        wal = await wal_archive.state(session) if context.store.dialect == "postgres" else None
    done = next((run for run in recent if run.finished_at and run.started_at and not run.problem), None)
    failed = f"; the newest one failed: {recent[0].problem}" if recent and recent[0].problem else ""
    if done and done.started_at:
        age = now - done.started_at
        text = f"the last one is {_ago(age)} old{failed}"
        if age < OLD_BACKUP and not failed:
            return [Diagnosis("backup", OK, text)]
        do = "see why no newer one was made: docs/how-to/deploy/backup.md, awbridge schedules"
        return [Diagnosis("backup", WARNING, text, do)]
    if wal and wal.is_on:
        return [_judge_wal(wal, now - wal.last_at if wal.last_at else None)]
    if context.store.dialect == "postgres":
        text = f"none is known{failed}: the server archives no WAL, and awbridge does not see dumps or snapshots"
        do = "set up pg_basebackup with archive_mode, or make sure that your provider takes backups"
        return [Diagnosis("backup", WARNING, text, do)]
    nightly = "serve and work make one every night (docs/how-to/deploy/backup.md)"
    do = f"run awbridge backup; {nightly}. Do not copy the file by hand"
    return [Diagnosis("backup", WARNING, f"none is known{failed}", do)]


def _judge_wal(wal: wal_archive.WalArchive, age: timedelta | None) -> Diagnosis:
    if wal.fails:
        return Diagnosis("backup", PROBLEM, "archiving of WAL fails", "see the log of PostgreSQL: archive_command")
    if age is None:
        return Diagnosis("backup", WARNING, "the server archives WAL, but has archived none yet", "check it tomorrow")
    text = f"the server archives WAL, the last file {_ago(age)} ago; awbridge does not see base backups"
    if age > OLD_ARCHIVED_WAL:
        return Diagnosis("backup", WARNING, text, "set archive_timeout, so that a quiet hour is archived too")
    return Diagnosis("backup", OK, text)


def _ago(age: timedelta) -> str:
    hours = max(age, timedelta(0)).total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours" if hours >= 1 else f"{hours * 60:.0f} min"
