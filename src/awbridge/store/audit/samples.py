"""The table `figure_samples`: the counts of a large backlog, taken in the background instead of in each request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from pydantic import TypeAdapter

from awbridge.store.audit.figures import Figures
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

EVERY = timedelta(seconds=30)
EVERY_SMALL = timedelta(minutes=5)  # the same while there is next to nothing to count
SMALL = 500
LARGE = 10_000  # counted rows from which on a request does not count them itself: that takes 10 ms
LASTS = timedelta(minutes=5)  # without a newer sample, requests count themselves again


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The figures of a large backlog, and when they were counted."""

    figures: Figures
    sampled_at: datetime


@cache
def _json() -> TypeAdapter[Figures]:
    return TypeAdapter(Figures)


async def begin(session: Session, *, now: datetime) -> bool:
    """Whether the caller is to count now; False while another process has, within `EVERY`."""
    return await session.execute(_sql.begin, now, now - EVERY) > 0


async def save(session: Session, figures: Figures, *, now: datetime) -> None:
    """Store the figures that were counted."""
    await session.execute(_sql.save, now, figures.counted, _json().dump_json(figures).decode())


async def large(session: Session, *, now: datetime) -> Sample | None:
    """The newest figures if the backlog is large; None where a request counts itself."""
    rows = await session.fetch(_sql.large, LARGE, now - LASTS, now)
    if not rows:
        return None
    return Sample(figures=_json().validate_json(rows[0]["figures"]), sampled_at=rows[0]["sampled_at"])
