"""What a clock that was ahead has dated is pulled back, in every table that compares a time with now.

Times of scans, deliveries, events and payloads stay as they were written: nothing waits for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from awbridge.domain.schedule import day_span
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries, Statement
from awbridge.store.engine.store import Store

_sql = Queries(__name__)

LONGEST_LEASE = timedelta(minutes=15)  # of what is not a single call
ASKED_AGAIN = timedelta(hours=12)  # for a shipment that was polled meanwhile: within the day
EARLY = timedelta(minutes=1)  # by how little it is known how far the clock was ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class WasAhead:
    """It is `now`; a clock was `by` ahead of that. `lease`: the longest of those that cover single calls."""

    now: datetime
    by: timedelta
    lease: timedelta
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The account's day."""
        return self.now.astimezone(self.zone).date()

    def was_over(self, moment: datetime, *, when: datetime) -> bool:
        """Whether a moment was over when the wrong clock showed `when`."""
        return when - self.by - EARLY >= moment

    def day_was_over(self, day: str, *, when: datetime) -> bool:
        """The same of a day of the account."""
        return self.was_over(day_span(date.fromisoformat(day), self.zone)[1], when=when)


async def pull_back(store: Store, ahead: WasAhead, *, clock: Callable[[], datetime]) -> Counter[str]:
    """Pull back what is dated ahead, statement by statement; how many rows of each. Doing it twice changes nothing.

    Time goes on meanwhile, and what is written then is dated rightly: each statement goes by what time it is when its
    turn comes. Raises StoreBusy.
    """
    done: Counter[str] = Counter()
    for place in range(len(_statements(ahead))):
        async with store.write() as session:
            statement, values = _statements(replace(ahead, now=clock()))[place]
            done[statement.name] += await session.execute(statement, *values)
    async with store.write() as session:
        ahead = replace(ahead, now=clock())
        done["runs"] += await _drop_early_runs(session, ahead)
        done["reports"] += await _mail_early_reports_again(session, ahead)
        done["reconciliations"] += await _compare_early_days_again(session, ahead)
        for statement in (_sql.runs, _sql.reports, _sql.reconciliations):
            done[statement.name] += await session.execute(statement, ahead.now, ahead.now + LONGEST_LEASE)
    return +done


def _statements(ahead: WasAhead) -> list[tuple[Statement, tuple[object, ...]]]:
    now, until, later = ahead.now, ahead.now + ahead.lease, ahead.now + LONGEST_LEASE
    only_now = (
        *(_sql.suppressed_notices, _sql.milestones, _sql.inbox, _sql.account_states, _sql.windows_to_come),
        *(_sql.differences, _sql.attempts, _sql.alarms, _sql.endpoints, _sql.courier_comparisons),
        *(_sql.reused_waybills, _sql.arrivals, _sql.webhook_keys, _sql.webhook_refusals),
        _sql.track_link_progress,
        _sql.answer_tries,
        _sql.account_wakes,
    )
    with_lease = (_sql.actions, _sql.labels, _sql.event_deliveries, _sql.notices)
    with_longest = (_sql.windows, _sql.archive_files, _sql.erasures)
    return [
        (_sql.shipments, (now, until, now + ASKED_AGAIN)),
        *((statement, (now,)) for statement in only_now),
        *((statement, (now, until)) for statement in with_lease),
        *((statement, (now, later)) for statement in with_longest),
        (_sql.digests, (later,)),
        (_sql.digests_to_come, (ahead.today.isoformat(),)),
    ]


async def _drop_early_runs(session: Session, ahead: WasAhead) -> int:
    """Runs that were due, and begun, before their time come again at it."""
    dropped = 0
    for row in await session.fetch(_sql.runs_ahead, ahead.now):
        begun_at = row["started_at"]
        if row["due_at"] > ahead.now or (begun_at and not ahead.was_over(row["due_at"], when=begun_at)):
            dropped += await session.execute(_sql.drop_run, row["job"], row["due_at"])
    return dropped


async def _mail_early_reports_again(session: Session, ahead: WasAhead) -> int:
    """A report of a day that was not over goes out once more when it is made of all of it."""
    found = await session.fetch(_sql.reports_ahead, ahead.now)
    early = [row for row in found if not ahead.day_was_over(row["day"], when=row["created_at"])]
    return sum([await session.execute(_sql.mail_again, row["id"]) for row in early])


async def _compare_early_days_again(session: Session, ahead: WasAhead) -> int:
    found = await session.fetch(_sql.reconciliations_ahead, ahead.now)
    early = [row for row in found if not ahead.day_was_over(row["day"], when=row["created_at"])]
    return sum([await session.execute(_sql.compare_again, row["id"]) for row in early])
