"""Columns of `shipments` that hold the tracking status: where tracking says a shipment is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

import msgspec

from awbridge.domain.orders.shipment import Tracked, shard_of
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


class TrackingStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The tracking status of a shipment. schema.sql describes the columns of the same names."""

    sighting: Sighting | None
    bucket: int | None
    edd: str | None
    ndr_code: int | None
    edd_due_at: datetime | None = None
    ndr_at: datetime | None = None
    npr_code: int | None = None
    status_description: str | None = None
    ndr_description: str | None = None
    piece_exception_at: datetime | None = None
    forward_waybill: str | None = None
    forward_reference_number: str | None = None


class TrackingChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The tracking columns to write for one shipment.

    `edd_stated_at`: when the current EDD was stated. `updated_at` is None unless something else than an update changes
    it. `is_step`: of the status only the sighting, the bucket and the EDD differ from the row.
    """

    reference_number: str
    standing: TrackingStatus
    last_tracked_at: datetime
    next_poll_at: datetime | None
    edd_stated_at: datetime | None = None
    updated_at: datetime | None = None
    is_step: bool = False


_beside_the_step = attrgetter(
    *("ndr_code", "ndr_at", "npr_code", "status_description", "ndr_description", "piece_exception_at"),
    *("forward_waybill", "forward_reference_number"),
)


def is_step(before: Tracked, status: TrackingStatus) -> bool:
    """Whether a status differs from a shipment's row only by the sighting, the bucket and the EDD: most do."""
    return _beside_the_step(before) == _beside_the_step(status)


class Step(NamedTuple):
    """The tracking columns that most updates change, for one shipment."""

    reference_number: str
    status_code: int | None
    status_at: datetime | None
    status_bucket: int | None
    status_step: int
    final: bool
    edd: str | None
    last_tracked_at: datetime
    next_poll_at: datetime | None
    edd_due_at: datetime | None
    edd_stated_at: datetime | None


class Move(NamedTuple):
    """The same where the EDD stays, and all that lists and due times depend on."""

    reference_number: str
    status_code: int
    status_at: datetime
    status_bucket: int
    status_step: int
    last_tracked_at: datetime
    edd_stated_at: datetime | None


async def set_tracking_statuses(
    session: Session, changes: Sequence[TrackingChange], steps: Sequence[Step] = (), moves: Sequence[Move] = ()
) -> None:
    """Store statuses, the times of the last updates, and the next polls. The caller holds the locks.

    A shipment whose polling stopped stays on its list unless polling is resumed or it has ended.
    """
    await session.write_rows(_sql.set_move, [(shard_of(move[0]), *move) for move in moves])
    rows = [(shard_of(step[0]), *step) for step in (*steps, *(_step(one) for one in changes if one.is_step))]
    await session.write_rows(_sql.set_step, rows)
    await session.write_rows(_sql.set_status, [_change_row(one) for one in changes if not one.is_step])


def _step(change: TrackingChange) -> Step:
    standing = change.standing
    seen = standing.sighting
    return Step(
        change.reference_number,
        seen.code if seen else None,
        seen.seen_at if seen else None,
        standing.bucket,
        seen.step if seen else 0,
        seen.final if seen else False,
        standing.edd,
        change.last_tracked_at,
        change.next_poll_at,
        standing.edd_due_at,
        change.edd_stated_at,
    )


def _change_row(change: TrackingChange) -> tuple[object, ...]:
    standing = change.standing
    seen = standing.sighting
    return (
        shard_of(change.reference_number),
        change.reference_number,
        seen.code if seen else None,
        seen.seen_at if seen else None,
        standing.bucket,
        seen.step if seen else 0,
        seen.final if seen else False,
        standing.edd,
        standing.ndr_code,
        change.last_tracked_at,
        change.next_poll_at,
        change.updated_at,
        standing.edd_due_at,
        standing.ndr_at,
        standing.forward_waybill,
        standing.forward_reference_number,
        standing.npr_code,
        standing.status_description,
        standing.ndr_description,
        standing.piece_exception_at,
        change.edd_stated_at,
    )


async def count_tracked(session: Session) -> int:
    """How many shipments have updates."""
    return (await session.fetch(_sql.count_tracked))[0]["shipments"]
