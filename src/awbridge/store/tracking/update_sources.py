"""Which delivery updated which shipment: rows of the table `update_sources`, or stored with a scan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from awbridge.domain.orders.shipment import shard_of
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries
from awbridge.store.engine.shards import fetch_of
from awbridge.store.tracking.inbox import Delivery, delivery_of
from awbridge.store.tracking.scans import copies_of

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
        reference = row["reference_number"]
        entries = _ONE if row["entries"] == "0" else frozenset(map(int, row["entries"].split(",")))
        found[reference].append(UpdateSource(reference, delivery_of(row), entries))
    copies = await _copies(session, references)
    keys = sorted({key for some in copies.values() for key in some})
    read = {(row["shard"], row["id"]): row for row in await session.fetch_rows(_sql.deliveries, keys)}
    for reference, of_one in copies.items():
        known = {source.delivery.id for source in found[reference]}
        more = [delivery_of(read[key]) for key in of_one if key in read and key[1] not in known]
        found[reference] += [UpdateSource(reference, delivery, _ONE) for delivery in more]
        found[reference].sort(key=_in_order)
    return found


_ONE = frozenset([0])


def _in_order(source: UpdateSource) -> tuple[datetime, int]:
    return source.delivery.received_at, source.delivery.id


async def _copies(session: Session, references: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    """The deliveries that are stored with scans which they repeated: shard and id of each, by reference number."""
    found: dict[str, dict[tuple[int, int], None]] = {}
    for row in await fetch_of(session, _sql.copies, references):
        found.setdefault(row["reference_number"], {}).update(dict.fromkeys(copies_of(row["copies"])))
    return {reference: list(some) for reference, some in found.items()}


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
    shard = shard_of(reference_number)
    for statement in (_sql.take_out, _sql.taken_out):
        await session.execute(statement, shard, reference_number, since)
    for _, copies in (await _copies(session, [reference_number])).items():
        rows = [(shard, reference_number, number, of_delivery, "0") for of_delivery, number in sorted(copies)]
        await session.write_rows(_sql.add, rows)
        await session.execute(_sql.copies_taken_out, shard, reference_number)


async def withdraw(session: Session, deliveries: Sequence[Delivery]) -> None:
    """Delete the sources of these deliveries before they are applied again."""
    await session.execute(_sql.withdraw, [d.id for d in deliveries])
