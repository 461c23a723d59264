"""Which parcels a link opens, and what is known of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from awbridge.domain.customer_page.links import link_id
from awbridge.domain.customer_page.meanings import Meaning, Reason
from awbridge.domain.customer_page.parcel import CustomerOrder
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.domain.tracking.returns import ReturnEvent
from awbridge.steps.customer_page import open_orders, read_orders
from awbridge.steps.customer_page.open_orders import OpenOrders
from awbridge.steps.customer_page.read_orders import PagePolicy
from awbridge.store import Store
from tests.support.customer_page import HOUR, ZONE, At, add_parcel, payload, return_payload
from tests.support.rows import T0, add, sql
from tests.support.world import SetClock

NOW = T0 + 8 * HOUR


def orders_of(store: Store, *, days: int = 90, now: Any = NOW) -> OpenOrders:
    return OpenOrders(store, SetClock(now), PagePolicy(zone=ZONE, valid_for=timedelta(days=days)))


async def opened(store: Store, reference: str = "REF-1", **options: Any) -> CustomerOrder:
    found = await orders_of(store, **options).open((link_id(reference),))
    assert found is not None
    return found


def cities(order: CustomerOrder) -> list[str]:
    return [parcel.city for parcel in order.parcels]


async def test_what_is_known_of_a_parcel(store: Store) -> None:
    edds = [("2026-11-04", 1), ("2026-11-06", 2), ("soon", 3), ("2026-11-05", 4)]
    scans = (At(4, 2, "MUMBAI"), At(9, 5, "Pune 411001", ndr=6))
    await add_parcel(store, "REF-1", *scans, edds=edds, payload=payload(language="hi"))
    order = await opened(store)
    (one,) = order.parcels
    assert order.language == "hi"
    assert (one.first_name, one.city, one.courier) == ("Asha", "Bengaluru", "Delhivery")
    assert (one.status, one.reason) == (Meaning.FAILED, Reason.ADDRESS)
    assert one.promised == (date(2026, 11, 4), date(2026, 11, 6), date(2026, 11, 5))
    assert sorted((s.meaning, s.place) for s in one.scans) == [(Meaning.FAILED, "Pune"), (Meaning.PICKED_UP, "Mumbai")]
    assert one.status_at is not None
    assert one.status_at.utcoffset() == timedelta(hours=5.5)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, True),
        ({"phone": "+91 98765 01234", "name": "A. Rao"}, True),
        ({"phone": "9876501235"}, False),
        ({"phone": "1119991234"}, False),
        ({"phone": ""}, False),
    ],
)
async def test_another_parcel_of_the_order_is_shown_to_the_same_phone_number(
    store: Store, changes: dict[str, str], shown: bool
) -> None:
    await add_parcel(store, "REF-1", At(5))
    await add_parcel(store, "REF-2", At(5), payload=payload(city="Pune", **changes))
    assert cities(await opened(store)) == (["Bengaluru", "Pune"] if shown else ["Bengaluru"])


async def test_without_phone_numbers_name_and_pincode_decide(store: Store) -> None:
    await add_parcel(store, "REF-1", payload=payload(phone=""))
    await add_parcel(store, "REF-2", payload=payload(phone="", name="asha  RAO", city="Pune"))
    await add_parcel(store, "REF-3", payload=payload(phone="", pincode="411001", city="Delhi"))
    assert cities(await opened(store)) == ["Bengaluru", "Pune"]


async def test_parcels_without_anybody_named_stay_apart(store: Store) -> None:
    await add_parcel(store, "REF-1", payload={})
    await add_parcel(store, "REF-2", payload={})
    assert len((await opened(store)).parcels) == 1


async def test_another_order_is_not_shown(store: Store) -> None:
    await add_parcel(store, "REF-1")
    await add_parcel(store, "REF-2", order_id="ORDER-2")
    await add_parcel(store, "REF-3", order_id=None)
    assert len((await opened(store)).parcels) == 1
    assert len((await opened(store, "REF-3")).parcels) == 1


async def test_a_return_of_the_order_is_shown_with_the_customers_city(store: Store) -> None:
    await add_parcel(store, "REF-1", At(8))
    await add_parcel(store, "REF-2", payload=return_payload(city="Mysuru"), delivery_type="RVP")
    order = await opened(store)
    assert [(p.is_return, p.city) for p in order.parcels] == [(False, "Bengaluru"), (True, "Mysuru")]
    assert [p.is_return for p in (await opened(store, "REF-2")).parcels] == [True, False]


async def test_at_most_twenty_parcels_are_shown(store: Store) -> None:
    for n in range(1, 25):
        await add_parcel(store, f"REF-{n}", placed=False)
    order = await opened(store)
    assert (len(order.parcels), order.has_more) == (20, True)


async def test_the_successor_comes_first_and_what_it_replaced_last(store: Store) -> None:
    replaced = {"replaced_by": "REF-1B", "state": "cancelled"}
    await add_parcel(store, "REF-1", At(16), columns=replaced)
    await add_parcel(store, "REF-1B", At(5), order_id="ANOTHER", columns={"replaces": "REF-1"})
    order = await opened(store)
    assert [(p.is_replaced, p.replaces) for p in order.parcels] == [(False, True), (True, False)]


async def test_a_fallback_to_another_courier_is_not_told(store: Store) -> None:
    await add_parcel(store, "REF-1", placed=False, columns={"replaced_by": "REF-1B", "state": "cancelled"})
    await add_parcel(store, "REF-1B", At(5), columns={"replaces": "REF-1"})
    for reference in ("REF-1", "REF-1B"):
        (one,) = (await opened(store, reference)).parcels
        assert (one.is_replaced, one.replaces, one.status) == (False, False, Meaning.ON_THE_WAY)


async def test_shipments_that_replace_each_other_in_a_circle_end(store: Store) -> None:
    await add_parcel(store, "REF-1", columns={"replaced_by": "REF-2", "replaces": "REF-2"})
    await add_parcel(store, "REF-2", columns={"replaced_by": "REF-1", "replaces": "REF-1"})
    assert len((await opened(store)).parcels) == 2


async def test_a_return_event_is_no_scan(store: Store) -> None:
    event = ReturnEvent(kind="return.approved", items=[{"refund_mode": "bank", "description": "Secret Item"}])
    await add_parcel(store, "REF-1", At(8, 2), At(102, 5, event=event))
    (one,) = (await opened(store)).parcels
    assert [(seen.news, seen.refund) for seen in one.returns] == [("return_approved", True)]
    assert len(one.scans) == 1


async def test_a_scan_ahead_of_its_time_counts_from_its_receipt(store: Store) -> None:
    await add_parcel(store, "REF-1", At(5, 2))
    async with store.write() as session:
        await session.execute(sql("UPDATE scans SET scanned_at = $1"), T0 + timedelta(days=400))
    (one,) = (await opened(store)).parcels
    assert one.scans[0].at == T0 + 2 * HOUR


@pytest.mark.parametrize(("days_after", "works"), [(0, True), (29, True), (31, False)])
async def test_a_link_expires_after_the_latest_news(store: Store, days_after: int, works: bool) -> None:
    await add_parcel(store, "REF-1", At(8, 5))
    later = T0 + timedelta(days=days_after, hours=5)
    found = await orders_of(store, days=30, now=later).open((link_id("REF-1"),))
    assert (found is not None) is works


async def test_the_link_of_a_replaced_parcel_works_as_long_as_its_successor(store: Store) -> None:
    await add_parcel(store, "REF-1", At(16), columns={"replaced_by": "REF-2"})
    await add_parcel(store, "REF-2", At(5, 24 * 40), columns={"replaces": "REF-1"})
    assert await orders_of(store, days=30, now=T0 + timedelta(days=60)).open((link_id("REF-1"),))


async def test_an_unknown_link_opens_nothing(store: Store) -> None:
    await add(store, "REF-1")
    assert await orders_of(store).open((link_id("REF-1", 1),)) is None
    assert await orders_of(store).open(()) is None


async def test_of_the_ids_that_a_token_may_stand_for_the_stored_one_counts(store: Store) -> None:
    await add_parcel(store, "REF-1")
    assert await orders_of(store).open((link_id("NOBODY"), link_id("REF-1")))


class CountingReads:
    """A store that counts how often it is read, and can be made to fail or wait."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0
        self.problem: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    def read(self) -> Any:
        self.reads += 1
        if self.problem:
            raise self.problem
        return _Gated(self._store.read(), self.gate)


