from __future__ import annotations

import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.clickpost.orders.create import check_payload, create_order_request, new_shipment
from awbridge.clickpost.orders.payload import payload_differences
from awbridge.domain.errors import PayloadRefused
from awbridge.domain.orders.shipment import Region, Shipment, State, StoredPayload
from tests.clickpost.strategies import json_values

JsonObject = dict[str, Any]


def problems(order: JsonObject, region: Region = Region.INDIA) -> dict[str, int | None]:
    return {problem.path: problem.code for problem in check_payload(order, region)}


def put(order: JsonObject, path: str, value: Any) -> JsonObject:
    *way, last = path.split(".")
    place = order
    for name in way:
        place = place["items"][0] if name == "item" else place[name]
    place[last] = value
    return order


def test_good_orders_pass(india: JsonObject, world: JsonObject) -> None:
    assert problems(india) == {}
    assert problems(world, Region.WORLD) == {}


@pytest.mark.parametrize(
    ("path", "value", "found", "code"),
    [
        ("shipment_details.courier_partner", "Delhivery", "shipment_details.courier_partner", 302),
        ("shipment_details.courier_partner", None, "shipment_details.courier_partner", 302),
        ("shipment_details.order_type", "cod", "shipment_details.order_type", 307),
        ("shipment_details.order_priority", 3, "shipment_details.order_priority", 308),
        ("additional.priority", "", "additional.priority", 308),
        ("shipment_details.delivery_type", "REVERSE", "shipment_details.delivery_type", 309),
        ("shipment_details.delivery_type", "RVP", "shipment_details.rvp_reason", 310),
        ("shipment_details.rvp_reason", "x" * 501, "shipment_details.rvp_reason", 310),
        ("additional.rvp_reason", "x" * 501, "additional.rvp_reason", 310),
        ("shipment_details.items", [], "shipment_details.items", 312),
        ("shipment_details.items", None, "shipment_details.items", 312),
        ("shipment_details.items", {"sku": 1}, "shipment_details.items", 313),
        ("shipment_details.items", ["tea"], "shipment_details.items[0]", 313),
        ("shipment_details.item.sku", "", "shipment_details.items[0].sku", 313),
        ("shipment_details.item.quantity", 0, "shipment_details.items[0].quantity", 313),
        ("shipment_details.item.quantity", 1.5, "shipment_details.items[0].quantity", 313),
        ("shipment_details.item.price", -1, "shipment_details.items[0].price", 313),
        ("shipment_details.invoice_date", "02-11-2026", "shipment_details.invoice_date", 314),
        ("shipment_details.invoice_date", "2026-02-30", "shipment_details.invoice_date", 314),
        ("shipment_details.weight", "heavy", "shipment_details.weight", 314),
        ("shipment_details.length", 0, "shipment_details.length", 314),
        ("shipment_details.reference_number", "R" * 201, "shipment_details.reference_number", 314),
        ("shipment_details.reference_number", True, "shipment_details.reference_number", 314),
        ("pickup_info.pickup_pincode", "4110", "pickup_info.pickup_pincode", 314),
        ("pickup_info", "Pune", "pickup_info", 314),
        ("additional", ["label"], "additional", 314),
        ("gst_info", "none", "gst_info", 314),
        ("shipment_details.cod_value", 0, "shipment_details.cod_value", 315),
        ("shipment_details.cod_value", None, "shipment_details.cod_value", 315),
        ("shipment_details.cod_value", -1, "shipment_details.cod_value", 315),
        ("shipment_details.cod_value", "much", "shipment_details.cod_value", 315),
        ("shipment_details.order_type", "PREPAID", "shipment_details.cod_value", 315),
        ("drop_info.drop_phone", " ", "drop_info.drop_phone", None),
        ("drop_info.drop_name", None, "drop_info.drop_name", None),
        ("shipment_details.invoice_value", float("nan"), "shipment_details.invoice_value", 314),
        ("additional.note", float("inf"), "additional.note", 314),
        ("additional.note", "a\x00b", "additional.note", 314),
        ("additional.note", {"deep": [{"\x00": 1}]}, "additional.note.deep[0].\ufffd", 314),
        ("additional.note", "\ud800", "additional.note", 314),
        ("additional.price", Decimal("1.5"), "additional.price", 314),
        ("additional.number", 10**40, "additional.number", 314),
    ],
)
def test_each_wrong_field_is_named_with_the_vendors_code(
    india: JsonObject, path: str, value: Any, found: str, code: int | None
) -> None:
    assert problems(put(india, path, value)) == {found: code}


