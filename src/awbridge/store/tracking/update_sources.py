"""The table `update_sources`: which delivery updated which shipment."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries
from awbridge.store.tracking.inbox import Delivery, delivery_of

_sql = Queries(__name__)


class UpdateSource(msgspec.Struct, frozen=True, gc=False):
    """A delivery that updated a shipment; `entries` are the indexes in it, if it carries a list."""

    reference_number: str
    delivery: Delivery
    entries: frozenset[int]


async def add(session: Session, told: Sequence[UpdateSource]) -> None:
    """Record which shipments deliveries updated. A known pair stays unchanged."""
    rows = sorted(
        (
            shard_of(t.reference_number),
            t.reference_number,
            t.delivery.id,
            t.delivery.shard,
            ",".join(map(str, sorted(t.entries))),
        )
        for t in told
    )
    if rows:
        await session.write_rows(_sql.add, rows)


async def of_shipment(session: Session, reference_number: str) -> list[UpdateSource]:
    """All deliveries in the inbox that updated this shipment, in order of arrival."""
    rows = await session.fetch(_sql.of_shipment, shard_of(reference_number), reference_number)
    return [
        UpdateSource(reference_number, delivery_of(row), frozenset(map(int, row["entries"].split(",")))) for row in rows
    ]


async def of_deliveries(session: Session, deliveries: Sequence[Delivery]) -> dict[str, set[int]]:
    """The shipments that these deliveries updated before: reference number -> ids of deliveries."""
    found: dict[str, set[int]] = {}
    if deliveries:
        for row in await session.fetch(_sql.of_deliveries, [d.id for d in deliveries]):
            found.setdefault(row["reference_number"], set()).add(row["delivery_id"])
    return found


async def withdraw(session: Session, deliveries: Sequence[Delivery]) -> None:
    """Delete the sources of these deliveries before they are applied again."""
    await session.execute(_sql.withdraw, [d.id for d in deliveries])
