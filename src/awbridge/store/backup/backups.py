"""Backups as the table `runs` knows them: rows of the job `backup`, by schedule, by hand, or recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

JOB = "backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBackup:
    """The last verified or recorded backup: what was committed before `taken_at` is in it. `result` says what it is."""

    taken_at: datetime
    finished_at: datetime
    result: str

    def age(self, now: datetime) -> timedelta:
        """How old it is: what has happened in this time would be lost."""
        return max(now - self.taken_at, timedelta(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupState:
    """The state of backups. `since_at`: from when on they are made or recorded (None: none ever was due).

    `problem`: why the last one failed.
    """

    last: LastBackup | None
    since_at: datetime | None
    problem: str | None

    def age(self, now: datetime) -> timedelta | None:
        """Since when nothing was backed up; None where no backup is expected."""
        since = self.last.taken_at if self.last else self.since_at
        return max(now - since, timedelta(0)) if since else None


async def last_backup(session: Session) -> LastBackup | None:
    """The last backup that was verified, or recorded with `awbridge backup record`; None if there is none."""
    rows = await session.fetch(_sql.last)
    if not rows:
        return None
    row = rows[0]
    return LastBackup(taken_at=row["started_at"], finished_at=row["finished_at"], result=row["result"] or "")


async def backup_state(session: Session) -> BackupState:
    """The last backup, and whether a newer one failed."""
    failing = await session.fetch(_sql.failing)
    since = (await session.fetch(_sql.since))[0]["due_at"]
    return BackupState(
        last=await last_backup(session), since_at=since, problem=failing[0]["problem"] if failing else None
    )


async def record(session: Session, result: str, *, taken_at: datetime, now: datetime) -> None:
    """Record a finished backup that no scheduled run made."""
    await session.execute(_sql.record, now, taken_at, result)
