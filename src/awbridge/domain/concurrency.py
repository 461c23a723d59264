"""How many calls to the vendor are in flight at once: a limit that follows its answers. Pure, no clock.

The limit starts low. It grows by a quarter while the vendor answers as fast as before, and is taken back where more
calls at once only made each of them slower. A pushback (429, no answer, no connection) halves it, once for all calls
that were in flight then; after that it grows by two (additive increase, multiplicative decrease, as in TCP).
"""

from __future__ import annotations

import math

from msgspec import Struct
from msgspec.structs import replace

START = 20  # calls at once before anything is known of the vendor
FLOOR = 4  # calls at once that always remain: three for one slow courier, one for the others
QUICK = 0.2  # seconds; faster answers never hold the limit back
REST = 60.0  # seconds without an answer after which the limit starts again
_GROWTH = 1.25
_CAREFUL_STEP = 2.0
_WORTHWHILE = 1.2  # answers this much slower after a growth eat it up
_SLOWER, _MUCH_SLOWER = 1.5, 2.0  # than usual: no growth; a little less
_LESS = 0.9
_DRIFT = 0.05  # how much of a slower window the usual answer time adopts
_HELD_WINDOWS = 10  # after a growth that was taken back


class ConcurrencyLimit(Struct, frozen=True, kw_only=True):
    """The limit, and what it was learned from. Times are seconds, `..._at` by a monotonic clock.

    A window begins at `window_at` and is as many answers as the limit, to calls sent since; it counts only if at least
    half of the limit was in use (`peak`).
    `usual` is the mean answer time of normal windows. `before` and `smaller` are the mean and the limit before the last
    growth, while that is not yet judged. No growth in the next `held` windows. `careful`: a pushback has happened.
    """

    ceiling: int
    value: float
    usual: float | None = None
    before: float | None = None
    smaller: float = 0.0
    held: int = 0
    careful: bool = False
    halved_at: float = -math.inf
    answered_at: float = math.inf
    window_at: float = -math.inf
    answers: int = 0
    seconds: float = 0.0
    peak: int = 0

    @property
    def now(self) -> int:
        """How many calls may be in flight."""
        return int(self.value)


def starting(ceiling: int) -> ConcurrencyLimit:
    """The limit of a process that knows nothing of the vendor yet; it never exceeds `ceiling`."""
    return ConcurrencyLimit(ceiling=ceiling, value=float(min(START, ceiling)))


def after_rest(limit: ConcurrencyLimit, at: float) -> ConcurrencyLimit:
    """The limit when work begins at `at`: after a long rest what was learned is out of date."""
    if at - limit.answered_at < REST:
        return limit
    return replace(starting(limit.ceiling), value=min(limit.value, START))


def after_answer(limit: ConcurrencyLimit, *, sent_at: float, in_flight: int, at: float) -> ConcurrencyLimit:
    """The limit after an answer at `at` to a call sent at `sent_at`, while `in_flight` calls were out with it."""
    if sent_at < limit.window_at:
        return replace(limit, answered_at=at)  # it was sent under another limit
    answers, seconds, peak = limit.answers + 1, limit.seconds + at - sent_at, max(limit.peak, in_flight)
    if answers < limit.now:
        return replace(limit, answered_at=at, answers=answers, seconds=seconds, peak=peak)
    is_used = peak * 2 >= limit.now
    limit = _new_window(replace(limit, answered_at=at), at)
    return _after_window(limit, seconds / answers) if is_used else limit


def after_pushback(limit: ConcurrencyLimit, *, sent_at: float, at: float) -> ConcurrencyLimit:
    """The limit after a call, sent at `sent_at`, that the vendor throttled or did not answer.

    Unchanged if the call went out before the limit was last halved: it is part of the same pushback.
    """
    limit = replace(limit, answered_at=at)
    if sent_at <= limit.halved_at:
        return limit
    value = max(limit.value / 2, min(FLOOR, limit.ceiling))
    return _new_window(replace(limit, value=value, careful=True, halved_at=at, before=None), at)


def _new_window(limit: ConcurrencyLimit, at: float) -> ConcurrencyLimit:
    return replace(limit, window_at=at, answers=0, seconds=0.0, peak=0, held=max(limit.held - 1, 0))


def _after_window(limit: ConcurrencyLimit, mean: float) -> ConcurrencyLimit:
    before, usual = limit.before, mean if limit.usual is None else limit.usual
    limit = replace(limit, before=None, usual=min(mean, usual + _DRIFT * (mean - usual)))
    if mean > QUICK:
        if before is not None and mean > _WORTHWHILE * before:
            return replace(limit, value=limit.smaller, held=_HELD_WINDOWS)
        if mean > _MUCH_SLOWER * usual:
            return replace(limit, value=max(limit.value * _LESS, min(limit.value, START)))
        if mean > _SLOWER * usual:
            return limit
    if limit.held or limit.now >= limit.ceiling:
        return limit
    larger = limit.value + _CAREFUL_STEP if limit.careful else limit.value * _GROWTH
    return replace(limit, value=min(larger, limit.ceiling), before=mean, smaller=limit.value)