def test_every_wrong_field_is_reported_at_once(india: JsonObject) -> None:
    del india["pickup_info"]["pickup_name"]
    put(india, "drop_info.drop_pincode", "12")
    put(india, "shipment_details.order_type", "GIFT")
    put(india, "shipment_details.delivery_type", "RVP")
    put(india, "shipment_details.item.price", "free")
    put(india, "additional.note", "\x00")
    assert problems(india) == {
        "pickup_info.pickup_name": None,
        "drop_info.drop_pincode": 314,
        "shipment_details.order_type": 307,
        "shipment_details.rvp_reason": 310,
        "shipment_details.items[0].price": 313,
        "additional.note": 314,
    }


@pytest.mark.parametrize(
    ("order_type", "cod_value", "good"),
    [
        ("PREPAID", "0.00", True),
        ("PREPAID", None, True),
        ("EXCHANGE", 0, True),
        ("EXCHANGE", 5, True),
        ("COD", "1", True),
        ("PREPAID", "1", False),
        ("COD", "0.00", False),
    ],
)
def test_cod_value_follows_the_order_type(india: JsonObject, order_type: str, cod_value: Any, good: bool) -> None:
    put(put(india, "shipment_details.order_type", order_type), "shipment_details.cod_value", cod_value)
    assert (problems(india) == {}) is good


def test_a_return_gives_its_reason_in_either_place(india: JsonObject) -> None:
    put(india, "shipment_details.delivery_type", "RVP")
    assert problems(put(copy.deepcopy(india), "shipment_details.rvp_reason", "too small")) == {}
    assert problems(put(copy.deepcopy(india), "additional.rvp_reason", "too small")) == {}
    assert problems(put(copy.deepcopy(india), "shipment_details.order_type", "EXCHANGE")) == {}


def test_bluedart_takes_short_references_only(india: JsonObject) -> None:
    put(india, "shipment_details.reference_number", "R" * 21)
    assert problems(india) == {}
    assert problems(put(india, "shipment_details.courier_partner", 5)) == {"shipment_details.reference_number": 314}


def test_pincodes_are_checked_for_india_only(india: JsonObject) -> None:
    put(india, "drop_info.drop_pincode", "SW1A 1AA")
    assert problems(put(india, "drop_info.drop_country", "India")) == {"drop_info.drop_pincode": 314}
    assert problems(put(india, "drop_info.drop_country", "GB")) == {}


def test_additional_info_is_read_as_additional(india: JsonObject) -> None:
    india["additional_info"] = {"rvp_reason": "x" * 501}
    assert problems(india) == {"additional.rvp_reason": 310}


def test_a_flat_order_is_checked_by_the_rules_of_its_form(india: JsonObject) -> None:
    flat = india["pickup_info"] | india["drop_info"] | india["shipment_details"]
    assert problems(flat) == {}
    assert problems(flat | {"drop_pincode": "56", "items": []}) == {"drop_pincode": 314, "items": 312}
    assert "pickup_info" in problems(flat, Region.WORLD)


def test_a_payload_that_nests_too_deep_is_refused(india: JsonObject) -> None:
    deep: Any = "end"
    for _ in range(100):
        deep = [deep]
    assert list(problems(put(india, "additional.note", deep)).values()) == [314]


@pytest.mark.parametrize("order", [{}, {"shipment_details": None}, {"shipment_details": []}, [], None, "text", {1: 2}])
def test_a_body_that_is_not_an_order_is_refused(order: Any) -> None:
    assert check_payload(order, Region.INDIA)
    with pytest.raises(PayloadRefused):
        new_shipment(order, region=Region.INDIA, transporter=None, courier_partner_id=4, account_code=None)


@given(
    st.dictionaries(st.sampled_from(["pickup_info", "drop_info", "shipment_details", "additional", "x"]), json_values)
)
def test_no_payload_makes_the_check_raise(order: JsonObject) -> None:
    for region in Region:
        for problem in check_payload(order, region):
            assert problem.problem
            problem.path.encode()


@given(json_values)
def test_no_field_makes_the_check_raise(value: Any) -> None:
    names = (
        "courier_partner",
        "cod_value",
        "items",
        "weight",
        "invoice_date",
        "rvp_reason",
        "order_type",
        "reference_number",
    )
    check_payload({"shipment_details": dict.fromkeys(names, value)}, Region.INDIA)


def test_problems_do_not_quote_the_payload(india: JsonObject) -> None:
    put(india, "drop_info.drop_phone", {"number": "8000000009"})
    put(india, "drop_info.drop_pincode", "secret place")
    with pytest.raises(PayloadRefused) as refused:
        new_shipment(india, region=Region.INDIA, transporter=None, courier_partner_id=None, account_code=None)
    assert "8000000009" not in str(refused.value)
    assert "secret place" not in str(refused.value)


