"""The tables `alarms` and `digests`: what an operator must know, one row for each cause, told once, and its end once.

Any step raises and clears alarms in its own transaction. A cause is a short fixed name, such as `disk` or
`endpoint.17`; while it is raised, raising it again only counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Trouble: `text` says what it is and what to do. `notified_at` is None while no operator was told."""

    cause: str
    text: str
    times: int
    raised_at: datetime
    last_at: datetime
    cleared_at: datetime | None
    notified_at: datetime | None
    due_at: datetime | None
    tries: int


def _alarm(row: Row) -> Alarm:
    return row_as(Alarm, row)


async def raise_(session: Session, cause: str, text: str, *, now: datetime) -> bool:
    """There is trouble of this cause; True when it begins. Never with a phone, an address or a key in the text."""
    rows = await session.fetch(_sql.raise_alarm, cause, text, now)
    return rows[0]["times"] == 1


async def clear(session: Session, cause: str, *, now: datetime) -> bool:
    """The trouble is over; False when there was none."""
    return await session.execute(_sql.clear, cause, now) > 0


async def claim(session: Session, *, now: datetime, until: datetime, limit: int) -> list[Alarm]:
    """Take alarms whose beginning or end is to be told; nobody else tells them before `until`."""
    return [_alarm(row) for row in await session.fetch(_sql.claim, now, until, limit)]


async def told(session: Session, alarm: Alarm, *, now: datetime) -> None:
    """Operators were told of it as it stood when it was claimed."""
    if alarm.cleared_at is None:
        await session.execute(_sql.told, alarm.cause, alarm.raised_at, now)
    else:
        await session.execute(_sql.told_end, alarm.cause, alarm.raised_at)


async def tell_again(session: Session, alarm: Alarm, *, at: datetime) -> None:
    """UpdateSource failed: again then."""
    await session.execute(_sql.again_at, alarm.cause, alarm.raised_at, at)


async def every(session: Session) -> list[Alarm]:
    """Every alarm there ever was, the newest of each cause."""
    return [_alarm(row) for row in await session.fetch(_sql.all)]


async def open_now(session: Session) -> list[Alarm]:
    """The alarms that are raised."""
    return [_alarm(row) for row in await session.fetch(_sql.open)]


async def raised(session: Session, cause: str) -> Alarm | None:
    """The alarm of this cause; None while it is not raised."""
    return next((alarm for alarm in await open_now(session) if alarm.cause == cause), None)


async def since(session: Session, start: datetime) -> list[Alarm]:
    """The alarms that are raised, or were cleared after `start`."""
    return [_alarm(row) for row in await session.fetch(_sql.since, start)]


async def claim_digest(session: Session, day: str, *, now: datetime, until: datetime) -> bool:
    """Take the digest of this day; False when it was sent, or somebody is at it."""
    await session.execute(_sql.start_digest, day, now)
    return await session.execute(_sql.claim_digest, day, now, until) > 0


async def end_digest(session: Session, day: str, *, sent: bool) -> None:
    """The digest of this day is done; `sent` is False where there was nothing to say."""
    await session.execute(_sql.end_digest, day, sent)
