"""HealthMonitor: raises and clears the alarms that no other step raises.

Some are read from the tables (shipments that gave up, an archive that rejects uploads), so every process reads the
same. Others are local to one process: a full disk, a wrong clock, a failing step. That process raises them every few
minutes. A local alarm that is not raised for a while is cleared, so it also ends when its process is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from awbridge.domain.notify.alarm_causes import AlarmCause, cause_kind
from awbridge.domain.orders.attention import RefusedLimit
from awbridge.domain.orders.shipment import State
from awbridge.domain.reconciliation.differences import Compared
from awbridge.steps.runtime.clock import Clock, is_ahead, seconds_left
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.store.audit import archive
from awbridge.store.backup.backups import backup_state
from awbridge.store.engine.clocks import clock_marks
from awbridge.store.engine.database import Session
from awbridge.store.notify import alarms, attention
from awbridge.store.notify.alarms import Alarm
from awbridge.store.notify.attention import DIFFERENCE_PATIENCE, PIECES_COUNT_FOR
from awbridge.store.orders import lists, waybills
from awbridge.store.reconciliation import differences, reconciliations
from awbridge.store.registration import cancellations

FAILING_ROUNDS = 5  # consecutive failed rounds of a step that raise an alarm
RAISE_AGAIN_AFTER = timedelta(minutes=5)  # how often a process raises its local alarms again
FORGET_AFTER = timedelta(minutes=15)  # a local alarm that is not raised again for this long is cleared
ARCHIVE_PATIENCE = timedelta(minutes=10)  # how long the upload of an archive file may fail
REUSE_SHOWN = timedelta(days=1)  # how long a reused waybill is an alarm
PARTLY_SHOWN = timedelta(days=7)  # how long a partial comparison is an alarm, unless a newer one is complete
WAS_AHEAD_SHOWN = timedelta(days=1)  # how long a corrected clock is an alarm
LONGEST_REASON = 400  # characters of what a comparison could not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What this process measures on its machine.

    `free_share`: the free share of the fullest of its disks, 0 to 1. `clock_problem`: what is wrong with its clock;
    "" for nothing.
    """

    name: str
    free_share: Callable[[], float]
    least_free: float
    clock_problem: Callable[[], str] = lambda: ""


@dataclass(kw_only=True, eq=False)
class HealthMonitor:
    """The checks of one process, at most one round a minute."""

    store: Store
    clock: Clock
    loops: Callable[[], Sequence[Loop]]
    machine: Machine
    refused: RefusedLimit = field(default_factory=RefusedLimit)
    backup_within: timedelta | None = None
    every: timedelta = timedelta(seconds=60)
    _next_check_at: datetime | None = field(default=None, init=False)
    _raised_at: dict[str, datetime] = field(default_factory=dict[str, datetime], init=False)

    @property
    def due_in(self) -> float:
        """Seconds until the next check; 0 or less where it is due."""
        return seconds_left(self._next_check_at, self.clock(), most=self.every)

    async def check(self) -> int:
        """Run every check once. Always 0, so that the loop sleeps."""
        now = self.clock()
        if is_ahead(self._next_check_at, now, most=self.every):
            return 0
        self._next_check_at = now + self.every
        async with self.store.read() as session:
            shared = await _problems_in_tables(session, self.refused, now)
            shared[AlarmCause.BACKUP] = await _not_backed_up(session, self.backup_within, now)
            raised = {alarm.cause: alarm for alarm in await alarms.open_now(session)}
        problems = {cause: text for cause, text in {**shared, **self._local_problems()}.items() if text}
        to_raise = {c: text for c, text in problems.items() if self._must_be_raised(c, text, raised.get(c), now)}
        to_clear = [cause for cause in shared if cause in raised and cause not in problems]
        to_clear += [
            cause
            for cause, alarm in raised.items()
            if _is_local(cause) and cause not in problems and self._is_over(alarm, now)
        ]
        await self._save(to_raise, to_clear, now)
        return 0

    def _local_problems(self) -> dict[str, str]:
        problems = {
            AlarmCause.STEP.of(loop.name): f"the step {loop.name} keeps failing on {self.machine.name}; see the log"
            for loop in self.loops()
            if loop.failures >= FAILING_ROUNDS
        }
        free = self.machine.free_share()
        if free < self.machine.least_free:
            problems[AlarmCause.DISK] = f"the data disk on {self.machine.name} has {free:.0%} left"
        if problem := self.machine.clock_problem():
            problems[AlarmCause.CLOCK] = f"the clock of {self.machine.name} {problem}: let NTP or chrony set it"
        return problems

    def _must_be_raised(self, cause: str, text: str, alarm: Alarm | None, now: datetime) -> bool:
        if alarm is None:
            return True
        if _is_local(cause):
            return now - alarm.last_at >= RAISE_AGAIN_AFTER
        return text != alarm.text

    def _is_over(self, alarm: Alarm, now: datetime) -> bool:
        """Whether only this process raised a local alarm, or no process raised it again in time."""
        return alarm.last_at == self._raised_at.get(alarm.cause) or now - alarm.last_at >= FORGET_AFTER

    async def _save(self, to_raise: Mapping[str, str], to_clear: Sequence[str], now: datetime) -> None:
        if not to_raise and not to_clear:
            return
        async with self.store.write() as session:
            for cause in sorted({*to_raise, *to_clear}):
                if cause in to_raise:
                    await alarms.raise_(session, cause, to_raise[cause], now=now)
                    self._raised_at[cause] = now
                else:
                    await alarms.clear(session, cause, now=now)


