"""Alarm: notifies operators when an alarm is raised and when it is resolved, and sends a daily digest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from awbridge.domain.notify.notices import MaybeSent, Message, Sends, Sent
from awbridge.domain.orders.attention import NEEDS
from awbridge.domain.retry import delay_before_retry
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.steps.runtime.clock import Clock, is_ahead, seconds_left
from awbridge.steps.runtime.lease import Lease
from awbridge.store import Store
from awbridge.store.notify import alarms, attention
from awbridge.store.notify.alarms import Alarm

log = structlog.get_logger()

_DIGEST_EVERY = timedelta(minutes=5)  # between checks whether the digest is due
_DATABASE_TIME = timedelta(seconds=60)  # of a lease: for reading before sending and recording after it
_FIRST_DELAYS = (60.0, 300.0, 900.0)
_LATER_DELAY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A channel to the operators, and the address on it where it needs one.

    `longest`: seconds after which sending is aborted.
    """

    channel: Sends
    to: str = ""
    longest: float = 30.0


def _lease(operators: Sequence[Operator], now: datetime) -> Lease:
    """A lease that begins now. One piece of work under it sends one message to every operator."""
    longest = timedelta(seconds=sum(operator.longest for operator in operators))
    return Lease(now + _DATABASE_TIME + 2 * longest, longest)


async def send_alarms(*, store: Store, operators: Sequence[Operator], clock: Clock, limit: int = 20) -> int:
    """Send the alarms whose start or end was not sent yet; how many. Without operators they stay unsent."""
    if not operators:
        return 0
    now = clock()
    lease = _lease(operators, now)
    async with store.write() as session:
        claimed = await alarms.claim(session, now=now, until=lease.until, limit=limit)
    for alarm in claimed:
        if not lease.allows(clock()):
            break  # the rest is claimed again
        sent = await _send(operators, _message(alarm))
        async with store.write() as session:
            if sent:
                await alarms.record_notified(session, alarm, now=clock())
            else:
                delay = delay_before_retry(_FIRST_DELAYS, alarm.tries) or _LATER_DELAY
                await alarms.notify_later(session, alarm, at=clock() + delay)
    return len(claimed)


def _message(alarm: Alarm) -> Message:
    is_over = alarm.cleared_at is not None
    since = f"{alarm.raised_at:%Y-%m-%d %H:%M} UTC"
    subject = f"awbridge: {'resolved' if is_over else 'alarm'}: {alarm.cause}"
    period = f" It lasted from {since} to {alarm.cleared_at:%Y-%m-%d %H:%M} UTC." if is_over else f" Since {since}."
    key = f"alarm-{alarm.cause}-{int(alarm.raised_at.timestamp())}-{'over' if is_over else 'raised'}"
    return Message(key=key, to="", subject=subject, text=f"{alarm.text}{period}")


async def _send(operators: Sequence[Operator], message: Message) -> bool:
    """Whether at least one channel confirmed the message."""
    is_sent = False
    for operator in operators:
        try:
            async with asyncio.timeout(operator.longest):
                result = await operator.channel.send(replace(message, to=operator.to))
        except TimeoutError:
            result = MaybeSent("the channel did not say in time whether it took the message")
        if isinstance(result, Sent):
            is_sent = True
        else:
            log.warning("alarm.not_sent", problem=result.problem)
    return is_sent


@dataclass(kw_only=True, eq=False)
class Digest:
    """The daily digest, sent once a day by one of all processes."""

    store: Store
    operators: Sequence[Operator]
    clock: Clock
    zone: ZoneInfo
    hour: int
    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER
    _next_check_at: datetime | None = field(default=None, init=False)

    @property
    def due_in(self) -> float:
        """Seconds until the next check whether it is due; infinite without operators."""
        if not self.operators:
            return float("inf")
        now = self.clock()
        begins = datetime.combine(now.astimezone(self.zone).date(), time(self.hour), self.zone)
        left = (begins - now).total_seconds()
        return left if left > 0 else seconds_left(self._next_check_at, now, most=_DIGEST_EVERY)

    async def send_due(self) -> int:
        """Send today's digest once it is due and not empty; 1 where it was sent."""
        now = self.clock()
        local = now.astimezone(self.zone)
        day = local.date().isoformat()
        if not self.operators or local.hour < self.hour or is_ahead(self._next_check_at, now, most=_DIGEST_EVERY):
            return 0
        self._next_check_at = now + _DIGEST_EVERY
        async with self.store.write() as session:
            is_claimed = await alarms.claim_digest(session, day, now=now, until=_lease(self.operators, now).until)
        if not is_claimed:
            return 0
        text = await digest_text(self.store, now, stuck_after=self.stuck_after)
        message = Message(key=f"digest-{day}", to="", subject=f"awbridge: {day}", text=text)
        sent = bool(text) and await _send(self.operators, message)
        if text and not sent:
            return 0  # tried again once the lease has ended
        async with self.store.write() as session:
            await alarms.end_digest(session, day, sent=sent)
        return int(sent)


async def digest_text(store: Store, now: datetime, *, stuck_after: StuckAfter = DEFAULT_STUCK_AFTER) -> str:
    """The alarms of the last day and what needs a person; "" where there is neither."""
    async with store.read() as session:
        needs = await attention.count(session, stuck_after, now=now)
        recent = await alarms.since(session, now - timedelta(days=1))
    lines = [f"- {alarm.text} (since {alarm.raised_at:%Y-%m-%d %H:%M} UTC)" for alarm in recent if not alarm.cleared_at]
    lines += [f"- resolved: {alarm.cause}" for alarm in recent if alarm.cleared_at]
    lines += [f"- {NEEDS[need].counted(count)}: {NEEDS[need].command}" for need, count in needs.items() if count]
    return "\n".join(lines)
