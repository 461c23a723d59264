"""Multi-piece shipments (MPS): the status of each piece, and the shipment's status derived from them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.tracking.lifecycle import Bucket, Sighting
from awbridge.domain.tracking.milestones import Failure, Milestone

EXCEPTIONS = {Bucket.RETURNED: "rto", Bucket.LOST: "lost", Bucket.DAMAGED: "damaged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceStatus:
    """The status of one piece; `sighting` is None and `name` is "" until the first scan of the piece.

    `ndr_at`: since when a failed delivery is open. `exception_at`: since when the piece is lost, damaged or returning.
    """

    waybill: str
    sighting: Sighting | None = None
    name: str = ""
    bucket: Bucket | None = None
    failures: tuple[Failure, ...] = ()
    ndr_at: datetime | None = None
    exception_at: datetime | None = None

    @property
    def exception(self) -> str | None:
        """The exception: failed_delivery, rto, lost or damaged; None if there is none."""
        if self.exception_at and self.bucket:
            return EXCEPTIONS[self.bucket]
        return "failed_delivery" if self.ndr_at else None


def whole(pieces: Sequence[Sighting | None], no_scan_yet: Sighting) -> Sighting | None:
    """The status of a shipment by its pieces alone; None until the first scan of any piece.

    The slowest piece in transit decides. If every piece with scans has ended, the status is `no_scan_yet` while other
    pieces have no scan, else the worst end: the shipment is delivered only if all pieces are.
    """
    seen = [piece for piece in pieces if piece]
    in_transit = [piece for piece in seen if not piece.final]
    if in_transit:
        return min(in_transit, key=lambda s: (s.step, s.seen_at, s.code))
    if seen and len(seen) < len(pieces):
        return no_scan_yet
    return max(seen, key=lambda s: (s.step, s.seen_at, s.code), default=None)


def agree(milestones: Sequence[Milestone | None]) -> bool:
    """Whether all pieces reached the same milestone. Only then the shipment reached it and people are notified."""
    return bool(milestones) and None not in milestones and len(set(milestones)) == 1


def open_failures(pieces: Iterable[PieceStatus], parent: Sighting | None, *, parent_ended: bool) -> list[PieceStatus]:
    """The pieces with an open failed delivery. A later end of the whole shipment closes them."""
    closed_at = parent.seen_at if parent and parent_ended else None
    return [p for p in pieces if p.ndr_at and not (closed_at and p.ndr_at <= closed_at)]


def exception_since(pieces: Sequence[PieceStatus], parent: Bucket | None) -> datetime | None:
    """Since when a piece is lost, damaged or returning while the shipment is not; None if no piece is."""
    if all(piece.bucket is parent for piece in pieces):
        return None
    return min((piece.exception_at for piece in pieces if piece.exception_at), default=None)
