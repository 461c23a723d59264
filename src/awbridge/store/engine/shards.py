"""Statements about many shipments or waybills, whose keys begin with a shard."""

from __future__ import annotations

from collections.abc import Iterable

from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Statement


async def fetch_of(session: Session, statement: Statement, numbers: Iterable[str]) -> list[Row]:
    """The rows about these reference numbers or waybills, by a statement that opens with `{{keys}}`.

    Without any number no statement is run. Rows are in the statement's order only within one number.
    """
    return await session.fetch_rows(statement, [(number, shard_of(number)) for number in sorted(set(numbers))])
