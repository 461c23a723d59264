"""Edits of a payload by path: what is set where, and what a typed value means."""

from __future__ import annotations

from typing import Any

import pytest

from awbridge.clickpost.orders.edits import (
    read_value,
    value_at,
    with_courier_edits,
    with_fields,
    with_reference,
    without_courier,
    without_waybill,
)
from awbridge.clickpost.orders.payload import payload_differences
from awbridge.domain.errors import PayloadRefused
from awbridge.domain.orders.shipment import Region
from tests.support.world import an_order


@pytest.mark.parametrize(
    ("path", "full"),
    [
        ("shipment_details.weight", "shipment_details.weight"),
        ("weight", "shipment_details.weight"),
        ("drop_pincode", "drop_info.drop_pincode"),
        ("shipment_details.items[0].price", "shipment_details.items[0].price"),
        ("shipment_details.items[1]", "shipment_details.items[1]"),
        ("gst_info.seller_gstin", "gst_info.seller_gstin"),
        ("additional.return_info.name", "additional.return_info.name"),
        ("transporter", "transporter"),
    ],
)
def test_a_field_is_set_by_its_path_and_nothing_else_changes(path: str, full: str) -> None:
    before = an_order()
    after = with_fields(before, {path: "new"})
    assert value_at(after, full) == value_at(after, path) == "new"
    assert before == an_order()
    assert with_fields(after, {path: "again"}) == with_fields(before, {path: "again"})


@pytest.mark.parametrize(
    "path",
    [
        *("", ".", "a..b", "a.", "items[", "[0]", "shipment_details.items[2]", "shipment_details.items.price"),
        *("shipment_details.weight.grams", "shipment_details[0]", "shipment_details.items[0][0]"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_by_name(path: str) -> None:
    with pytest.raises(PayloadRefused) as error:
        with_fields(an_order(), {path: 1, "weight": 2})
    assert [p.path for p in error.value.problems] == [path]


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("weight", "750", 750),
        ("shipment_details.weight", "7.5", 7.5),
        ("drop_phone", "9000000009", "9000000009"),
        ("drop_pincode", "560001", "560001"),
        ("shipment_details.order_id", "1001", "1001"),
        ("shipment_details.invoice_date", "2026-11-09", "2026-11-09"),
        ("additional.label", "true", True),
        ("additional.vendor_code", "77", "77"),
        ("gst_info.taxable_value", "77", 77),
        ("additional.note", "null", None),
        ("shipment_details.order_id", '"1001"', "1001"),
        ("shipment_details.items", "[]", []),
        ("weight", "heavy", "heavy"),
        ("weight", "NaN", "NaN"),
        ("drop_name", "", ""),
    ],
)
def test_a_typed_value_gets_the_type_of_the_current_value(path: str, text: str, value: Any) -> None:
    read = read_value(an_order(), path, text)
    assert (read, type(read)) == (value, type(value))


def test_a_flat_payload_can_be_edited() -> None:
    flat = {"reference_number": "R", "weight": 1, "awb_number": "A", "courier_partner": 4, "account_code": "x"}
    assert with_fields(flat, {"weight": 2})["weight"] == 2
    assert with_reference(flat, "S")["reference_number"] == "S"
    assert without_waybill(without_courier(flat)) == {"reference_number": "R", "weight": 1}


def test_courier_and_account_are_removed_from_both_sections() -> None:
    order = an_order() | {"additional": {"account_code": "main", "label": True}}
    left = without_courier(order)
    assert not {"courier_partner", "account_code"} & set(left["shipment_details"])
    assert left["additional"] == {"label": True}


def test_edits_at_the_courier_are_applied_to_the_order() -> None:
    before = an_order()
    cod = {"order_type": "COD", "cod_value": 499.5}
    bill = {"ewaybill_serial_number": "E1", "invoice_date": "2026-11-03", "edit_order_service": "2"}
    after = with_courier_edits(before, [cod, {"qc_type": "doorstep"}, bill], region=Region.INDIA)
    assert payload_differences(before, after) == [
        "additional.qc_type",
        "gst_info",
        *(f"shipment_details.{name}" for name in ("cod_value", "invoice_date", "order_type")),
    ]
    assert value_at(after, "cod_value") == 499.5
    again = with_courier_edits(after, [{"order_type": "PREPAID"}, {"qc_type": None}], region=Region.INDIA)
    assert (value_at(again, "order_type"), value_at(again, "cod_value")) == ("PREPAID", 0)
    assert "qc_type" not in again["additional"]
    assert before == an_order()


def test_an_edit_of_a_flat_order_needs_a_field_of_its_form() -> None:
    flat = {"reference_number": "R", "order_type": "COD", "cod_value": 100}
    after = with_courier_edits(flat, [{"order_type": "PREPAID"}], region=Region.INDIA)
    assert after == {"reference_number": "R", "order_type": "PREPAID", "cod_value": 0}
    with pytest.raises(PayloadRefused, match="qc_type: was edited at the courier"):
        with_courier_edits(flat, [{"qc_type": "doorstep"}], region=Region.INDIA)


@pytest.mark.parametrize(
    ("edit", "region"),
    [
        ({"qc_type": "doorstep", "sku": "S1"}, Region.INDIA),
        ({"something_new": 1}, Region.INDIA),
        ({"ewaybill_serial_number": "E1"}, Region.WORLD),
    ],
)
def test_an_edit_without_a_place_in_the_order_is_named(edit: dict[str, Any], region: Region) -> None:
    with pytest.raises(PayloadRefused) as refused:
        with_courier_edits(an_order(), [{"order_type": "PREPAID"}, edit], region=region)
    assert [problem.path for problem in refused.value.problems] == [list(edit)[-1]]
