"""Look: what is due, for every step at once. Loops without work wait for it instead of asking each for itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from awbridge.domain.couriers.downtime import down_now
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.store.couriers import accounts, downtimes
from awbridge.store.engine.database import Session
from awbridge.store.runtime import due
from awbridge.store.runtime.due import Due

# The steps that rows drive: each has its parts in store/runtime/due.sql.
BY_ROWS = (
    *("push", "act", "allocate", "cancel", "fallback", "release", "sync_couriers"),
    *("apply", "mark_stuck", "updated_order", "track_order", "watch"),
    *("notify", "deliver_events", "alarm", "fetch_labels", "follow_answers"),
    *("reconcile", "differences", "index_orders", "link_shipments"),
    *("schedule", "archive", "erase", "schema"),
)

# The steps that only time or this process drives, and how they know.
BY_TIME: Mapping[str, str] = {
    "look": "it is what looks",
    "accounts": "looks at all accounts beside the home, with one statement of its own",
    "accounts_awake": "looks every few seconds whether those that are open may sleep",
    "set_clocks": "measures every few seconds",
    "report_process": "reports every 30 seconds",
    "keep_calls": "woken by the calls of this process; looks at its disk",
    "report_files": "looks at a folder",
    "lateness": "a pass every quarter of an hour",
    "sample_figures": "counts every 30 seconds",
    "measure_couriers": "counts every hour",
}

LEAST_GAP = 0.2  # seconds between two looks, also where a round that did something asks for one
_SURELY = 0.002  # seconds: clocks are not compared to the microsecond

# Items that are not due themselves: settings say what follows from them.
COVERED_UNTIL = "covered until"  # of updated_order: the end of its last window
COUNTED_FROM = "counted from"  # of mark_stuck: from when the first limit is counted


async def look(store: Store, now: datetime) -> Mapping[str, datetime | None]:
    """When each step has something to do next, by its name; None where no row waits. Raises StoreBusy.

    Only the database is asked, with one statement (a second one while a courier account has shipments to push), so it
    also tells about an account whose loops do not run. A time in the past is due now. What depends on settings is not
    in it: the times of schedules, the next window of updated-order, the limits of stuck parcels.
    """
    return earliest(await read_due(store, now))


def earliest(found: list[Due]) -> dict[str, datetime | None]:
    """The earliest time of every step."""
    times: dict[str, datetime | None] = dict.fromkeys(BY_ROWS)
    for one in found:
        if one.item not in {COVERED_UNTIL, COUNTED_FROM}:
            known = times[one.step]
            times[one.step] = min(known, one.at) if known else one.at
    return times


async def read_due(store: Store, now: datetime) -> list[Due]:
    """What every step has to do, with its items. Raises StoreBusy."""
    async with store.read() as session:
        found = await due.read(session, now)
        if any(one.step == "push" and one.at <= now for one in found):
            found = await _without_downtimes(session, found, now)
        return found


async def _without_downtimes(session: Session, found: list[Due], now: datetime) -> list[Due]:
    """Push has nothing to do for an account before its downtime ends, once it is known that a ramp follows."""
    declared = await downtimes.open_ones(session, now=now)
    if not declared:
        return found
    waiting = await accounts.due(session, now=now)
    down = down_now(declared, {one.account: one.courier_partner_id for one in waiting}, now)
    held = {one.account: down[one.account].until for one in waiting if one.account in down and one.knows_of_ramp}
    return [
        replace(one, at=max(one.at, held[one.item])) if one.step == "push" and one.item in held else one
        for one in found
    ]


@dataclass(kw_only=True, eq=False)
class Look:
    """The look of one process, which tells its loops. `read` says what is due; `loops` are by name.

    A due time within the next `every` seconds is met without another look.
    """

    read: Callable[[datetime], Awaitable[Mapping[str, datetime | None]]]
    clock: Clock
    loops: Mapping[str, Loop]
    every: float
    _began_at: float = field(default=float("-inf"), init=False)
    _timers: list[asyncio.TimerHandle] = field(default_factory=list[asyncio.TimerHandle], init=False)

    async def round(self) -> int:
        """Look once. Always 0, so that the loop sleeps. Raises StoreBusy; then loops ask for themselves."""
        await asyncio.sleep(max(self._began_at + min(LEAST_GAP, self.every) - time.monotonic(), 0.0))
        self._began_at, now = time.monotonic(), self.clock()
        try:
            found = await self.read(now)
        except BaseException:
            for loop in self._told():
                loop.untold()
            raise
        for timer in self._timers:
            timer.cancel()
        self._timers = [timer for loop in self._told() if (timer := self._tell(loop, found[loop.name], now))]
        return 0

    def _told(self) -> list[Loop]:
        return [loop for name in BY_ROWS if (loop := self.loops.get(name))]

    def _tell(self, loop: Loop, due_at: datetime | None, now: datetime) -> asyncio.TimerHandle | None:
        left = (due_at - now).total_seconds() if due_at else float("inf")
        loop.looked(self._began_at, due=left <= 0)
        if not 0 < left <= self.every:
            return None
        passed = time.monotonic() - self._began_at
        return asyncio.get_running_loop().call_later(max(left - passed, 0.0) + _SURELY, partial(_time_came, loop))


def _time_came(loop: Loop) -> None:
    loop.looked(time.monotonic(), due=True)
