"""The tracking status of a shipment, from scans in any order, repeated or late.

The status is the greatest sighting by (scan time, final, journey step, code). A maximum does not depend on order or
repetition, so any shuffle of the same scans yields the same status. The property tests hold this.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

import msgspec


class Bucket(IntEnum):
    """The nine groups in which people see a shipment's status."""

    ORDER_PLACED = 1
    """Not picked up yet, or ended before it was."""
    SHIPPED = 2
    """Picked up."""
    IN_TRANSIT = 3
    """In transit."""
    OUT_FOR_DELIVERY = 4
    """Out for delivery."""
    FAILED_DELIVERY = 5
    """The last delivery failed."""
    DELIVERED = 6
    """Delivered."""
    RETURNED = 7
    """On its way back, or back at its sender."""
    LOST = 8
    """Lost."""
    DAMAGED = 9
    """Damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusInfo:
    """What a status code means: its name, its bucket, its step on the journey, and whether it is final.

    `about_return`: the code is about a return that a customer requested. It does not change the status of a parcel.
    """

    code: int
    name: str
    bucket: Bucket
    step: int
    final: bool = False
    known: bool = True
    about_return: bool = False


class Sighting(msgspec.Struct, frozen=True, kw_only=True, order=True, gc=False):
    """One observed status. Compared by scan time, then final over not final, then journey step."""

    seen_at: datetime
    final: bool
    step: int
    code: int


def sighting(info: StatusInfo, scanned_at: datetime, received_at: datetime) -> Sighting:
    """The sighting of one scan. A scan time in the future counts as the time of receipt."""
    return Sighting(seen_at=min(scanned_at, received_at), final=info.final, step=info.step, code=info.code)


def newest(*sightings: Sighting | None) -> Sighting | None:
    """The sighting that decides the status; None if there is none."""
    return max((s for s in sightings if s is not None), default=None)
