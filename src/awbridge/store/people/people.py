"""The table `people`: who may sign in, with which role."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from awbridge.domain.people.role import Role
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_ids = Ids()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person who may sign in. Without a `password_hash`, only through a one-time link or an identity provider."""

    id: int
    login: str
    role: Role
    password_hash: str | None = field(repr=False)
    oidc_subject: str | None
    link_sha256: str | None = field(repr=False)
    link_ends_at: datetime | None
    disabled_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_active(self) -> bool:
        """Whether they may sign in."""
        return self.disabled_at is None


async def add(
    session: Session, login: str, role: Role, *, link: str | None, link_ends_at: datetime | None, now: datetime
) -> Person | None:
    """Add a person; None where the login is taken. `link`: the SHA-256 of a one-time link."""
    if not await session.execute(_sql.add, _ids.next(), login, role, link, link_ends_at, now):
        return None
    return await by_login(session, login)


async def every(session: Session) -> list[Person]:
    """All people, by login."""
    return [row_as(Person, row) for row in await session.fetch(_sql.all)]


async def lock_all(session: Session) -> list[Person]:
    """All people, locked until the transaction ends."""
    return [row_as(Person, row) for row in await session.fetch(_sql.lock_all)]


async def exist(session: Session) -> bool:
    """Whether there is a person."""
    return bool(await session.fetch(_sql.any_person))


async def get(session: Session, person_id: int) -> Person | None:
    """One person; None if there is none with this id."""
    rows = await session.fetch(_sql.get, person_id)
    return row_as(Person, rows[0]) if rows else None


async def by_login(session: Session, login: str) -> Person | None:
    """The person with this login (in lower case)."""
    rows = await session.fetch(_sql.by_login, login)
    return row_as(Person, rows[0]) if rows else None


async def by_link(session: Session, sha256: str) -> Person | None:
    """The person whose one-time link has this SHA-256, also if it has expired."""
    rows = await session.fetch(_sql.by_link, sha256)
    return row_as(Person, rows[0]) if rows else None


async def set_role(session: Session, person_id: int, role: Role, *, now: datetime) -> None:
    """Give a person another role."""
    await session.execute(_sql.set_role, person_id, role, now)


async def set_disabled(session: Session, person_id: int, *, disabled: bool, now: datetime) -> None:
    """Disable or enable a person. Their one-time link ends."""
    await session.execute(_sql.set_disabled, person_id, now if disabled else None, now)


async def set_link(session: Session, person_id: int, sha256: str, *, ends_at: datetime, now: datetime) -> None:
    """Store a one-time link that sets a password; it replaces an earlier one."""
    await session.execute(_sql.set_link, person_id, sha256, ends_at, now)


async def set_password(session: Session, person_id: int, password_hash: str, *, now: datetime) -> None:
    """Store a new password. The one-time link ends."""
    await session.execute(_sql.set_password, person_id, password_hash, now)


async def rehash(session: Session, person: Person, password_hash: str) -> None:
    """Store the same password, hashed with today's parameters."""
    await session.execute(_sql.rehash, person.id, person.password_hash, password_hash)


async def bind(session: Session, person_id: int, subject: str, *, now: datetime) -> None:
    """Bind a person to an account of the identity provider, unless they are bound."""
    await session.execute(_sql.bind, person_id, subject, now)
