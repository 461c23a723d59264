"""Create, fetch and cancel orders, over HTTP on loopback."""

from typing import Any

import pytest

from awbridge.sandbox import SandboxConfig, SimulatedAccount, running
from awbridge.sandbox.config import DEFAULT_ACCOUNTS
from tests.sandbox.helpers import AUTH, CREATE, code_of, item, merchant, order, place

PLAIN = SandboxConfig(odd_answers=0)


async def test_an_order_is_placed_and_gets_a_waybill() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        response = await place(http, "A-1")
        assert (response.status_code, code_of(response)) == (200, 200)
        result = response.json()["result"]
        assert result["reference_number"] == "A-1"
        assert result["courier_partner_id"] == 4
        assert result["account_code"] == "Delhivery Surface"
        assert result["label"].endswith(f"{result['waybill']}.pdf")
        assert sandbox.orders_created == 1


async def test_a_repeated_reference_returns_the_first_order_whatever_the_payload() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        first = (await place(http, "A-1", order_id="first")).json()["result"]
        again = await place(http, "A-1", order_id="second", courier_partner=6, items=[])
        assert code_of(again) == 323
        assert again.json()["result"]["waybill"] == first["waybill"]
        assert again.json()["result"]["courier_partner_id"] == 4
        shipment = sandbox.registry.orders["A-1"]
        assert (sandbox.orders_created, shipment.order_id, sandbox.registry.create_calls["A-1"]) == (1, "first", 2)


@pytest.mark.parametrize(
    "query", [{}, {"username": "sandbox", "key": "wrong"}, {"username": "x", "key": "sandbox-key"}]
)
async def test_a_wrong_key_returns_301_over_http_200(query: dict[str, str]) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        http.params = query
        response = await http.post(CREATE, json=order("A-1"))
        assert (response.status_code, code_of(response), sandbox.orders_created) == (200, 301, 0)


BAD_DETAILS: list[tuple[int, dict[str, Any]]] = [
    (302, {"courier_partner": "Delhivery"}),
    (302, {"courier_partner": 9999}),
    (307, {"order_type": "CASH"}),
    (309, {"delivery_type": "SIDEWAYS"}),
    (310, {"delivery_type": "RVP"}),
    (311, {"delivery_type": "RVP", "rvp_reason": "Too small", "courier_partner": 5}),
    (312, {"items": []}),
    (313, {"items": {"sku": "x"}}),
    (313, {"items": ["mug"]}),
    (313, {"items": [item(sku="")]}),
    (313, {"items": [item(price="free")]}),
    (314, {"reference_number": "R" * 21, "courier_partner": 5}),
    (315, {"cod_value": 10}),
    (315, {"order_type": "COD", "cod_value": 0}),
    (315, {"cod_value": "much"}),
    (351, {"account_code": "nobody's"}),
    (352, {"courier_partner": 70}),
    (353, {"courier_partner": 71}),
    (400, {"invoice_date": "14/03/2026"}),
    (400, {"invoice_number": ""}),
    (400, {"weight": -1}),
    (400, {"reference_number": ""}),
]


@pytest.mark.parametrize(("code", "details"), BAD_DETAILS)
async def test_an_invalid_order_is_rejected_with_its_code(code: int, details: dict[str, Any]) -> None:
    accounts = (
        *DEFAULT_ACCOUNTS,
        SimulatedAccount(courier_partner_id=70, courier_name="Twin", account_code="one"),
        SimulatedAccount(courier_partner_id=70, courier_name="Twin", account_code="two"),
        SimulatedAccount(courier_partner_id=71, courier_name="Shut", account_code="shut", account_active=False),
    )
    async with running(SandboxConfig(accounts=accounts, odd_answers=0)) as sandbox, merchant(sandbox) as http:
        response = await http.post(CREATE, json=order("A-1") | {"shipment_details": _details(details)})
        assert code_of(response) == code, response.text
        assert response.json()["meta"]["success"] is False
        assert sandbox.orders_created == 0


def _details(changes: dict[str, Any]) -> dict[str, Any]:
    return order("A-1")["shipment_details"] | changes


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", 328),
        (b"[1]", 328),
        (b"{}", 314),
        (b'{"shipment_details": {}, "pickup_info": 4}', 314),
    ],
)
async def test_a_body_that_is_not_an_order_is_rejected(body: bytes, code: int) -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post(CREATE, content=body)) == code


async def test_the_error_names_a_missing_address_field() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        payload = order("A-1")
        del payload["drop_info"]["drop_pincode"]
        response = await http.post(CREATE, json=payload)
        assert code_of(response) == 400
        assert "drop_pincode" in response.json()["meta"]["message"]


async def test_v4_accepts_field_names_without_prefix() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        address = dict.fromkeys(("name", "phone", "address", "city", "postal_code", "country_code"), "x")
        payload = order("W-1") | {"pickup_info": address, "drop_info": address}
        response = await http.post("/api/v4/create-order", json=payload)
        assert code_of(response) == 200
        assert "commercial_invoice_url" in response.json()["result"]
        assert code_of(await http.post("/api/v4/create-order", json=order("W-2"))) == 400


@pytest.mark.parametrize("mark", [{"mps": True}, {"shipment_type": "MPS"}, {"is_mps": True}])
async def test_each_piece_gets_a_waybill_in_every_response_shape(mark: dict[str, Any]) -> None:
    forms: set[str] = set()
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        for number in range(12):
            response = await place(http, f"M-{number}", items=[item(), item(sku="MUG-2")], additional=mark)
            children = response.json()["result"]["children"]
            seen = [child.get("waybill") or child["item"]["waybill"] for child in children]
            assert tuple(seen) == sandbox.registry.orders[f"M-{number}"].children
            forms |= {"+".join(sorted({"waybill", "item"} & child.keys())) for child in children}
    assert forms == {"waybill", "item", "item+waybill"}


