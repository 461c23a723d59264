"""When each step has something to do, by one statement over the tables of all steps.

A step that is driven by rows has its parts in `due.sql`, under its own name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.domain.customer_page.answers import REFUSED_FOR
from awbridge.domain.customer_page.links import LAGS
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Queries
from awbridge.store.polling.arrivals import STRETCH

_sql = Queries(__name__)

RECENT = timedelta(minutes=2)  # for so long a change may have consequences: it is committed later than it is dated


@dataclass(frozen=True, slots=True)
class Due:
    """Something that a step has to do at `at`, or since then.

    `item` says what, where that matters to the caller: the courier account of push, the job of schedule.
    """

    step: str
    item: str
    at: datetime


async def read(session: Session, now: datetime) -> list[Due]:
    """The earliest thing to do of every step and item, in one statement; nothing for those without any."""
    recent = now - RECENT
    rows = await session.fetch(_sql.look, now, recent, now - REFUSED_FOR, recent - STRETCH)
    return [Due(row["step"], row["item"], _due_at(row)) for row in rows if row["due_at"] is not None]


async def any_on_the_way(session: Session) -> bool:
    """Whether a parcel is on its way."""
    return bool(await session.fetch(_sql.on_the_way))


def _due_at(row: Row) -> datetime:
    at: datetime = row["due_at"]
    if row["step"] == "link_shipments":
        return at + 2 * LAGS[int(row["item"])]  # few shipments wait for more of them
    return max(at, row["hold_until_at"] or at)
