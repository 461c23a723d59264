"""The tables `alarms` and `digests`: one alarm for each cause, its beginning and its end sent once each.

Any step raises and clears alarms in its own transaction. A cause is a short fixed name, such as `disk` or
`endpoint.17`; while it is raised, raising it again only counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm: `text` says what is wrong and what to do. `notified_at` is None until an operator was notified."""

    cause: str
    text: str
    times: int
    raised_at: datetime
    last_at: datetime
    cleared_at: datetime | None
    notified_at: datetime | None
    due_at: datetime | None
    tries: int


async def raise_(session: Session, cause: str, text: str, *, now: datetime) -> bool:
    """Raise the alarm of this cause; True if it is new. The text never contains a phone, an address or a key."""
    rows = await session.fetch(_sql.raise_alarm, cause, text, now)
    return rows[0]["times"] == 1


async def clear(session: Session, cause: str, *, now: datetime) -> bool:
    """Clear the alarm of this cause; False if there was none."""
    return await session.execute(_sql.clear, cause, now) > 0


async def claim(session: Session, *, now: datetime, until: datetime, limit: int) -> list[Alarm]:
    """Claim alarms whose beginning or end must be sent; no other process sends them before `until`."""
    return [row_as(Alarm, row) for row in await session.fetch(_sql.claim, now, until, limit)]


async def record_notified(session: Session, alarm: Alarm, *, now: datetime) -> None:
    """Operators were notified of the alarm as it was when claimed."""
    if alarm.cleared_at is None:
        await session.execute(_sql.notified, alarm.cause, alarm.raised_at, now)
    else:
        await session.execute(_sql.end_notified, alarm.cause, alarm.raised_at)


async def notify_later(session: Session, alarm: Alarm, *, at: datetime) -> None:
    """UpdateSource failed: again then."""
    await session.execute(_sql.again_at, alarm.cause, alarm.raised_at, at)


async def every(session: Session) -> list[Alarm]:
    """Every alarm there ever was, the newest of each cause."""
    return [row_as(Alarm, row) for row in await session.fetch(_sql.all)]


async def open_now(session: Session) -> list[Alarm]:
    """The alarms that are raised."""
    return [row_as(Alarm, row) for row in await session.fetch(_sql.open)]


async def raised(session: Session, cause: str) -> Alarm | None:
    """The alarm of this cause; None while it is not raised."""
    return next((alarm for alarm in await open_now(session) if alarm.cause == cause), None)


async def since(session: Session, start: datetime) -> list[Alarm]:
    """The alarms that are raised, or were cleared after `start`."""
    return [row_as(Alarm, row) for row in await session.fetch(_sql.since, start)]


async def digest_due(session: Session, day: str, *, now: datetime) -> datetime | None:
    """When the digest of this day, whose hour has come, is to be sent: at once, or again; None where it is done."""
    rows = await session.fetch(_sql.digest_of, day)
    return rows[0]["due_at"] if rows else now


async def claim_digest(session: Session, day: str, *, now: datetime, until: datetime) -> bool:
    """Claim the digest of this day; False if it was sent or another process is sending it."""
    await session.execute(_sql.start_digest, day, now)
    return await session.execute(_sql.claim_digest, day, now, until) > 0


async def end_digest(session: Session, day: str, *, sent: bool) -> None:
    """The digest of this day is done; `sent` is False where there was nothing to say."""
    await session.execute(_sql.end_digest, day, sent)
