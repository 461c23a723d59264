"""HealthMonitor: finds trouble that no step raises by itself, and its end.

What the tables show (shipments that gave up, an archive that takes nothing, differences that stay) is seen alike by
every process. A full disk or a step that keeps failing is seen only by the process that has it: it says so again and
again, and when nobody has said so for a while, the trouble is over, also if its process is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.domain.orders.attention import RefusedLimit
from awbridge.domain.orders.shipment import State
from awbridge.domain.reconciliation.differences import Compared
from awbridge.steps.runtime.clock import Clock, is_ahead
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.store.audit import archive
from awbridge.store.engine import clock_marks
from awbridge.store.engine.database import Session
from awbridge.store.notify import alarms, attention
from awbridge.store.notify.alarms import Alarm
from awbridge.store.notify.attention import DIFFERENCE_PATIENCE, PIECES_COUNT_FOR
from awbridge.store.orders import shipments, waybills
from awbridge.store.reconciliation import differences, reconciliations
from awbridge.store.registration import cancellations

FAILING_ROUNDS = 5  # rounds of a step that failed one after another before it is an alarm
SAY_AGAIN = timedelta(minutes=5)  # how often a process says that it still has its trouble
FORGET_AFTER = timedelta(minutes=15)  # without such a word the trouble is over
ARCHIVE_PATIENCE = timedelta(minutes=10)  # how long a file of the archive may fail to be uploaded
REUSE_SHOWN = timedelta(days=1)  # how long a waybill that was used again is an alarm
PARTLY_SHOWN = timedelta(days=7)  # for which a run that compared only partly is trouble, unless a newer one did better
WAS_AHEAD_SHOWN = timedelta(days=1)  # for which a clock that was ahead, and is right again, is an alarm
CLOCK = "clock"  # the cause of an alarm about this machine's clock
LONGEST_TOLD = 400  # characters of what was not understood


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What this process sees of its machine. `free_share`: how much of the fullest of its disks is free, 0 to 1.

    `clock_trouble`: what is wrong with its clock, in words; "" for nothing.
    """

    name: str
    free_share: Callable[[], float]
    least_free: float
    clock_trouble: Callable[[], str] = lambda: ""


