"""The table `reports`: each report that was made, where its file is, and whether it went out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_AFTER_ALL = ("9999-12-31", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report. `day` is the account's, YYYY-MM-DD; `object_key` is None where the day was empty (there is no file)."""

    id: str
    kind: str
    day: str
    destination: str
    shipments: int
    calls: int
    object_key: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    mailed_at: datetime | None = None
    mailed_to: int | None = None
    created_at: datetime


async def put(session: Session, report: Report) -> None:
    """Store a report, or its new content if it was made before."""
    await session.execute(
        _sql.put,
        report.id,
        report.kind,
        report.day,
        report.destination,
        report.shipments,
        report.calls,
        report.object_key,
        report.bytes,
        report.sha256,
        report.created_at,
    )


async def get(session: Session, report: str) -> Report | None:
    """One report."""
    rows = await session.fetch(_sql.get, report)
    return row_as(Report, rows[0]) if rows else None


async def newest(session: Session, *, before: tuple[str, str] = _AFTER_ALL, limit: int) -> list[Report]:
    """The reports of the newest days; `before` is the (day, id) where the last page ended."""
    return [row_as(Report, row) for row in await session.fetch(_sql.newest, limit, *before)]


async def claim_mail(session: Session, report: str, *, now: datetime, until: datetime) -> bool:
    """Claim the mailing of a report; False if it was mailed or another process is mailing it."""
    return await session.execute(_sql.claim_mail, report, now, until) > 0


async def release_mail(session: Session, report: str) -> None:
    """It did not go out: the next one may try."""
    await session.execute(_sql.release_mail, report)


async def mailed(session: Session, report: str, *, to: int, now: datetime) -> None:
    """The mail server took it for so many addresses."""
    await session.execute(_sql.mailed, report, now, to)


async def before(session: Session, day: str, *, limit: int) -> list[Report]:
    """Reports of days before this one, oldest first."""
    return [row_as(Report, row) for row in await session.fetch(_sql.older, day, limit)]


async def remove(session: Session, report: str) -> None:
    """Forget a report."""
    await session.execute(_sql.remove, report)
