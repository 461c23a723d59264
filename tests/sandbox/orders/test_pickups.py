"""Pickups, within India (v1) and in any country (v2)."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from awbridge.sandbox import SandboxConfig, running
from tests.sandbox.helpers import code_of, item, merchant, place

PLAIN = SandboxConfig(odd_answers=0)
INDIA = "/api/v1/create-pickup/"
WORLD = "/api/v2/create-pickup/"


def tomorrow() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC) + timedelta(days=1)


def pickup(**changes: Any) -> dict[str, Any]:
    return {
        "pickup_name": "Tea Warehouse",
        "pickup_phone": "8000000001",
        "pickup_email": "tea@shop.example",
        "pickup_address": "Plot 4",
        "pickup_city": "Pune",
        "pickup_state": "Maharashtra",
        "pickup_country": "IN",
        "pickup_pincode": "411001",
        "pickup_date": tomorrow().isoformat(),
        "courier_partner": 4,
        "account_code": "Delhivery Surface",
        "items": "2 package(s), 900 grams",
        **changes,
    }


def pickup_abroad(waybill: str, details: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    where = {"name": "Tea", "phone": "8000000001", "address": "Plot 4", "city": "Pune", "country_code": "IN"}
    when = {"date": tomorrow().date().isoformat(), "start_time": "10:00", "end_time": "14:30"}
    shipment = {"reference_number": "A-1", "awb_number": waybill, "courier_partner_id": 4}
    return {
        "pickup_info": where | when | changes,
        "shipment_details": shipment | {"account_code": "Delhivery Surface", "items": [item()]} | (details or {}),
    }


async def test_every_pickup_has_its_own_confirmation_number() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        results = [(await http.post(INDIA, json=pickup())).json()["result"] for _ in range(2)]
        assert [result["confirmation_number"] for result in results] == ["1", "2"]
        assert results[0]["location"]


@pytest.mark.parametrize(
    "changes",
    [
        {"pickup_name": ""},
        {"courier_partner": 77},
        {"account_code": "nobody's"},
        {"pickup_date": "soon"},
        {"pickup_date": "2020-01-01T10:00:00+05:30"},
    ],
)
async def test_an_invalid_pickup_is_rejected(changes: dict[str, Any]) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post(INDIA, json=pickup(**changes))) == 400
        assert not sandbox.account_records.pickups


async def test_a_v2_pickup_requires_a_waybill_of_the_account() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        waybill = sandbox.registry.orders["A-1"].waybill
        result = (await http.post(WORLD, json=pickup_abroad(waybill))).json()["result"]
        assert result.keys() == {"confirmation_number"}
        unknown = await http.post(WORLD, json=pickup_abroad("nobody"))
        assert unknown.json()["meta"]["message"] == {
            "non_field_errors": ["nobody not registered against account code Delhivery Surface"]
        }


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        ({"date": "2020-01-01"}, {}),
        ({"date": "tomorrow"}, {}),
        ({"start_time": "15:00"}, {}),
        ({"end_time": "25:00"}, {}),
        ({"city": ""}, {}),
        ({}, {"account_code": "nobody's"}),
        ({}, {"courier_partner_id": 6}),
        ({}, {"items": []}),
        ({}, {"awb_number": ""}),
    ],
)
async def test_an_invalid_v2_pickup_is_rejected(changes: dict[str, Any], details: dict[str, Any]) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        body = pickup_abroad(sandbox.registry.orders["A-1"].waybill, details, **changes)
        assert code_of(await http.post(WORLD, json=body)) == 400
        assert code_of(await http.post(WORLD, json={"pickup_info": body["pickup_info"]})) == 400
