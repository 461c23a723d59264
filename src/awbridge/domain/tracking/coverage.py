"""What is known of a stretch of time: which minutes are covered, and whether webhooks still come. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of time, from (inclusive) to (exclusive), and whether updated-order was asked for all of it.

    `problem` says why not, where that is known.
    """

    from_at: datetime
    to_at: datetime
    covered: bool
    items: int = 0
    problem: str | None = None


def stretches(windows: Iterable[Stretch], *, start: datetime, now: datetime) -> list[Stretch]:
    """Windows joined into as few stretches as possible, from `start` until now, oldest first.

    What no window holds is uncovered; what lies before the first window is left out, for nobody ever meant to cover it.
    """
    found: list[Stretch] = []
    for window in sorted(windows, key=lambda w: w.from_at):
        at = max(window.from_at, start)
        if found and at > found[-1].to_at:
            _append(found, Stretch(from_at=found[-1].to_at, to_at=at, covered=False))
        if window.to_at > at:
            _append(
                found,
                Stretch(
                    from_at=at,
                    to_at=window.to_at,
                    covered=window.covered,
                    items=window.items,
                    problem=window.problem,
                ),
            )
    if found and now > found[-1].to_at:
        _append(found, Stretch(from_at=found[-1].to_at, to_at=now, covered=False))
    return found


def _append(found: list[Stretch], new: Stretch) -> None:
    last = found[-1] if found else None
    if last and last.covered == new.covered and last.problem == new.problem and last.to_at == new.from_at:
        found[-1] = Stretch(
            from_at=last.from_at,
            to_at=new.to_at,
            covered=last.covered,
            items=last.items + new.items,
            problem=last.problem,
        )
    else:
        found.append(new)


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierCoverage:
    """What one courier's shipments were told by: scans that came first by webhook, and those that polling found."""

    by_webhook: int = 0
    by_polling: int = 0

    @property
    def share(self) -> float | None:
        """The share of scans that came first by webhook; None where there were none."""
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
    """Whether webhooks have fallen silent: none for `after`, while polling found `at_least` scans meanwhile.

    Nobody can have heard any before `listening_since`: an outage of one's own is not ClickPost's silence.
    """
    since = max(last_webhook_at or listening_since, listening_since)
    return now - since >= after and found_meanwhile >= at_least
