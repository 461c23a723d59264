"""The table `erasures`: whose personal data must be removed, and the record that it was done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_ids = Ids()


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """An erasure. `subject` is None once it is done; `counts` says how many rows of each table changed."""

    id: int
    kind: str
    subject: str | None = field(repr=False)
    pseudonym: str
    requested_at: datetime
    next_try_at: datetime | None
    tries: int
    done_at: datetime | None
    counts: Mapping[str, int]
    problem: str | None


def _erasure(row: Row) -> Erasure:
    return row_as(Erasure, row, counts=json.loads(row["counts"] or "{}"))


async def add(session: Session, *, kind: str, subject: str, pseudonym: str, now: datetime) -> int:
    """Ask for an erasure; its id."""
    number = _ids.next()
    await session.execute(_sql.add, number, kind, subject, pseudonym, now)
    return number


async def claim(session: Session, *, now: datetime, until: datetime) -> Erasure | None:
    """Take one erasure that is due, under a lease."""
    rows = await session.fetch(_sql.claim, now, until)
    return _erasure(rows[0]) if rows else None


async def renew(session: Session, erasure: int, *, leased_until: datetime, until: datetime) -> bool:
    """Keep the lease that ends at `leased_until`; False when it is lost."""
    return await session.execute(_sql.renew, erasure, leased_until, until) > 0


async def later(
    session: Session, erasure: int, *, at: datetime, counts: Mapping[str, int], problem: str | None
) -> None:
    """It is not finished: again then."""
    await session.execute(_sql.later, erasure, at, json.dumps(dict(counts)), problem)


async def done(session: Session, erasure: int, *, counts: Mapping[str, int], now: datetime) -> None:
    """It is finished. From now on only the pseudonym identifies the person."""
    await session.execute(_sql.done, erasure, now, json.dumps(dict(counts)))


async def get(session: Session, erasure: int) -> Erasure | None:
    """One erasure."""
    rows = await session.fetch(_sql.get, erasure)
    return _erasure(rows[0]) if rows else None


async def newest(session: Session, *, limit: int) -> list[Erasure]:
    """The newest erasures."""
    return [_erasure(row) for row in await session.fetch(_sql.newest, limit)]
