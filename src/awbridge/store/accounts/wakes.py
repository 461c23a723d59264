"""The table `account_wakes` of the home database: when accounts have work that is due.

A row that nobody holds says when its account has work next. A process that works for the account holds a row of its
own, whose `due_at` it moves on: once that is over, the process was killed and another takes the account over. What
stores work for an account that no process works for adds a row that is due at once, in the same transaction where it
can. Rows are only added and removed by id, so two processes never wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.store.engine.database import Session
from awbridge.store.engine.ids import Ids
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_ids = Ids()


async def any_due(session: Session, *, process: str, now: datetime) -> bool:
    """Whether an account is due for this process: the one look of an idle process at all accounts."""
    return bool(await session.fetch(_sql.any_due, now, process))


async def claim(session: Session, *, process: str, now: datetime, until: datetime, most: int) -> list[str]:
    """Take accounts that are due, the longest due first; `process` holds them until then. Their names."""
    rows = await session.fetch(_sql.claim, now, process, until, most)
    return list(dict.fromkeys(row["account"] for row in rows))


async def add(session: Session, account: str, *, due_at: datetime) -> None:
    """An account has work from then on."""
    await session.execute(_sql.add, _ids.next(), account, due_at, None, None, None)


async def hold(session: Session, account: str, *, process: str, until: datetime) -> None:
    """`process` works for the account, until then at first. What others asked for is included."""
    for number in (await seen(session, account, process=process)).ids:
        await session.execute(_sql.remove, number)
    await session.execute(_sql.add, _ids.next(), account, until, None, process, None)


async def ask_for_help(session: Session, account: str, *, process: str, now: datetime) -> None:
    """Let another process work for an account too, unless that was asked already."""
    if not await session.fetch(_sql.asked, account):
        await session.execute(_sql.add, _ids.next(), account, now, None, None, process)


async def renew(session: Session, *, process: str, until: datetime) -> None:
    """Hold every account of this process until then."""
    await session.execute(_sql.renew, process, until)


async def known(session: Session) -> set[str]:
    """The accounts that have a row."""
    return {row["account"] for row in await session.fetch(_sql.known)}


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows of an account that this process may replace. `open_at`: when it is to be opened in any case."""

    ids: tuple[int, ...]
    open_at: datetime | None


async def seen(session: Session, account: str, *, process: str) -> Seen:
    """The rows of an account that no other process holds: read before its tables are asked, for `rest`."""
    rows = await session.fetch(_sql.seen, account, process)
    times = (row["open_at"] for row in rows)
    return Seen(tuple(row["id"] for row in rows), min((at for at in times if at), default=None))


async def rest(session: Session, account: str, *, instead_of: Seen, due_at: datetime, open_at: datetime) -> None:
    """No process works for the account now. Its tables are asked at `due_at`, and it is opened at `open_at` at last.

    Rows that were added since `instead_of` was read stay.
    """
    for number in instead_of.ids:
        await session.execute(_sql.remove, number)
    await session.execute(_sql.add, _ids.next(), account, due_at, open_at, None, None)


async def let_go(session: Session, account: str, *, process: str) -> None:
    """This process works for the account no longer. Its other rows stay."""
    await session.execute(_sql.let_go, account, process)


async def forget(session: Session, account: str, *, process: str) -> None:
    """An account is gone or suspended. Rows of other processes stay until they have closed it."""
    await session.execute(_sql.forget, account, process)


async def forget_all(session: Session, account: str) -> None:
    """Remove every row of an account that is dropped."""
    await session.execute(_sql.forget_all, account)


async def is_held(session: Session, account: str, *, now: datetime) -> bool:
    """Whether a process works for the account."""
    return bool(await session.fetch(_sql.held, account, now))


async def release(session: Session, *, process: str, now: datetime) -> None:
    """This process ends: all accounts that it held are due."""
    await session.execute(_sql.release, process, now)
