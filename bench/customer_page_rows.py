"""Rows for the benchmark of the customer's page: parcels on their way, with scans, two expected days and a link."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from awbridge.domain.tracking.promise import Promise
from awbridge.domain.tracking.scan import Scan, Source
from awbridge.domain.tracking.timeline import Entry, Timeline
from awbridge.store import Store
from awbridge.store.customer_page import links
from awbridge.store.tracking import promises, scans
from bench import databases

PARCELS = 10_000
_CHUNK = 1_000
_JOURNEY = (4, 1005, 1006, 5, 5, 5, 5, 5)  # picked up, the first sorting centre, then on the way
_PLACES = ("Mumbai_Kurla_PC (Maharashtra)", "Pune_Chakan_GW", "Hubballi_Gokul_H", "Bengaluru_Hoskote_GW (Karnataka)")


async def fill(url: str) -> None:
    """Fill an empty database."""
    await databases.fill(url, range(PARCELS), code=5)
    store = await Store.open(url)
    try:
        for first in range(0, PARCELS, _CHUNK):
            numbers = range(first, first + _CHUNK)
            named = [(databases.reference(n), databases.waybill(n), n) for n in numbers]
            async with store.write() as session:
                await links.add_many(session, ((reference, 0) for reference, _, _ in named))
                await scans.add(session, [(r, entry) for r, waybill, n in named for entry in _timeline(waybill, n)])
                await promises.add(session, [(r, promise) for r, _, _ in named for promise in _promises()])
        await databases.index(store)
    finally:
        await store.close()


def _begin() -> datetime:
    return datetime.now(UTC).replace(hour=4, minute=0, second=0, microsecond=0) - timedelta(days=5)


def _timeline(waybill: str, number: int) -> list[Entry]:
    """The scans of a parcel, at other minutes than those of the parcels beside it."""
    timeline = Timeline()
    for nth, code in enumerate(_JOURNEY):
        at = _begin() + timedelta(hours=14 * nth, minutes=number * 7 % 720)
        place = _PLACES[nth * len(_PLACES) // len(_JOURNEY)]
        scan = Scan(waybill=waybill, courier_partner_id=4, code=code, scanned_at=at, location=place, remark="Received")
        timeline.add(scan, own=waybill, received_at=at, source=Source.WEBHOOK)
    return timeline.entries


def _promises() -> Iterator[Promise]:
    for nth in range(2):
        at = _begin() + timedelta(days=nth)
        day = (_begin() + timedelta(days=7 + nth)).date().isoformat()
        yield Promise(edd=day, stated_at=at, received_at=at, source="webhook")