def _is_local(cause: str) -> bool:
    return cause_kind(cause) in (AlarmCause.DISK, AlarmCause.CLOCK, AlarmCause.STEP)


async def _problems_in_tables(session: Session, limit: RefusedLimit, now: datetime) -> dict[str, str]:
    """The text of every alarm that the tables decide, by cause; "" where there is no problem."""
    gave_up = await lists.count_in_state(session, State.GAVE_UP)
    not_cancelled = await cancellations.count_in_need(session)
    pieces = await lists.count_piece_exceptions(session, since=now - PIECES_COUNT_FOR)
    unsolved = await differences.unsolved_since(session, now - DIFFERENCE_PATIENCE)
    reused = await waybills.count_reused(session, after=now - REUSE_SHOWN)
    dead_letters = await attention.dead_lettered(session, now=now)
    return {
        AlarmCause.GAVE_UP: _counted(gave_up, "shipments gave up; see awbridge shipments list --state gave_up"),
        AlarmCause.REFUSED: await _refused(session, limit, now),
        AlarmCause.DEAD_LETTERS: _counted(
            dead_letters, "deliveries could not be understood; see awbridge replay --list"
        ),
        AlarmCause.PIECES: _counted(
            pieces,
            "shipments have a piece lost, damaged or going back; see awbridge shipments list --piece-exception",
        ),
        AlarmCause.NOT_CANCELLED: _counted(
            not_cancelled,
            "cancellations were refused or given up, so that many unwanted parcels may be delivered; "
            "see awbridge shipments list --not-cancelled",
        ),
        AlarmCause.ARCHIVE: await _not_archived(session, now),
        AlarmCause.DIFFERENCES: _counted(unsolved, "differences to ClickPost stay open; see awbridge reconcile list"),
        AlarmCause.WAYBILLS_REUSED: _counted(
            reused, "waybills of a day had another shipment before; see waybill.reused in the log"
        ),
        AlarmCause.CLOCK_WAS_AHEAD: await _was_ahead(session, now),
        AlarmCause.PARTLY_COMPARED: await _partly_compared(session, now),
    }


def _counted(number: int, text: str) -> str:
    return f"{number} {text}" if number else ""


async def _not_archived(session: Session, now: datetime) -> str:
    failing = await archive.failing_since(session, now - ARCHIVE_PATIENCE)
    if not failing:
        return ""
    again = f"tried next at {failing.next_try_at:%Y-%m-%d %H:%M} UTC; " if failing.next_try_at else ""
    return f"{failing.files} files cannot be archived ({failing.problem}); {again}see awbridge archive status"


async def _not_backed_up(session: Session, within: timedelta | None, now: datetime) -> str:
    """What is wrong with backups; "" where none is expected (`within` is None, or none was ever made or recorded)."""
    state = await backup_state(session)
    age = state.age(now)
    if within is None or age is None:
        return ""
    last = f"the last backup is of {state.last.taken_at:%Y-%m-%d %H:%M} UTC" if state.last else "there is none yet"
    if state.problem:
        return f"the backup failed ({state.problem}); {last}; see awbridge backup list"
    return f"{last}, more than {within.total_seconds() / 3600:g} h ago; see awbridge schedules" if age > within else ""


async def _was_ahead(session: Session, now: datetime) -> str:
    corrected = await clock_marks.last_set_back(session, after=now - WAS_AHEAD_SHOWN)
    if corrected is None:
        return ""
    minutes = corrected.by.total_seconds() / 60
    return (
        f"a clock was {minutes:.0f} min ahead until {corrected.at:%Y-%m-%d %H:%M} UTC; "
        "the times that it had written were corrected (clock.was_ahead in the log). Let NTP or chrony set it"
    )


async def _refused(session: Session, limit: RefusedLimit, now: datetime) -> str:
    refusals = await attention.refusals(session, now=now)
    if not limit.is_reached(refusals):
        return ""
    return (
        f"ClickPost refused {refusals.refused} of the last {refusals.decided} orders ({refusals.share:.0%}); "
        "see awbridge shipments list --state rejected"
    )


async def _partly_compared(session: Session, now: datetime) -> str:
    """Whether the newest reconciliation of a day, or of a watched file, could not read all of ClickPost's side."""
    for source in ("schedule", "folder"):
        run = await reconciliations.newest_of(session, source, since=now - PARTLY_SHOWN)
        if run and run.compared is Compared.PARTLY:
            reason = "; ".join(run.not_understood.sentences())
            reason = reason or "rows that name no shipment, or whose waybill is rounded"
            reason = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]} ..."
            return f"{run.name} was compared only partly: {reason}; see awbridge reconcile show {run.id}"
    return ""
