"""When the steps of an account have something to do: by its tables, and by what its settings say about time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import partial

from awbridge.app.connections import operators
from awbridge.app.policies import catch_up_policy
from awbridge.app.settings import Settings
from awbridge.domain.schedule import next_due as next_cron
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.look import COUNTED_FROM, COVERED_UNTIL, Look, earliest, read_due
from awbridge.steps.runtime.loop import Loop
from awbridge.steps.tracking import mark_stuck
from awbridge.store import Store
from awbridge.store.audit import runs
from awbridge.store.engine.database import Session
from awbridge.store.notify import alarms
from awbridge.store.runtime import due
from awbridge.store.runtime.due import Due

# The checks that no row asks for: alarms, figures, lateness, silence of webhooks.
HOUSEKEEPING = timedelta(hours=1)
HOUSEKEEPING_ON_THE_WAY = timedelta(minutes=15)  # while a parcel may be late

_FIRST_ROUND = timedelta(minutes=1)  # of `schedule`: a time that came since may be after it

# An account beside the home is looked at so many times more rarely while it is awake. What is stored for it wakes it:
# its own requests, and by `account_wakes` enqueue and commands. Due times between two looks are met in any case.
_RARER = 5

# They follow what other steps and people do, or watch over what arrives: nothing of it waits for them alone.
_HOUSEKEEPERS = frozenset({"watch", "schema", "follow_answers"})


class DueTimes:
    """What is due in an account, by its tables and settings. One is kept for the loops of a process."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError."""
        self._settings = settings
        self._policy = catch_up_policy(settings)
        self._jobs = {name for name, _ in settings.crons}
        self._cron_at: datetime | None = None  # the next due time of any job
        self._cron_since: datetime | None = None  # when that was found

    async def read(self, store: Store, now: datetime) -> Mapping[str, datetime | None]:
        """When each step that rows drive has something to do next, None for never. Raises StoreBusy.

        Of scheduled jobs the times after the first call: the first round of `schedule` finds what was missed.
        """
        found = await read_due(store, now)
        times = self._by_rows(found)
        times["updated_order"] = _earlier(times["updated_order"], self._next_window(found, now))
        times["schedule"] = _earlier(times["schedule"], self._next_cron(now))
        return times

    async def next_due(self, store: Store, now: datetime) -> datetime:
        """See the function of this name."""
        settings = self._settings
        rows = await read_due(store, now)
        times = self._by_rows(rows)
        alarmed = bool(operators(settings))
        left_out = {*_HOUSEKEEPERS, *(() if alarmed else ("alarm",)), *(() if settings.archives else ("archive",))}
        left_out |= set() if settings.courier_comparison_seconds else {"sync_couriers"}
        found = [at for step, at in times.items() if at and step not in left_out]
        async with store.read() as session:
            last = {name: await runs.last_due(session, name) for name in self._jobs}
            digest_at = await self._next_digest(session, now) if alarmed else None
            on_the_way = await due.any_on_the_way(session)
        found += [next_cron(cron, settings.zone, last[name] or now) for name, cron in settings.crons]
        found.append(now + (HOUSEKEEPING_ON_THE_WAY if on_the_way else HOUSEKEEPING))
        # While no parcel is on its way, nothing changes at ClickPost that anyone waits for: windows wait too.
        more = [digest_at, self._next_window(rows, now) if on_the_way else None]
        return min([*found, *(at for at in more if at)])

    def _by_rows(self, found: Sequence[Due]) -> dict[str, datetime | None]:
        times = earliest([one for one in found if one.step != "schedule" or one.item in self._jobs])
        counted = next((one.at for one in found if one.item == COUNTED_FROM), None)
        times["mark_stuck"] = mark_stuck.due_at(counted, self._settings.stuck_after) if counted else None
        return times

    def _next_window(self, found: Sequence[Due], now: datetime) -> datetime | None:
        """When the next window of updated-order is long enough."""
        policy = self._policy
        covered = next((one.at for one in found if one.item == COVERED_UNTIL), None)
        if covered is None:
            return now if policy.window - policy.lag >= policy.shortest else None
        return covered + policy.shortest + policy.lag

    def _next_cron(self, now: datetime) -> datetime | None:
        known = self._cron_at
        if self._cron_since is None or now < self._cron_since or (known is not None and known <= now):
            after = now if known else now - _FIRST_ROUND
            at = [next_cron(cron, self._settings.zone, after) for _, cron in self._settings.crons]
            self._cron_at, self._cron_since = min(at, default=None), now
        came = known is not None and known <= now
        return known if came else self._cron_at

    async def _next_digest(self, session: Session, now: datetime) -> datetime:
        local = now.astimezone(self._settings.zone)
        day, hour = local.date(), time(self._settings.alarm_digest_hour)
        if local.time() >= hour:
            if due_at := await alarms.digest_due(session, day.isoformat(), now=now):
                return due_at
            day += timedelta(days=1)
        return datetime.combine(day, hour, self._settings.zone).astimezone(UTC)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


async def next_due(settings: Settings, store: Store, now: datetime) -> datetime:
    """The earliest moment at which the loops of an idle account must run again. Raises StoreBusy, SettingsError.

    That is when a row is due, at the time of a scheduled job or of the digest, and after an hour in any case: alarms,
    figures and lateness are checked then, and updated-order is asked about that hour. While parcels are on their way
    that is after a quarter of an hour, and when the next window of updated-order is long enough. A time in the past is
    due now. Call it once all loops are idle.
    """
    return await DueTimes(settings).next_due(store, now)


def look_for(loops: dict[str, Loop], settings: Settings, store: Store, clock: Clock) -> None:
    """Add the loop that looks for these, and for those that are added later. Raises SettingsError."""
    idle = settings.steps_idle_seconds * (_RARER if settings.account else 1)
    read = partial(DueTimes(settings).read, store)
    look = Loop("look", Look(read=read, clock=clock, loops=loops, every=idle).round, idle_seconds=idle)
    for loop in loops.values():
        loop.on_done = look.wake
    loops["look"] = look
