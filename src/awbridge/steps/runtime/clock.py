"""The clock of the steps. Tests pass their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from awbridge.store.engine.clocks.shared_time import SHARED_TIME

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time that all processes on the database share, aware, UTC."""
    return SHARED_TIME.now()


def is_ahead(until: datetime | None, now: datetime, *, most: timedelta) -> bool:
    """Whether a pause of at most `most` is still running. A later end comes from a clock that was ahead."""
    return until is not None and now < until <= now + most


def seconds_left(until: datetime | None, now: datetime, *, most: timedelta) -> float:
    """Seconds that such a pause still lasts; 0 where it is over."""
    return (until - now).total_seconds() if until is not None and is_ahead(until, now, most=most) else 0.0
