"""What may be begun under a lease: no work that could outlive it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that ends at `until`, for pieces of work that last at most `longest` each."""

    until: datetime
    longest: timedelta

    def allows(self, now: datetime) -> bool:
        """Whether a piece of work that begins now is sure to end within the lease."""
        return now < self.until and now + self.longest <= self.until


def checked(lease: timedelta, longest: timedelta) -> None:
    """Raise ValueError where a lease is shorter than the longest piece of work under it: nothing would ever begin."""
    if lease < longest:
        raise ValueError(
            f"a lease of {lease.total_seconds():g} s ends before work of {longest.total_seconds():g} s can"
        )
