"""Places, phones, weights and taxes of any shop."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from examples.orders.fields import centimetres_of, grams_of, number, objects_in, shares
from examples.orders.parcels import Item, Merchant, Parcel, payload, shop_ids
from examples.orders.places import Place, address_line, delivery_place, phone_in, state_name
from examples.orders.problems import OrderProblem
from examples.orders.taxes import GST_STATES, Tax, gst_info, kind_of

from awbridge.domain.notify.phones import national_digits
from tests.examples.checks import accepted

ADDRESS: dict[str, Any] = {
    "name": "Asha Rao",
    "lines": ("5 Lake View",),
    "city": "Bengaluru",
    "state": "Karnataka",
    "postal_code": "560001",
    "country": "IN",
    "phones": ("9845012345",),
}


def parcel(**changes: Any) -> Parcel:
    item = Item(sku="A", name="A thing", quantity=1, total=Decimal("100.00"), grams=Decimal(250))
    plain = Parcel(
        reference="1",
        order="1",
        shop_ids=("77",),
        channel="Test",
        to=delivery_place("1", "address", **ADDRESS),
        items=(item,),
        invoice_number="1",
        invoice_date=date(2026, 11, 20),
        value=Decimal(100),
    )
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("written", "country", "digits", "code"),
    [
        ("98450 12345", "IN", "9845012345", "+91"),
        ("+91-98450-12345", "IN", "9845012345", "+91"),
        ("09845012345", "IN", "9845012345", "+91"),
        ("00919845012345", "IN", "9845012345", "+91"),
        ("9845012345 / 080-22223333", "IN", "9845012345", "+91"),
        ("12, 9845012345", "IN", "9845012345", "+91"),
        ("९८४५०१२३४५", "IN", "9845012345", "+91"),
        ("٠٥٠ ١٢٣ ٤٥٦٧", "AE", "501234567", "+971"),
        ("+44 20 7946 0958", "IN", "2079460958", "+44"),
        ("12345", "IN", "", ""),
        (None, "IN", "", ""),
    ],
)
def test_phones_are_read_in_every_notation(written: str | None, country: str, digits: str, code: str) -> None:
    assert phone_in((written,), country) == (digits, code)


def test_awbridge_reads_the_same_phones() -> None:
    for written in ("98450 12345", "+91-98450-12345", "09845012345"):
        assert phone_in((written,), "IN")[0] == national_digits(written, country="IN")


def test_the_first_phone_that_can_be_dialled_counts() -> None:
    assert phone_in(("", None, "none", "9845012345", "9845099999"), "IN")[0] == "9845012345"


@pytest.mark.parametrize(
    ("code", "name", "country", "found"),
    [
        ("MH", "", "IN", "Maharashtra"),
        ("IN-KA", "Karnataka", "IN", "Karnataka"),
        ("", "29-Karnataka", "IN", "Karnataka"),
        ("", "mh", "IN", "Maharashtra"),
        ("TG", "Telangana", "IN", "Telangana"),
        (None, "Dubai", "AE", "Dubai"),
        ("DU", None, "AE", "Dubai"),
        ("CA", "California", "US", "California"),
        ("BW", "", "DE", "BW"),
    ],
)
def test_states_become_names(code: str | None, name: str | None, country: str, found: str) -> None:
    assert state_name(code, name, country) == found


def test_a_repeated_address_line_counts_once() -> None:
    assert address_line("12 Dock Road", "12 dock road ", "", None, "Sewri\nMumbai") == "12 Dock Road, Sewri Mumbai"


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("name", " ", "name is missing"),
        ("lines", ("", None), "address is missing"),
        ("state", "", "state is missing"),
        ("phones", ("12",), "phone is missing, or cannot be dialled"),
        ("postal_code", "5600", "PIN code must have 6 digits"),
        ("postal_code", None, "PIN code must have 6 digits"),
        ("country", "", "country is missing or unknown"),
        ("country", "Atlantis", "country is missing or unknown"),
    ],
)
def test_an_incomplete_address_names_order_and_field(field: str, value: Any, problem: str) -> None:
    with pytest.raises(OrderProblem) as refused:
        delivery_place("1001", "shipping_address", **{**ADDRESS, field: value})
    assert str(refused.value).startswith(f"order 1001: shipping_address: {problem}")


def test_no_error_holds_what_the_customer_entered() -> None:
    for field, value in (("phones", ("98-SECRET",)), ("postal_code", "SECRET"), ("country", "SECRET")):
        with pytest.raises(OrderProblem) as refused:
            delivery_place("1001", "shipping_address", **{**ADDRESS, field: value})
        assert "SECRET" not in str(refused.value)


def test_postal_codes_lose_spaces_and_guards() -> None:
    assert [
        delivery_place("1", "a", **{**ADDRESS, "postal_code": written}).postal_code
        for written in ("560 001", "'560001", "५६०००१", 560001)
    ] == ["560001"] * 4


def test_a_company_stands_in_for_a_person_and_is_not_repeated() -> None:
    alone = delivery_place("1", "a", **{**ADDRESS, "name": "", "company": "Rao Traders"})
    both = delivery_place("1", "a", **{**ADDRESS, "company": "Rao Traders"})
    assert (alone.name, alone.company) == ("Rao Traders", "")
    assert (both.name, both.company) == ("Asha Rao", "Rao Traders")


def test_an_emirate_needs_no_postal_code_and_may_be_the_city(merchant: Merchant) -> None:
    place = delivery_place(
        "1",
        "a",
        **{**ADDRESS, "city": "", "state": "Sharjah", "postal_code": "", "country": "AE", "phones": ("0501234567",)},
    )
    order = accepted(payload(parcel(to=place, currency="AED"), merchant))
    assert order["region"] == "world"
    assert (order["drop_info"]["city"], order["drop_info"]["postal_code"]) == ("Sharjah", "Sharjah")
    assert order["drop_info"]["phone_code"] == "+971"
    assert order["shipment_details"]["currency_code"] == "AED"
    assert "gst_info" not in order


def test_a_foreign_phone_within_india_keeps_its_code(merchant: Merchant) -> None:
    to = delivery_place("1", "a", **{**ADDRESS, "phones": ("+44 20 7946 0958",)})
    order = accepted(payload(parcel(to=to), merchant))
    assert (order["drop_info"]["drop_phone"], order["drop_info"]["drop_phone_code"]) == ("2079460958", "+44")


@pytest.mark.parametrize(
    ("weight", "unit", "grams"),
    [("0.25", "kg", "250"), (1, "lbs", "453.59237"), ("8", "oz", "226.796185"), ("300", "g", "300"), ("", "kg", None)],
)
def test_weights_become_grams(weight: object, unit: str, grams: str | None) -> None:
    assert grams_of(weight, unit) == (Decimal(grams) if grams else None)


def test_sizes_become_centimetres_and_one_missing_side_makes_none() -> None:
    assert centimetres_of(("10", "4", "2"), "in") == (Decimal("25.40"), Decimal("10.16"), Decimal("5.08"))
    assert centimetres_of(("10", "", "2"), "cm") is None


def test_an_unknown_unit_is_named() -> None:
    with pytest.raises(ValueError, match="unknown unit 'stone'"):
        grams_of(1, "stone")


def test_a_missing_weight_is_refused_unless_the_merchant_has_one(merchant: Merchant) -> None:
    item = Item(sku="A", name="A", quantity=3, total=Decimal(100))
    with pytest.raises(OrderProblem, match=r"order 1: weight of A is missing: .*item_grams in merchant.toml"):
        payload(parcel(items=(item,)), merchant)
    order = payload(parcel(items=(item,)), replace(merchant, item_grams=Decimal(200)))
    assert order["shipment_details"]["weight"] == 3 * 200 + 80


def test_a_single_item_brings_its_own_size_and_several_go_into_the_box(merchant: Merchant) -> None:
    size = (Decimal(5), Decimal(4), Decimal(3))
    one = Item(sku="A", name="A", quantity=1, total=Decimal(100), grams=Decimal(10), size=size)
    details = payload(parcel(items=(one,)), merchant)["shipment_details"]
    assert (details["length"], details["breadth"], details["height"]) == (5, 4, 3)
    details = payload(parcel(items=(replace(one, quantity=2),)), merchant)["shipment_details"]
    assert (details["length"], details["breadth"], details["height"]) == (30, 20, 10)
    with pytest.raises(OrderProblem, match=r"size of the parcel is unknown: set box in merchant\.toml"):
        payload(parcel(), replace(merchant, box=None))


def test_shares_sum_up_to_the_whole() -> None:
    assert shares(Decimal("100.00"), [Decimal(1)] * 3) == [Decimal("33.33"), Decimal("33.33"), Decimal("33.34")]
    assert shares(Decimal(10), [Decimal(0), Decimal(0)]) == [Decimal(0), Decimal(10)]


def test_amounts_are_numbers_of_two_decimals() -> None:
    assert [number(Decimal(text)) for text in ("1499.00", "0.125", "19.9")] == [1499, 0.13, 19.9]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CGST 9%", "cgst"),
        ("IN-KA-SGST-1", "sgst"),
        ("UTGST", "sgst"),
        ("Output Tax IGST - AT", "igst"),
        ("GST 18%", "gst"),
        ("VAT", ""),
        ("GSTIN", ""),
    ],
)
def test_taxes_are_recognised_by_name(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def gst(seller: str, drop: str) -> dict[str, Any]:
    tax = Tax(name="GST", rate=Decimal(18), amount=Decimal(180), base=Decimal(1000))
    return gst_info([tax], seller_gstin=seller, drop_state=drop)


def test_gst_is_split_by_the_states() -> None:
    within = gst("27AAPFU0939F1ZV", "Maharashtra")
    assert (within["cgst_amount"], within["sgst_amount"], within["cgst_tax_rate"]) == (90, 90, 9)
    assert "igst_amount" not in within
    between = gst("27AAPFU0939F1ZV", "Karnataka")
    assert (between["igst_amount"], between["igst_tax_rate"], between["place_of_supply"]) == (180, 18, "Karnataka")
    assert "cgst_amount" not in between
    assert within["gst_total_tax"] == between["gst_total_tax"] == 180
    assert within["taxable_value"] == between["taxable_value"] == 1000


def test_cgst_and_sgst_tax_the_same_amount_once() -> None:
    taxes = [Tax(name=n, rate=Decimal(9), amount=Decimal(90), base=Decimal(1000)) for n in ("CGST", "SGST")]
    assert gst_info(taxes, seller_gstin="", drop_state="Goa")["taxable_value"] == 1000


def test_rates_that_differ_are_left_out() -> None:
    taxes = [Tax(name="IGST", rate=Decimal(r), amount=Decimal(r), base=Decimal(100)) for r in (5, 18)]
    found = gst_info(taxes, seller_gstin="", drop_state="Goa")
    assert (found["igst_amount"], found["taxable_value"]) == (23, 200)
    assert "igst_tax_rate" not in found


def test_every_state_of_the_gst_list_is_spelt_as_in_addresses() -> None:
    assert all(state_name("", name, "IN") == name for name in GST_STATES.values())


def test_the_prefix_and_the_shops_ids_are_in_the_payload(merchant: Merchant) -> None:
    order = payload(parcel(shop_ids=("77", "88")), replace(merchant, prefix="SH-"))
    assert order["shipment_details"]["reference_number"] == "SH-1"
    assert shop_ids(order) == ("77", "88")
    assert shop_ids({}) == ()


def test_the_same_parcel_gives_the_same_payload(merchant: Merchant) -> None:
    assert payload(parcel(), merchant) == accepted(payload(parcel(), merchant))


def test_cash_above_the_value_of_the_goods_raises_the_invoice_value(merchant: Merchant) -> None:
    details = payload(parcel(collect=Decimal(150)), merchant)["shipment_details"]
    assert (details["order_type"], details["cod_value"], details["invoice_value"]) == ("COD", 150, 150)


def test_a_merchant_file_with_a_misspelt_field_is_refused(tmp_path: Path, merchant: Merchant) -> None:
    wrong = tmp_path / "merchant.toml"
    wrong.write_text('gst_number = "27"\n[pickup]\nname = "W"\nphone = "9"\naddress = "A"\ncity = "C"\n')
    with pytest.raises(ValueError, match="gst_number"):
        Merchant.read(wrong)
    assert isinstance(merchant.pickups["98765432101"], Place)


def test_files_hold_one_object_a_list_or_lines() -> None:
    expected = [{"a": 1}, {"a": 2}]
    assert objects_in('[{"a": 1}, {"a": 2}]') == expected
    assert objects_in('{"orders": [{"a": 1}, {"a": 2}]}', "orders") == expected
    assert objects_in('{"a": 1}\n{"a": 2}\n') == expected
    assert objects_in('{"order": {"a": 1}}', "orders", "order") == [{"a": 1}]


def test_a_warehouse_in_another_state_has_its_own_gst_number(merchant: Merchant) -> None:
    elsewhere = replace(merchant.pickups["98765432101"], gstin="29AAPFU0939F1ZR")
    both = replace(merchant, pickups={"blr": elsewhere})
    tax = Tax(name="GST", rate=Decimal(18), amount=Decimal(18), base=Decimal(100))
    from_mumbai = accepted(payload(parcel(taxes=(tax,)), both.at("unknown")))
    from_bengaluru = accepted(payload(parcel(taxes=(tax,)), both.at("blr")))
    assert (from_mumbai["pickup_info"]["tin"], from_mumbai["gst_info"]["igst_amount"]) == ("27AAPFU0939F1ZV", 18)
    assert (from_bengaluru["pickup_info"]["tin"], from_bengaluru["gst_info"]["cgst_amount"]) == ("29AAPFU0939F1ZR", 9)