def test_a_shipment_is_read_from_its_payload_without_changing_it(india: JsonObject) -> None:
    before = copy.deepcopy(india)
    new = new_shipment(india, region=Region.INDIA, transporter=None, courier_partner_id=None, account_code=None)
    assert india == before
    assert (new.reference_number, new.order_id, new.courier_partner_id, new.account_code) == (
        "REF-1001",
        "77",
        4,
        "main",
    )
    assert new.delivery_type == "FORWARD"
    assert new.payload["shipment_details"]["courier_partner"] == 4


def test_the_transporters_courier_and_account_replace_those_of_the_payload(india: JsonObject) -> None:
    india["transporter"] = "blue"
    india["additional"]["account_code"] = "old"
    del india["shipment_details"]["courier_partner"]
    new = new_shipment(india, region=Region.INDIA, transporter="blue", courier_partner_id=5, account_code="air")
    assert (new.transporter, new.courier_partner_id, new.account_code) == ("blue", 5, "air")
    assert "transporter" not in new.payload
    assert new.payload["shipment_details"]["account_code"] == "air"
    assert new.payload["additional"] == {"label": True, "account_code": "air"}


def test_the_request_names_the_current_courier_of_the_shipment(india: JsonObject) -> None:
    new = new_shipment(india, region=Region.INDIA, transporter="a", courier_partner_id=4, account_code="main")
    moved = shipment(new.payload, courier_partner_id=6, account_code="other")
    body = create_order_request(moved)
    details = body["shipment_details"]
    assert (details["courier_partner"], details["account_code"], details["reference_number"]) == (
        6,
        "other",
        "REF-1001",
    )
    assert body["drop_info"] == india["drop_info"]
    assert new.payload["shipment_details"]["courier_partner"] == 4


def test_differences_are_named_by_path_and_numbers_compared_by_value() -> None:
    old = {"a": 500, "b": {"c": [1, {"d": "x"}], "e": True}, "gone": 1, "same": None}
    new = {"a": 500.0, "b": {"c": [1, {"d": "y"}, 3], "e": 1}, "new": 2, "same": None}
    assert payload_differences(old, new) == ["b.c[1].d", "b.c[2]", "b.e", "gone", "new"]


@given(st.dictionaries(st.text(max_size=5), json_values.filter(lambda v: "nan" not in repr(v)), max_size=4))
def test_a_payload_does_not_differ_from_itself(order: JsonObject) -> None:
    assert payload_differences(order, order) == []


def shipment(payload: JsonObject, *, courier_partner_id: int, account_code: str) -> Shipment:
    now = datetime(2026, 11, 2, tzinfo=UTC)
    return Shipment(
        reference_number="REF-1001",
        order_id=None,
        transporter=None,
        courier_partner_id=courier_partner_id,
        account_code=account_code,
        region=Region.INDIA,
        delivery_type="FORWARD",
        stored_payload=StoredPayload.of(payload),
        state=State.READY,
        success=False,
        no_of_retries=0,
        problem=None,
        next_try_at=None,
        waiting_since_at=None,
        payload_changed_at=None,
        cancel_tries=0,
        cancel_requested_at=None,
        sent_at=None,
        placed_at=None,
        waybill=None,
        label_url=None,
        sort_code=None,
        security_key=None,
        vendor_order_id=None,
        children=(),
        status_code=None,
        status_at=None,
        status_bucket=None,
        status_step=0,
        final=False,
        edd=None,
        ndr_code=None,
        last_tracked_at=None,
        last_polled_at=None,
        aged_out_at=None,
        created_at=now,
        updated_at=now,
    )


@pytest.mark.parametrize("hidden", ["\n", "\t", "\x07", "\x1b", "\x7f", "\x85", "\u200b", "\u202e", "\u2028", "\ufeff"])
@pytest.mark.parametrize("name", ["reference_number", "order_id", "awb_number"])
def test_a_key_with_a_control_or_invisible_character_is_refused_by_its_place(
    india: JsonObject, world: JsonObject, name: str, hidden: str
) -> None:
    for order, region in ((india, Region.INDIA), (world, Region.WORLD)):
        for value in (f"REF{hidden}1", f"REF-1{hidden}", f"{hidden}REF-1"):
            put(order, f"shipment_details.{name}", value)
            [found] = check_payload(order, region)
            assert found.path == f"shipment_details.{name}"
            assert f"U+{ord(hidden):04X}" in found.problem


@pytest.mark.parametrize("value", ["बिल-1", "注文 1", "Ö/1 #7"])
def test_a_non_ascii_reference_is_accepted(india: JsonObject, value: str) -> None:
    assert problems(put(india, "shipment_details.reference_number", value)) == {}
