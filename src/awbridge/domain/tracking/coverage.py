"""Coverage: which spans of time catch-up covered, and whether webhooks still arrive. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A span of time, from (inclusive) to (exclusive), and whether updated-order was fetched for all of it.

    `problem` says why not, if known.
    """

    from_at: datetime
    to_at: datetime
    covered: bool
    items: int = 0
    problem: str | None = None


def spans(windows: Iterable[Span], *, start: datetime, now: datetime) -> list[Span]:
    """Windows joined into as few spans as possible, from `start` until now, oldest first.

    Time in no window is uncovered. Time before the first window is left out: catch-up did not run yet.
    """
    found: list[list[Span]] = []  # each is joined into one
    last_to = None
    for window in sorted(windows, key=lambda w: w.from_at):
        at = max(window.from_at, start)
        if last_to and at > last_to:
            _append(found, Span(from_at=last_to, to_at=at, covered=False))
            last_to = at
        if window.to_at > at:
            _append(found, window if at == window.from_at else replace(window, from_at=at))
            last_to = window.to_at
    if last_to and now > last_to:
        _append(found, Span(from_at=last_to, to_at=now, covered=False))
    return [replace(s[0], to_at=s[-1].to_at, items=sum(one.items for one in s)) for s in found]


def _append(found: list[list[Span]], new: Span) -> None:
    last = found[-1][-1] if found else None
    if last and last.covered == new.covered and last.problem == new.problem and last.to_at == new.from_at:
        found[-1].append(new)
    else:
        found.append([new])


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierCoverage:
    """How one courier's scans arrived first: by webhook or by polling."""

    by_webhook: int = 0
    by_polling: int = 0

    @property
    def share(self) -> float | None:
        """The share of scans that arrived first by webhook; None without scans."""
        both = self.by_webhook + self.by_polling
        return self.by_webhook / both if both else None


def silent(
    *,
    last_webhook_at: datetime | None,
    listening_since: datetime,
    found_meanwhile: int,
    now: datetime,
    after: timedelta,
    at_least: int,
) -> bool:
    """Whether webhooks stopped: none for `after`, while polling found `at_least` scans in that time.

    Time before `listening_since` does not count: an outage on our side is not ClickPost's silence.
    """
    since = max(last_webhook_at or listening_since, listening_since)
    return now - since >= after and found_meanwhile >= at_least
