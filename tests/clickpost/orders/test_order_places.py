"""One accessor of fields that may be in `shipment_details` or in `additional`, in every form of an order."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from awbridge.clickpost.models.neutral.parts import Party
from awbridge.clickpost.models.orders.india import IndiaDrop, IndiaOrder
from awbridge.clickpost.models.orders.world import WorldOrder
from awbridge.clickpost.orders.create import (
    check_payload,
    create_order_request,
    has_own_waybill,
    new_shipment,
    successor,
)
from awbridge.clickpost.orders.edits import courier_of, value_at, with_fields, without_courier, without_waybill
from awbridge.clickpost.orders.order_places import place_of, place_value, value_of, with_value, without_values
from awbridge.clickpost.orders.parcel import parcel_of, recommendation_query
from awbridge.domain.errors import PayloadRefused
from awbridge.domain.orders.shipment import NewShipment, Region
from tests.clickpost.orders.test_payload import shipment

JsonObject = dict[str, Any]
MOVED = ("delivery_type", "awb_number", "order_id", "account_code")


def older(order: JsonObject, **fields: Any) -> JsonObject:
    """The order with these fields in `additional`, as ClickPost's older v3 examples have them, and nowhere else."""
    moved = copy.deepcopy(order)
    for name in MOVED:
        moved["shipment_details"].pop(name, None)
    moved["additional"] = {**moved["additional"], **fields}
    return moved


def read(order: JsonObject, region: Region = Region.INDIA) -> NewShipment:
    return new_shipment(order, region=region, transporter=None, courier_partner_id=None, account_code=None)


RETURN = {
    "delivery_type": "RVP",
    "rvp_reason": "too small",
    "awb_number": "430",
    "order_id": 78,
    "account_code": "back",
}


@pytest.mark.parametrize("region", list(Region))
def test_fields_in_additional_are_read_everywhere(india: JsonObject, world: JsonObject, region: Region) -> None:
    order = older(india if region is Region.INDIA else world, **RETURN)
    model = IndiaOrder if region is Region.INDIA else WorldOrder
    assert model.model_validate(order).payload() == order
    new = read(order, region)
    assert (new.delivery_type, new.order_id, new.account_code) == ("RVP", "78", "back")
    assert parcel_of(new.payload, region).delivery_type == "RVP"
    query = recommendation_query(new.payload, region)
    assert query.get("delivery_type", query.get("shipment_details", {}).get("delivery_type")) == "RVP"
    stored = replace(shipment(new.payload, courier_partner_id=4, account_code="back"), region=region)
    assert has_own_waybill(stored)
    assert create_order_request(stored) == new.payload


def test_a_return_in_additional_needs_its_reason(india: JsonObject) -> None:
    assert [p.path for p in check_payload(older(india, delivery_type="RVP"), Region.INDIA)] == [
        "shipment_details.rvp_reason"
    ]


def test_an_order_without_a_delivery_type_is_refused(india: JsonObject) -> None:
    [problem] = check_payload(older(india), Region.INDIA)
    assert (problem.path, problem.code) == ("shipment_details.delivery_type", 309)
    assert "additional" in problem.problem


@pytest.mark.parametrize(
    ("name", "details", "additional"),
    [
        ("delivery_type", "FORWARD", "RVP"),
        ("awb_number", "430", "431"),
        ("order_id", 77, "78"),
        ("account_code", "main", "other"),
    ],
)
def test_two_contradicting_places_are_both_named(india: JsonObject, name: str, details: Any, additional: Any) -> None:
    india["shipment_details"] |= {name: details, "rvp_reason": "x"}
    india["additional"][name] = additional
    [problem] = check_payload(india, Region.INDIA)
    assert problem.path == f"shipment_details.{name}"
    assert f"additional.{name}" in problem.problem
    india["additional"][name] = str(details)  # the same, as text
    assert check_payload(india, Region.INDIA) == []
    india["additional"][name] = ""  # empty
    assert check_payload(india, Region.INDIA) == []


def test_the_two_names_of_one_section_may_not_contradict_each_other(india: JsonObject) -> None:
    india["additional_info"] = {"label": False}
    [problem] = check_payload(india, Region.INDIA)
    assert (problem.path, "additional.label" in problem.problem) == ("additional_info.label", True)
    with pytest.raises(PayloadRefused, match=r"additional_info\.label: contradicts additional\.label"):
        read(india)


def test_a_transporters_account_overrides_both_sections(india: JsonObject) -> None:
    india["additional"]["account_code"] = "other"
    new = new_shipment(india, region=Region.INDIA, transporter="T", courier_partner_id=9, account_code="theirs")
    assert new.account_code == "theirs"
    assert (new.payload["shipment_details"]["account_code"], new.payload["additional"]["account_code"]) == (
        "theirs",
        "theirs",
    )


def test_edits_find_a_field_where_the_order_has_it(india: JsonObject) -> None:
    order = older(india, **RETURN)
    changed = with_fields(order, {"awb_number": "999", "delivery_type": "FORWARD"})
    assert "awb_number" not in changed["shipment_details"]
    assert (changed["additional"]["awb_number"], value_at(changed, "awb_number")) == ("999", "999")
    assert courier_of(order) == ("4", "back")
    assert value_of(without_waybill(order), "awb_number") is None
    assert courier_of(without_courier(order)) == (None, None)
    both = with_value(order, "order_id", 5)
    both["shipment_details"]["order_id"] = 5
    again = with_fields(both, {"order_id": 6})
    assert (again["shipment_details"]["order_id"], again["additional"]["order_id"]) == (6, 6)


