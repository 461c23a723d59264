"""What time it is, handed to the steps so that tests can say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from awbridge.store.engine.shared_time import SHARED_TIME

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time that all processes on the database share, aware, UTC."""
    return SHARED_TIME.now()


def is_ahead(until: datetime | None, now: datetime, *, most: timedelta) -> bool:
    """Whether a rest of at most `most` that ends then goes on. A later end is that of a clock which was ahead."""
    return until is not None and now < until <= now + most
