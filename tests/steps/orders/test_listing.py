"""Lists of shipments: filters combine with any list, a search reads a bounded number of rows, a phone number finds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awbridge.domain.orders.listing import Listing, ShipmentFilter
from awbridge.domain.orders.shipment import Shipment, State, shard_of
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER
from awbridge.steps.orders import listing as listing_step
from awbridge.steps.orders.index_orders import index_unread
from awbridge.steps.orders.list_query import BucketName
from awbridge.steps.orders.listing import read_page
from awbridge.store import Store
from awbridge.store.orders import filtered
from awbridge.store.privacy import retention
from awbridge.web.v1.shipments.lists import ShipmentQuery
from tests.support.rows import T0, add, fetch, place, sql
from tests.support.world import an_order

pytestmark = pytest.mark.heavy

INDIA = ZoneInfo("Asia/Kolkata")
STATES = ("placed", "rejected", "gave_up")
DAY = timedelta(days=1)


async def fill(store: Store, number: int = 36) -> list[Shipment]:
    """Shipments that differ in everything that is filtered by."""
    for n in range(number):
        name = f"R-{n:02d}"
        payload = an_order(name)
        payload["drop_info"]["drop_phone"] = f"98765{n % 3:05d}"
        await add(store, name, payload=payload, now=T0 + n * timedelta(hours=7), cod=n % 2 == 0, phone_tail="0000")
        if n % 3 == 0:
            await place(store, name, f"AWB-{n}")
    async with store.write() as session:
        for n in range(number):
            values = (f"R-{n:02d}", 4 + n % 2, f"{4 + n % 2}:main", STATES[n % 3], n % 5 + 1, n % 4, T0 + n * DAY)
            await session.execute(sql(CHANGED), *values, "RVP" if n % 7 == 0 else "FORWARD")
    async with store.read() as session:
        return await listing_step.lists.newest(session, limit=number)


CHANGED = """
UPDATE shipments SET courier_partner_id = $2, account = $3, state = $4, status_bucket = $5, ndr_code = $6,
  edd_due_at = $7, delivery_type = $8, next_try_at = NULL
WHERE reference_number = $1
"""


async def every(store: Store, wanted: Listing, *, limit: int = 5) -> list[str]:
    """A list from its first page to its last."""
    found: list[str] = []
    after = None
    async with store.read() as session:
        for _ in range(200):
            page = await read_page(session, wanted, DEFAULT_STUCK_AFTER, now=T0 + 90 * DAY, after=after, limit=limit)
            assert len(page.shipments) <= limit
            found += [shipment.reference_number for shipment in page.shipments]
            after = page.end
            if after is None:
                return found
    raise AssertionError("the list does not end")


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "courier_partner_id": st.sampled_from([4, 5, 6]),
        "account": st.sampled_from(["4:main", "5:main", "x"]),
        "bucket": st.integers(1, 6),
        "ndr_code": st.integers(0, 4),
        "cod": st.booleans(),
        "delivery_type": st.sampled_from(["FORWARD", "RVP"]),
        "created_from": st.integers(-1, 260).map(lambda h: T0 + timedelta(hours=h)),
        "created_before": st.integers(-1, 260).map(lambda h: T0 + timedelta(hours=h)),
        "promised_from": st.integers(-1, 40).map(lambda d: T0 + d * DAY),
        "promised_before": st.integers(-1, 40).map(lambda d: T0 + d * DAY),
    },
)


async def test_a_list_has_exactly_what_matches_its_filter(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtered, "EXAMINED", 7)
    shipments = await fill(store)

    async def holds(values: Mapping[str, Any], state: State | None) -> None:
        wanted = ShipmentFilter(**values)
        expected = [s.reference_number for s in shipments if wanted.matches(s, None) and state in (None, s.state)]
        assert await every(store, Listing(state=state, filter=wanted)) == expected

    cases: list[tuple[dict[str, Any], State | None]] = []

    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(values=FILTERS, state=st.sampled_from([None, State.PLACED, State.REJECTED]))
    def choose(values: dict[str, Any], state: State | None) -> None:
        cases.append((values, state))

    choose()
    for values, state in cases:
        await holds(values, state)


async def test_filters_combine_with_lists_of_their_own_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_step, "EXAMINED_AT_ONCE", 4)
    await fill(store)
    late = await every(store, ShipmentQuery(sla_breached=True).listing(INDIA, T0), limit=3)
    of_five = await every(store, ShipmentQuery(sla_breached=True, courier=5).listing(INDIA, T0), limit=3)
    assert late == [f"R-{n:02d}" for n in range(0, 36, 3)]
    assert of_five == [name for name in late if int(name[2:]) % 2]


async def test_returns_are_a_list(store: Store) -> None:
    await fill(store, 15)
    returns = ShipmentQuery.model_validate({"delivery_type": "RVP"})
    assert await every(store, returns.listing(INDIA, T0)) == ["R-14", "R-07", "R-00"]


async def test_a_failure_code_is_that_of_the_newest_call(store: Store) -> None:
    await fill(store, 6)
    async with store.write() as session:
        for number, (name, code) in enumerate([("R-01", 301), ("R-02", 301), ("R-02", 319), ("R-00", 301)]):
            await session.execute(sql(CALLED), number, name, code)
    by_code = {code: await every(store, ShipmentQuery(failure_code=code).listing(INDIA, T0)) for code in (301, 319)}
    assert by_code == {301: ["R-01"], 319: ["R-02"]}  # R-00 is placed
    rejected = ShipmentQuery(failure_code=301, state=State.REJECTED).listing(INDIA, T0)
    assert await every(store, rejected) == ["R-01"]


CALLED = """
INSERT INTO attempts (shard, id, reference_number, api, method, url, request, business_status, response, error, outcome,
  ms, made_at)
