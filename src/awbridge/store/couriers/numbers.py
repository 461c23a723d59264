"""The numbers of courier accounts: read from placed shipments, and kept as a row of `figure_samples`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from pydantic import TypeAdapter

from awbridge.domain.couriers.numbers import AccountNumbers
from awbridge.domain.orders.shipment import State
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.packing import whole
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierNumbers:
    """The numbers of all accounts, from how many placed shipments, and when they were counted."""

    accounts: Sequence[AccountNumbers]
    shipments: int
    sampled_at: datetime


@cache
def _json() -> TypeAdapter[list[AccountNumbers]]:
    return TypeAdapter(list[AccountNumbers])


async def begin(session: Session, *, now: datetime) -> bool:
    """Whether the caller is to count now; False while another process has, within `EVERY`."""
    return await session.execute(_sql.begin, now, now - EVERY) > 0


async def save(session: Session, accounts: Sequence[AccountNumbers], *, shipments: int, now: datetime) -> None:
    """Store the numbers that were counted."""
    await session.execute(_sql.save, now, shipments, _json().dump_json(list(accounts)).decode())


async def newest(session: Session, *, now: datetime) -> CourierNumbers | None:
    """The newest numbers; None before the first."""
    rows = await session.fetch(_sql.newest, now)
    if not rows:
        return None
    [row] = rows
    accounts = _json().validate_json(row["figures"])
    return CourierNumbers(accounts=accounts, shipments=row["counted"], sampled_at=row["sampled_at"])


async def placed(session: Session, *, since: datetime, before: tuple[datetime, str], limit: int) -> list[Row]:
    """A page of the shipments placed since then, newest first: what is measured of each, and its payload."""
    return [whole(row) for row in await session.fetch(_sql.placed, since, *before, limit)]


async def refused(session: Session, *, since: datetime, limit: int) -> Counter[str]:
    """Orders that are refused or gave up since then, by account, among the newest `limit` of each state."""
    counts: Counter[str] = Counter()
    for state in (State.REJECTED, State.GAVE_UP):
        for row in await session.fetch(_sql.refused, state.value, since, limit):
            counts[row["account"]] += row["shipments"]
    return counts
