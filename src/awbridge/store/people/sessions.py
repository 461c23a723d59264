"""The table `sessions`: signed-in browsers. Only the SHA-256 of a token is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from awbridge.domain.people.credentials import SESSION_LASTS, SESSION_RESTS
from awbridge.domain.people.role import Role
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

SEEN_EVERY = timedelta(minutes=5)  # how exactly the last use is known
LONGEST_DEVICE = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A session that counts now, and whose it is."""

    person_id: int
    login: str
    role: Role
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSession:
    """A session as its person sees it."""

    token_sha256: str = field(repr=False)
    device: str
    created_at: datetime
    seen_at: datetime


async def add(session: Session, token_sha256: str, person_id: int, *, device: str, now: datetime) -> None:
    """Store a new session."""
    shown = device.replace("\x00", "")[:LONGEST_DEVICE]
    await session.execute(_sql.add, token_sha256, person_id, shown, now, now + SESSION_LASTS)


async def find(session: Session, token_sha256: str, *, now: datetime) -> OpenSession | None:
    """The session of a token: neither ended nor unused for too long, of a person who may sign in."""
    rows = await session.fetch(_sql.open, token_sha256, now, now - SESSION_RESTS)
    return row_as(OpenSession, rows[0]) if rows else None


async def seen(session: Session, token_sha256: str, *, now: datetime) -> None:
    """Record that a session was used."""
    await session.execute(_sql.seen, token_sha256, now, now - SEEN_EVERY)


async def of_person(session: Session, person_id: int, *, now: datetime) -> list[PersonSession]:
    """The open sessions of a person, newest first."""
    rows = await session.fetch(_sql.of_person, person_id, now, now - SESSION_RESTS)
    return [row_as(PersonSession, row) for row in rows]


async def counts(session: Session, *, now: datetime) -> dict[int, int]:
    """How many open sessions each person has."""
    return {row["person_id"]: row["n"] for row in await session.fetch(_sql.counts, now, now - SESSION_RESTS)}


async def end(session: Session, token_sha256: str) -> bool:
    """End one session; False if there was none."""
    return await session.execute(_sql.end_one, token_sha256) > 0


async def end_of_person(session: Session, person_id: int, *, but: str = "") -> int:
    """End the sessions of a person, but for the one with this SHA-256; how many."""
    return await session.execute(_sql.end_of_person, person_id, but)