SELECT shard, $1, reference_number, 'create-order', 'POST', '', '', $3, '', '', 'rejected', 1, created_at
FROM shipments WHERE reference_number = $2
"""


@pytest.mark.parametrize(
    ("typed", "found"),
    [("0001", 12), ("00001", 12), ("+91 98765 00001", 12), ("9876500009", 0), ("1234500001", 0), ("9999", 0)],
)
async def test_a_phone_number_is_found_by_its_end(store: Store, typed: str, found: int) -> None:
    await fill(store)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET phone_tail = NULL, cod = NULL"))
    assert [await index_unread(store=store), await index_unread(store=store)] == [36, 0]
    names = await every(store, ShipmentQuery(phone_tail=typed).listing(INDIA, T0))
    assert names == [f"R-{n:02d}" for n in range(35, -1, -1) if n % 3 == 1][:found]


async def test_an_erased_phone_number_is_not_found_by_its_end(store: Store) -> None:
    await fill(store, 1)
    async with store.write() as session:
        await retention.set_payload(session, shard_of("R-00"), "R-00", payload="{}", problem=None, now=T0)
    assert await every(store, ShipmentQuery(phone_tail="0000").listing(INDIA, T0)) == []
    assert (await fetch(store, "SELECT phone_tail FROM shipments"))[0]["phone_tail"] == ""
    assert await index_unread(store=store) == 0


async def test_what_an_older_version_stored_is_read_once(store: Store) -> None:
    await add(store, "OLD", payload=an_order("OLD", order_type="COD", cod_value=10))
    await add(store, "NONE", payload={"shipment_details": "unreadable"})
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET phone_tail = NULL, cod = NULL"))
    assert await index_unread(store=store) == 2
    rows = await fetch(store, "SELECT reference_number, phone_tail, cod FROM shipments ORDER BY reference_number")
    assert [(row["phone_tail"], bool(row["cod"])) for row in rows] == [("", False), ("0000", True)]


def test_every_bucket_has_a_name() -> None:
    assert [name.name for name in BucketName] == [bucket.name for bucket in Bucket]


def test_a_day_of_a_filter_is_one_of_the_accounts_zone() -> None:
    wanted = ShipmentQuery.model_validate({"created_from": "2026-11-02", "created_to": "2026-11-02"})
    found = wanted.listing(INDIA, T0).filter
    assert found.created_from
    assert found.created_before
    assert found.created_from.isoformat() == "2026-11-01T18:30:00+00:00"
    assert found.created_before - found.created_from == DAY


def test_a_promised_day_is_the_end_of_that_day() -> None:
    wanted = ShipmentQuery.model_validate({"promised_from": "2026-11-02", "promised_to": "2026-11-02"})
    found = wanted.listing(INDIA, T0).filter
    assert found.promised_from
    assert found.promised_before
    assert found.promised_from.isoformat() == "2026-11-02T18:30:00+00:00"
    assert found.promised_before - found.promised_from == DAY
