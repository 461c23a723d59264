"""The tables `manifests` and `manifest_lines`: parcels that were handed over to a courier together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from awbridge.domain.errors import StoreBusy
from awbridge.domain.handover.manifests import Manifest, ManifestLine, cod_total
from awbridge.domain.orders.shipment import account_key, shard_of
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_TRIES = 20  # for the next number: another process takes one at a time
_AFTER_ALL = 2**31 - 1


async def begin(session: Session, courier_partner_id: int, account_code: str | None, *, by: str, now: datetime) -> int:
    """Begin an empty manifest; its number."""
    account = account_key(courier_partner_id, account_code)
    for _ in range(_TRIES):
        rows = await session.fetch(_sql.begin, account, courier_partner_id, account_code, now, by)
        if rows:
            return rows[0]["number"]
    raise StoreBusy("too many manifests are made at once; try again")


async def add_lines(session: Session, number: int, lines: Sequence[ManifestLine]) -> list[ManifestLine]:
    """Add parcels and complete the manifest; those that were added, in their order. Others are on another manifest."""
    rows = [
        (shard_of(one.reference_number), one.reference_number, number, one.position, one.waybill, one.pieces, one.cod)
        for one in lines
    ]
    added = {row["reference_number"] for row in await session.fetch_rows(_sql.add_lines, sorted(rows))}
    kept = [line for line in lines if line.reference_number in added]
    await session.execute(_sql.complete, number, len(kept), cod_total(line.cod for line in kept))
    return kept


async def get(session: Session, number: int) -> Manifest | None:
    """One manifest."""
    rows = await session.fetch(_sql.get, number) if 0 < number < _AFTER_ALL else []
    return row_as(Manifest, rows[0]) if rows else None


async def newest(session: Session, *, before: int | None = None, limit: int = 50) -> list[Manifest]:
    """Manifests, newest first; those before this number."""
    return [row_as(Manifest, row) for row in await session.fetch(_sql.newest, before or _AFTER_ALL, limit)]


async def lines(session: Session, number: int) -> list[ManifestLine]:
    """The parcels of a manifest, numbered from 1."""
    found = [row_as(ManifestLine, row) for row in await session.fetch(_sql.lines, number)]
    return [replace(line, position=place) for place, line in enumerate(found, 1)]
