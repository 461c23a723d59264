"""What the tables show of ClickPost's integration guidelines: from indexes, and from the newest rows only."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from awbridge.store.engine.database import Row, Session, row_as
from awbridge.store.engine.ids import first_id
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

WITHIN = timedelta(days=7)  # how far back orders, calls and scans are looked at
DAY = timedelta(days=1)  # the same of messages
ARCHIVED_WITHIN = timedelta(days=366)
NEWEST_ORDERS = 1_000
NEWEST_CALLS = 1_000
NEWEST_TIMELINES = 200
NEWEST_NOTICES = 10_000
MOST_GIVEN_UP = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """The newest placed `orders`, how many were `retried`, and the `most` retries of one.

    `given_up`: orders that are given up, and `early` those of them before their third retry.
    """

    orders: int
    retried: int
    most: int
    given_up: int
    early: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedBy:
    """How many of the newest create-order `calls` counted as placed by these codes."""

    http_status: int | None
    business_status: int | None
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastArchived:
    """The newest archived file, and how many calls it holds."""

    archived_at: datetime
    calls: int
    object_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReport:
    """The newest report of failures for a destination. `mailed_at`: None while it is not mailed."""

    id: str
    day: str
    destination: str
    shipments: int
    calls: int
    mailed_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeCounts:
    """The newest messages of a day: sent, failed or perhaps sent, suppressed, and suppressed for an old status."""

    sent: int
    unwell: int
    suppressed: int
    stale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFlushing:
    """Whether commits are flushed to the disk, and whether they wait for that."""

    flushes: bool
    waits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRun:
    """When the last finished backup was begun, and why the newest failed (None: it did not)."""

    taken_at: datetime | None
    problem: str | None


async def retries(session: Session, *, now: datetime) -> Retries:
    """How often orders were retried, of the newest placed and of those that are given up."""
    placed = await _one(session.fetch(_sql.orders, now - WITHIN, NEWEST_ORDERS))
    given_up = await _one(session.fetch(_sql.gave_up, MOST_GIVEN_UP))
    return Retries(
        orders=placed["orders"],
        retried=placed["retried"],
        most=placed["most"],
        given_up=given_up["orders"],
        early=given_up["early"],
    )


async def oldest_unplaced(session: Session) -> datetime | None:
    """When the oldest order came in that is still on its way to ClickPost."""
    return (await _one(session.fetch(_sql.oldest_unplaced)))["created_at"]


async def longest_allocating(session: Session) -> datetime | None:
    """When the oldest order came in that has no courier yet."""
    return (await _one(session.fetch(_sql.longest_allocating)))["created_at"]


async def placed_by(session: Session, *, now: datetime) -> list[PlacedBy]:
    """By which codes the newest calls of a week counted as placed."""
    return [row_as(PlacedBy, row) for row in await session.fetch(_sql.placed_by, now - WITHIN, NEWEST_CALLS)]


async def last_archived(session: Session, *, now: datetime) -> LastArchived | None:
    """The newest archived file; None if there is none."""
    rows = await session.fetch(_sql.archived, first_id(now - ARCHIVED_WITHIN))
    return row_as(LastArchived, rows[0]) if rows else None


async def oldest_unfiled(session: Session) -> datetime | None:
    """When the oldest call was made that no file holds yet."""
    rows = await session.fetch(_sql.oldest_unfiled)
    return rows[0]["made_at"] if rows else None


async def last_report(session: Session, destination: str) -> LastReport | None:
    """The newest report of failures for a destination (own or clickpost)."""
    rows = await session.fetch(_sql.report, destination)
    return row_as(LastReport, rows[0]) if rows else None


async def poll_due(session: Session) -> datetime | None:
    """When the next shipment is due for a poll; None if none is polled."""
    return (await _one(session.fetch(_sql.poll_due)))["next_poll_at"]


async def copies(session: Session, *, now: datetime) -> int:
    """How many scans of the newest shipments are stored more than once."""
    return (await _one(session.fetch(_sql.copies, now - WITHIN, NEWEST_TIMELINES)))["copies"]


async def notices(session: Session, *, now: datetime) -> NoticeCounts:
    """The newest messages of a day."""
    rows = await session.fetch(_sql.notices, first_id(now - DAY), NEWEST_NOTICES)
    number = {row["state"]: row["notices"] for row in rows}
    return NoticeCounts(
        sent=number.get("sent", 0),
        unwell=number.get("failed", 0) + number.get("maybe_sent", 0),
        suppressed=number.get("suppressed", 0),
        stale=sum(row["stale"] for row in rows if row["state"] == "suppressed"),
    )


async def unique_keys(session: Session) -> Sequence[str]:
    """The columns of each unique key of the inbox, comma-separated."""
    return [row["columns"] for row in await session.fetch(_sql.unique_keys)]


async def durability(session: Session) -> CommitFlushing:
    """Whether a commit of this database waits for the disk."""
    row = await _one(session.fetch(_sql.durability))
    return CommitFlushing(flushes=bool(row["flushes"]), waits=bool(row["waits"]))


async def backup(session: Session) -> BackupRun:
    """The last backup that awbridge knows of."""
    return row_as(BackupRun, await _one(session.fetch(_sql.backup)))


async def _one(fetched: Awaitable[Sequence[Row]]) -> Row:
    return (await fetched)[0]