async def test_a_preassigned_waybill_belongs_to_one_order() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        response = await place(http, "A-1", awb_number="MYAWB1")
        assert response.json()["result"]["waybill"] == "MYAWB1"
        assert code_of(await place(http, "A-2", awb_number="MYAWB1")) == 303


async def test_a_waybill_can_be_reused_after_its_shipment_ended() -> None:
    async with running(PLAIN.model_copy(update={"reuse_waybills": True})) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1", awb_number="MYAWB1")
        assert code_of(await place(http, "A-2", awb_number="MYAWB1")) == 303, "its shipment is in transit"
        sandbox.registry.reroute(sandbox.registry.orders["A-1"], ())  # no more scans: the shipment has ended
        assert code_of(await place(http, "A-2", awb_number="MYAWB1")) == 200
        found = sandbox.registry.find("MYAWB1")
        assert found is not None
        assert found.reference_number == "A-2"


@pytest.mark.parametrize("how", ["courier", "additional", "fault", "once"])
async def test_a_queued_order_returns_202_then_102_then_200_with_the_first_payload(how: str) -> None:
    config = SandboxConfig(async_couriers=(4,) if how == "courier" else (), async_polls=2, odd_answers=0)
    async with running(config) as sandbox, merchant(sandbox) as http:
        if how == "once":
            sandbox.inject_fault("async_orders")
        if how == "fault":
            sandbox.faults = sandbox.faults.model_copy(update={"async_orders": 1.0})
        additional = {"async": how == "additional"}
        codes = [code_of(await place(http, "Q-1", additional=additional, order_id=f"call {n}")) for n in range(5)]
        assert codes == [202, 102, 102, 200, 323]
        assert sandbox.registry.orders["Q-1"].order_id == "call 0"
        assert sandbox.state()["waiting_orders"] == 0


async def test_responses_come_in_all_observed_shapes() -> None:
    inside = beside = text = odd_courier = extra = 0
    async with running(SandboxConfig(odd_answers=0.5)) as sandbox, merchant(sandbox) as http:
        for number in range(40):
            response = (await place(http, f"S-{number}")).json()
            inside += "tracking_id" in response["result"]
            beside += "tracking_id" in response
            text += isinstance(response.get("order_id"), str)
            odd_courier += response["result"].get("courier_partner") == "4"
            extra += "request_took_ms" in response["meta"]
    assert inside + beside == 40
    assert min(inside, beside, text, odd_courier, extra) > 0


async def test_errors_vary_in_result_and_in_the_field_of_the_code() -> None:
    shapes: set[str] = set()
    async with running(SandboxConfig(odd_answers=0.5)) as sandbox, merchant(sandbox) as http:
        for number in range(30):
            body = (await place(http, f"S-{number}", items=[])).json()
            shapes |= {repr(body.get("result", "missing")), "status" if "status" in body["meta"] else "status_code"}
    assert shapes == {"None", "{}", "'missing'", "status", "status_code"}


async def test_an_order_can_be_fetched_by_waybill_and_courier() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        waybill = (await place(http, "A-1")).json()["result"]["waybill"]
        found = await http.get(CREATE, params={"awb": waybill, "cp_id": 4})
        assert found.json()["result"]["reference_number"] == "A-1"
        assert code_of(await http.get(CREATE, params={"awb": waybill, "cp_id": 5})) == 330


async def test_cancel_stops_the_journey_and_then_returns_600() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        waybill = (await place(http, "A-1")).json()["result"]["waybill"]
        where = {"waybill": waybill, "cp_id": 4, "account_code": "Delhivery Surface"}
        assert code_of(await http.get("/api/v1/cancel-order/", params=where)) in (200, 600)
        assert code_of(await http.get("/api/v1/cancel-order", params=where)) == 600
        await sandbox.finish()
        shipment = sandbox.registry.orders["A-1"]
        assert shipment.cancelled
        assert shipment.scans[-1].code == 10
        assert sandbox.state()["open_journeys"] == 0


async def test_cancel_rejects_unknown_and_completed_orders() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        waybill = (await place(http, "A-1")).json()["result"]["waybill"]
        unknown = await http.get("/api/v1/cancel-order/", params={"waybill": "nope", "cp_id": 4})
        assert (unknown.status_code, code_of(unknown)) == (400, 350)
        where = {"waybill": waybill, "cp_id": 4}
        assert code_of(await http.get("/api/v1/cancel-order/", params=where | {"account_code": "other"})) == 351
        await sandbox.finish()
        assert code_of(await http.get("/api/v1/cancel-order/", params=where)) == 350


async def test_paths_work_with_and_without_trailing_slash() -> None:
    async with running(PLAIN) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post("/api/v3/create-order", json=order("A-1"))) == 200
        assert (await http.get("/api/v9/nothing")).status_code == 404
        assert (await http.post("/api/v2/track-order/")).status_code == 405
        assert (await http.get("/healthz", params=AUTH)).json() == {"ok": True}


async def test_an_unserved_pincode_returns_319() -> None:
    only = SimulatedAccount(courier_partner_id=4, courier_name="D", account_code="d", not_served=("4110",))
    async with running(SandboxConfig(odd_answers=0, accounts=(only,))) as sandbox, merchant(sandbox) as http:
        response = await place(http, "A-1")
        assert (code_of(response), sandbox.orders_created) == (319, 0)
        assert "not serviceable" in response.json()["meta"]["message"]
