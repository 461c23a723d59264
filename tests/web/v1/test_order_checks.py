"""Refusals and warnings of orders: floats, phones, long texts, booleans."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.app import Web
from tests.support.world import an_order, get

BAD_PHONES = ("N/A", "9.87654E+09", "+91-+919876543216", "9876543216 / 9876543217", "9876", "98765432167", "")


def forms(name: str, value: Any) -> list[tuple[str, dict[str, Any]]]:
    """The same field in v3 and in the flat form, with the path of its error."""
    order = an_order("R")
    section = "shipment_details" if name in order["shipment_details"] else f"{name.split('_')[0]}_info"
    order[section][name] = value
    flat = order["pickup_info"] | order["drop_info"] | order["shipment_details"]
    return [(f"{section}.{name}", order), (name, flat)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("drop_phone", phone) for phone in BAD_PHONES if phone != "98765432167"),
        ("pickup_address", "A" * 900),
        ("drop_name", "N" * 101),
        ("drop_city", "C" * 201),
        ("drop_pincode", "5600"),
        ("drop_pincode", "560001.5"),
        ("invoice_number", "I" * 51),
        ("invoice_value", True),
        ("weight", True),
        ("courier_partner", True),
    ],
)
async def test_every_form_has_the_same_checks(web: Web, name: str, value: Any) -> None:
    problems = []
    for path, order in forms(name, value):
        answer = await web.http.post("/v1/shipments", json=order)
        assert answer.status_code == 422, answer.text
        [error] = answer.json()["errors"]
        assert error["path"] == path
        problems.append(error["problem"])
    assert problems[0] == problems[1]
    if value is True:
        assert "number" in problems[0]


@pytest.mark.parametrize("phone", BAD_PHONES[:4])
async def test_v4_refuses_invalid_phones(web: Web, phone: str) -> None:
    order = an_order("R", currency_code="AED") | {"region": "world"}
    for side in ("pickup", "drop"):
        order[f"{side}_info"] = {"name": "N", "phone": "500000001", "address": "A", "city": "D", "country_code": "AE"}
    assert (await web.http.post("/v1/shipments", json=order)).status_code == 202
    order["shipment_details"]["reference_number"] = "S"
    order["drop_info"]["phone"] = phone
    [error] = (await web.http.post("/v1/shipments", json=order)).json()["errors"]
    assert error["path"] == "drop_info.phone"
    order["drop_info"] |= {"phone": "500000001", "address": "A" * 501}
    assert "500 characters" in (await web.http.post("/v1/shipments", json=order)).text


@pytest.mark.parametrize(("given", "sent"), [(560001.0, "560001"), ("560001.0", "560001")])
async def test_a_pincode_is_sent_as_digits(web: Web, given: Any, sent: str) -> None:
    order = an_order("R")
    order["drop_info"]["drop_pincode"] = given
    assert (await web.http.post("/v1/shipments", json=order)).status_code == 202
    assert (await get(web.store, "R")).payload["drop_info"]["drop_pincode"] == sent
    assert (await web.http.post("/v1/shipments", json=order)).status_code == 200, "the same order again"


async def test_identifiers_given_as_floats_become_exact_digits(web: Web) -> None:
    floats = {"order_id": 1001.0, "awb_number": 404877123456.0, "invoice_number": 12.0}
    order = an_order("R", **floats)
    order["drop_info"]["drop_phone"] = 9876543210.0
    answer = await web.http.post("/v1/shipments", json=order)
    assert (answer.status_code, answer.json()["order_id"]) == (202, "1001")
    details = (await get(web.store, "R")).payload["shipment_details"]
    assert {name: details[name] for name in floats} == {
        "order_id": "1001",
        "awb_number": "404877123456",
        "invoice_number": "12",
    }
    assert (await get(web.store, "R")).payload["drop_info"]["drop_phone"] == "9876543210"


@pytest.mark.parametrize("name", ["order_id", "awb_number", "invoice_number", "reference_number"])
@pytest.mark.parametrize(
    "number", ["4.04877E+12", "4.04877123456789e17", "404877123456789012.0", "12.5", '"4.04877E+12"']
)
async def test_an_identifier_that_lost_digits_is_refused(web: Web, name: str, number: str) -> None:
    body = json.dumps(an_order("R", **{name: "PUT HERE"})).replace('"PUT HERE"', number)
    answer = await web.http.post("/v1/shipments", content=body)
    assert answer.status_code == 422, answer.text
    [error] = answer.json()["errors"]
    assert error["path"] == f"shipment_details.{name}"
    assert "as text" in error["problem"]


async def test_a_large_whole_number_is_exact(web: Web) -> None:
    assert (await web.http.post("/v1/shipments", json=an_order("R", awb_number=404877123456789012))).status_code == 202


async def test_doubtful_fields_are_accepted_with_warnings(web: Web) -> None:
    order = an_order("R_1") | {"transportr": "x"}
    order["drop_info"]["drop_phone"] = "+91 98765-43210"
    order["pickup_info"]["pickup_phone"] = "0000000000"
    answer = await web.http.post("/v1/shipments", json=order)
    assert answer.status_code == 202
    assert {w["path"] for w in answer.json()["warnings"]} == {
        "drop_info.drop_phone",
        "pickup_info.pickup_phone",
        "shipment_details.reference_number",
        "transportr",
    }
    assert (await get(web.store, "R_1")).payload["drop_info"]["drop_phone"] == "9876543210"
    listed = await web.http.post("/v1/shipments", json=[an_order("S")])
    assert listed.json()["shipments"][0]["warnings"] == []
    shown = (await web.http.get("/v1/shipments/R_1")).json()
    assert "drop_info.drop_phone" not in {w["path"] for w in shown["warnings"]}, "the stored payload is valid"
    changed = await web.http.put("/v1/shipments/R_1/payload", json=order)
    assert "drop_info.drop_phone" in {w["path"] for w in changed.json()["warnings"]}


async def test_errors_use_the_callers_name_of_a_section(web: Web) -> None:
    order = an_order("R")
    order["additional_info"] = {"rvp_reason": "x" * 501}
    del order["additional"]
    [error] = (await web.http.post("/v1/shipments", json=order)).json()["errors"]
    assert error["path"] == "additional_info.rvp_reason"
