"""What is old enough to go, table by table, in pages small enough that nobody waits for a lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from awbridge.store.database import Row, Session
from awbridge.store.queries import Queries, Statement

_sql = Queries("retention")


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose rows go one day: how a page of a shard is read, and how rows of it are deleted."""

    name: str
    page: Statement
    drop: Statement


ATTEMPTS = Table("attempts", _sql.attempts_page, _sql.attempts_drop)
INBOX = Table("inbox", _sql.inbox_page, _sql.inbox_drop)
SCANS = Table("scans", _sql.scans_page, _sql.scans_drop)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldRow:
    """A row of such a table. `settled`: nobody needs it any more (archived, applied, its shipment has ended)."""

    id: int
    noted_at: datetime
    settled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OldPayload:
    """The payload of a shipment that has ended. `more`: it had other payloads, or actions."""

    shard: int
    reference_number: str
    payload: str = field(repr=False)
    problem: str | None = field(repr=False)
    created_at: datetime
    more: bool


def _old_payload(row: Row) -> OldPayload:
    values: dict[str, Any] = {**row, "more": bool(row["more"])}
    return OldPayload(**values)


async def page(session: Session, table: Table, shard: int, *, after: int, limit: int) -> list[OldRow]:
    """Rows of a shard by id, oldest first."""
    rows = await session.fetch(table.page, shard, after, limit)
    return [OldRow(id=row["id"], noted_at=row["noted_at"], settled=bool(row["settled"])) for row in rows]


async def drop(session: Session, table: Table, shard: int, ids: Sequence[int], *, only_archived: bool) -> int:
    """Delete these rows, as far as they still may go; how many."""
    return await session.execute(table.drop, shard, list(ids), int(only_archived))


async def drop_runs(session: Session, *, before: datetime) -> int:
    """Delete finished runs that were due before, but never the latest of a job; how many."""
    return await session.execute(_sql.runs_drop, before)


async def ended_payloads(
    session: Session, *, before: datetime, after: tuple[datetime, str], limit: int
) -> list[OldPayload]:
    """Payloads of shipments created before, that have ended and still hold personal data."""
    rows = await session.fetch(_sql.ended_payloads, before, *after, limit)
    return [_old_payload(row) for row in rows]


async def set_payload(
    session: Session, shard: int, reference_number: str, *, payload: str, problem: str | None, now: datetime
) -> None:
    """Keep a payload without personal data."""
    await session.execute(_sql.set_payload, shard, reference_number, payload, problem, now)