class HealthMonitor:
    """One process's look at everything, at most once a minute."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        loops: Callable[[], Sequence[Loop]],
        machine: Machine,
        refused: RefusedLimit = RefusedLimit(),  # noqa: B008 (frozen)
        every: timedelta = timedelta(seconds=60),
    ) -> None:
        self._store = store
        self._clock = clock
        self._loops = loops
        self._machine = machine
        self._refused = refused
        self._every = every
        self._again_at: datetime | None = None
        self._said: dict[str, datetime] = {}

    async def look(self) -> int:
        """One look; always 0: there is nothing that could not wait for the next."""
        now = self._clock()
        if is_ahead(self._again_at, now, most=self._every):
            return 0
        self._again_at = now + self._every
        async with self._store.read() as session:
            seen_by_all = await _in_the_tables(session, self._refused, now)
            raised = {alarm.cause: alarm for alarm in await alarms.open_now(session)}
        seen_here = self._on_this_machine()
        wrong = {cause: text for cause, text in {**seen_by_all, **seen_here}.items() if text}
        to_raise = {cause: text for cause, text in wrong.items() if self._is_news(cause, text, raised.get(cause), now)}
        to_clear = [cause for cause in seen_by_all if cause in raised and cause not in wrong]
        to_clear += [c for c, alarm in raised.items() if _is_local(c) and c not in wrong and self._is_over(alarm, now)]
        await self._keep(to_raise, to_clear, now)
        return 0

    def _on_this_machine(self) -> dict[str, str]:
        troubles = {
            f"step.{loop.name}": f"the step {loop.name} keeps failing on {self._machine.name}; see the log"
            for loop in self._loops()
            if loop.failures >= FAILING_ROUNDS
        }
        free = self._machine.free_share()
        if free < self._machine.least_free:
            troubles["disk"] = f"the disk of the data on {self._machine.name} has {free:.0%} left"
        if wrong := self._machine.clock_trouble():
            troubles[CLOCK] = f"the clock of {self._machine.name} {wrong}: let NTP or chrony set it"
        return troubles

    def _is_news(self, cause: str, text: str, alarm: Alarm | None, now: datetime) -> bool:
        if alarm is None:
            return True
        if _is_local(cause):
            return now - alarm.last_at >= SAY_AGAIN
        return text != alarm.text

    def _is_over(self, alarm: Alarm, now: datetime) -> bool:
        """Of trouble that is not here: whether it was only here, or whoever had it has fallen silent."""
        return alarm.last_at == self._said.get(alarm.cause) or now - alarm.last_at >= FORGET_AFTER

    async def _keep(self, to_raise: Mapping[str, str], to_clear: Sequence[str], now: datetime) -> None:
        if not to_raise and not to_clear:
            return
        async with self._store.write() as session:
            for cause in sorted({*to_raise, *to_clear}):
                if cause in to_raise:
                    await alarms.raise_(session, cause, to_raise[cause], now=now)
                    self._said[cause] = now
                else:
                    await alarms.clear(session, cause, now=now)


def _is_local(cause: str) -> bool:
    return cause in ("disk", CLOCK) or cause.startswith("step.")


async def _in_the_tables(session: Session, limit: RefusedLimit, now: datetime) -> dict[str, str]:
    """What every process sees, by cause; "" where all is well."""
    gave_up = await shipments.count_in_state(session, State.GAVE_UP)
    kept = await cancellations.count_in_need(session)
    waiting = await archive.failing_since(session, now - ARCHIVE_PATIENCE)
    pieces = await shipments.count_piece_exceptions(session, since=now - PIECES_COUNT_FOR)
    differ = await differences.unsolved_since(session, now - DIFFERENCE_PATIENCE)
    reused = await waybills.count_reused(session, after=now - REUSE_SHOWN)
    return {
        "gave_up": f"{gave_up} shipments gave up; see awbridge shipments list --state gave_up" if gave_up else "",
        "refused": await _refused(session, limit, now),
        "dead_letters": await _dead_letters(session, now),
        "pieces": f"{pieces} shipments have a piece lost, damaged or going back; see awbridge shipments list "
        "--piece-exception"
        if pieces
        else "",
        "not_cancelled": f"{kept} cancellations were refused or given up, so as many parcels may travel that nobody "
        "wants; see awbridge shipments list --not-cancelled"
        if kept
        else "",
        "archive": _not_archived(waiting) if waiting else "",
        "reconcile.differences": f"{differ} differences to ClickPost stay open; see awbridge reconcile list"
        if differ
        else "",
        "waybills.reused": f"{reused} waybills of a day had another shipment before; see waybill.reused in the log"
        if reused
        else "",
        "clock.was_ahead": await _was_ahead(session, now),
        "reconcile.partly": await _partly_compared(session, now - PARTLY_SHOWN),
    }


def _not_archived(failing: archive.Failing) -> str:
    again = f"tried next at {failing.next_try_at:%Y-%m-%d %H:%M} UTC; " if failing.next_try_at else ""
    return f"{failing.files} files cannot be archived ({failing.problem}); {again}see awbridge archive status"


async def _was_ahead(session: Session, now: datetime) -> str:
    back = await clock_marks.last_set_back(session, after=now - WAS_AHEAD_SHOWN)
    if back is None:
        return ""
    found = f"a clock was {back.by.total_seconds() / 60:.0f} min ahead until {back.at:%Y-%m-%d %H:%M} UTC"
    return f"{found}; what it had dated ahead was corrected (clock.was_ahead in the log). Let NTP or chrony set it"


async def _refused(session: Session, limit: RefusedLimit, now: datetime) -> str:
    refusals = await attention.refusals(session, now=now)
    if not limit.is_reached(refusals):
        return ""
    found = f"ClickPost refused {refusals.refused} of the last {refusals.decided} orders ({refusals.share:.0%})"
    return f"{found}; see awbridge shipments list --state rejected"


async def _dead_letters(session: Session, now: datetime) -> str:
    found = await attention.dead_lettered(session, now=now)
    return f"{found} deliveries could not be understood; see awbridge replay --list" if found else ""


async def _partly_compared(session: Session, since: datetime) -> str:
    """Whether the newest reconciliation of a day, or of a file out of the folder, could not read all of ClickPost's."""
    for source in ("schedule", "folder"):
        run = await reconciliations.newest_of(session, source, since=since)
        if run and run.compared is Compared.PARTLY:
            told = (
                "; ".join(run.not_understood.sentences())
                or "rows that name no shipment, or whose waybill is rounded off"
            )
            told = told if len(told) <= LONGEST_TOLD else f"{told[:LONGEST_TOLD]} ..."
            return f"{run.name} was compared only partly: {told}; see awbridge reconcile show {run.id}"
    return ""
