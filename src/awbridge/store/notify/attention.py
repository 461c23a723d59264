"""How much needs a person, counted out of indexes of what is open or wrong, so that old data cost nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from awbridge.domain.orders.attention import NEEDS, NEWEST_DECIDED, REFUSED_WITHIN, Need, RefusalCounts
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Session
from awbridge.store.engine.ids import first_id
from awbridge.store.engine.queries import Queries
from awbridge.store.notify import notices
from awbridge.store.orders import lists

_sql = Queries(__name__)

DEAD_LETTERS_COUNT_FOR = timedelta(days=7)  # after it they stay, and are counted by awbridge_inbox only
ACTIONS_COUNT_FOR = timedelta(days=7)  # the same for actions that failed; unclear ones count until they are settled
PIECES_COUNT_FOR = timedelta(days=7)  # after it a box that went wrong is listed, and no longer counted
MESSAGES_COUNT_FOR = timedelta(days=1)
DIFFERENCE_PATIENCE = timedelta(hours=1)  # how long a difference may take to solve itself
MOST_PLACED = 100_000  # orders that are counted for a share; a share of more is an upper bound
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


async def count(session: Session, limits: StuckAfter, *, now: datetime) -> dict[Need, int]:
    """How much there is of each need, in the order of `NEEDS`, zeros too."""
    dead_letters = first_id(now - DEAD_LETTERS_COUNT_FOR)
    [row] = await session.fetch(_sql.counts, dead_letters, now - ACTIONS_COUNT_FOR, now - DIFFERENCE_PATIENCE, now)
    messages = await notices.unwell_since(session, now - MESSAGES_COUNT_FOR)
    counts: Mapping[str, int] = {
        **dict(row),
        Need.HELD: await _held(session, now),
        Need.PIECES: await lists.count_piece_exceptions(session, since=now - PIECES_COUNT_FOR),
        Need.MESSAGES: sum(messages.values()),
        Need.STUCK: await lists.count_stuck(session, limits, now=now),
    }
    return {need: counts[need] for need in NEEDS}


async def _held(session: Session, now: datetime) -> int:
    """How many shipments wait in accounts with an incident. A declared downtime does not count."""
    broken = [key for key, held in (await accounts.held(session, now=now)).items() if held.kind != "downtime"]
    return sum(accounts.held_numbers(await accounts.count_unplaced(session, broken)).values())


async def dead_lettered(session: Session, *, now: datetime) -> int:
    """How many deliveries of the last week are dead-lettered."""
    return (await session.fetch(_sql.dead_lettered, first_id(now - DEAD_LETTERS_COUNT_FOR)))[0]["deliveries"]


async def refusals(session: Session, *, now: datetime) -> RefusalCounts:
    """What ClickPost refused of the orders that it decided within the hour, or of the newest fifty if those are more.

    The alarm outlasts a quiet night, and a small shop gets one too.
    """
    rows = await session.fetch(_sql.nth_decided, NEWEST_DECIDED)
    since = min(now - REFUSED_WITHIN, rows[0]["since_at"]) if rows else _EVER
    refused = (await session.fetch(_sql.refused_since, since))[0]["refused"]
    placed = (await session.fetch(_sql.placed_since, since, MOST_PLACED))[0]["placed"] if refused else 0
    return RefusalCounts(refused=refused, decided=refused + placed)
