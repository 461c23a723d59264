"""The table `api_keys`: keys of programs, as SHA-256 only. Revoked ones stay, because the audit log names them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from awbridge.domain.people.role import Role
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_ids = Ids()

USED_EVERY = timedelta(hours=1)  # how exactly the last use is known


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of a program. `created_by`: the actor who made it."""

    id: int
    name: str
    role: Role
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedKey:
    """What a check of a key needs."""

    id: int
    name: str
    role: Role
    sha256: str = field(repr=False)
    last_used_at: datetime | None


async def add(session: Session, name: str, role: Role, *, sha256: str, created_by: str, now: datetime) -> ApiKey:
    """Accept a key from now on."""
    number = _ids.next()
    await session.execute(_sql.add, number, name, role, sha256, created_by, now)
    added = await get(session, number)
    assert added is not None
    return added


async def every(session: Session) -> list[ApiKey]:
    """All keys, newest first, revoked ones too."""
    return [row_as(ApiKey, row) for row in await session.fetch(_sql.all)]


async def get(session: Session, key_id: int) -> ApiKey | None:
    """One key; None if there is none with this id."""
    rows = await session.fetch(_sql.get, key_id)
    return row_as(ApiKey, rows[0]) if rows else None


async def accepted(session: Session) -> list[AcceptedKey]:
    """The keys that are accepted now."""
    return [row_as(AcceptedKey, row) for row in await session.fetch(_sql.accepted)]


async def is_named(session: Session, name: str) -> bool:
    """Whether a key that is accepted has this name."""
    return bool(await session.fetch(_sql.named, name))


async def used(session: Session, key_id: int, *, now: datetime) -> None:
    """Record that a key was used."""
    await session.execute(_sql.used, key_id, now, now - USED_EVERY)


async def revoke(session: Session, key_id: int, *, now: datetime) -> bool:
    """Accept a key no more; False if it was revoked before."""
    return await session.execute(_sql.revoke, key_id, now) > 0
