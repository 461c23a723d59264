"""The flat, B2B and v4 forms of an order, and their validation."""

from typing import Any

import httpx2
import pytest

from awbridge.sandbox import SandboxConfig, SimulatedAccount, running
from tests.sandbox.helpers import CREATE, b2b_order, code_of, flat_order, item, merchant, order, place

V1 = "/api/v1/create-order/"
B2B = "/api/v1/create-b2b-order/"
PLAIN = SandboxConfig(odd_answers=0)


def message_of(response: httpx2.Response) -> str:
    return response.json()["meta"]["message"]


async def test_a_flat_order_is_placed_like_any_other() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        response = await http.post(V1, json=flat_order("B-1", order_type="COD", cod_value=900))
        assert code_of(response) == 200
        assert response.json()["result"]["waybill"] == sandbox.registry.orders["B-1"].waybill
        shipment = sandbox.registry.orders["B-1"]
        assert (shipment.order_type, shipment.cod_value) == ("COD", 900)
        assert (shipment.drop_pincode, shipment.is_rvp) == ("560001", False)
        assert code_of(await http.post(V1, json=flat_order("B-1"))) == 323


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (302, {"courier_partner": 9999}),
        (307, {"order_type": "CASH"}),
        (310, {"delivery_type": "RVP"}),
        (312, {"items": []}),
        (314, {"pickup_phone": "12"}),
        (314, {"drop_pincode": "56000"}),
        (314, {"reference_number": "B#1"}),
        (314, {"drop_name": "N" * 101}),
        (315, {"cod_value": 5}),
        (400, {"drop_city": ""}),
        (400, {"gst_info": {}}),
        (400, {"gst_info": None}),
    ],
)
async def test_an_invalid_flat_order_is_rejected_with_its_code(code: int, changes: dict[str, Any]) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        response = await http.post(V1, json=flat_order("B-1") | changes)
        assert code_of(response) == code, response.text
        assert sandbox.orders_created == 0


async def test_v1_rejects_sections_and_requires_the_gst_number() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post(V1, json=order("B-1"))) == 314
        without = await http.post(V1, json=flat_order("B-1", gst_info={"seller_gstin": "27TEST"}))
        assert "consignee_gstin" in message_of(without)


async def test_v3_accepts_a_flat_exchange_order_without_a_reason() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        payload = flat_order("X-1", order_type="EXCHANGE", delivery_type="RVP", courier_partner=25, rvp_reason=None)
        payload["exchange_info"] = {"name": "Store", "pincode": "600001"}
        del payload["gst_info"]
        assert code_of(await http.post(CREATE, json=payload)) == 200
        await sandbox.finish()
        assert sandbox.registry.orders["X-1"].is_rvp
        assert [scan.code for scan in sandbox.registry.orders["X-1"].scans][-3:] == [30, 31, 32]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("drop_phone", "N/A", 314),
        ("drop_phone", "9.87654E+09", 314),
        ("drop_phone", "+91-9876543210", 314),
        ("drop_phone", "9876543216 / 9876543217", 314),
        ("drop_phone", "9876", 314),
        ("drop_phone", 9876543210, 200),
        ("drop_phone", "09876543210", 200),
        ("drop_pincode", "56001", 314),
        ("drop_pincode", "560001.0", 314),
        ("drop_pincode", "012345", 314),
        ("drop_address", "A" * 501, 314),
    ],
)
@pytest.mark.parametrize("path", [V1, CREATE])
async def test_v1_and_v3_have_the_same_limits_for_addresses(path: str, field: str, value: object, code: int) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        payload = flat_order("A-1") if path == V1 else order("A-1")
        (payload if path == V1 else payload["drop_info"])[field] = value
        response = await http.post(path, json=payload)
        assert code_of(response) == code, response.text
        assert code == 200 or field in message_of(response)


@pytest.mark.parametrize("where", [{"drop_country": "AE"}, {"drop_phone_code": "+971"}])
async def test_v3_requires_indian_phones_only_for_indian_addresses(where: dict[str, str]) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        payload = order("A-1")
        payload["drop_info"] |= {"drop_phone": "501234567"} | where
        assert code_of(await http.post(CREATE, json=payload)) == 200


