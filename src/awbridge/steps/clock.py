"""What time it is, handed to the steps so that tests can say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The system's time, aware, UTC."""
    return datetime.now(UTC)
