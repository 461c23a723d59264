"""The table `replays`: rebuildings of all shipments from the inbox, and how far each has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A rebuilding that is under way. It has done `shipments`, up to (shard, reference_number); `changed` differed."""

    started_at: datetime
    shard: int
    reference_number: str
    shipments: int
    changed: int


async def under_way(session: Session) -> Replay | None:
    """The one that was begun and not finished, locked until the transaction ends; None when there is none."""
    rows = await session.fetch(_sql.open)
    return row_as(Replay, rows[0]) if rows else None


async def begin(session: Session, *, now: datetime) -> None:
    """Begin a new one, at the first shipment."""
    await session.execute(_sql.begin, now)


async def go_on(session: Session, replay: Replay, *, after: tuple[int, str], shipments: int, changed: int) -> None:
    """It has come as far as this shipment, with so many more done and changed."""
    await session.execute(_sql.go_on, replay.started_at, *after, shipments, changed)


async def end(session: Session, *, now: datetime) -> None:
    """Whatever is under way ends."""
    await session.execute(_sql.end, now)