class _Gated:
    def __init__(self, session: Any, gate: asyncio.Event) -> None:
        self._session, self._gate = session, gate

    async def __aenter__(self) -> Any:
        await self._gate.wait()
        return await self._session.__aenter__()

    async def __aexit__(self, *error: Any) -> Any:
        return await self._session.__aexit__(*error)


async def test_callers_who_come_during_a_read_share_the_next_one(store: Store) -> None:
    for n in range(1, 11):
        await add_parcel(store, f"REF-{n}", order_id=f"O-{n}")
    counting: Any = CountingReads(store)
    orders = OpenOrders(counting, SetClock(NOW), PagePolicy(zone=ZONE))
    counting.gate.clear()
    first = asyncio.create_task(orders.open((link_id("REF-1"),)))
    await asyncio.sleep(0)
    others = [asyncio.create_task(orders.open((link_id(f"REF-{n}"),))) for n in range(2, 11) for _ in range(3)]
    await asyncio.sleep(0)
    counting.gate.set()
    assert all(await asyncio.gather(first, *others))
    assert counting.reads == 2


async def test_a_database_that_is_away_is_said_to_every_caller(store: Store) -> None:
    counting: Any = CountingReads(store)
    counting.problem = StoreBusy("away")
    orders = OpenOrders(counting, SetClock(NOW), PagePolicy(zone=ZONE))
    found = await asyncio.gather(*(orders.open((n,)) for n in range(5)), return_exceptions=True)
    assert [type(one) for one in found] == [StoreBusy] * 5
    counting.problem = None
    assert await orders.open((1,)) is None


