"""The table `account_figures` of the home: what each account had to do when it was last counted.

Whoever shows all accounts reads this table, so that it opens none of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFigures:
    """What an account had to do at `counted_at`.

    `orders`: not placed yet; `failed`: rejected, or given up; `deliveries`: not applied yet; `alarms`: open ones.
    `due_at`: since when the longest due order or delivery waits, None where none is due. `last_webhook_at`: when its
    last webhook was received, None without one in 8 days.
    """

    account: str
    orders: int
    failed: int
    deliveries: int
    alarms: int
    due_at: datetime | None
    last_webhook_at: datetime | None
    counted_at: datetime


async def save(session: Session, counted: Iterable[AccountFigures]) -> None:
    """Store what was counted, instead of what was before."""
    for one in counted:
        numbers = (one.orders, one.failed, one.deliveries, one.alarms)
        await session.execute(_sql.save, one.account, *numbers, one.due_at, one.last_webhook_at, one.counted_at)


async def every(session: Session, *, now: datetime) -> Mapping[str, AccountFigures]:
    """The figures of all accounts that were ever counted, by name.

    An account that is due and that no process works for is due at least since then.
    """
    found = {row["account"]: row_as(AccountFigures, row) for row in await session.fetch(_sql.every)}
    for row in await session.fetch(_sql.overdue, now):
        if one := found.get(row["account"]):
            found[one.account] = replace(one, due_at=min(one.due_at or row["due_at"], row["due_at"]))
    return found


async def keep_only(session: Session, names: Collection[str]) -> None:
    """Forget the accounts that are none of these."""
    for row in await session.fetch(_sql.accounts):
        if row["account"] not in names:
            await forget(session, row["account"])


async def forget(session: Session, account: str) -> None:
    """Forget an account that is gone."""
    await session.execute(_sql.forget, account)