def test_a_successor_does_not_keep_the_first_couriers_waybill_and_account(india: JsonObject) -> None:
    stored = shipment(read(older(india, **RETURN)).payload, courier_partner_id=4, account_code="back")
    after = successor(stored, reference_number="S", transporter="T", courier_partner_id=9, account_code=None)
    assert (value_of(after.payload, "awb_number"), after.account_code, after.delivery_type) == (None, None, "RVP")


def test_the_flat_form_is_read_like_the_others(india: JsonObject) -> None:
    flat = india["pickup_info"] | india["drop_info"] | india["shipment_details"] | {"email": "w@example.com"}
    assert parcel_of(flat, Region.INDIA).drop_pincode == "560001"
    query = recommendation_query(flat, Region.INDIA)
    assert (query["pickup_pincode"], query["delivery_type"]) == ("411001", "FORWARD")
    assert place_of(flat, "drop")["name"] == "A Customer"
    assert "email" not in place_of(flat, "drop")
    assert place_of(flat, "pickup")["email"] == "w@example.com"
    nested = without_values(flat, "delivery_type") | {"additional": {"delivery_type": "RVP", "rvp_reason": "x"}}
    assert read(nested).delivery_type == "RVP"


def test_names_with_spaces_are_read_as_what_they_mean(india: JsonObject) -> None:
    """ClickPost's own examples have `"awb_number "` and `"label "`."""
    order = older(india, **{"delivery_type": "FORWARD", "awb_number ": "430"})
    new = read(order)
    assert (value_of(new.payload, "awb_number"), "awb_number " in new.payload["additional"]) == ("430", False)
    assert [w.path for w in new.warnings] == ["additional.awb_number "]


@pytest.mark.parametrize("phone", ["N/A", "9.87654E+09", "+91-+919876543216", "9876543216 / 9876543217", "9876"])
def test_typed_models_have_the_checks_of_every_form(india: JsonObject, phone: str) -> None:
    with pytest.raises(ValidationError, match="must have 10 or 11 digits") as refused:
        IndiaDrop.model_validate({**india["drop_info"], "drop_phone": phone})
    assert phone not in str(refused.value)
    with pytest.raises(ValidationError, match="at most 500 characters"):
        IndiaDrop.model_validate({**india["drop_info"], "drop_address": "A" * 900})
    with pytest.raises(ValidationError, match="address may have at most 500 characters"):
        Party(name="A", phone="9876543216", address="A" * 900, city="C", state="S", postal_code="411001")


def test_limits_of_single_couriers_apply_to_them_only(india: JsonObject) -> None:
    india["additional"]["exchange_country"] = "India"  # as in ClickPost's own example, of EcomExpress
    india["shipment_details"]["courier_partner"] = 3
    assert check_payload(india, Region.INDIA) == []
    india["shipment_details"]["courier_partner"] = 4
    assert [p.path for p in check_payload(india, Region.INDIA)] == ["additional.exchange_country"]


def test_a_return_address_has_the_limits_of_a_place(india: JsonObject) -> None:
    india["additional"]["return_info"] = {"name": "N", "phone": "N/A", "pincode": "12", "address": "A" * 501}
    assert [p.path for p in check_payload(india, Region.INDIA)] == [
        f"additional.return_info.{name}" for name in ("address", "phone", "pincode")
    ]


NO_WAYBILLS = ("NA", "N/A", "n/a", "0", 0, 0.0, "-", "#N/A", "#REF!", "null", " NA ")


@pytest.mark.parametrize("waybill", NO_WAYBILLS)
@pytest.mark.parametrize("place", ["shipment_details", "additional"])
def test_a_placeholder_waybill_is_left_out_with_a_warning(india: JsonObject, waybill: object, place: str) -> None:
    order = copy.deepcopy(india)
    order["shipment_details"].pop("awb_number", None)
    order.setdefault("additional", {})
    order[place]["awb_number"] = waybill
    found = read(order)
    assert "awb_number" not in found.payload["shipment_details"]
    assert "awb_number" not in found.payload["additional"]
    assert [(w.path, w.problem) for w in found.warnings] == [
        (f"{place}.awb_number", "is not a waybill: it is left out, and the courier assigns one")
    ]
    assert order[place]["awb_number"] == waybill, "the caller's order is not changed"
    assert value_of(found.payload, "awb_number") is None


def test_a_waybill_and_a_placeholder_do_not_contradict(india: JsonObject) -> None:
    order = copy.deepcopy(india)
    order["shipment_details"]["awb_number"] = "N/A"
    order["additional"] = {"awb_number": "4300001"}
    assert value_of(read(order).payload, "awb_number") == "4300001"


@pytest.mark.parametrize("waybill", [True, {"no": 1}, ["NA"], "A" * 60])
def test_a_waybill_that_is_not_text_or_longer_than_a_placeholder_is_not_left_out(
    india: JsonObject, waybill: object
) -> None:
    order = copy.deepcopy(india)
    order["shipment_details"]["awb_number"] = waybill
    assert read(order).payload["shipment_details"]["awb_number"] == waybill


@pytest.mark.parametrize("side", ["pickup", "drop"])
@pytest.mark.parametrize("prefixed", [{}, {"name": "Asha"}, {"name": " "}, {"name": None}, {"city": "Pune", "name": 7}])
@pytest.mark.parametrize("bare", [{}, {"name": "Rao"}, {"city": "", "name": None}])
@pytest.mark.parametrize("is_flat", [True, False])
def test_one_field_of_a_place_is_the_one_that_the_place_has(
    side: str, prefixed: JsonObject, bare: JsonObject, is_flat: bool
) -> None:
    fields = {f"{side}_{name}": value for name, value in prefixed.items()}
    order = {**bare, **fields, "pickup_time": "x"} if is_flat else {f"{side}_info": {**bare, **fields}}
    for name in ("name", "city"):
        assert place_value(order, side, name) == place_of(order, side).get(name)
