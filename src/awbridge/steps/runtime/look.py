"""Look: what is due, for every step at once. Loops without work wait for it instead of asking each for itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from awbridge.domain.couriers.downtime import down_now
from awbridge.store import Store
from awbridge.store.couriers import accounts, downtimes
from awbridge.store.engine.database import Session
from awbridge.store.runtime import due
from awbridge.store.runtime.due import Due

# The steps that rows drive: each has its parts in store/runtime/due.sql.
BY_ROWS = (
    *("push", "act", "allocate", "cancel", "fallback", "release", "sync_couriers"),
    *("apply", "updated_order", "track_order", "watch"),
    *("notify", "deliver_events", "alarm", "fetch_labels", "follow_answers"),
    *("reconcile", "differences", "index_orders", "link_shipments"),
    *("schedule", "archive", "erase", "schema"),
)

# The steps that only time or this process drives, and how they know.
BY_TIME: Mapping[str, str] = {
    "look": "it is what looks",
    "set_clocks": "measures every few seconds",
    "report_process": "reports every 30 seconds",
    "keep_calls": "woken by the calls of this process; looks at its disk",
    "report_files": "looks at a folder",
    "lateness": "a pass every quarter of an hour",
    "sample_figures": "counts every 30 seconds",
    "measure_couriers": "counts every hour",
}

COVERED_UNTIL = "covered until"  # of updated_order: the end of its last window, after which settings say what is due


async def look(store: Store, now: datetime) -> Mapping[str, datetime | None]:
    """When each step has something to do next, by its name; None where no row waits. Raises StoreBusy.

    Only the database is asked, with one statement (a second one while a courier account has shipments to push), so it
    also tells about an account whose loops do not run. A time in the past is due now. What depends on settings is not
    in it: the times of schedules, the next window of updated-order.
    """
    return earliest(await read_due(store, now))


def earliest(found: list[Due]) -> dict[str, datetime | None]:
    """The earliest time of every step."""
    times: dict[str, datetime | None] = dict.fromkeys(BY_ROWS)
    for one in found:
        if one.item != COVERED_UNTIL:
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
