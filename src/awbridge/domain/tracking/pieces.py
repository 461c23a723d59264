"""The pieces of a multi-piece shipment: where each stands, and where the shipment stands by that. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.tracking.lifecycle import Bucket, Sighting
from awbridge.domain.tracking.milestones import Failure, Milestone

EXCEPTIONS = {Bucket.RETURNED: "rto", Bucket.LOST: "lost", Bucket.DAMAGED: "damaged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceStatus:
    """Where a piece stands; `sighting` and `name` are None and "" while nothing was told of it.

    `ndr_at`: since when a failed delivery of it is open. `exception_at`: since when it is lost, damaged or going back.
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
        """What is wrong with it: failed_delivery, rto, lost or damaged; None where all is well."""
        if self.exception_at and self.bucket:
            return EXCEPTIONS[self.bucket]
        return "failed_delivery" if self.ndr_at else None


def whole(pieces: Sequence[Sighting | None], untold: Sighting) -> Sighting | None:
    """Where a shipment stands by its pieces alone; None while nothing was told of any.

    That is where the slowest of those on their way stands. When all that were told of have ended, it is `untold` while
    there are others, else the worst end: delivered only when all pieces are.
    """
    told = [piece for piece in pieces if piece]
    under_way = [piece for piece in told if not piece.final]
    if under_way:
        return min(under_way, key=lambda s: (s.step, s.seen_at, s.code))
    if told and len(told) < len(pieces):
        return untold
    return max(told, key=lambda s: (s.step, s.seen_at, s.code), default=None)


def agree(milestones: Sequence[Milestone | None]) -> bool:
    """Whether all pieces stand at the same milestone: only then it is the shipment's, which people are told of."""
    return bool(milestones) and None not in milestones and len(set(milestones)) == 1


def open_failures(pieces: Iterable[PieceStatus], parent: Sighting | None, *, parent_ended: bool) -> list[PieceStatus]:
    """The pieces whose delivery failed and is open. An end of the whole shipment that came later closes them."""
    closed_at = parent.seen_at if parent and parent_ended else None
    return [p for p in pieces if p.ndr_at and not (closed_at and p.ndr_at <= closed_at)]


def exception_since(pieces: Sequence[PieceStatus], parent: Bucket | None) -> datetime | None:
    """Since when a piece is lost, damaged or going back while the shipment is not; None where none is."""
    if all(piece.bucket is parent for piece in pieces):
        return None
    return min((piece.exception_at for piece in pieces if piece.exception_at), default=None)
