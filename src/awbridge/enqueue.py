"""Store orders within your own PostgreSQL transaction: they commit with it or not at all.

docs/how-to/orders/enqueue.md describes it.

    from awbridge.enqueue import enqueue                 # psycopg, SQLAlchemy, Django
    from awbridge.enqueue import enqueue_async           # asyncpg, and asyncio connections of psycopg and SQLAlchemy

All four raise PayloadRefused, ReferenceTaken (ReferenceCancelled if the same order was cancelled), for several
orders BatchRefused, NoTransaction if none is open, MigrationError (SchemaTooNew) if this version cannot work on the
database's schema, TypeError for an unknown kind of connection, and the errors of your driver. After any of them nothing
is stored, and your transaction can continue.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, cast

from awbridge.clickpost.wire.plain_json import DEEPEST, decimal_text
from awbridge.domain.accounts.names import name_problem, schema_of
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import (
    MigrationError,
    NoTransaction,
    PayloadRefused,
    ReferenceCancelled,
    ReferenceTaken,
    SchemaTooNew,
)
from awbridge.domain.json import JsonObject
from awbridge.steps.orders.intake import BatchRefused, IntakeResult, take_in_with
from awbridge.store.accounts import wakes
from awbridge.store.engine.borrowed import is_async, now_on_this_schema, savepoint, session_on, without_waiting
from awbridge.store.engine.database import Session

__all__ = [
    "Allocation",
    "BatchRefused",
    "IntakeResult",
    "MigrationError",
    "NoTransaction",
    "PayloadRefused",
    "ReferenceCancelled",
    "ReferenceTaken",
    "SchemaTooNew",
    "enqueue",
    "enqueue_async",
    "enqueue_many",
    "enqueue_many_async",
]


def enqueue(
    connection: Any,
    order: JsonObject,
    *,
    allocation: Allocation = Allocation.RULES,
    schema: str | None = None,
    account: str | None = None,
) -> IntakeResult:
    """Store one order within the transaction that is open on `connection`.

    `order` is ClickPost's create-order payload, optionally with `transporter` and `region`. Its Decimals are stored as
    text, so that money stays exact, its dates in ISO 8601. Repeating an order changes nothing; `created` is then False.
    `allocation` decides who chooses the courier of an order that names none. `schema` is the PostgreSQL schema with
    awbridge's tables; without it, the connection's search_path finds them. The search_path after the call is the one
    before it. `account` is the account that the order is of, where awbridge has several in this database; `schema` is
    then the home's. Raises ValueError for what cannot be the name of an account.
    """
    with _one_order():
        return enqueue_many(connection, [order], allocation=allocation, schema=schema, account=account)[0]


def enqueue_many(
    connection: Any,
    orders: Sequence[JsonObject],
    *,
    allocation: Allocation = Allocation.RULES,
    schema: str | None = None,
    account: str | None = None,
) -> list[IntakeResult]:
    """Store orders, all or none, within the transaction that is open on `connection`."""
    if is_async(connection):
        raise TypeError("this is an asyncio connection: use enqueue_async or enqueue_many_async")
    return without_waiting(_join(connection, orders, allocation, schema, account))


async def enqueue_async(
    connection: Any,
    order: JsonObject,
    *,
    allocation: Allocation = Allocation.RULES,
    schema: str | None = None,
    account: str | None = None,
) -> IntakeResult:
    """`enqueue` on an asyncio connection."""
    with _one_order():
        stored = await enqueue_many_async(connection, [order], allocation=allocation, schema=schema, account=account)
        return stored[0]


async def enqueue_many_async(
    connection: Any,
    orders: Sequence[JsonObject],
    *,
    allocation: Allocation = Allocation.RULES,
    schema: str | None = None,
    account: str | None = None,
) -> list[IntakeResult]:
    """`enqueue_many` on an asyncio connection."""
    if not is_async(connection):
        raise TypeError("this is not an asyncio connection: use enqueue or enqueue_many")
    return await _join(connection, orders, allocation, schema, account)


async def _join(
    connection: Any, orders: Sequence[JsonObject], allocation: Allocation, schema: str | None, account: str | None
) -> list[IntakeResult]:
    if account and (problem := name_problem(account)):
        raise ValueError(f"{account!r} {problem}")
    session = await session_on(connection)
    if not account:
        return (await _take_in(session, orders, allocation, schema))[0]
    async with savepoint(session):  # both, or neither
        results, now = await _take_in(session, orders, allocation, schema_of(account))
        async with savepoint(session, schema=schema):
            await now_on_this_schema(session, schema=schema)  # says so where these are not the home's tables
            await wakes.add(session, account, due_at=now)
    return results


async def _take_in(
    session: Session, orders: Sequence[JsonObject], allocation: Allocation, schema: str | None
) -> tuple[list[IntakeResult], datetime]:
    async with savepoint(session, schema=schema):
        # The time is the database's: the caller's machine may be wrong.
        now = await now_on_this_schema(session, schema=schema)
        return await take_in_with(session, clock=lambda: now, orders=_as_json(orders), allocation=allocation), now


def _as_json(value: Any, depth: int = 0) -> Any:
    """What an application's models hold, as JSON has it. Anything else is left for intake to judge."""
    if isinstance(value, Decimal) and value.is_finite():
        return decimal_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if depth > DEEPEST:
        return value
    if isinstance(value, dict):
        return {name: _as_json(inner, depth + 1) for name, inner in cast("JsonObject", value).items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(inner, depth + 1) for inner in cast("Sequence[object]", value)]
    return value


@contextmanager
def _one_order() -> Generator[None]:
    """Raise the error of a single order instead of that of its batch."""
    try:
        yield
    except BatchRefused as error:
        raise error.errors[0] from None
