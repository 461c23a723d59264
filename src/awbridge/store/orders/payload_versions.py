"""The table `payload_versions`: every payload that a shipment ever had, once it has had more than one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Shipment, shard_of
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries
from awbridge.store.orders.shipments import payload_text

_sql = Queries(__name__)

FIRST = "intake"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadVersion:
    """One payload of a shipment. `version` counts from 1; `changed_by` names who or what changed it."""

    version: int
    payload: JsonObject = field(repr=False)  # names, phones, addresses: not for logs
    changed_at: datetime
    changed_by: str
    reason: str = ""


def _first(shipment: Shipment) -> PayloadVersion:
    return PayloadVersion(version=1, payload=shipment.payload, changed_at=shipment.created_at, changed_by=FIRST)


async def of_shipment(session: Session, shipment: Shipment) -> list[PayloadVersion]:
    """Every payload of a shipment, the first one first."""
    rows = await session.fetch(_sql.of_shipment, shard_of(shipment.reference_number), shipment.reference_number)
    kept = [row_as(PayloadVersion, row, payload=json.loads(row["payload"])) for row in rows]
    return kept or [_first(shipment)]


async def add(session: Session, before: Shipment, new: PayloadVersion) -> None:
    """Keep a new payload; with it the first one, where this is the second. `before` is the shipment before the change.

    The caller holds the shipment locked: two changes at once would count to the same version.
    """
    for version in (_first(before), new) if before.payload_version == 1 else (new,):
        await session.execute(
            _sql.add,
            shard_of(before.reference_number),
            before.reference_number,
            version.version,
            payload_text(version.payload),
            version.changed_at,
            version.changed_by,
            version.reason,
        )
