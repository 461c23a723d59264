"""The table `promises`: every stated EDD of a shipment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.tracking.promise import Promise
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of

_sql = Queries(__name__)


async def of_shipments(session: Session, references: Sequence[str]) -> dict[str, list[Promise]]:
    """What was promised of these shipments, by reference number."""
    found: dict[str, list[Promise]] = {reference: [] for reference in references}
    for row in await fetch_of(session, _sql.of_shipments, references):
        found[row["reference_number"]].append(_promise(row))
    return found


async def newest(session: Session, references: Iterable[str]) -> dict[str, Promise]:
    """The current promise of each of these shipments that has one, by reference number."""
    rows = await fetch_of(session, _sql.newest, references)
    return {row["reference_number"]: _promise(row) for row in rows}


def _promise(row: Row) -> Promise:
    return Promise(edd=row["edd"], stated_at=row["stated_at"], received_at=row["received_at"], source=row["source"])


async def add(session: Session, stated: Iterable[tuple[str, Promise]]) -> None:
    """Keep promises made of these reference numbers; one that is known changes nothing."""
    rows = sorted((shard_of(r), r, p.stated_at, p.edd, p.received_at, p.source) for r, p in stated)
    if rows:
        await session.write_rows(_sql.add, rows)


async def replace(session: Session, reference_number: str, stated: Iterable[Promise]) -> None:
    """These are all the promises of a shipment."""
    for statement in (_sql.remove, _sql.remove_from_scans):
        await session.execute(statement, shard_of(reference_number), reference_number)
    await add(session, [(reference_number, promise) for promise in stated])
