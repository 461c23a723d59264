"""Settings -> where backups are, what is backed up, and what follows a restore."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from awbridge.app.connections import archive_objects
from awbridge.app.setting_types import read_options
from awbridge.app.settings import NO_BACKUPS, Settings
from awbridge.domain.errors import BackupError
from awbridge.sinks.objects import Objects
from awbridge.steps.backup.take import BackupPolicy, back_up
from awbridge.steps.runtime.schedule import Ran

if TYPE_CHECKING:
    from awbridge.steps.backup.after_restore import AfterRestorePolicy

BACKUP_SETTING = "AWBRIDGE_BACKUP_URL"
NOT_SQLITE = (
    "this is for SQLite. Back up PostgreSQL with its own tools (base backup and WAL archive), then record it: "
    "awbridge backup record. After restoring it: awbridge after-restore. docs/how-to/deploy/backup.md has the commands"
)


def database_file(settings: Settings) -> Path:
    """The file of a SQLite database. Raises BackupError for PostgreSQL."""
    url = urlsplit(settings.database_url)
    if url.scheme != "sqlite":
        raise BackupError(NOT_SQLITE)
    return Path(unquote(url.path.removeprefix("/"))).resolve()


def backup_objects(settings: Settings) -> Objects:
    """Where backups are: AWBRIDGE_BACKUP_URL, else the archive, else the data folder. Raises SettingsError."""
    if settings.backup_url and settings.backup_url != NO_BACKUPS:
        return objects_of(settings, settings.backup_url, BACKUP_SETTING)
    archive = archive_objects(settings, timeout=settings.backup_timeout)
    return archive or Objects.in_folder(Path(settings.data_dir), timeout=settings.backup_timeout)


def objects_of(settings: Settings, url: str, setting: str) -> Objects:
    """The object storage of a URL, with the archive's options. Raises SettingsError."""
    options = read_options(settings.archive_options.get_secret_value())
    return Objects.open(url, options=options, timeout=settings.backup_timeout, setting=setting)


def backup_place(settings: Settings) -> str:
    """Where backups are, for display."""
    if settings.backup_url:
        return settings.backup_url
    return settings.archive_url if settings.archives and settings.archive_url else f"file://{_data_dir(settings)}"


def is_on_the_same_disk(settings: Settings) -> bool:
    """Whether backups lie on the disk of the SQLite file: they are lost with it."""
    place = backup_place(settings)
    if not place.startswith("file://"):
        return False
    folders = (Path(place.removeprefix("file://")), database_file(settings).parent)
    first, second = (next(f for f in (folder, *folder.parents) if f.exists()).stat().st_dev for folder in folders)
    return first == second


def _data_dir(settings: Settings) -> Path:
    return Path(settings.data_dir).absolute()


def backup_policy(settings: Settings) -> BackupPolicy:
    """What is backed up, and how long backups are kept. Raises BackupError for PostgreSQL."""
    return BackupPolicy(
        source=database_file(settings),
        folder=_data_dir(settings),
        keep=timedelta(days=settings.backup_keep_days) if settings.backup_keep_days else None,
        longest=timedelta(seconds=settings.backup_timeout),
    )


def backup_within(settings: Settings) -> timedelta | None:
    """How old the last backup may be; None where backups are switched off."""
    return None if settings.backup_url == NO_BACKUPS else timedelta(hours=settings.backup_alarm_hours)


def after_restore_policy(settings: Settings) -> AfterRestorePolicy:
    """When reports and digests are due."""
    from awbridge.steps.backup.after_restore import AfterRestorePolicy

    return AfterRestorePolicy(
        zone=settings.zone, report_cron=settings.report_cron, digest_hour=settings.alarm_digest_hour
    )


async def scheduled_backup(settings: Settings, _due_at: datetime) -> Ran:
    """The job: back up the database. Raises BackupError, ObjectsError."""
    made = await back_up(objects=backup_objects(settings), policy=backup_policy(settings))
    return Ran(f"{made.name}: {made.bytes / 2**20:.1f} MiB")
