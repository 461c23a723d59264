"""The table `paces`: when the next call of a kind may be made, over all processes that share the database."""

from __future__ import annotations

from datetime import datetime, timedelta

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

LONGEST_QUEUE = 100  # turns that may be given ahead
SLACK = timedelta(minutes=1)  # in addition: pauses that the vendor requested, clocks that differ


async def take(session: Session, name: str, *, gap: timedelta, now: datetime) -> timedelta:
    """Take the next turn; how long to wait for it from `now`. Turns are `gap` apart over all processes.

    A process that is killed while it waits costs the others one gap.
    """
    at, between = now.timestamp(), gap.total_seconds()
    latest = at + LONGEST_QUEUE * between + SLACK.total_seconds()
    row = (await session.fetch(_sql.take, name, at, between, latest))[0]
    return timedelta(seconds=max(row["next_turn"] - between - at, 0.0))


async def rest(session: Session, name: str, seconds: float, *, now: datetime) -> None:
    """Give no turn for so long."""
    await session.execute(_sql.rest, name, now.timestamp() + seconds)


async def prove_writing(session: Session, *, now: datetime) -> None:
    """Change a row that means nothing, to see whether the database takes writes."""
    await session.execute(_sql.prove, now.timestamp())
