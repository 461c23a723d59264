"""The table `scans`: the timeline of every shipment, each scan once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.scan import Scan, Source
from awbridge.domain.shipment import shard_of
from awbridge.domain.timeline import KnownScan
from awbridge.store.database import Session
from awbridge.store.ids import Ids
from awbridge.store.queries import Queries

_sql = Queries("scans")
_ids = Ids()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewScan:
    """A scan that goes onto a shipment's timeline. `known` holds its ids, also those that a later copy carried."""

    reference_number: str
    fingerprint: str
    scan: Scan
    known: KnownScan
    waybill: str
    received_at: datetime
    source: Source

    @property
    def identity(self) -> str:
        """Unique within the table; two scans of one shipment that say the same but carry two ids are two."""
        own = self.known.scan_id or self.known.checkpoint_id
        return f"{self.reference_number}\x1f{'id:' + own if own else 'fp:' + self.fingerprint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineScan:
    """A scan as it stands on the timeline."""

    waybill: str
    courier_partner_id: int | None
    status_code: int
    status: str
    remark: str
    location: str
    ndr_code: int | None
    scanned_at: datetime
    received_at: datetime
    source: str
    scan_id: str | None
    checkpoint_id: str | None


async def known(session: Session, references: Sequence[str]) -> dict[str, list[KnownScan]]:
    """The scans that these shipments have already, by reference number."""
    found: dict[str, list[KnownScan]] = {reference: [] for reference in references}
    if references:
        for row in await session.fetch(_sql.keys_of, list(found), [shard_of(r) for r in found]):
            found[row["reference_number"]].append(
                KnownScan(row["id"], row["fingerprint"], row["scan_id"], row["checkpoint_id"])
            )
    return found


async def add(session: Session, new: Sequence[NewScan]) -> None:
    """Put scans on their timelines."""
    ordered = sorted(new, key=lambda n: (shard_of(n.reference_number), n.identity))
    rows = [
        (
            shard_of(n.reference_number),
            row_id,
            n.reference_number,
            n.identity,
            n.fingerprint,
            n.known.scan_id,
            n.known.checkpoint_id,
            n.waybill,
            n.scan.courier_partner_id,
            n.scan.code,
            n.scan.status,
            n.scan.remark,
            n.scan.location,
            n.scan.ndr_code,
            n.scan.scanned_at,
            n.received_at,
            n.source.value,
        )
        for row_id, n in zip(_ids.take(len(ordered)), ordered, strict=True)
    ]
    if rows:
        await session.write_rows(_sql.add, rows)


async def learn_ids(session: Session, reference_number: str, scan: KnownScan) -> None:
    """A later copy of a stored scan carried an id that the first one lacked."""
    await session.execute(_sql.learn_ids, shard_of(reference_number), scan.id, scan.scan_id, scan.checkpoint_id)


async def timeline(session: Session, reference_number: str) -> list[TimelineScan]:
    """A shipment's scans, oldest first."""
    rows = await session.fetch(_sql.timeline, shard_of(reference_number), reference_number)
    return [TimelineScan(**dict(row)) for row in rows]
