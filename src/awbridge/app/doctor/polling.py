"""Checks of polling: coverage by updated-order, and the calls of track-order."""

from __future__ import annotations

from datetime import timedelta

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.domain.tracking.asking import DAY, calls_a_day
from awbridge.domain.tracking.polling_mode import PollingMode
from awbridge.steps.polling.watch import coverage
from awbridge.store.polling import polls

LONGEST_LAG = timedelta(minutes=30)
POLLING_SHARE = 0.8  # of the pace: the rest is for updated-order and for what failed


async def check_coverage(context: CheckContext) -> list[Diagnosis]:
    now = await coverage(store=context.store, clock=context.clock)
    if now.lag is None:
        text = "updated-order has not been polled yet"
        return [Diagnosis("catching up", WARNING, text, "start awbridge serve or work")]
    text = f"updated-order is covered up to {now.lag.total_seconds() / 60:.0f} min ago"
    if now.lag > LONGEST_LAG:
        problem = next((s.problem for s in now.spans if s.problem), None)
        do = f"the first uncovered span failed with: {problem}" if problem else "start awbridge serve or work"
        return [Diagnosis("catching up", PROBLEM, text, do)]
    return [Diagnosis("catching up", OK, text)]


async def check_polling(context: CheckContext) -> list[Diagnosis]:
    """Calls of track-order per day in either mode, and whether the configured rate allows them."""
    settings, ask_after = context.settings, timedelta(seconds=context.settings.poll_after_seconds)
    async with context.store.read() as session:
        known = await polls.open_by_courier(session, tracked_before=context.clock() - ask_after)
    calls = {
        PollingMode.GUIDE: calls_a_day((on_their_way for on_their_way, _ in known.values()), ask_after=ask_after),
        PollingMode.ECONOMICAL: calls_a_day((silent for _, silent in known.values()), ask_after=ask_after),
    }
    most = int(settings.polling_calls_per_second * DAY.total_seconds())
    text = (
        f"{settings.polling}: about {calls[settings.polling]:,} calls of track-order per day for "
        f"{sum(on_their_way for on_their_way, _ in known.values()):,} open shipments, {most:,} allowed; "
        + ", ".join(f"{mode}: {calls[mode]:,}" for mode in PollingMode)
    )
    if calls[settings.polling] <= most * POLLING_SHARE:
        return [Diagnosis("polling", OK, text)]
    do = (
        "ask ClickPost for your rate limit and raise AWBRIDGE_POLLING_CALLS_PER_SECOND, "
        "or set AWBRIDGE_POLLING=economical"
    )
    return [Diagnosis("polling", WARNING, text, do)]
