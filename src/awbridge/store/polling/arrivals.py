"""The table `arrivals`: what each side brought, counted by ten minutes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter

import msgspec

from awbridge.domain.tracking.scan import Source
from awbridge.store.engine.database import Session, row_as
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)
_SLOTS = 4  # of a process, in turns: its transactions run side by side
_FIRST_SLOT = os.urandom(1)[0] % 16 * _SLOTS
_turns = itertools.cycle(range(_FIRST_SLOT, _FIRST_SLOT + _SLOTS))

STRETCH = timedelta(minutes=10)
KEPT = timedelta(days=8)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """What one source delivered in ten minutes: deliveries, or scans that it reported first."""

    at: datetime
    courier_partner_id: int
    source: Source
    deliveries: int = 0
    scans: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What one side brought for one courier (0: not named) since some time."""

    courier_partner_id: int
    source: str
    deliveries: int
    scans: int
    last_delivery_at: datetime | None
    last_scan_at: datetime | None


def stretch_of(at: datetime) -> datetime:
    """The start of the ten minutes that contain a time."""
    return at.astimezone(UTC).replace(minute=at.minute // 10 * 10, second=0, microsecond=0)


async def count(session: Session, arrivals: Iterable[Arrival]) -> None:
    """Add these to the counts. Best last in a transaction: until its end others of the same slot wait."""
    by_key: dict[tuple[datetime, int, Source], list[Arrival]] = {}
    start = end = _LONG_AGO
    for a in arrivals:
        if not start <= a.at < end:
            start = stretch_of(a.at)
            end = start + STRETCH
        key = (start, a.courier_partner_id, a.source)
        if found := by_key.get(key):
            found.append(a)
        else:
            by_key[key] = [a]
    slot = next(_turns)
    rows = [
        (
            key[0],
            key[1],
            key[2].value,
            slot,
            sum([a.deliveries for a in found]),
            sum([a.scans for a in found]),
            max([a.at for a in found if a.deliveries], default=None),
            max([a.at for a in found if a.scans], default=None),
        )
        for key, found in sorted(by_key.items(), key=itemgetter(0))
    ]
    if rows:
        await session.write_rows(_sql.count, rows)


async def since(session: Session, start: datetime) -> list[Arrived]:
    """What came since the stretch that begins at `start` or next after it, by courier and side."""
    return [row_as(Arrived, row) for row in await session.fetch(_sql.since, start)]


async def last_webhook_at(session: Session) -> datetime | None:
    """When the last webhook was received that could be read; None where none came within 8 days."""
    rows = await session.fetch(_sql.last_webhook)
    return rows[0]["last_delivery_at"] if rows else None


async def forget(session: Session, *, now: datetime) -> int:
    """Drop counts older than 8 days; how many rows."""
    return await session.execute(_sql.forget, now - KEPT)
