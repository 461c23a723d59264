"""The mapping of the company's transporters to ClickPost's (courier_partner_id, account_code)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.store.database import Row, Session
from awbridge.store.queries import Queries

_sql = Queries("couriers")


@dataclass(frozen=True, slots=True, kw_only=True)
class CourierAccount:
    """One transporter as the company calls it, and the courier account at ClickPost that carries it."""

    transporter: str
    courier_partner_id: int
    account_code: str | None = None
    name: str = ""
    active: bool = True


def _account(row: Row) -> CourierAccount:
    return CourierAccount(**dict(row))


async def put(session: Session, accounts: Sequence[CourierAccount], *, now: datetime) -> None:
    """Add these accounts, or change those that exist by the same transporter name."""
    for a in sorted(accounts, key=lambda a: a.transporter):
        await session.execute(_sql.put, a.transporter, a.courier_partner_id, a.account_code, a.name, a.active, now)


async def get(session: Session, transporter: str) -> CourierAccount | None:
    """The account of a transporter; None when it is not known."""
    rows = await session.fetch(_sql.get, transporter)
    return _account(rows[0]) if rows else None


async def every(session: Session) -> list[CourierAccount]:
    """Every account, by transporter."""
    return [_account(row) for row in await session.fetch(_sql.all)]


async def remove(session: Session, transporter: str) -> bool:
    """Forget a transporter; False when it was not known. Shipments that name it keep what they resolved to."""
    return await session.execute(_sql.remove, transporter) > 0
