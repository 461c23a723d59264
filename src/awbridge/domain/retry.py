"""When to try again: a list of delays, a doubling pause, or the pause that the vendor requires."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)

# About 15 hours in total, to outlast a courier's scheduled downtime (a night at most).
DEFAULT_RETRY_DELAYS = (60.0, 300.0, 900.0, 3600.0, 7200.0, 14400.0, 28800.0)
JITTER = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone(Generic[S]):
    """The next state of work that a try did not complete. `tries` counts the failed ones."""

    state: S
    tries: int
    problem: str | None
    next_try_at: datetime | None = None

    @property
    def columns(self) -> tuple[str, int, str | None, datetime | None]:
        """The fields as a table holds them."""
        return self.state.value, self.tries, self.problem, self.next_try_at


def delay_before_retry(
    delays: Sequence[float], failures: int, *, at_least: float | None = None, dice: random.Random | None = None
) -> timedelta | None:
    """The delay after the `failures`-th failed try (1 is the first); None if the list is exhausted.

    `at_least` is the vendor's Retry-After in seconds. Jitter of up to 10 % spreads shipments that failed together.
    """
    if failures > len(delays):
        return None
    wait = delays[max(failures, 1) - 1]
    wait *= 1 + JITTER * (dice or random).random()
    return timedelta(seconds=max(wait, at_least or 0.0))


def backoff(tries: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """The pause after the `tries`-th try (1 is the first): `first`, then doubled each time, at most `longest`."""
    return min(first * 2 ** min(max(tries - 1, 0), 20), longest)


def throttled_pause(retry_after: float | None) -> timedelta:
    """The pause after a 429: at least Retry-After (seconds), jittered, so that calls do not return together."""
    return timedelta(seconds=max(retry_after or 0.0, 1.0) * random.uniform(1.0, 1.5))  # noqa: S311
