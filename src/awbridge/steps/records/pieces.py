"""The status of each piece of a multi-piece shipment, from its timeline."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from awbridge.clickpost.wire.tracking_codes import status_event, status_info
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.tracking.lifecycle import Bucket, Sighting
from awbridge.domain.tracking.milestones import Failure, StatusEvent, failures
from awbridge.domain.tracking.pieces import EXCEPTIONS, PieceStatus
from awbridge.domain.tracking.timeline import Entry
from awbridge.store.engine.database import Session
from awbridge.store.tracking import scans


def piece_statuses(children: Sequence[str], entries: Iterable[Entry]) -> list[PieceStatus]:
    """The status of every piece, in the order of ClickPost's answer, by the scans of its waybill."""
    by_waybill: dict[str, list[Entry]] = {child: [] for child in children}
    for entry in entries:
        if entry.waybill in by_waybill and not status_info(entry.code).about_return:
            by_waybill[entry.waybill].append(entry)
    return [_status(waybill, own) for waybill, own in by_waybill.items()]


async def pieces_of(session: Session, of: Collection[Shipment]) -> Mapping[str, list[PieceStatus]]:
    """The pieces of these shipments, by reference number. Shipments of one parcel are left out."""
    several = {s.reference_number: s.children for s in of if s.children}
    entries = await scans.entries(session, list(several)) if several else {}
    return {reference: piece_statuses(children, entries[reference]) for reference, children in several.items()}


def sighting(entry: Entry) -> Sighting:
    """The sighting of a shipment or a piece in an entry of its timeline."""
    info = status_info(entry.code)
    return Sighting(seen_at=entry.seen_at, final=info.final, step=info.step, code=info.code)


def event_of(entry: Entry) -> StatusEvent:
    """The status event of an entry, for milestones and failures, with its texts."""
    return status_event(
        entry.code,
        at=entry.seen_at,
        ndr_code=entry.ndr_code,
        npr_code=entry.npr_code,
        npr_description=entry.npr_description,
        remark=entry.remark or entry.status,
        ndr_description=entry.ndr_description,
    )


def _status(waybill: str, own: Sequence[Entry]) -> PieceStatus:
    if not own:
        return PieceStatus(waybill=waybill)
    last = max(own, key=sighting)
    seen, info = sighting(last), status_info(last.code, last.description)
    failed = tuple(failures(map(event_of, own)))
    in_exception = [e.seen_at for e in own if status_info(e.code).bucket in EXCEPTIONS]
    return PieceStatus(
        waybill=waybill,
        sighting=seen,
        name=info.name,
        bucket=info.bucket,
        failures=failed,
        ndr_at=_open_since(failed, seen, info.bucket),
        exception_at=min(in_exception) if info.bucket in EXCEPTIONS else None,
    )


def _open_since(failed: Sequence[Failure], seen: Sighting, bucket: Bucket) -> datetime | None:
    return failed[-1].at if failed and not seen.final and bucket is not Bucket.RETURNED else None
