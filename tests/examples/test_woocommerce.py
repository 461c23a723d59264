"""WooCommerce's orders, and what they get back."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from examples.orders import woocommerce
from examples.orders.bridge import NotSigned, Update
from examples.orders.parcels import Merchant
from examples.orders.problems import Cancelled, NotToShip, OrderProblem

from tests.examples.checks import accepted
from tests.examples.conftest import sample

PRODUCTS = {product["id"]: product for product in sample("woocommerce-products.json")}
REFUNDS = sample("woocommerce-refunds.json")


def order(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(sample("woocommerce-orders.json")[number]), **changes}


def made(merchant: Merchant, **changes: Any) -> dict[str, Any]:
    (found,) = woocommerce.payloads(order(**changes), merchant, products=PRODUCTS)
    return accepted(found)


def test_cash_on_delivery_with_a_coupon_a_fee_and_a_download(merchant: Merchant) -> None:
    found = made(merchant)
    details = found["shipment_details"]
    assert (details["order_type"], details["cod_value"], details["invoice_value"]) == ("COD", 1141.46, 1141.46)
    assert details["items"] == [
        {
            "sku": "KURTA-L-INDIGO",
            "description": "Kurta - L, Indigo",
            "quantity": 2,
            "price": 524.48,  # (999.00 + 49.96) / 2: after the coupon, with tax
            "weight": 350,
            "hs_code": "62052000",
        }
    ]
    assert details["weight"] == 2 * 350 + 80
    gst = found["gst_info"]
    assert (gst["cgst_amount"], gst["sgst_amount"], gst["cgst_tax_rate"], gst["taxable_value"]) == (
        24.98,
        24.98,
        2.5,
        999,
    )
    assert gst["hsn_code"] == "62052000"


def test_an_empty_shipping_address_is_the_billing_address(merchant: Merchant) -> None:
    drop = made(merchant)["drop_info"]
    assert (drop["drop_name"], drop["drop_state"], drop["drop_pincode"]) == ("Imran Shaikh", "Maharashtra", "411001")
    assert (drop["drop_address"], drop["drop_phone"]) == ("Plot 9, MG Road", "9822012345")
    only_country = {**order()["shipping"], "country": "IN", "state": "MH"}
    assert made(merchant, shipping=only_country)["drop_info"] == drop


def test_a_gift_goes_to_its_own_address_and_phone_without_the_refunded_piece(merchant: Merchant) -> None:
    (found,) = woocommerce.payloads(order(1), merchant, products=PRODUCTS, refunds=REFUNDS)
    accepted(found)
    assert (found["drop_info"]["drop_name"], found["drop_info"]["drop_phone"]) == ("Tapan Das", "9830012345")
    details = found["shipment_details"]
    assert (details["items"][0]["quantity"], details["invoice_value"], details["cod_value"]) == (2, 1165.5, 0)
    assert found["gst_info"]["igst_amount"] == 55.5


def test_refunds_lower_what_the_courier_collects(merchant: Merchant) -> None:
    assert made(merchant, refunds=[{"id": 1, "total": "-141.46"}])["shipment_details"]["cod_value"] == 1000


def test_cash_that_was_paid_meanwhile_is_prepaid(merchant: Merchant) -> None:
    details = made(merchant, date_paid="2026-11-22T19:03:10")["shipment_details"]
    assert (details["order_type"], details["invoice_value"]) == ("PREPAID", 1141.46)  # with freight and the fee


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "on-hold"}, "its status is on-hold"),
        ({"status": "pending"}, "its status is pending"),
        ({"status": "completed"}, "its status is completed"),
        ({"status": "checkout-draft"}, "its status is checkout-draft"),
        ({"shipping_lines": [{"method_id": "pickup_location"}]}, "the customer collects it"),
        ({"line_items": []}, "refunded or digital"),
    ],
)
def test_what_is_not_to_be_sent_says_why(changes: dict[str, Any], reason: str, merchant: Merchant) -> None:
    with pytest.raises(NotToShip, match=reason) as skipped:
        woocommerce.payloads(order(**changes), merchant, products=PRODUCTS)
    assert not isinstance(skipped.value, Cancelled)


@pytest.mark.parametrize(
    "gone", [order(status="cancelled"), order(status="refunded"), order(status="trash"), {"id": 4711}]
)
def test_a_cancelled_or_deleted_order_is_cancelled(gone: dict[str, Any], merchant: Merchant) -> None:
    with pytest.raises(Cancelled) as cancelled:
        woocommerce.payloads(gone, merchant)
    assert cancelled.value.order == "4711"


def test_weights_and_sizes_are_in_the_stores_units(merchant: Merchant) -> None:
    in_pounds = replace(merchant, weight_unit="lbs", length_unit="in")
    single = order()
    single["line_items"][0]["quantity"] = 1
    (found,) = woocommerce.payloads(single, in_pounds, products=PRODUCTS)
    details = found["shipment_details"]
    assert details["items"][0]["weight"] == 158.76
    assert (details["length"], details["breadth"], details["height"]) == (71.12, 55.88, 10.16)
    with pytest.raises(
        OrderProblem, match=r"order 4711: weight or size of KURTA-L-INDIGO has the unknown unit 'stone'"
    ):
        woocommerce.payloads(order(), replace(merchant, weight_unit="stone"), products=PRODUCTS)


def test_without_products_the_merchants_weight_counts(merchant: Merchant) -> None:
    with pytest.raises(OrderProblem, match="order 4711: weight of KURTA-L-INDIGO is missing"):
        woocommerce.payloads(order(), merchant)


def update(**changes: Any) -> Update:
    plain = Update(
        kind="status.changed",
        reference="4711",
        shop_ids=("4711",),
        waybill="4400000000001",
        courier="Delhivery Surface",
        track_url="https://track.kanda.example/t/1",
        status=5,
        status_name="InTransit",
        at="2026-11-23T08:30:00+00:00",
    )
    return replace(plain, **changes)


def known(**values: str) -> dict[str, Any]:
    meta = {woocommerce.NUMBER: "4400000000001", **values}
    return order(
        meta_data=[{"id": number, "key": key, "value": value} for number, (key, value) in enumerate(meta.items())]
    )


def test_a_waybill_is_a_note_to_the_customer_and_metadata() -> None:
    (note, change) = woocommerce.report_requests(update(kind="shipment.placed", status=0), order())
    assert note == (
        "POST",
        "/wp-json/wc/v3/orders/4711/notes",
        {
            "note": "Sent with Delhivery Surface, waybill 4400000000001. https://track.kanda.example/t/1",
            "customer_note": True,
        },
    )
    assert change[:2] == ("PUT", "/wp-json/wc/v3/orders/4711")
    assert {"key": "_tracking_number", "value": "4400000000001"} in change[2]["meta_data"]
    assert woocommerce.report_requests(update(kind="shipment.placed", status=0), known()) == []


def test_a_status_that_comes_late_changes_nothing() -> None:
    newer = known(**{woocommerce.STATUS: "Delivered", woocommerce.STATUS_AT: "2026-11-23T09:00:00+00:00"})
    assert woocommerce.report_requests(update(), newer) == []


def test_delivery_completes_the_order_and_failures_are_noted() -> None:
    ((_, _, body),) = woocommerce.report_requests(update(status=8, status_name="Delivered"), known())
    assert body["status"] == "completed"
    ((_, path, note), _) = woocommerce.report_requests(update(status=9, status_name="FailedDelivery"), known())
    assert (path.endswith("/notes"), note) == (True, {"note": "Waybill 4400000000001: FailedDelivery."})


def test_a_cancelled_waybill_is_taken_off_the_order() -> None:
    cancelled = update(kind="shipment.cancelled", status=0)
    _, (_, _, body) = woocommerce.report_requests(cancelled, known())
    assert {"key": "_tracking_number", "value": ""} in body["meta_data"]
    assert woocommerce.report_requests(cancelled, order()) == []


def test_webhooks_are_read_only_if_signed_but_the_ping_is_answered(merchant: Merchant) -> None:
    shop = woocommerce.WooCommerce(merchant, webhook_secret="s3")
    body = json.dumps(order()).encode()
    signature = base64.b64encode(hmac.new(b"s3", body, hashlib.sha256).digest()).decode()
    headers = {"x-wc-webhook-signature": signature, "x-wc-webhook-topic": "order.updated"}
    assert shop.from_webhook(headers, body) == [order()]
    assert shop.from_webhook({}, b"webhook_id=12") == []
    with pytest.raises(NotSigned):
        shop.from_webhook({"x-wc-webhook-topic": "order.updated"}, body)
