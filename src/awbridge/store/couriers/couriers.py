"""The mapping of the company's transporters to ClickPost's (courier_partner_id, account_code)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierAccount:
    """One transporter as the company calls it, and the courier account at ClickPost that carries it.

    `fallback` names the transporter that takes over where this one cannot; None: none does.
    """

    transporter: str
    courier_partner_id: int
    account_code: str | None = None
    name: str = ""
    active: bool = True
    fallback: str | None = None


async def put(session: Session, accounts: Sequence[CourierAccount], *, now: datetime) -> None:
    """Add these accounts, or change those that exist by the same transporter name."""
    for a in sorted(accounts, key=lambda a: a.transporter):
        await session.execute(
            _sql.put, a.transporter, a.courier_partner_id, a.account_code, a.name, a.active, now, a.fallback
        )


async def get(session: Session, transporter: str) -> CourierAccount | None:
    """The account of a transporter; None when it is not known."""
    rows = await session.fetch(_sql.get, transporter)
    return row_as(CourierAccount, rows[0]) if rows else None


async def every(session: Session) -> list[CourierAccount]:
    """Every account, by transporter."""
    return [row_as(CourierAccount, row) for row in await session.fetch(_sql.all)]


async def remove(session: Session, transporter: str) -> bool:
    """Forget a transporter; False when it was not known. Shipments that name it keep what they resolved to."""
    return await session.execute(_sql.remove, transporter) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierWarning:
    """Something about an account in use that needs a person, as the last comparison with ClickPost found it.

    `kind`: inactive, vanished or renamed. `transporter` is "" where only open shipments stand on the account.
    """

    courier_partner_id: int
    account_code: str
    transporter: str
    kind: str
    warning: str
    since_at: datetime

    @property
    def key(self) -> tuple[int, str, str]:
        """The identity of a warning."""
        return (self.courier_partner_id, self.account_code, self.transporter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """When the accounts are compared with ClickPost's next, when they last were, what was in the way."""

    next_at: datetime
    compared_at: datetime | None
    problem: str | None


async def accounts_waited_on(session: Session) -> dict[tuple[int, str | None], int]:
    """(courier_partner_id, account_code) -> how many shipments wait to be placed under it."""
    rows = await session.fetch(_sql.accounts_waiting_on)
    return {(row["courier_partner_id"], row["account_code"]): row["shipments"] for row in rows}


async def warnings(session: Session) -> list[CourierWarning]:
    """Every warning that holds, by transporter."""
    return [row_as(CourierWarning, row) for row in await session.fetch(_sql.warnings)]


async def keep_warnings(session: Session, found: Sequence[CourierWarning]) -> None:
    """These warnings hold now, and no others."""
    gone = {w.key for w in await warnings(session)} - {w.key for w in found}
    for key in sorted(gone):
        await session.execute(_sql.unwarn, *key)
    for w in sorted(found, key=lambda w: w.key):
        await session.execute(_sql.warn, *w.key, w.kind, w.warning, w.since_at)


async def count_warnings(session: Session) -> dict[str, int]:
    """How many warnings of each kind hold."""
    return {row["kind"]: row["warnings"] for row in await session.fetch(_sql.count_warnings)}


async def begin_comparison(session: Session, *, now: datetime, until: datetime) -> bool:
    """Whether a comparison is due and now the caller's; no other process makes it before `until`."""
    return await session.execute(_sql.begin_comparison, now, until) > 0


async def end_comparison(session: Session, *, next_at: datetime, now: datetime, problem: str | None) -> None:
    """A comparison was made, or failed for `problem`."""
    await session.execute(_sql.end_comparison, next_at, None if problem else now, problem)


async def keep_listed(session: Session, accounts: Iterable[tuple[int, str, str]], *, now: datetime) -> None:
    """Keep what ClickPost lists: (courier_partner_id, courier name, account code)."""
    await session.execute(_sql.keep_listed, now, json.dumps(sorted(accounts), ensure_ascii=False))


async def listed(session: Session) -> list[tuple[int, str, str]]:
    """What ClickPost listed last: (courier_partner_id, courier name, account code); empty before it was ever asked."""
    rows = await session.fetch(_sql.listed)
    kept: list[tuple[int, str, str]] = json.loads(rows[0]["accounts"] or "[]") if rows else []
    return [(courier, name, code) for courier, name, code in kept]


async def comparison(session: Session) -> Comparison | None:
    """The state of the comparison; None if it never ran."""
    rows = await session.fetch(_sql.comparison)
    return row_as(Comparison, rows[0]) if rows else None
