"""The table `accounts` of the home: accounts that commands and pages added, and the state of those in the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccount:
    """A row. `defined`: whether it defines the account; else it holds the state of one that the file defines.

    `settings` and `secrets` are JSON by name, secrets encrypted. `revision`: how often the row was written.
    `drop_begun_at`: since when its data are being deleted; `dropped_at`: when they were, of one that the file defines.
    """

    name: str
    title: str
    defined: bool
    settings: str
    secrets: str = field(repr=False)
    suspended_at: datetime | None
    revision: int
    created_at: datetime
    updated_at: datetime
    drop_begun_at: datetime | None = None
    dropped_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableVersion:
    """What changes with every change of a row: how many there are, how often they were written, and when last."""

    accounts: int
    revisions: int
    updated_at: datetime | None


async def version(session: Session) -> TableVersion:
    """The version of the table."""
    [row] = await session.fetch(_sql.version)
    return row_as(TableVersion, row)


async def every(session: Session) -> list[StoredAccount]:
    """All rows, by name."""
    return [row_as(StoredAccount, row) for row in await session.fetch(_sql.all)]


async def lock(session: Session, name: str) -> StoredAccount | None:
    """The row of an account, locked until the transaction ends; None if there is none."""
    rows = await session.fetch(_sql.lock, name)
    return row_as(StoredAccount, rows[0]) if rows else None


async def add(session: Session, account: StoredAccount) -> bool:
    """Add a row, written once; False if there is one of this name."""
    given = (*_values(account), account.created_at, account.drop_begun_at, account.dropped_at)
    return await session.execute(_sql.add, *given) > 0


async def write(session: Session, account: StoredAccount) -> None:
    """Write a row again, with `updated_at` as its time."""
    given = (*_values(account), account.updated_at, account.drop_begun_at, account.dropped_at)
    await session.execute(_sql.write, *given)


async def drop(session: Session, name: str) -> bool:
    """Delete the row of an account; False if there is none."""
    return await session.execute(_sql.drop, name) > 0


def _values(account: StoredAccount) -> tuple[object, ...]:
    named = (account.name, account.title, account.defined)
    return (*named, account.settings, account.secrets, account.suspended_at)