async def test_a_caller_does_not_wait_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_orders, "TIMEOUT", 0.01)
    counting: Any = CountingReads(store)
    counting.gate.clear()
    orders = OpenOrders(counting, SetClock(NOW), PagePolicy(zone=ZONE))
    with pytest.raises(StoreBusy, match="was not read within"):
        await orders.open((1,))
    monkeypatch.setattr(open_orders, "TIMEOUT", 60.0)
    monkeypatch.setattr(open_orders, "CAPACITY", 1)
    waiting = asyncio.create_task(orders.open((2,)))
    await asyncio.sleep(0)
    with pytest.raises(StoreBusy, match="too many callers"):
        await orders.open((3,))
    counting.gate.set()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_row_that_cannot_be_read_fails_its_own_page_alone(store: Store) -> None:
    await add_parcel(store, "REF-1")
    await add_parcel(store, "REF-2", order_id="O-2", columns={"children": "no JSON"})
    orders = orders_of(store)
    found = await asyncio.gather(*(orders.open((link_id(r),)) for r in ("REF-1", "REF-2")), return_exceptions=True)
    assert isinstance(found[0], CustomerOrder)
    assert isinstance(found[1], StoreError)


async def test_webhooks_get_their_turn_between_a_few_orders(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    made: Counter[int] = Counter()  # orders, and pages, by the turn of the loop in which they were made
    handed: Counter[int] = Counter()
    turn = 0

    async def turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    def noted(*args: Any, **options: Any) -> Any:
        made[turn] += 1
        return addressee(*args, **options)

    addressee = read_orders.addressee
    monkeypatch.setattr(read_orders, "addressee", noted)
    for module in (read_orders, open_orders):
        monkeypatch.setattr(module, "AT_ONCE", 2)
    for n in range(7):
        await add_parcel(store, f"REF-{n}", order_id=f"ORDER-{n}")
    counting = asyncio.create_task(turns())
    orders = orders_of(store)
    futures = [asyncio.get_running_loop().create_future() for _ in range(7)]
    for n, future in enumerate(futures):
        future.add_done_callback(lambda _: handed.update([turn]))
        orders.ask((link_id(f"REF-{n}"),), future)
    assert None not in await asyncio.gather(*futures)
    counting.cancel()
    assert sorted(made.values()) == [1, 2, 2, 2]
    assert max(handed.values()) == 2
