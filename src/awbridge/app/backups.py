"""Settings -> where backups are, what is backed up, and what follows a restore."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from awbridge.app.connections import archive_objects
from awbridge.app.settings import NO_BACKUPS, Settings
from awbridge.app.settings.types import read_options
from awbridge.domain.errors import AwbridgeError, BackupError
from awbridge.sinks.objects import Objects
from awbridge.steps.backup.take import BackupPolicy, back_up
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.schedule import Ran

if TYPE_CHECKING:
    from awbridge.domain.backup.manifest import BackupManifest
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBackup:
    """The backup of an account's SQLite file, or why there is none."""

    account: str
    made: BackupManifest | None
    problem: str = ""


async def accounts_with_files(home: Settings) -> list[Settings]:
    """The settings of the accounts whose data are in a SQLite file, also of those that are suspended."""
    from awbridge.app.accounts.registry import AccountRegistry
    from awbridge.app.database import open_store

    if home.account:  # one of them is meant
        return []
    async with open_store(home, migrate=False, create=False) as store:
        found = (await AccountRegistry(home, store).all()).values()
    every = [account.settings for account in found if account.settings]
    return [one for one in every if one.database_url.startswith("sqlite:") and database_file(one).exists()]


async def back_up_accounts(accounts: list[Settings]) -> AsyncIterator[AccountBackup]:
    """Back up the SQLite file of each account to where its backups are. One that fails is reported, not raised."""
    for settings in accounts:
        try:
            made = await back_up(objects=backup_objects(settings), policy=backup_policy(settings))
            await record_by_hand(settings, made, made.name)
        except AwbridgeError as error:
            yield AccountBackup(account=settings.account, made=None, problem=str(error))
        else:
            yield AccountBackup(account=settings.account, made=made)


async def record_by_hand(settings: Settings, made: BackupManifest, name: str) -> None:
    """Record in the database that a command has backed it up."""
    from awbridge.app.database import open_store
    from awbridge.store.backup.backups import record

    async with open_store(settings, migrate=False) as store, store.write() as session:
        await record(session, f"{name}: by hand", taken_at=made.taken_at, now=utc_now())


async def scheduled_backup(settings: Settings, _due_at: datetime) -> Ran:
    """The job: back up the database. Raises BackupError, ObjectsError."""
    made = await back_up(objects=backup_objects(settings), policy=backup_policy(settings))
    return Ran(f"{made.name}: {made.bytes / 2**20:.1f} MiB")