async def test_a_b2b_order_returns_102_until_it_is_placed_or_refused() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        for _ in range(PLAIN.async_polls + 1):
            assert code_of(await http.post(B2B, json=b2b_order("B-1"))) == 102
        placed = await http.post(B2B, json=b2b_order("B-1"))
        assert code_of(placed) == 200
        assert len(placed.json()["result"]["children"]) == 2
        assert code_of(await http.post(B2B, json=b2b_order("B-1"))) == 323
        sandbox.inject_fault("error_code", code=319, reference_number="B-2")
        assert code_of(await http.post(B2B, json=b2b_order("B-2"))) == 420
        found = await http.get(B2B, params={"reference_number": "B-1"})
        assert found.json()["result"]["waybill"] == placed.json()["result"]["waybill"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"gst_info": {"enterprise_gstin": "29X"}}, "consignee_gstin"),
        ({"box_info": []}, "box_info"),
        ({"box_info": [{"count": 1, "invoice_info": [{"number": "INV-9"}]}]}, "INV-9"),
    ],
)
async def test_an_invalid_b2b_order_is_rejected(changes: dict[str, Any], expected: str) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        response = await http.post(B2B, json=b2b_order("B-1", **changes))
        assert (code_of(response), expected in message_of(response)) == (400, True)
        assert "shipment_info" in message_of(await http.post(B2B, json=flat_order("B-1")))
        assert sandbox.orders_created == 0


async def test_an_account_may_refuse_exchange_orders() -> None:
    accounts = (SimulatedAccount(courier_partner_id=4, courier_name="Delhivery", account_code="a", exchange=False),)
    async with running(SandboxConfig(accounts=accounts, odd_answers=0)) as sandbox, merchant(sandbox) as http:
        assert code_of(await place(http, "X-1", order_type="EXCHANGE")) == 307
        assert code_of(await place(http, "X-2")) == 200


async def test_some_couriers_require_a_preassigned_waybill() -> None:
    async with running(SandboxConfig(waybill_couriers=(4,), odd_answers=0)) as sandbox, merchant(sandbox) as http:
        refused = await place(http, "A-1")
        assert (code_of(refused), "awb_number" in message_of(refused)) == (321, True)
        assert code_of(await place(http, "A-1", awb_number="PRE1")) == 200
        assert code_of(await place(http, "A-2", courier_partner=6)) == 200


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (308, {"additional": {"priority": ""}}),
        (308, {"additional": {"order_priority": 3}}),
        (314, {"additional": "label"}),
        (314, {"gst_info": []}),
        (314, {"tax_info": "none"}),
        (314, {"courier_custom_fields": "none"}),
    ],
)
async def test_priority_and_the_optional_sections_are_validated(code: int, changes: dict[str, Any]) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post(CREATE, json=order("A-1") | changes)) == code


async def test_v4_accepts_tax_info_custom_fields_and_the_account_in_additional() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        address = dict.fromkeys(("name", "phone", "address", "city", "postal_code", "country_code"), "x")
        payload = order("W-1", additional={"account_code": "Delhivery Surface", "priority": "NORMAL"}) | {
            "pickup_info": address,
            "drop_info": address,
            "tax_info": {"exporter": {"ioss": "IM1"}},
            "courier_custom_fields": [{"key": "a", "value": "b"}],
        }
        assert code_of(await http.post("/api/v4/create-order/", json=payload)) == 200
        payload["additional"]["account_code"] = "nobody's"
        payload["shipment_details"]["reference_number"] = "W-2"
        assert code_of(await http.post("/api/v4/create-order/", json=payload)) == 351


@pytest.mark.parametrize("path", [V1, CREATE, "/api/v4/create-order/"])
async def test_an_order_can_be_fetched_by_reference_with_the_key_alone(path: str) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1", items=[item(), item()])
        http.params = {"key": "sandbox-key"}
        found = (await http.get(path, params={"reference_number": "A-1"})).json()
        assert found["result"]["waybill"] == sandbox.registry.orders["A-1"].waybill
        assert code_of(await http.get(path, params={"reference_number": "A-2"})) == 330
        assert code_of(await http.get(path)) == 400
        assert code_of(await http.get(path, params={"awb": "1"})) == 400
        assert code_of(await http.get(path, params={"username": "x", "reference_number": "A-1"})) == 301
