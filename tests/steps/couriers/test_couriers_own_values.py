"""What belongs to one courier account never reaches another: by move, by edit, by replacement, by fallback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from awbridge.domain.orders.outcome import Placed, Rejected
from awbridge.steps.couriers import moving
from awbridge.steps.orders import amend, intake
from awbridge.steps.orders.amend import Edit
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from tests.steps.orders.test_amend import LATER, push
from tests.steps.registration.test_fallback import NO_RETURNS, configured, run
from tests.steps.registration.test_fallback import Vendor as FallbackVendor
from tests.support.rows import T0
from tests.support.world import SetClock, an_order

pytestmark = pytest.mark.heavy

__all__ = ["configured"]  # a fixture

THEIRS = "OF-THE-FIRST"
# Fields whose notes in ClickPost's create-order pages name one courier, or what a courier gave out.
IN_DETAILS = ("vendor_code", "service_type", "booking_id")
IN_ADDITIONAL = (
    *("vendor_code", "service_type", "booking_id", "customer_id_number", "fareye_store_id", "fareye_order_type"),
    *("template_id", "template_category", "exchange_rvp_awb", "pickup_type", "order_creation_url", "multi_modal"),
    *("pickup_vendor_code", "drop_vendor_code", "return_vendor_code", "payor_fedex_account_number"),
)


def marked(*, own_waybill: bool = False) -> dict[str, Any]:
    """An order for the transporter `one` that is full of what belongs to its courier."""
    order = an_order("R", **dict.fromkeys(IN_DETAILS, THEIRS))
    order["additional"] = {**dict.fromkeys(IN_ADDITIONAL, THEIRS), "order_date": "2026-11-02", "priority": "URGENT"}
    order["additional"]["return_info"] = {"vendor_code": THEIRS, "name": "Back"}
    order["courier_custom_fields"] = {"payor_fedex_account_number": THEIRS}
    order["pickup_info"]["vendor_code"] = order["drop_info"]["drop_vendor_code"] = THEIRS
    if own_waybill:
        order["shipment_details"]["awb_number"] = THEIRS
    del order["shipment_details"]["courier_partner"], order["shipment_details"]["account_code"]
    return {**order, "transporter": "one"}


@pytest.fixture
async def taken(store: Store) -> Store:
    """A store with the transporters one, two (another courier) and three (another account of the first)."""
    accounts = [
        CourierAccount(transporter="one", courier_partner_id=4, account_code=f"account {THEIRS}"),
        CourierAccount(transporter="two", courier_partner_id=6),
        CourierAccount(transporter="three", courier_partner_id=4, account_code="three"),
    ]
    async with store.write() as session:
        await couriers.put(session, accounts, now=T0)
    return store


async def store_order(store: Store, **how: Any) -> None:
    await intake.take_in(store=store, clock=SetClock(), orders=[marked(**how)])


async def change(store: Store, **fields: Any) -> None:
    who: dict[str, Any] = {"store": store, "clock": SetClock(LATER), "reference_number": "R"}
    await amend.change(**who, edit=Edit(fields=fields), changed_by="me")


async def move(store: Store, to: str) -> None:
    clock = SetClock(LATER)
    moved = await moving.move_shipments(store=store, clock=clock, from_transporter="one", to_transporter=to)
    assert moved.moved == ["R"]


async def sent(store: Store) -> dict[str, Any]:
    [payload] = (await push(store, Placed(waybill="AWB1"))).payloads
    return payload


def clean(payload: dict[str, Any]) -> None:
    assert THEIRS not in json.dumps(payload)
    assert payload["additional"] == {"order_date": "2026-11-02", "priority": "URGENT", "return_info": {"name": "Back"}}
    assert payload["shipment_details"]["weight"] in (500, 700)


async def test_where_it_stays_everything_goes_out(taken: Store) -> None:
    await store_order(taken, own_waybill=True)
    assert json.dumps(await sent(taken)).count(THEIRS) == len(IN_DETAILS) + len(IN_ADDITIONAL) + 6


@pytest.mark.parametrize("to", ["two", "three"])
async def test_a_move_leaves_it_behind(taken: Store, to: str) -> None:
    await store_order(taken)
    await move(taken, to)
    clean(await sent(taken))


@pytest.mark.parametrize("to", ["two", "three"])
async def test_an_edit_after_a_move_does_not_bring_it_back(taken: Store, to: str) -> None:
    await store_order(taken)
    await move(taken, to)
    await change(taken, weight=700)
    payload = await sent(taken)
    clean(payload)
    assert payload["shipment_details"]["weight"] == 700


@pytest.mark.parametrize(
    "fields",
    [
        {"transporter": "two"},
        {"transporter": "three"},
        {"courier_partner": 6},
        {"account_code": "three"},
        {"courier_partner": 6, "account_code": "six"},
    ],
)
async def test_an_edit_of_transporter_courier_or_account_leaves_it_behind(taken: Store, fields: dict[str, Any]) -> None:
    await store_order(taken, own_waybill=True)
    await push(taken, Rejected(message="no"))
    await change(taken, **fields)
    payload = await sent(taken)
    clean(payload)
    assert "awb_number" not in payload["shipment_details"]
    assert payload["shipment_details"].get("account_code") in (fields.get("account_code"), "three", None)


async def test_what_the_edit_names_itself_is_of_the_new_courier(taken: Store) -> None:
    await store_order(taken)
    own = {"additional.vendor_code": "AT-TWO", "shipment_details.service_type": "S2"}
    await change(taken, transporter="two", **own)
    payload = await sent(taken)
    assert THEIRS not in json.dumps(payload)
    assert (payload["additional"]["vendor_code"], payload["shipment_details"]["service_type"]) == ("AT-TWO", "S2")


@pytest.mark.parametrize("fields", [{"transporter": "two"}, {"courier_partner": 6}, {"account_code": "three"}])
async def test_a_replacement_at_another_courier_leaves_it_behind(taken: Store, fields: dict[str, Any]) -> None:
    await store_order(taken, own_waybill=True)
    await sent(taken)
    who: dict[str, Any] = {"store": taken, "clock": SetClock(LATER), "reference_number": "R"}
    await amend.replace(**who, edit=Edit(fields=fields))
    clean(await sent(taken))


async def test_a_fallback_leaves_it_behind(configured: Store) -> None:
    clock, vendor = SetClock(), FallbackVendor(NO_RETURNS)
    order = {**marked(), "transporter": "first"}
    await intake.take_in(store=configured, clock=clock, orders=[order])
    await run(configured, vendor, clock, minutes=3)
    clean(vendor.orders["R-2"])
