"""Shopify's orders and fulfillments."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from examples.orders import shopify
from examples.orders.bridge import NotSigned, Update
from examples.orders.parcels import Merchant
from examples.orders.problems import Cancelled, NotToShip, OrderProblem
from examples.orders.shopify_csv import orders_in_csv
from examples.orders.shopify_tracking import (
    ADD_EVENT,
    CANCEL_FULFILLMENT,
    CREATE_FULFILLMENT,
    UPDATE_TRACKING,
    cancel_request,
    event_request,
    tracking_request,
)

from tests.examples.checks import accepted
from tests.examples.conftest import SAMPLES, sample

Change = Callable[[dict[str, Any]], Any]


def order(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(sample("shopify-orders.json")["orders"][number]), **changes}


def test_cash_on_delivery_with_a_discount_a_refunded_piece_and_a_gift_card(merchant: Merchant) -> None:
    (made,) = shopify.payloads(order(), merchant)
    details = accepted(made)["shipment_details"]
    assert (details["reference_number"], details["order_id"]) == ("1001", "1001")
    # 1299.00 less 10 %; the courier also collects freight and the gift card, which goes by mail.
    assert details["items"] == [
        {"sku": "SHIRT-M-BLUE", "description": "Cotton shirt - M / Blue", "quantity": 1, "price": 1169.1, "weight": 300}
    ]
    assert (details["order_type"], details["cod_value"], details["invoice_value"]) == ("COD", 1718.1, 1718.1)
    assert details["weight"] == 300 + 80
    assert made["drop_info"]["drop_address"] == "Flat 4B, Lake View Apartments, 5 Lake View Road"
    assert made["drop_info"]["drop_phone"] == "9845012345"
    gst = made["gst_info"]
    assert (gst["igst_amount"], gst["igst_tax_rate"], gst["taxable_value"]) == (55.67, 5, 1113.4)
    assert made["additional"]["user_defined_field_array"][0]["value"] == "6200407294252"


def test_an_order_in_another_currency_is_in_the_customers(merchant: Merchant) -> None:
    (made,) = shopify.payloads(order(1), merchant)
    details = accepted(made)["shipment_details"]
    assert made["region"] == "world"
    assert (details["currency_code"], details["invoice_value"], details["items"][0]["price"]) == ("AED", 245, 195)
    assert (details["order_type"], details["cod_value"]) == ("PREPAID", 0)
    drop = made["drop_info"]
    assert (drop["phone"], drop["phone_code"], drop["postal_code"]) == ("501234567", "+971", "Dubai")
    assert (drop["name"], drop["organisation"]) == ("Fatima Al Mansoori", "Mansoori Trading LLC")


def test_cash_in_another_currency_is_converted_at_the_orders_own_rate(merchant: Merchant) -> None:
    changed = order(
        1, financial_status="pending", total_outstanding="5653.85", payment_gateway_names=["Cash on Delivery (COD)"]
    )
    (made,) = shopify.payloads(changed, merchant)
    assert made["shipment_details"]["cod_value"] == 245


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"financial_status": "pending", "payment_gateway_names": ["Bank Deposit"]}, "awaits payment"),
        ({"financial_status": "partially_paid", "payment_gateway_names": ["UPI"]}, "awaits payment"),
        ({"financial_status": "expired"}, "its payment is expired"),
        ({"test": True}, "test order"),
    ],
)
def test_an_order_that_is_not_paid_is_not_sent(changes: dict[str, Any], reason: str, merchant: Merchant) -> None:
    with pytest.raises(NotToShip, match=reason) as skipped:
        shopify.payloads(order(**changes), merchant)
    assert not isinstance(skipped.value, Cancelled)


@pytest.mark.parametrize("changes", [{"cancelled_at": "2026-11-20T12:30:00+05:30"}, {"financial_status": "refunded"}])
def test_a_cancelled_or_refunded_order_is_cancelled(changes: dict[str, Any], merchant: Merchant) -> None:
    with pytest.raises(Cancelled) as cancelled:
        shopify.payloads(order(**changes), merchant)
    assert cancelled.value.order == "1001"


def test_a_deposit_leaves_the_rest_to_the_courier(merchant: Merchant) -> None:
    changed = order(financial_status="partially_paid", total_outstanding="718.10")
    (made,) = shopify.payloads(changed, merchant)
    assert made["shipment_details"]["cod_value"] == 718.1


def test_what_is_fulfilled_is_not_sent_again(merchant: Merchant) -> None:
    changed = order()
    for line in changed["line_items"]:
        line["fulfillable_quantity"] = 0
    with pytest.raises(NotToShip, match="fulfilled, refunded or digital"):
        shopify.payloads(changed, merchant)


def test_tax_on_top_of_prices_is_part_of_what_the_customer_pays(merchant: Merchant) -> None:
    changed = order(taxes_included=False)
    changed["shipping_lines"][0]["tax_lines"] = [{"title": "IGST", "rate": 0.18, "price": "8.82"}]
    (made,) = shopify.payloads(changed, merchant)
    assert made["shipment_details"]["items"][0]["price"] == 1169.1 + 55.67
    changed["financial_status"] = "paid"
    (made,) = shopify.payloads(changed, merchant)
    assert made["shipment_details"]["invoice_value"] == round(1169.1 + 55.67 + 49 + 8.82, 2)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda o: o.update(shipping_address=None), "order 1001: shipping_address is missing"),
        (lambda o: o["shipping_address"].update(zip="5600"), "order 1001: shipping_address: PIN code"),
        (lambda o: o["shipping_address"].update(phone=None), "order 1001: shipping_address: phone is missing"),
        (lambda o: o["line_items"][0].update(grams=0), "order 1001: weight of SHIRT-M-BLUE is missing"),
    ],
)
def test_a_wrong_order_names_itself_and_the_field(change: Change, problem: str, merchant: Merchant) -> None:
    changed = order()
    changed["billing_address"] = None
    change(changed)
    with pytest.raises(OrderProblem) as refused:
        shopify.payloads(changed, merchant)
    assert str(refused.value).startswith(problem)


def boxes(**status: str) -> list[dict[str, Any]]:
    """Two fulfillment orders: the second was split off the first, and is at another location."""
    return [
        {
            "id": f"gid://shopify/FulfillmentOrder/70012003004{number:02}",
            "status": status.get(f"status{number}", "OPEN"),
            "assignedLocation": {"location": {"id": f"gid://shopify/Location/987654321{number:02}"}},
            "lineItems": {
                "nodes": [
                    {"remainingQuantity": 1, "totalQuantity": 1, "lineItem": {"id": f"gid://shopify/LineItem/{line}"}}
                ]
            },
        }
        for number, line in ((0, 15770110001), (1, 15770110004))
    ]


def split_order() -> dict[str, Any]:
    changed = order(total_outstanding="2000.00", current_total_price="2000.00", current_total_price_set=None)
    changed["line_items"].append(
        {
            **changed["line_items"][0],
            "id": 15770110004,
            "sku": "BELT",
            "price": "830.90",
            "price_set": None,
            "quantity": 1,
            "current_quantity": 1,
            "discount_allocations": [],
            "tax_lines": [],
        }
    )
    return changed


def test_each_open_fulfillment_order_is_a_parcel_from_its_location(merchant: Merchant) -> None:
    first, second = shopify.payloads(split_order(), merchant, fulfillment_orders=boxes())
    assert accepted(first)["shipment_details"]["reference_number"] == "1001"
    assert accepted(second)["shipment_details"]["reference_number"] == "1001-7001200300401"
    assert len(second["shipment_details"]["reference_number"]) <= 20
    assert first["pickup_info"]["pickup_city"] == "Mumbai"
    assert second["pickup_info"]["pickup_city"] == "Bengaluru"
    values = [one["shipment_details"]["cod_value"] for one in (first, second)]
    assert sum(values) == 2000
    assert values[0] == pytest.approx(2000 * 1169.1 / 2000, abs=0.01)
    assert second["additional"]["user_defined_field_array"][1]["value"] == "7001200300401"


def test_a_fulfilled_parcel_keeps_its_share_of_the_cash(merchant: Merchant) -> None:
    first, second = shopify.payloads(split_order(), merchant, fulfillment_orders=boxes())
    (rest,) = shopify.payloads(split_order(), merchant, fulfillment_orders=boxes(status0="CLOSED"))
    assert rest == second
    (held,) = shopify.payloads(split_order(), merchant, fulfillment_orders=boxes(status1="ON_HOLD"))
    assert held["shipment_details"]["reference_number"] == first["shipment_details"]["reference_number"]


def test_the_rest_of_a_paid_deposit_is_collected_with_what_is_still_to_be_sent(merchant: Merchant) -> None:
    changed = {**split_order(), "financial_status": "partially_paid", "total_outstanding": "500.00"}
    (rest,) = shopify.payloads(changed, merchant, fulfillment_orders=boxes(status0="CLOSED"))
    assert rest["shipment_details"]["cod_value"] == 500


def test_a_gift_card_in_a_box_is_sent_and_the_phone_may_be_the_billing_addresss(merchant: Merchant) -> None:
    changed = order()
    changed["line_items"][1] |= {"requires_shipping": True, "grams": 20, "sku": "CARD"}
    changed["shipping_address"]["phone"] = None
    changed["billing_address"] = {"phone": "080 2222 3333"}
    (made,) = shopify.payloads(changed, merchant)
    assert [item["sku"] for item in accepted(made)["shipment_details"]["items"]] == ["SHIRT-M-BLUE", "CARD"]
    assert made["drop_info"]["drop_phone"] == "8022223333"


def test_the_export_has_several_rows_an_order(merchant: Merchant) -> None:
    first, second = orders_in_csv((SAMPLES / "shopify-orders.csv").read_text("utf-8"))
    assert first["shipping_address"]["zip"] == "411038"
    with pytest.raises(OrderProblem, match="item_grams"):  # the export has no weights
        shopify.payloads(first, merchant)
    weighed = replace(merchant, item_grams=merchant.packaging_grams)
    (made,) = shopify.payloads(first, weighed)
    details = accepted(made)["shipment_details"]
    assert [(item["sku"], item["quantity"]) for item in details["items"]] == [("SHIRT-M-BLUE", 1), ("SOCKS-2", 2)]
    assert (details["cod_value"], details["invoice_value"]) == (2497, 2497)
    assert (made["drop_info"]["drop_pincode"], made["drop_info"]["drop_state"]) == ("411038", "Maharashtra")
    assert made["drop_info"]["drop_address"] == "12 Karve Road, Kothrud"
    gst = made["gst_info"]
    assert (gst["cgst_amount"], gst["sgst_amount"], gst["cgst_tax_rate"], gst["gst_total_tax"]) == (
        59.45,
        59.45,
        2.5,
        118.9,
    )
    (made,) = shopify.payloads(second, weighed)
    assert accepted(made)["shipment_details"]["order_type"] == "PREPAID"
    assert made["shipment_details"]["invoice_value"] == 1348


def test_another_file_is_refused_with_the_missing_columns() -> None:
    with pytest.raises(ValueError, match=r"it has no column Financial Status, Lineitem quantity"):
        list(orders_in_csv("Name,Shipping Name\n#1,A\n"))


def update(**changes: Any) -> Update:
    plain = Update(
        kind="status.changed",
        reference="1001",
        shop_ids=("6200407294252",),
        waybill="4400000000001",
        courier="Delhivery Surface",
        track_url="https://track.kanda.example/t/1",
        status=6,
        status_name="OutForDelivery",
        at="2026-11-23T08:30:00+00:00",
    )
    return replace(plain, **changes)


def fulfilled(number: str = "4400000000001", **changes: Any) -> dict[str, Any]:
    one = {
        "id": "gid://shopify/Fulfillment/5",
        "status": "SUCCESS",
        "trackingInfo": [{"number": number}],
        "events": {"nodes": []},
        "fulfillmentOrders": {"nodes": [{"id": "gid://shopify/FulfillmentOrder/7001200300400"}]},
    }
    return {"fulfillmentOrders": {"nodes": boxes(status0="CLOSED")}, "fulfillments": [{**one, **changes}]}


def test_a_waybill_fulfils_what_is_open() -> None:
    query, variables = tracking_request(update(), {"fulfillmentOrders": {"nodes": boxes()}, "fulfillments": []}) or (
        "",
        {},
    )
    assert query == CREATE_FULFILLMENT
    fulfillment = variables["fulfillment"]
    assert [one["fulfillmentOrderId"] for one in fulfillment["lineItemsByFulfillmentOrder"]] == [
        one["id"] for one in boxes()
    ]
    assert fulfillment["trackingInfo"] == {
        "number": "4400000000001",
        "company": "Delhivery Surface",
        "url": "https://track.kanda.example/t/1",
    }


def test_a_parcel_of_several_fulfils_its_own_fulfillment_order() -> None:
    mine = update(shop_ids=("6200407294252", "7001200300401"), waybill="44002", track_url="")
    query, variables = tracking_request(mine, fulfilled()) or ("", {})
    assert query == CREATE_FULFILLMENT
    assert [one["fulfillmentOrderId"] for one in variables["fulfillment"]["lineItemsByFulfillmentOrder"]] == [
        "gid://shopify/FulfillmentOrder/7001200300401"
    ]
    assert variables["fulfillment"]["trackingInfo"] == {"number": "44002", "company": "Delhivery Surface"}


def test_a_parcel_leaves_the_other_fulfillment_orders_open() -> None:
    mine = update(shop_ids=("6200407294252", "7001200300401"))
    _, variables = tracking_request(mine, {"fulfillmentOrders": {"nodes": boxes()}, "fulfillments": []}) or ("", {})
    assert len(variables["fulfillment"]["lineItemsByFulfillmentOrder"]) == 1


def test_after_a_cancelled_fulfillment_another_is_created() -> None:
    again = {**fulfilled(status="CANCELLED"), "fulfillmentOrders": {"nodes": boxes()}}
    query, _ = tracking_request(update(waybill="4400000000009"), again) or ("", {})
    assert query == CREATE_FULFILLMENT


def test_a_waybill_is_brought_once_and_a_new_one_replaces_it() -> None:
    assert tracking_request(update(), fulfilled()) is None
    query, variables = tracking_request(update(waybill="4400000000009"), fulfilled()) or ("", {})
    assert (query, variables["id"]) == (UPDATE_TRACKING, "gid://shopify/Fulfillment/5")
    assert variables["tracking"]["number"] == "4400000000009"


def test_a_status_is_an_event_once() -> None:
    query, variables = event_request(update(), fulfilled()) or ("", {})
    assert query == ADD_EVENT
    assert variables["event"] == {
        "fulfillmentId": "gid://shopify/Fulfillment/5",
        "status": "OUT_FOR_DELIVERY",
        "happenedAt": "2026-11-23T08:30:00+00:00",
    }
    known = fulfilled(events={"nodes": [{"status": "OUT_FOR_DELIVERY", "happenedAt": "2026-11-23T08:30:00Z"}]})
    assert event_request(update(), known) is None


@pytest.mark.parametrize("code", [0, 1, 12, 14, 1004])
def test_statuses_that_shopify_does_not_have_are_not_reported(code: int) -> None:
    assert event_request(update(status=code), fulfilled()) is None


def test_a_cancelled_parcel_takes_its_fulfillment_back_once() -> None:
    assert cancel_request(update(), fulfilled()) == (CANCEL_FULFILLMENT, {"id": "gid://shopify/Fulfillment/5"})
    assert cancel_request(update(), fulfilled(status="CANCELLED")) is None
    assert cancel_request(update(waybill="other"), fulfilled()) is None


def test_webhooks_are_read_only_if_shopify_signed_them(merchant: Merchant) -> None:
    body = json.dumps(order()).encode()
    signature = base64.b64encode(hmac.new(b"the secret", body, hashlib.sha256).digest()).decode()
    shop = shopify.Shopify(merchant, client_secret="the secret")
    headers = {"x-shopify-hmac-sha256": signature, "x-shopify-topic": "orders/paid"}
    assert shop.from_webhook(headers, body) == [order()]
    assert shop.from_webhook({**headers, "x-shopify-topic": "products/update"}, body) == []
    for wrong, sent in (({}, body), (headers, body + b" "), ({**headers, "x-shopify-hmac-sha256": "é"}, body)):
        with pytest.raises(NotSigned):
            shop.from_webhook(wrong, sent)
    unsigned = base64.b64encode(hmac.new(b"", body, hashlib.sha256).digest()).decode()
    with pytest.raises(NotSigned):  # without a secret, nothing is trusted
        shopify.Shopify(merchant).from_webhook({**headers, "x-shopify-hmac-sha256": unsigned}, body)
