"""The numbers of courier accounts: what was placed, delivered and returned, and the days to deliver by lane."""

from __future__ import annotations

from datetime import timedelta

import pytest

from awbridge.domain.couriers.numbers import LaneNumbers
from awbridge.steps.couriers import measure
from awbridge.steps.couriers.measure import MeasureCouriers, lane_of
from awbridge.store import Store
from awbridge.store.couriers import numbers
from awbridge.store.couriers.numbers import CourierNumbers
from tests.support.rows import T0, add, place, sql
from tests.support.world import SetClock, an_order

DAY = timedelta(days=1)
TRACKED = "UPDATE shipments SET status_bucket = $2, final = $3, status_at = $4 WHERE reference_number = $1"


async def parcel(store: Store, name: str, bucket: int, days: float, *, pincode: str = "411001", **more: object) -> None:
    """A parcel that was placed ten days after T0 and reached this bucket some days later."""
    order = an_order(name)
    order["drop_info"]["drop_pincode"] = pincode
    await add(store, name, payload=order, now=T0, **more)
    at = T0 + 10 * DAY
    await place(store, name, f"AWB-{name}", now=at)
    async with store.write() as session:
        await session.execute(sql(TRACKED), name, bucket, bucket in (6, 7), at + days * DAY)


async def measured(store: Store, clock: SetClock) -> CourierNumbers | None:
    await MeasureCouriers(store=store, clock=clock).check()
    async with store.read() as session:
        return await numbers.newest(session, now=clock())


async def test_each_account_has_its_shares_and_its_lanes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "PAGE", 2)
    monkeypatch.setattr(measure, "PAUSE", 0)
    for n, days in enumerate((1, 3, 8)):
        await parcel(store, f"D-{n}", 6, days)
    await parcel(store, "FAR", 6, 4, pincode="560001")
    await parcel(store, "BACK", 7, 9)
    await parcel(store, "OPEN", 3, 1)
    await parcel(store, "OTHER", 3, 1, courier_partner_id=6, account_code="second")
    await add(store, "BAD", now=T0)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET state = 'rejected' WHERE reference_number = 'BAD'"))
    found = await measured(store, SetClock(T0 + 20 * DAY))
    assert found is not None
    assert (found.shipments, [one.account for one in found.accounts]) == (7, ["4:main", "6:second"])
    main, second = found.accounts
    assert (main.placed, main.refused, main.ended, main.delivered, main.returned) == (6, 1, 5, 4, 1)
    assert (main.success, main.delivered_share, main.returned_share) == (6 / 7, 0.8, 0.2)
    assert main.median_days == pytest.approx(3.5)
    near = LaneNumbers(origin="41", destination="41", delivered=3, median_days=3.0)
    assert main.lanes == (near, LaneNumbers(origin="41", destination="56", delivered=1, median_days=4.0))
    assert (second.success, second.delivered_share, second.median_days) == (1.0, None, None)


async def test_they_are_counted_once_an_hour_and_only_of_the_newest(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "MOST", 1)
    monkeypatch.setattr(measure, "PAGE", 1)
    clock = SetClock(T0 + 20 * DAY)
    await parcel(store, "R-1", 6, 1)
    first = await measured(store, clock)
    await parcel(store, "R-2", 6, 1)
    clock.forward(minutes=59)
    assert await measured(store, clock) == first
    clock.forward(minutes=2)
    later = await measured(store, clock)
    assert later is not None
    assert (later.shipments, later.sampled_at) == (1, clock())


async def test_what_was_placed_long_ago_is_not_counted(store: Store) -> None:
    await parcel(store, "R-1", 6, 1)
    found = await measured(store, SetClock(T0 + 41 * DAY))
    assert found is not None
    assert (found.shipments, found.accounts) == (0, [])


@pytest.mark.parametrize("payload", ["", "[]", "{}", '{"pickup_info": {"pickup_pincode": "erased"}}'])
def test_an_order_without_pincodes_has_no_lane(payload: str) -> None:
    assert lane_of(payload) is None
