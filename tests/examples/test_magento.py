"""Magento's orders and shipments."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from examples.orders import magento
from examples.orders.bridge import NotSigned, Update
from examples.orders.parcels import Merchant
from examples.orders.problems import Cancelled, NotToShip, OrderProblem

from tests.examples.checks import accepted
from tests.examples.conftest import SAMPLES, sample


def order(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(sample("magento-orders.json")["items"][number]), **changes}


def made(merchant: Merchant, number: int = 0, **changes: Any) -> dict[str, Any]:
    (found,) = magento.payloads(order(number, **changes), merchant)
    return accepted(found)


def shipment(number: int, items: dict[int, int], source: str = "default", **more: Any) -> dict[str, Any]:
    return {
        "entity_id": number,
        "increment_id": f"00000{number}",
        "order_id": 361,
        "items": [{"order_item_id": item, "qty": quantity} for item, quantity in items.items()],
        "tracks": [],
        "extension_attributes": {"source_code": source},
        **more,
    }


def test_cash_on_delivery_of_a_configurable_product_and_a_virtual_one(merchant: Merchant) -> None:
    found = made(merchant)
    details = found["shipment_details"]
    assert [(item["sku"], item["quantity"], item["price"]) for item in details["items"]] == [
        ("BAG-RED", 2, 1188),  # (2400 + 216 tax - 240 discount) / 2, once: its variant is a second line
        ("STRAP", 1, 177),
    ]
    assert details["weight"] == 2 * 600 + 200 + 80
    # The warranty is not in the parcel, but is collected with it.
    assert (details["cod_value"], details["invoice_value"]) == (2887.82, 2887.82)
    assert (found["drop_info"]["drop_state"], found["drop_info"]["drop_organisation"]) == ("Telangana", "Arjun Labs")
    assert found["drop_info"]["drop_address"] == "Plot 21, HITEC City, Madhapur"
    gst = found["gst_info"]
    assert (gst["igst_amount"], gst["igst_tax_rate"], gst["taxable_value"]) == (243, 18, 1350)


def test_amounts_are_in_the_orders_currency(merchant: Merchant) -> None:
    found = made(merchant, 1)
    details = found["shipment_details"]
    assert (details["currency_code"], details["invoice_value"], details["cod_value"]) == ("AED", 140.25, 0)
    assert (found["drop_info"]["postal_code"], found["drop_info"]["phone"]) == ("Sharjah", "65551234")


@pytest.mark.parametrize(
    "region",
    [
        {"region": "Telangana"},
        {"region": {"region_code": "TS", "region": "Telangana", "region_id": 568}},
        {"region_code": "TG"},
    ],
)
def test_the_region_is_a_text_or_an_object(region: dict[str, Any], merchant: Merchant) -> None:
    changed = order()
    address = changed["extension_attributes"]["shipping_assignments"][0]["shipping"]["address"]
    del address["region"], address["region_code"]
    address |= region
    (found,) = magento.payloads(changed, merchant)
    assert found["drop_info"]["drop_state"] == "Telangana"


def test_fields_that_are_null_are_missing_and_the_total_is_due(merchant: Merchant) -> None:
    changed = order()
    del changed["total_due"]
    (found,) = magento.payloads(changed, merchant)
    assert found["shipment_details"]["cod_value"] == 2887.82


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"payment": {"method": "banktransfer"}}, r"its state is new \(payment by banktransfer\)"),
        ({"state": "holded"}, "its state is holded"),
        ({"state": "complete"}, "its state is complete"),
        ({"is_virtual": 1}, "it is virtual"),
        ({"items": []}, "nothing is left to ship"),
    ],
)
def test_what_is_not_to_be_sent_says_why(changes: dict[str, Any], reason: str, merchant: Merchant) -> None:
    with pytest.raises(NotToShip, match=reason) as skipped:
        magento.payloads(order(**changes), merchant)
    assert not isinstance(skipped.value, Cancelled)


@pytest.mark.parametrize("state", ["canceled", "closed"])
def test_a_cancelled_or_refunded_order_is_cancelled(state: str, merchant: Merchant) -> None:
    with pytest.raises(Cancelled):
        magento.payloads(order(state=state), merchant)


def test_what_was_shipped_or_refunded_is_not_sent_and_its_cash_was_collected(merchant: Merchant) -> None:
    changed = order(total_due=1188, total_paid=1699.82)
    changed["items"][0] |= {"qty_shipped": 1}
    changed["items"][2] |= {"qty_refunded": 1}
    (found,) = magento.payloads(changed, merchant)
    details = found["shipment_details"]
    assert [(item["sku"], item["quantity"]) for item in details["items"]] == [("BAG-RED", 1)]
    assert details["cod_value"] == 1188
    assert found["gst_info"]["igst_amount"] == 108


def test_each_shipment_without_a_track_is_a_parcel_from_its_source(merchant: Merchant) -> None:
    places = replace(merchant, pickups={"blr": merchant.pickups["98765432101"]})
    shipments = [
        shipment(501, {653: 1}),
        shipment(502, {653: 1, 655: 1}, "blr"),
        shipment(503, {655: 1}, tracks=[{"track_number": "1"}]),
    ]
    first, second = magento.payloads(order(), places, shipments=shipments)
    assert [accepted(one)["shipment_details"]["reference_number"] for one in (first, second)] == [
        "000000361-501",
        "000000361-502",
    ]
    assert {one["shipment_details"]["order_id"] for one in (first, second)} == {"000000361"}
    assert (first["pickup_info"]["pickup_city"], second["pickup_info"]["pickup_city"]) == ("Mumbai", "Bengaluru")
    assert sum(one["shipment_details"]["cod_value"] for one in (first, second)) == pytest.approx(2887.82)
    assert second["additional"]["user_defined_field_array"][1]["value"] == "502"


def test_a_bundle_may_have_its_price_and_weight_on_its_parts(merchant: Merchant) -> None:
    changed = order()
    bundle, part, other, _ = changed["items"]
    bundle |= {"product_type": "bundle", "row_total": 0, "tax_amount": 0, "discount_amount": 0}
    del bundle["weight"]
    part |= {"row_total": 1000.0, "tax_amount": 180.0, "weight": 0.3}
    other |= {"parent_item_id": 653, "qty_ordered": 2, "row_total": 300.0, "tax_amount": 54.0, "weight": 0.1}
    (found,) = magento.payloads(changed, merchant)
    (item,) = found["shipment_details"]["items"]
    assert (item["price"], item["weight"]) == ((1000 + 180 + 300 + 54) / 2, 400)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"extension_attributes": {}},
            r"order 000000361: extension_attributes.shipping_assignments has no shipping address",
        ),
    ],
)
def test_a_wrong_order_names_itself_and_the_field(change: dict[str, Any], problem: str, merchant: Merchant) -> None:
    with pytest.raises(OrderProblem, match=problem):
        magento.payloads(order(**change), merchant)
    with pytest.raises(OrderProblem, match="order 000000361: weight of BAG-RED has the unknown unit"):
        magento.payloads(order(), replace(merchant, weight_unit="stone"))


def test_files_hold_an_answer_of_the_api_or_one_order(merchant: Merchant, tmp_path: Any) -> None:
    shop = magento.Magento(merchant)
    assert [one["entity_id"] for one in shop.from_file(SAMPLES / "magento-orders.json")] == [361, 362]
    single = tmp_path / "one.json"
    single.write_text('{"increment_id": "000000361"}')
    assert shop.from_file(single) == [{"increment_id": "000000361"}]
    with pytest.raises(NotSigned, match="run poll"):
        shop.from_webhook({}, b"")


def update(**changes: Any) -> Update:
    plain = Update(
        kind="shipment.placed",
        reference="000000361",
        shop_ids=("361",),
        waybill="4400000000001",
        courier="Delhivery Surface",
        track_url="",
        status=0,
        status_name="",
        at="2026-11-23T08:30:00+00:00",
    )
    return replace(plain, **changes)


TRACK = {"track_number": "4400000000001", "title": "Delhivery Surface", "carrier_code": "custom"}


def test_the_first_waybill_ships_the_order_once() -> None:
    assert magento.report_requests(update(), order(), []) == [
        ("POST", "/rest/V1/order/361/ship", {"notify": True, "tracks": [TRACK]})
    ]
    assert magento.report_requests(update(), order(), [shipment(501, {}, tracks=[TRACK])]) == []


def test_a_parcel_of_a_shipment_becomes_its_track() -> None:
    shipments = [shipment(501, {}), shipment(502, {})]
    ((method, path, body),) = magento.report_requests(update(shop_ids=("361", "501")), order(), shipments)
    assert (method, path) == ("POST", "/rest/V1/shipment/track")
    assert (body["entity"]["parent_id"], body["entity"]["order_id"]) == (501, 361)
    assert {**body["entity"], **TRACK} == body["entity"]


def test_a_status_is_a_comment_once_and_keeps_the_orders_status() -> None:
    delivered = update(kind="status.changed", status=8, status_name="Delivered")
    shipped = [shipment(501, {}, tracks=[TRACK])]
    ((_, path, body),) = magento.report_requests(delivered, order(), shipped)
    history = body["statusHistory"]
    assert path == "/rest/V1/orders/361/comments"
    assert (history["status"], history["comment"]) == (
        "pending",
        "4400000000001: Delivered, 2026-11-23T08:30:00+00:00.",
    )
    assert magento.report_requests(delivered, order(status_histories=[history]), shipped) == []
