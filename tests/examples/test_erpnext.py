"""ERPNext's Delivery Notes, and the fields that they get back."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from examples.orders import erpnext
from examples.orders.bridge import ConfigurationError, NotSigned, Update
from examples.orders.parcels import Merchant
from examples.orders.problems import Cancelled, NotToShip, OrderProblem

from tests.examples.checks import accepted
from tests.examples.conftest import SAMPLES, sample


def note(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(sample("erpnext-delivery-notes.json")[0]["data"]), **changes}


def related(doctype: str, **changes: Any) -> dict[str, Any]:
    return {**sample("erpnext-related.json")[doctype], **changes}


def made(merchant: Merchant, bill: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    invoice = related("Sales Invoice") if bill is None else bill
    (found,) = erpnext.payloads(note(**changes), related("Address"), merchant, bill=invoice)
    return accepted(found)


def test_a_delivery_note_with_gst_and_cash_on_delivery(merchant: Merchant) -> None:
    found = made(merchant)
    details = found["shipment_details"]
    assert (details["reference_number"], details["invoice_number"]) == ("MAT-DN-2026-00042", "SINV-26-00031")
    assert len(details["reference_number"]) <= 20
    # The advance of 900 is paid; the alteration is a service (SAC 998821).
    assert (details["order_type"], details["cod_value"], details["invoice_value"]) == ("COD", 5000, 5900)
    assert details["items"] == [
        {
            "sku": "KURTA-CTN",
            "description": "Cotton kurta",
            "quantity": 5,
            "price": 1062,
            "weight": 800,
            "hs_code": "62052000",
        }
    ]
    assert details["weight"] == 5 * 800 + 80
    drop = found["drop_info"]
    assert (drop["drop_name"], drop["drop_organisation"]) == ("Meena Sundaram", "Sundaram Traders")
    assert (drop["drop_address"], drop["drop_state"]) == ("22 Mount Road, Guindy", "Tamil Nadu")
    assert found["gst_info"] == {
        "seller_gstin": "27AAPFU0939F1ZV",
        "is_seller_registered_under_gst": True,
        "place_of_supply": "Tamil Nadu",
        "gst_total_tax": 810,
        "taxable_value": 4500,
        "igst_amount": 810,
        "igst_tax_rate": 18,
        "hsn_code": "62052000",
        "consignee_gstin": "33AAACS1234A1Z5",
        "ewaybill_serial_number": "391000123456",
    }


def test_only_terms_of_cash_on_delivery_are_collected(merchant: Merchant) -> None:
    credit = related("Sales Invoice", payment_terms_template="Net 30")
    assert made(merchant, credit)["shipment_details"]["order_type"] == "PREPAID"
    own = replace(merchant, cod_methods=("Pay at door",))
    assert (
        made(own, related("Sales Invoice", payment_terms_template="Pay at door"))["shipment_details"]["cod_value"]
        == 5000
    )


def test_a_sales_order_says_what_is_paid_in_advance(merchant: Merchant) -> None:
    sales_order = {
        "name": "SAL-ORD-2026-00019",
        "payment_terms_template": "Cash on Delivery",
        "rounded_total": 5900.0,
        "advance_paid": 400.0,
    }
    details = made(merchant, sales_order)["shipment_details"]
    assert (details["cod_value"], details["invoice_number"]) == (5500, "MAT-DN-2026-00042")


def test_a_part_of_a_bill_collects_no_more_than_its_own_value(merchant: Merchant) -> None:
    large = related("Sales Invoice", outstanding_amount=59000.0)
    assert made(merchant, large)["shipment_details"]["cod_value"] == 5900


def test_a_sales_invoice_that_updates_the_stock_is_a_document_too(merchant: Merchant) -> None:
    invoice = note(**related("Sales Invoice"), items=note()["items"])
    (found,) = erpnext.payloads(invoice, related("Address"), merchant)
    assert accepted(found)["shipment_details"]["reference_number"] == "SINV-26-00031"
    assert found["additional"]["user_defined_field_array"][0]["value"] == "Sales Invoice"


def test_without_india_compliance_the_documents_tax_is_spread(merchant: Merchant) -> None:
    plain = note()
    for line in plain["items"]:
        for name in [name for name in line if name.endswith(("_rate", "_amount")) and name[0] in "cis"]:
            del line[name]
        del line["gst_hsn_code"]
    (found,) = erpnext.payloads(plain, related("Address"), replace(merchant, item_grams=merchant.packaging_grams))
    assert [item["price"] for item in found["shipment_details"]["items"]] == [1062, 590]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"docstatus": 0}, "it is a draft"),
        ({"is_return": 1}, "it is a return"),
        ({"items": []}, "it has services only"),
    ],
)
def test_what_is_not_to_be_sent_says_why(changes: dict[str, Any], reason: str, merchant: Merchant) -> None:
    with pytest.raises(NotToShip, match=reason):
        erpnext.payloads(note(**changes), related("Address"), merchant)


def test_a_cancelled_document_is_cancelled(merchant: Merchant) -> None:
    with pytest.raises(Cancelled):
        erpnext.payloads(note(docstatus=2), {}, merchant)


def test_a_wrong_document_names_itself_and_the_field(merchant: Merchant) -> None:
    for changes, problem in (
        (
            {"pincode": "6000"},
            "order MAT-DN-2026-00042: Address Sundaram Traders-Shipping: PIN code must have 6 digits",
        ),
        (
            {"country": "Bhutan"},
            "order MAT-DN-2026-00042: Address Sundaram Traders-Shipping: country is missing or unknown",
        ),
    ):
        with pytest.raises(OrderProblem) as refused:
            erpnext.payloads(note(), related("Address", **changes), merchant)
        assert str(refused.value).startswith(problem)
    heavy = note()
    heavy["items"][0]["weight_uom"] = "Stone"
    with pytest.raises(OrderProblem, match="weight of KURTA-CTN has the unknown unit 'Stone'"):
        erpnext.payloads(heavy, related("Address"), merchant)


def test_an_export_is_in_the_documents_currency(merchant: Merchant) -> None:
    abroad = related("Address", country="United Arab Emirates", state="Dubai", gst_state=None, pincode="", city="Dubai")
    sold = note(currency="AED", contact_mobile="+971 50 123 4567", place_of_supply="96-Other Countries")
    (found,) = erpnext.payloads(sold, abroad, merchant, bill=related("Sales Invoice", payment_terms_template=None))
    accepted(found)
    assert (found["region"], found["shipment_details"]["currency_code"]) == ("world", "AED")
    assert found["drop_info"]["country_code"] == "AE"


def update(**changes: Any) -> Update:
    plain = Update(
        kind="status.changed",
        reference="MAT-DN-2026-00042",
        shop_ids=("Delivery Note", "MAT-DN-2026-00042"),
        waybill="4400000000001",
        courier="Delhivery Surface",
        track_url="https://track.kanda.example/t/1",
        status=5,
        status_name="InTransit",
        at="2026-11-23T08:30:00+00:00",
    )
    return replace(plain, **changes)


def test_waybill_and_status_become_fields_and_old_news_none() -> None:
    values = erpnext.report_values(update(), note())
    assert values == {
        "custom_waybill": "4400000000001",
        "custom_courier": "Delhivery Surface",
        "custom_tracking_url": "https://track.kanda.example/t/1",
        "custom_tracking_status": "InTransit",
        "custom_tracking_status_at": "2026-11-23T08:30:00+00:00",
    }
    assert erpnext.report_values(update(), note(**values)) == {}
    assert erpnext.report_values(update(at="2026-11-22T08:30:00+00:00"), note(**values)) == {}
    assert erpnext.report_values(update(), note(docstatus=2)) == {}


def test_a_cancelled_waybill_is_taken_off_the_document() -> None:
    cancelled = update(kind="shipment.cancelled", status=0)
    assert erpnext.report_values(cancelled, note(custom_waybill="4400000000001"))["custom_waybill"] == ""
    assert erpnext.report_values(cancelled, note(custom_waybill="4400000000009")) == {}


def test_every_field_that_is_written_is_created_to_be_changed_after_submission() -> None:
    fields = erpnext.custom_fields("Delivery Note")
    assert {field["fieldname"] for field in fields} == set(erpnext.report_values(update(), note()))
    assert all(field["allow_on_submit"] == 1 for field in fields)


def test_webhooks_are_read_only_if_frappe_signed_them(merchant: Merchant) -> None:
    shop = erpnext.ErpNext(merchant, webhook_secret="s3")
    with pytest.raises(NotSigned):
        shop.from_webhook({}, b"{}")
    body = json.dumps({"doctype": "Delivery Note", "name": "MAT-DN-2026-00042"}).encode()
    signature = base64.b64encode(hmac.new(b"s3", body, hashlib.sha256).digest()).decode()
    with pytest.raises(ConfigurationError, match="set ERPNEXT_URL"):  # signed: the document is fetched
        shop.from_webhook({"x-frappe-webhook-signature": signature}, body)


def test_files_hold_answers_of_the_api(merchant: Merchant) -> None:
    (found,) = erpnext.ErpNext(merchant).from_file(SAMPLES / "erpnext-delivery-notes.json")
    assert found == note()
