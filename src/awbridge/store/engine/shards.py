"""Statements about many shipments or waybills, whose keys begin with a shard."""

from __future__ import annotations

from collections.abc import Iterable

from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Statement


async def fetch_of(session: Session, statement: Statement, numbers: Iterable[str], *args: object) -> list[Row]:
    """The rows about these reference numbers or waybills; without any, no statement is run.

    The statement takes the numbers, the shard of each beside it, and `args`.
    """
    unique = sorted(set(numbers))
    return await session.fetch(statement, unique, [shard_of(number) for number in unique], *args) if unique else []
