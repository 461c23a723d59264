"""Intake: all or nothing, once, and what is wrong is named by field."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from awbridge.domain.errors import NotFound, NotPossible, PayloadRefused, ReferenceCancelled, ReferenceTaken
from awbridge.domain.orders.shipment import Region, State
from awbridge.steps.orders import intake
from awbridge.steps.orders.intake import BatchRefused
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import NotPlaced
from awbridge.store.tracking import inbox
from tests.support.rows import T0, add, claim_in, count, delivery, place, sql
from tests.support.world import SetClock, an_order, get


async def take_in(store: Store, *orders: Any) -> list[tuple[str, bool]]:
    taken = await intake.take_in(store=store, clock=SetClock(), orders=orders)
    return [(t.shipment.reference_number, t.created) for t in taken]


async def refused(store: Store, *orders: Any) -> dict[int, Any]:
    with pytest.raises(BatchRefused) as error:
        await take_in(store, *orders)
    return error.value.errors


async def map_transporters(store: Store) -> None:
    async with store.write() as session:
        await couriers.put(
            session,
            [
                CourierAccount(transporter="delhi-air", courier_partner_id=25, account_code="air"),
                CourierAccount(transporter="old", courier_partner_id=5, active=False),
            ],
            now=T0,
        )


async def test_an_order_is_stored_ready_to_be_pushed(store: Store) -> None:
    assert await take_in(store, an_order("R")) == [("R", True)]
    shipment = await get(store, "R")
    assert (shipment.state, shipment.next_try_at, shipment.order_id) == (State.READY, T0, "order of R")
    assert (shipment.courier_partner_id, shipment.account_code, shipment.region) == (4, "main", Region.INDIA)
    assert shipment.payload == an_order("R")


async def test_the_same_order_again_is_the_shipment_that_is_there(store: Store) -> None:
    await take_in(store, an_order("R"))
    assert await take_in(store, an_order("R"), an_order("S")) == [("R", False), ("S", True)]
    assert await count(store, "shipments") == 2


async def test_numbers_that_only_look_different_are_the_same_order(store: Store) -> None:
    await take_in(store, an_order("R", invoice_value=500))
    assert await take_in(store, an_order("R", invoice_value=500.0)) == [("R", False)]


async def test_another_order_under_a_taken_reference_is_refused_with_the_fields_that_differ(store: Store) -> None:
    await take_in(store, an_order("R"))
    [error] = (await refused(store, an_order("R", weight=900, invoice_number="INV-2"))).values()
    assert isinstance(error, ReferenceTaken)
    assert error.differences == ["shipment_details.invoice_number", "shipment_details.weight"]
    assert (await get(store, "R")).payload["shipment_details"]["weight"] == 500


@pytest.mark.parametrize(
    "bad",
    [
        an_order("BAD", invoice_date="02/11/2026"),
        an_order("TAKEN", weight=1),
        "not an object",
        an_order("NEW-1", weight=2),
    ],
    ids=["a wrong field", "a taken reference", "no object", "a reference twice in the batch, two payloads"],
)
async def test_a_batch_with_one_bad_order_stores_nothing(store: Store, bad: Any) -> None:
    await take_in(store, an_order("TAKEN"))
    errors = await refused(store, an_order("NEW-1"), bad, an_order("NEW-2"))
    assert list(errors) == [1]
    assert await count(store, "shipments") == 1


async def test_every_bad_order_of_a_batch_is_named_with_every_wrong_field(store: Store) -> None:
    errors = await refused(store, an_order("A", weight=-1, order_type="GIFT"), an_order("B"), None)
    assert sorted(errors) == [0, 2]
    assert {p.path for p in errors[0].problems} >= {"shipment_details.weight", "shipment_details.order_type"}
    assert isinstance(errors[2], PayloadRefused)


async def test_one_order_twice_in_a_batch_is_one_shipment(store: Store) -> None:
    taken = await take_in(store, an_order("R"), an_order("R"))
    assert sorted(taken, key=str) == [("R", False), ("R", True)]
    assert await count(store, "shipments") == 1


async def test_callers_with_the_same_orders_at_once_store_each_once(store: Store) -> None:
    orders = [an_order(f"R{n}") for n in range(10)]
    results = await asyncio.gather(take_in(store, *orders), take_in(store, *reversed(orders)))
    assert sum(created for result in results for _, created in result) == 10
    assert await count(store, "shipments") == 10


async def test_a_transporter_sets_courier_and_account(store: Store) -> None:
    await map_transporters(store)
    order = an_order("R")
    del order["shipment_details"]["courier_partner"], order["shipment_details"]["account_code"]
    await take_in(store, {**order, "transporter": "delhi-air"})
    shipment = await get(store, "R")
    assert (shipment.transporter, shipment.courier_partner_id, shipment.account_code) == ("delhi-air", 25, "air")
    assert shipment.payload["shipment_details"]["courier_partner"] == 25
    assert shipment.payload["shipment_details"]["account_code"] == "air"
    assert "transporter" not in shipment.payload


@pytest.mark.parametrize(
    ("transporter", "problem"),
    [
        ("nobody", "'nobody' is not known. Known: delhi-air, old"),
        ("old", "'old' is switched off"),
        (7, "7 is not known"),
    ],
)
async def test_a_transporter_that_cannot_be_used_is_named(store: Store, transporter: Any, problem: str) -> None:
    await map_transporters(store)
    [error] = (await refused(store, {**an_order("R"), "transporter": transporter})).values()
    assert [p.path for p in error.problems] == ["transporter"]
    assert problem in error.problems[0].problem


@pytest.mark.parametrize("region", ["mars", None, ["india"], {}])
async def test_a_region_that_does_not_exist_is_refused(store: Store, region: Any) -> None:
    [error] = (await refused(store, {**an_order("R"), "region": region})).values()
    assert error.problems[0].path == "region"


async def test_the_same_payload_for_another_region_is_another_order(store: Store) -> None:
    def abroad() -> dict[str, Any]:
        order = an_order("R")
        for side in ("pickup", "drop"):
            place = {"name": "A", "address": "B", "city": "C", "phone": "1", "country_code": "AE"}
            order[f"{side}_info"] |= place
        return order

    await take_in(store, abroad())
    [error] = (await refused(store, {**abroad(), "region": "world"})).values()
    assert error.differences == ["region"]


async def test_storing_an_order_wakes_the_deliveries_that_came_before_it(store: Store) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery("early")])
        [early] = await inbox.claim(session, now=T0, limit=1)
        await inbox.wait(session, early, key="r:R", until=T0.replace(year=2030))
    await take_in(store, an_order("R"))
    async with store.write() as session:
        assert len(await inbox.claim(session, now=T0, limit=1)) == 1


async def change(store: Store, reference: str, order: Any) -> None:
    await intake.change_payload(
        store=store, clock=SetClock(), reference_number=reference, order=order, changed_by="test"
    )


async def test_a_payload_is_replaced_and_pushed_again(store: Store) -> None:
    await take_in(store, an_order("R"))
    await change(store, "R", an_order("R", weight=900))
    after = await get(store, "R")
    assert (after.payload["shipment_details"]["weight"], after.state) == (900, State.READY)


async def test_a_payload_keeps_its_reference_number(store: Store) -> None:
    await take_in(store, an_order("R"))
    with pytest.raises(PayloadRefused, match="must stay R"):
        await change(store, "R", an_order("S"))


async def test_the_payload_of_a_placed_shipment_stays(store: Store) -> None:
    await take_in(store, an_order("R"))
    await place(store, "R", "AWB1")
    with pytest.raises(NotPossible, match="R is placed"):
        await change(store, "R", an_order("R", weight=900))


async def test_unknown_things_are_404(store: Store) -> None:
    with pytest.raises(NotFound, match="there is no shipment X"):
        await change(store, "X", an_order("X"))
    for act in (intake.retry, intake.cancel):
        with pytest.raises(NotFound, match="there is no shipment X"):
            await act(store=store, clock=SetClock(), reference_number="X")


async def test_there_is_nothing_to_retry_on_a_shipment_that_is_ready(store: Store) -> None:
    await add(store, "R")
    with pytest.raises(NotPossible, match="R is ready"):
        await intake.retry(store=store, clock=SetClock(), reference_number="R")


async def test_cancelling_twice_changes_nothing(store: Store) -> None:
    await add(store, "R")
    first = await intake.cancel(store=store, clock=SetClock(), reference_number="R")
    clock = SetClock()
    clock.forward(hours=1)
    second = await intake.cancel(store=store, clock=clock, reference_number="R")
    assert first.state is second.state is State.CANCELLED
    assert (second.cancel_requested_at, second.updated_at) == (first.cancel_requested_at, first.updated_at)


async def test_a_new_payload_after_a_rejection_counts_from_the_beginning(store: Store) -> None:
    await take_in(store, an_order("R"))
    async with store.write() as session:
        await claim_in(session, owner="w", until=T0)
        decided = NotPlaced(state=State.REJECTED, no_of_retries=3, problem="bad", next_try_at=None)
        await dispatch.not_placed(session, [("R", "w", decided)], now=T0)
    await change(store, "R", an_order("R", weight=1))
    after = await get(store, "R")
    assert (after.state, after.no_of_retries, after.problem, after.next_try_at) == (State.READY, 0, None, T0)


@pytest.mark.parametrize("ended", [True, False])
async def test_an_order_sent_again_after_its_cancellation_is_refused(store: Store, ended: bool) -> None:
    clock = SetClock()
    await intake.take_in(store=store, clock=clock, orders=[an_order("R")])
    if not ended:
        await place(store, "R", "AWB1")
    await intake.cancel(store=store, clock=clock, reference_number="R")
    [error] = (await refused(store, an_order("NEW"), an_order("R"))).values()
    assert isinstance(error, ReferenceCancelled)
    assert "cancelled" in str(error)
    assert "awbridge shipments replace R" in str(error)
    assert await count(store, "shipments") == 1, "nothing of the batch was stored"


async def test_an_order_whose_shipment_was_replaced_or_could_not_be_cancelled_is_known(store: Store) -> None:
    clock = SetClock()
    await intake.take_in(store=store, clock=clock, orders=[an_order("A"), an_order("B")])
    async with store.write() as session:
        await session.execute(
            sql(
                "UPDATE shipments SET state = 'cancelled', cancel_requested_at = $1, replaced_by = 'X' "
                "WHERE reference_number = 'A'"
            ),
            T0,
        )
        await session.execute(
            sql(
                "UPDATE shipments SET state = 'placed', cancel_requested_at = $1, cancel_state = 'overtaken' "
                "WHERE reference_number = 'B'"
            ),
            T0,
        )
    taken = await intake.take_in(store=store, clock=clock, orders=[an_order("A"), an_order("B")])
    assert [t.created for t in taken] == [False, False]
