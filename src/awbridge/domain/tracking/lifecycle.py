"""The fold: from scans in any order, repeated or late, to where a shipment stands now.

The fold keeps the greatest sighting by (scan time, final, journey step, code). Taking a maximum does not care about
order or repetition, so any shuffle of the same scans ends in the same status: that is what the property tests hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class Bucket(IntEnum):
    """The nine groups in which a shipment's status is shown to people."""

    ORDER_PLACED = 1
    SHIPPED = 2
    IN_TRANSIT = 3
    OUT_FOR_DELIVERY = 4
    FAILED_DELIVERY = 5
    DELIVERED = 6
    RETURNED = 7
    LOST = 8
    DAMAGED = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusInfo:
    """What a status code means: its name, its bucket, how far along the journey it is, whether it is the end.

    `about_return`: it is about a return that a customer asked for, not about where a parcel is; it moves nothing.
    """

    code: int
    name: str
    bucket: Bucket
    step: int
    final: bool = False
    known: bool = True
    about_return: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Sighting:
    """Where a shipment was seen to stand. Compared by scan time, then final over not final, then journey step."""

    seen_at: datetime
    final: bool
    step: int
    code: int


def sighting(info: StatusInfo, scanned_at: datetime, received_at: datetime) -> Sighting:
    """The sighting that a scan gives. A scan time in the future counts as the time of receipt."""
    return Sighting(seen_at=min(scanned_at, received_at), final=info.final, step=info.step, code=info.code)


def newest(*sightings: Sighting | None) -> Sighting | None:
    """The sighting that holds among these; None where there is none."""
    return max((s for s in sightings if s is not None), default=None)
