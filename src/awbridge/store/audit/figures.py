"""Counts for monitoring, from indexes of open and failed rows.

/metrics reads all of them every few seconds, on every replica. Cost must not grow with age, so ended rows (placed,
delivered, applied, sent, done) are not counted; `sizes` estimates them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from awbridge.domain.orders.attention import Need, RefusalCounts
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.store.couriers import accounts, couriers
from awbridge.store.couriers.accounts import Held
from awbridge.store.engine.database import Session
from awbridge.store.engine.ids import first_id
from awbridge.store.engine.queries import Queries
from awbridge.store.notify import alarms, attention, events
from awbridge.store.polling import polls
from awbridge.store.tracking import inbox

_sql = Queries(__name__)

RECENT = timedelta(days=1)  # how far back scans are counted that were in the future


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The counts. Mappings by state or stage leave out final ones.

    `held`: the accounts that are held, and `waiting` how many shipments wait in each. `on_their_way`: placed, and not
    at the end; `unreadable_dates`: those of them whose expected date is no date. `scans_ahead`: received within a day,
    and in the future then. `sizes`: about how many rows a table has.
    `needs`: what needs a person or is worth watching; `refusals`: what ClickPost refused of late.
    `event_deliveries`: endpoint -> state -> number. `silent_shipments`: no longer polled.
    `waiting_since`: since when the longest due work of push, apply and the archive waits, None where none does. Empty
    in a sample of an older version.
    """

    shipments: Mapping[str, int]
    on_their_way: int
    unreadable_dates: int
    held: Mapping[str, Held]
    waiting: Mapping[str, int]
    cancels: Mapping[str, int]
    actions: Mapping[str, int]
    inbox: Mapping[str, int]
    scans_ahead: int
    notices: Mapping[str, int]
    event_deliveries: Mapping[int, Mapping[str, int]]
    silent_shipments: int
    courier_warnings: Mapping[str, int]
    alarms: int
    archive_open: int
    sizes: Mapping[str, int]
    needs: Mapping[Need, int]
    refusals: RefusalCounts
    waiting_since: Mapping[str, datetime | None] = field(default_factory=dict[str, datetime | None])

    @property
    def counted(self) -> int:
        """About how many rows were read for these figures."""
        counts = (self.shipments, self.waiting, self.cancels, self.actions, self.inbox, self.notices, self.needs)
        single = (self.on_their_way, self.unreadable_dates, self.scans_ahead, self.archive_open, self.silent_shipments)
        by_key = sum(sum(numbers.values()) for numbers in (*counts, self.events_by_state))
        return by_key + sum(single) + self.refusals.decided

    @property
    def events_by_state(self) -> dict[str, int]:
        """How many event deliveries there are by state, over all endpoints."""
        by_state: dict[str, int] = {}
        for states in self.event_deliveries.values():
            for state, number in states.items():
                by_state[state] = by_state.get(state, 0) + number
        return by_state


async def read(session: Session, *, now: datetime, stuck_after: StuckAfter = DEFAULT_STUCK_AFTER) -> Figures:
    """All counts."""
    held = await accounts.held(session, now=now)
    unplaced = await accounts.count_unplaced(session, list(held))
    return Figures(
        shipments=_as_shown(await shipments(session), unplaced),
        on_their_way=(await session.fetch(_sql.on_their_way))[0]["shipments"],
        unreadable_dates=(await session.fetch(_sql.unreadable_dates))[0]["shipments"],
        held=held,
        waiting=accounts.held_numbers(unplaced),
        cancels=await cancels(session),
        actions={row["state"]: row["actions"] for row in await session.fetch(_sql.actions)},
        inbox=await inbox_stages(session, now=now),
        scans_ahead=(await session.fetch(_sql.scans_ahead, first_id(now - RECENT)))[0]["scans"],
        notices={row["state"]: row["notices"] for row in await session.fetch(_sql.notices)},
        event_deliveries=await event_deliveries(session),
        silent_shipments=await polls.count_aged_out(session),
        courier_warnings=await couriers.count_warnings(session),
        alarms=len(await alarms.open_now(session)),
        archive_open=(await session.fetch(_sql.archive_open))[0]["files"],
        sizes=await sizes(session),
        needs=await attention.count(session, stuck_after, now=now),
        refusals=await attention.refusals(session, now=now),
        waiting_since=await waiting_since(session, list(held), now=now),
    )


async def shipments(session: Session) -> dict[str, int]:
    """How many shipments there are by state, of those that are neither placed nor cancelled."""
    return {row["state"]: row["shipments"] for row in await session.fetch(_sql.shipments)}


async def inbox_stages(session: Session, *, now: datetime) -> dict[str, int]:
    """How many deliveries are not applied, by stage."""
    return dict((await session.fetch(_sql.inbox, now))[0])


async def cancels(session: Session) -> dict[str, int]:
    """Cancellations: `asked` go on, ClickPost `refused`, push gave up on the `unsettled` without an answer."""
    return dict((await session.fetch(_sql.cancels))[0])


async def sizes(session: Session) -> dict[str, int]:
    """About how many rows the large tables have. On PostgreSQL without those that it has not looked at yet."""
    rows = await session.fetch(_sql.sizes)
    return {row["table_name"]: row["table_rows"] or 0 for row in rows}


async def waiting_since(session: Session, held: Sequence[str], *, now: datetime) -> dict[str, datetime | None]:
    """Since when the longest due work of a step waits, by step; None where none is due. `held`: the held accounts."""
    return {
        "push": await _longest_due_push(session, held, now=now),
        "apply": await inbox.longest_due(session, now=now),
        "archive": (await session.fetch(_sql.archive_since))[0]["created_at"],
    }


async def longest_due_push(session: Session, *, now: datetime) -> datetime | None:
    """Since when the oldest due shipment waits to be pushed or cancelled, without those of held accounts; or None."""
    return await _longest_due_push(session, list(await accounts.held(session, now=now)), now=now)


async def _longest_due_push(session: Session, held: Sequence[str], *, now: datetime) -> datetime | None:
    return (await session.fetch(_sql.push_due, now, sorted(held)))[0]["due_at"]


def _as_shown(counts: Mapping[str, int], unplaced: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Counts by state, where what waits in an account that is held counts as held."""
    shown = dict(counts)
    for by_state in unplaced.values():
        for state, number in by_state.items():
            shown[state] = shown.get(state, 0) - number
            shown[State.HELD.value] = shown.get(State.HELD.value, 0) + number
    return {state: number for state, number in sorted(shown.items()) if number > 0}


async def event_deliveries(session: Session) -> dict[int, dict[str, int]]:
    """How many deliveries each endpoint has by state, except delivered ones."""
    counts: dict[int, dict[str, int]] = {}
    for (endpoint, state), number in (await events.count_undelivered(session)).items():
        counts.setdefault(endpoint, {})[state] = number
    return counts
