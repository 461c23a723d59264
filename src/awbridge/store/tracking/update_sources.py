"""The table `update_sources`: which delivery updated which shipment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of
from awbridge.store.tracking.inbox import Delivery, delivery_of

_sql = Queries(__name__)


class UpdateSource(msgspec.Struct, frozen=True, gc=False):
    """A delivery that updated a shipment; `entries` are the indexes in it, if it carries a list."""

    reference_number: str
    delivery: Delivery
    entries: frozenset[int]


async def add(session: Session, sources: Sequence[UpdateSource]) -> None:
    """Record which shipments deliveries updated. A known pair stays unchanged."""
    rows = sorted(
        (
            shard_of(t.reference_number),
            t.reference_number,
            t.delivery.id,
            t.delivery.shard,
            ",".join(map(str, sorted(t.entries))),
        )
        for t in sources
    )
    if rows:
        await session.write_rows(_sql.add, rows)


async def of_shipments(session: Session, references: Sequence[str]) -> dict[str, list[UpdateSource]]:
    """All deliveries in the inbox that updated these shipments, in order of arrival, by reference number."""
    found: dict[str, list[UpdateSource]] = {reference: [] for reference in references}
    for row in await fetch_of(session, _sql.of_shipments, references):
        reference, entries = row["reference_number"], frozenset(map(int, row["entries"].split(",")))
        found[reference].append(UpdateSource(reference, delivery_of(row), entries))
    return found


async def of_deliveries(session: Session, deliveries: Sequence[Delivery]) -> dict[str, set[int]]:
    """The shipments that these deliveries updated before: reference number -> ids of deliveries."""
    found: dict[str, set[int]] = {}
    if deliveries:
        for row in await session.fetch(_sql.of_deliveries, [d.id for d in deliveries]):
            found.setdefault(row["reference_number"], set()).add(row["delivery_id"])
    return found


async def take_out(session: Session, reference_number: str, *, since: datetime) -> None:
    """The deliveries of a shipment received since then get rows of their own, where they are stored with its scans.

    Only so is a delivery withdrawn, and found by its id, when it is due once more.
    """
    for statement in (_sql.take_out, _sql.taken_out):
        await session.execute(statement, shard_of(reference_number), reference_number, since)


async def withdraw(session: Session, deliveries: Sequence[Delivery]) -> None:
    """Delete the sources of these deliveries before they are applied again."""
    await session.execute(_sql.withdraw, [d.id for d in deliveries])
