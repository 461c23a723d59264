"""Orders in every form that ClickPost itself publishes pass intake, on both databases."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from awbridge.clickpost.orders.order_places import delivery_type_of, value_of
from awbridge.clickpost.orders.recipients import recipient
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.notify.notices import Channel
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.orders import intake
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from tests.support import vendor_files
from tests.support.rows import T0
from tests.support.world import SetClock, an_order

REGIONS = {"/api/v3/create-order/": "india", "/api/v4/create-order/": "world"}


def flat_of(order: dict[str, Any]) -> dict[str, Any]:
    return order["pickup_info"] | order["drop_info"] | order["shipment_details"]


@vendor_files.needed
async def test_every_example_of_the_vendor_is_taken_in(store: Store) -> None:
    examples = [e for e in vendor_files.request_examples() if e.operation.path in REGIONS]
    assert {e.operation.path for e in examples} == set(REGIONS)
    for number, example in enumerate(examples):
        order = copy.deepcopy(example.body) | {"region": REGIONS[example.operation.path]}
        (order.get("shipment_details") or order)["reference_number"] = f"R-{number}"
        [taken] = await intake.take_in(store=store, clock=SetClock(), orders=[order])
        shipment = taken.shipment
        assert taken.created, str(example)
        assert shipment.delivery_type == delivery_type_of(example.body)
        assert shipment.account_code == (value_of(example.body, "account_code") or None)
        assert shipment.order_id == (value_of(example.body, "order_id") or None)


async def test_a_return_named_in_additional_is_a_return_to_rules_and_messages(store: Store) -> None:
    await _two_couriers(store)
    order = an_order("R", delivery_type=None, rvp_reason="too small", courier_partner=None, account_code=None)
    order["additional"] |= {"delivery_type": "RVP", "enable_sms": True}
    [taken] = await intake.take_in(store=store, clock=SetClock(), orders=[order])
    assert (taken.shipment.transporter, taken.shipment.delivery_type) == ("back", "RVP")
    assert recipient(taken.shipment, country="IN").is_return


async def test_a_flat_order_without_a_courier_is_allocated_and_its_customer_known(store: Store) -> None:
    await _two_couriers(store)
    flat = flat_of(an_order("R", courier_partner=None, account_code=None)) | {"enable_sms": "yes"}
    [taken] = await intake.take_in(store=store, clock=SetClock(), orders=[flat], allocation=Allocation.RULES)
    assert taken.shipment.transporter == "forth"
    person = recipient(taken.shipment, country="IN")
    assert person.phone is not None
    assert person.consent == {Channel.SMS: True}


async def _two_couriers(store: Store) -> None:
    accounts = [
        CourierAccount(transporter="forth", courier_partner_id=4),
        CourierAccount(transporter="back", courier_partner_id=25),
    ]
    async with store.write() as session:
        await couriers.put(session, accounts, now=T0)
    rules = [
        {"name": "returns", "delivery_type": "RVP", "transporter": "back"},
        {"name": "all", "transporter": "forth"},
    ]
    await courier_steps.put_rules(store=store, clock=SetClock(), rows=rules)


@pytest.mark.parametrize("section", ["additional", "additional_info"])
async def test_a_contradiction_is_refused_with_both_named(store: Store, section: str) -> None:
    order = an_order("R")
    order.pop("additional", None)
    order[section] = {"delivery_type": "RVP", "rvp_reason": "x"}
    with pytest.raises(intake.BatchRefused) as refused:
        await intake.take_in(store=store, clock=SetClock(), orders=[order])
    text = str(refused.value.errors[0])
    assert "shipment_details.delivery_type" in text
    assert f"{section}.delivery_type" in text
