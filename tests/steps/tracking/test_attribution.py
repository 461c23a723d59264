"""Which shipment a delivery is about: names before order ids, couriers that share waybills, waybills used again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER
from awbridge.domain.tracking.scan import Source
from awbridge.steps.records.placed import place as place_logged
from awbridge.steps.tracking.replay import rebuild_one
from awbridge.steps.tracking.shipment_details import shipment_details
from awbridge.store import Store
from awbridge.store.orders import shipments, waybills
from awbridge.store.registration.dispatch import Placing
from awbridge.store.tracking import inbox
from tests.steps.tracking.test_apply import LATER, POLICY, apply, deliver, polled_scan, tracked, updated
from tests.support.rows import MINUTE, T0, add, claim_in, fetch, place, placed
from tests.support.world import SetClock, get, timeline, webhook

DAY = timedelta(days=1)
MONTHS = timedelta(days=90)


def by_order(order_id: Any, code: int = 12, **more: Any) -> dict[str, Any]:
    """A webhook in track-order shape: no waybill."""
    event = polled_scan(code, T0 + MINUTE)
    return {"valid": True, "latest_status": event, "scans": [event], "additional": {"order_id": order_id, **more}}


def naming(body: dict[str, Any], reference: str) -> dict[str, Any]:
    """The same webhook with a reference number where ClickPost puts it."""
    latest = {**body["additional"]["latest_status"], "reference_number": reference}
    return {**body, "additional": {**body["additional"], "latest_status": latest}}


async def codes(store: Store, reference: str) -> list[int]:
    return [scan.status_code for scan in await timeline(store, reference)]


async def parked(store: Store) -> list[str]:
    """Why deliveries wait, of those that wait for a reason."""
    async with store.read() as session:
        return [one.problem for one in await inbox.problems(session, limit=10) if one.next_try_at]


async def counts(store: Store) -> dict[str, int]:
    async with store.read() as session:
        return await inbox.counts(session)


async def test_what_names_another_reference_is_not_about_our_order(store: Store) -> None:
    await add(store, "OURS", order_id="77")
    await place(store, "OURS", "AWB1")
    await deliver(store, {**by_order(77), "reference_number": "OTHER"})
    await apply(store)
    assert ((await get(store, "OURS")).status_code, await codes(store, "OURS")) == (None, [])
    assert (await fetch(store, "SELECT waiting_for FROM inbox"))[0]["waiting_for"] == "r:OTHER"


async def test_what_names_a_waybill_is_not_about_our_order(store: Store) -> None:
    await add(store, "OURS", order_id="77")  # not placed: it has no waybill that could contradict
    body = webhook("ANOTHERS", 12, T0)
    body["additional"]["order_id"] = 77
    await deliver(store, body)
    await apply(store)
    assert await codes(store, "OURS") == []
    await place(store, "OURS", "ANOTHERS")
    await apply(store)
    assert await codes(store, "OURS") == [12], "once it is known whose the waybill is"


async def test_an_order_id_alone_names_its_one_shipment(store: Store) -> None:
    await add(store, "OURS", order_id="77")
    await place(store, "OURS", "AWB1")
    await deliver(store, by_order(77, courier_partner_id=4, account_code="main"))
    await apply(store)
    assert await codes(store, "OURS") == [12]


@pytest.mark.parametrize("other", [{"courier_partner_id": 5}, {"account_code": "second"}])
async def test_an_order_id_is_not_believed_against_the_courier(store: Store, other: dict[str, Any]) -> None:
    await add(store, "OURS", order_id="77")
    await place(store, "OURS", "AWB1")
    await deliver(store, by_order(77, **other))
    with capture_logs() as logs:
        await apply(store)
    assert await codes(store, "OURS") == []
    (why,) = await parked(store)
    assert "order_id 77 is OURS" in why
    assert [log["problem"] for log in logs if log["event"] == "delivery.ambiguous"] == [why]
    assert ((await counts(store))["ambiguous"], (await counts(store))["dead_lettered"]) == (1, 0)


async def test_an_order_of_several_shipments_waits_visibly_and_is_dead_lettered_with_the_reason(store: Store) -> None:
    await add(store, "A", "B", order_id="77")
    await place(store, "A", "AWB1")
    await deliver(store, by_order(77))
    await apply(store)
    assert await parked(store) == ["order_id 77 has several shipments (A, B, ...)"]
    await apply(store, clock=SetClock(LATER + 31 * DAY))
    async with store.read() as session:
        (dead,) = await inbox.problems(session, limit=10)
    assert (dead.problem, dead.next_try_at) == ("order_id 77 has several shipments (A, B, ...)", None)
    assert dead.reason == "ambiguous"
    assert ((await counts(store))["ambiguous"], (await counts(store))["dead_lettered"]) == (0, 1)


async def test_of_two_couriers_with_one_waybill_the_named_one_is_meant(store: Store) -> None:
    await add(store, "A")
    await place(store, "A", "777", courier_partner_id=4)
    await add(store, "B", courier_partner_id=5)
    await place(store, "B", "777", courier_partner_id=5)
    row = updated("777", 8, T0)
    del row["courier_partner"]
    await deliver(store, {**row, "carrier_partner": 5}, source=Source.UPDATED_ORDER)
    await apply(store)
    assert ((await get(store, "A")).status_code, (await get(store, "B")).status_code) == (None, 8)


async def test_a_waybill_of_another_courier_is_not_ours(store: Store) -> None:
    await add(store, "A")
    await place(store, "A", "777", courier_partner_id=4)
    await deliver(store, webhook("777", 8, T0, cp_id=5))
    await apply(store)
    assert (await get(store, "A")).status_code is None
    assert await parked(store) == ["waybill 777 is known for A at courier 4, not for courier 5"]
    await add(store, "B", courier_partner_id=5)
    await place(store, "B", "777", courier_partner_id=5)
    await apply(store)
    assert ((await get(store, "A")).status_code, (await get(store, "B")).status_code) == (None, 8)
    assert await parked(store) == []


async def test_a_reference_number_of_ours_confirms_a_waybill_under_another_courier(store: Store) -> None:
    await add(store, "A")
    await place(store, "A", "777", courier_partner_id=4)
    await deliver(store, naming(webhook("777", 5, T0, cp_id=25), "A"))
    await apply(store)
    assert (await get(store, "A")).status_code == 5


async def test_two_couriers_and_none_named_is_nobody_until_one_is_at_its_end(store: Store) -> None:
    for reference, courier in (("A", 4), ("B", 5)):
        await add(store, reference, courier_partner_id=courier)
        await place(store, reference, "777", courier_partner_id=courier)
    lacking = webhook("777", 5, T0 + 90 * MINUTE)
    del lacking["cp_id"]
    await deliver(store, lacking)
    await apply(store)
    assert await codes(store, "A") == await codes(store, "B") == []
    (why,) = await parked(store)
    assert "A and B at the same time" in why
    await deliver(store, webhook("777", 8, T0 + 60 * MINUTE, cp_id=4), at=LATER + MINUTE)
    await apply(store, clock=SetClock(LATER + DAY))
    await apply(store, clock=SetClock(LATER + 2 * DAY))
    assert (await codes(store, "A"), await codes(store, "B")) == ([8], [5])


async def test_a_waybill_and_a_reference_number_of_two_shipments_are_nobody(store: Store) -> None:
    for reference in ("A", "B"):
        await add(store, reference)
        await place(store, reference, f"AWB-{reference}")
    await deliver(store, naming(webhook("AWB-A", 8, T0), "B"))
    await apply(store)
    assert await codes(store, "A") == await codes(store, "B") == []
    assert await parked(store) == ["waybill AWB-A belongs to A, but reference_number B has another waybill"]


# A waybill used again.


async def a_delivered(store: Store, waybill: str = "777") -> None:
    await add(store, "OLD")
    await place(store, "OLD", waybill)
    await deliver(store, webhook(waybill, 5, T0 + MINUTE), webhook(waybill, 8, T0 + 60 * MINUTE))
    await apply(store)


async def a_successor(store: Store, reference: str = "NEW", waybill: str = "777", *, at: Any = T0 + MONTHS) -> None:
    await add(store, reference, now=at)
    async with store.write() as session:
        await claim_in(session, now=at)
    await place(store, reference, waybill, now=at)


async def standing(store: Store) -> tuple[int | None, int | None]:
    return (await get(store, "OLD")).status_code, (await get(store, "NEW")).status_code


@pytest.mark.parametrize("named", [True, False])
async def test_scans_of_a_waybill_used_again_go_to_the_new_shipment(store: Store, named: bool) -> None:
    await a_delivered(store)
    await a_successor(store)
    now = T0 + MONTHS + DAY
    body = webhook("777", 4, T0 + MONTHS + 60 * MINUTE)
    await deliver(store, naming(body, "NEW") if named else body, at=now)
    await apply(store, clock=SetClock(now))
    assert await standing(store) == (8, 4)
    old = naming(webhook("777", 18, T0 + MONTHS + 90 * MINUTE), "OLD")
    late = webhook("777", 6, T0 + 50 * MINUTE)
    await deliver(store, old, late, at=now + MINUTE)
    await apply(store, clock=SetClock(now + MINUTE))
    assert (await codes(store, "OLD"), await codes(store, "NEW")) == ([5, 6, 8, 18], [4])


async def test_a_polled_timeline_of_a_waybill_used_again_is_split_by_time_and_rebuilt_so(store: Store) -> None:
    await a_delivered(store)
    await a_successor(store)
    now = T0 + MONTHS + DAY
    scans = [
        polled_scan(8, T0 + 60 * MINUTE),
        polled_scan(4, T0 + MONTHS + MINUTE),
        polled_scan(5, T0 + MONTHS + DAY / 2),
    ]
    await deliver(store, tracked("777", *scans), source=Source.TRACK_ORDER, at=now)
    await apply(store, clock=SetClock(now))
    assert (await codes(store, "OLD"), await codes(store, "NEW")) == ([5, 8], [4, 5])
    for reference in ("OLD", "NEW"):
        world: dict[str, Any] = {"store": store, "clock": SetClock(now), "reading": POLICY}
        assert not await rebuild_one(**world, reference_number=reference), "a rebuild comes to the same rows"


async def test_what_came_before_the_new_shipment_was_known_moves_over_to_it(store: Store) -> None:
    await a_delivered(store)
    at = T0 + 10 * DAY
    await add(store, "NEW", now=at)
    async with store.write() as session:
        await claim_in(session, now=at)
    await deliver(store, webhook("777", 4, at + MINUTE), at=at + 2 * MINUTE)
    await apply(store, clock=SetClock(at + 2 * MINUTE))
    assert await standing(store) == (4, None), "the answer was lost: nothing says that it is not a correction"
    await place(store, "NEW", "777", now=at + 30 * MINUTE)
    await apply(store, clock=SetClock(at + 31 * MINUTE))
    assert await standing(store) == (8, 4)
    assert (await codes(store, "OLD"), await codes(store, "NEW")) == ([5, 8], [4])
    world: dict[str, Any] = {"store": store, "clock": SetClock(at + DAY), "reading": POLICY}
    assert not await rebuild_one(**world, reference_number="OLD")
    assert not await rebuild_one(**world, reference_number="NEW")


@pytest.mark.parametrize(("named", "why"), [("SOMEBODYS", "not known here"), ("", "89 days before this scan")])
async def test_a_delivered_shipment_is_not_moved_by_a_use_that_is_not_ours(store: Store, named: str, why: str) -> None:
    await a_delivered(store)
    now = T0 + MONTHS
    body = webhook("777", 4, now - 60 * MINUTE)
    await deliver(store, naming(body, named) if named else body, at=now)
    await apply(store, clock=SetClock(now))
    assert (await get(store, "OLD")).status_code == 8
    assert why in (await parked(store))[0]
    await a_successor(store, named or "NEW", at=now - 120 * MINUTE)
    await apply(store, clock=SetClock(now + MINUTE))
    assert (await get(store, named or "NEW")).status_code == 4


async def test_a_waybill_used_again_while_the_first_is_under_way_goes_by_reference_number_only(store: Store) -> None:
    await add(store, "OLD")
    await place(store, "OLD", "777")
    await a_successor(store, at=T0 + DAY)
    now = T0 + 2 * DAY
    event = webhook("777", 5, T0 + DAY + 60 * MINUTE)
    await deliver(store, event, naming(webhook("777", 6, T0 + DAY + 90 * MINUTE), "NEW"), at=now)
    await apply(store, clock=SetClock(now))
    assert (await codes(store, "OLD"), await codes(store, "NEW")) == ([], [6])
    assert "OLD and NEW at the same time" in (await parked(store))[0]


async def test_a_waybill_used_again_is_logged_and_shown_on_both(store: Store) -> None:
    await a_delivered(store)
    await add(store, "NEW")
    async with store.write() as session:
        shipment = await shipments.get(session, "NEW")
        assert shipment
        placing = Placing(shipment=shipment, placed=placed("777"), difference=None, next_poll_at=None)
        with capture_logs() as logs:
            await place_logged(session, [placing], now=T0 + DAY)
    (warned,) = [log for log in logs if log["event"] == "waybill.reused"]
    assert (warned["waybill"], warned["reference"], warned["other_reference"]) == ("777", "NEW", "OLD")
    async with store.read() as session:
        for one, other in (("OLD", "NEW"), ("NEW", "OLD")):
            shipment = await shipments.get(session, one)
            assert shipment
            truth = await shipment_details(session, shipment, limits=DEFAULT_STUCK_AFTER, now=T0 + DAY)
            assert truth.waybill_shared_with == [other]


async def test_a_waybill_that_everybody_has_costs_no_more_to_look_up(store: Store) -> None:
    for number in range(40):
        await add(store, f"R{number}")
        await place(store, f"R{number}", "777", now=T0 + number * MINUTE)
    async with store.read() as session:
        assert len((await waybills.find(session, ["777"]))["777"]) == 21
    await deliver(store, naming(webhook("777", 5, T0 + 90 * MINUTE), "R39"), webhook("777", 6, T0 + 91 * MINUTE))
    await apply(store)
    assert await codes(store, "R39") == [5]
    assert [await codes(store, f"R{number}") for number in range(39)] == [[]] * 39
