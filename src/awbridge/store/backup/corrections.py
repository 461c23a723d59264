"""What is corrected in the tables after a restore to an older point. Why: docs/how-to/deploy/backup.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

_PICKUP = (
    "the database was restored, and whether this pickup was booked since is not known. Ask the courier or look at "
    "ClickPost's dashboard; if none is booked there, repeat it on purpose (awbridge actions retry)."
)
_NOT_REPEATED = "not repeated: it was due before the database was restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAccess:
    """How many keys, endpoints and people are valid again as they were at the point."""

    api_keys: int
    webhook_keys: int
    endpoints: int
    people: int


async def correct_shipments(session: Session, *, point: datetime, now: datetime) -> tuple[int, int]:
    """(shipments that may have been sent since, timelines that are due for polling)."""
    sent = await session.execute(_sql.shipments, point, now)
    return sent, await session.execute(_sql.polls, now)


async def stop_pickups(session: Session, *, until: datetime, now: datetime) -> int:
    """Pickups that may have been booked by `until` become unclear; how many."""
    return await session.execute(_sql.pickups, until, now, _PICKUP)


async def count_open_notices(session: Session, *, until: datetime) -> int:
    """Messages, and milestones without messages yet, that were due by then and may have been sent."""
    return (await session.fetch(_sql.open_notices, until))[0]["notices"]


async def skip_reports(session: Session, job: str, due: Sequence[datetime], *, until: datetime, now: datetime) -> int:
    """Reports that were made and mailed meanwhile are not mailed again; how many."""
    skipped = await session.execute(_sql.reports, now)
    skipped += await session.execute(_sql.end_runs, job, until, now, _NOT_REPEATED)
    for due_at in due:
        skipped += await session.execute(_sql.skip_run, job, due_at, now, _NOT_REPEATED)
    return skipped


async def skip_digest(session: Session, day: date) -> None:
    """The digest of this day was sent meanwhile."""
    await session.execute(_sql.skip_digest, day.isoformat())


async def end_sessions(session: Session, *, now: datetime) -> tuple[int, int]:
    """(sessions that end, one-time links that work no more): they may have been ended, or used, since."""
    ended = await session.execute(_sql.sessions)
    return ended, await session.execute(_sql.links, now)


async def last_manifest(session: Session) -> int:
    """The highest number of a manifest that is used, or skipped; 0 if there is none."""
    return (await session.fetch(_sql.last_manifest))[0]["number"]


async def covered_until(session: Session) -> datetime | None:
    """Up to where updated-order is covered; None before the first window."""
    return (await session.fetch(_sql.uncovered))[0]["covered_at"]


async def kept_access(session: Session) -> KeptAccess:
    """What gives access as it did at the point."""
    row = (await session.fetch(_sql.kept_access))[0]
    return KeptAccess(
        api_keys=row["api_keys"],
        webhook_keys=row["webhook_keys"],
        endpoints=row["endpoints"],
        people=row["people"],
    )


async def service_connections(session: Session) -> int:
    """Connections of running services to this database, as far as they can be told; 0 on SQLite, which is locked."""
    return (await session.fetch(_sql.services))[0]["connections"]
