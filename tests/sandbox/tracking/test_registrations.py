"""Waybills booked elsewhere are tracked from registration until they are unregistered."""

import time
from typing import Any

import httpx2
import pytest

from awbridge.sandbox import SandboxConfig, SimulatedAccount, running
from awbridge.sandbox.config import DEFAULT_ACCOUNTS
from tests.sandbox.helpers import code_of, merchant, place, receiver, settled

V2 = "/api/v2/tracking/awb-register/"
V3 = "/api/v3/tracking/awb-register/"
GONE = "/api/v2/tracking/awb-unregister/"
KEY = {"key": "sandbox-key"}


def registration(waybill: str, version: int = 3, /, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "waybill": waybill,
        "account_code": "Delhivery Surface",
        "consumer_details": {"name": "A Customer", "phone": "8000000002"},
        "shipment_info": {"order_type": "PREPAID", "reference_number": f"REF-{waybill}", "delivery_type": "FORWARD"},
        "additional": {"order_id": f"ORDER-{waybill}"},
    }
    return body | ({"cp_id": 4, **KEY} if version == 2 else {"courier_partner": 4}) | changes


async def track(http: httpx2.AsyncClient, waybill: str) -> Any:
    result = (await http.get("/api/v2/track-order/", params={"waybill": waybill, "cp_id": 4})).json()["result"]
    return (result or {}).get(waybill)


@pytest.mark.parametrize(("path", "version"), [(V2, 2), (V3, 3)])
async def test_a_registered_waybill_is_tracked_to_completion(path: str, version: int) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        started = int(time.time())
        result = (await http.post(path, json=registration("ELSE-1", version))).json()["result"]
        shipment = sandbox.registry.shipments["ELSE-1"]
        assert (result["tracking_id"], result["security_key"]) == (shipment.serial, shipment.security_key)
        await sandbox.finish()
        tracked = await track(http, "ELSE-1")
        assert tracked["scans"][-1]["clickpost_status_code"] == 28
        assert tracked["latest_status"]["reference_number"] == "REF-ELSE-1"
        assert tracked["additional"]["order_id"] == "ORDER-ELSE-1"
        window = {"start_date": started - 1, "end_date": started + 60}
        (row,) = (await http.get("/api/v1/updated-order", params=window)).json()["result"]
        assert (row["waybill"], row["reference_number"]) == ("ELSE-1", "REF-ELSE-1")
        ledger = (await http.get("/_sandbox/ledger")).json()
        assert ledger["orders"] == []
        assert [(row["waybill"], row["tracked"]) for row in ledger["registered"]] == [("ELSE-1", True)]


async def test_a_known_waybill_returns_303() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        first = (await http.post(V3, json=registration("ELSE-1"))).json()["result"]
        again = await http.post(V2, json=registration("ELSE-1", 2))
        assert code_of(again) == 303
        assert again.json()["result"]["tracking_id"] == first["tracking_id"]
        assert (await http.post(V3, json=registration("ELSE-1"))).json() == {
            "meta": {"status": 303, "success": False, "message": "Waybill already registered"}
        }
        await place(http, "A-1")
        assert code_of(await http.post(V3, json=registration(sandbox.registry.orders["A-1"].waybill))) == 303


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (351, {"courier_partner": 9999}),
        (351, {"account_code": "nobody's"}),
        (353, {"courier_partner": 71, "account_code": "shut"}),
        (400, {"waybill": ""}),
        (400, {"courier_partner": "Delhivery"}),
        (400, {"shipment_info": {"order_type": "CASH"}}),
        (400, {"shipment_info": {"delivery_type": "SIDEWAYS"}}),
    ],
)
async def test_an_invalid_registration_is_rejected(code: int, changes: dict[str, Any]) -> None:
    shut = SimulatedAccount(courier_partner_id=71, courier_name="Shut", account_code="shut", account_active=False)
    async with running(SandboxConfig(accounts=(*DEFAULT_ACCOUNTS, shut))) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post(V3, json=registration("ELSE-1", **changes))) == code
        assert not sandbox.registry.shipments


async def test_v2_takes_the_key_in_the_body() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post(V2, json=registration("ELSE-1", 2, key="wrong"))) == 301
        assert code_of(await http.post(GONE, json={"waybill": "ELSE-1", "cp_id": 4})) == 301
        assert code_of(await http.post(V2, content=b"no")) == 400


async def test_an_unregistered_shipment_is_not_returned_until_registered_again() -> None:
    async with receiver() as hook, running(SandboxConfig(webhook_url=hook.url)) as sandbox, merchant(sandbox) as http:
        await http.post(V3, json=registration("ELSE-1"))
        response = await http.post(GONE, json={"waybill": "ELSE-1", "cp_id": 4, **KEY})
        assert response.json()["result"] == {"awb": "ELSE-1"}
        await settled(sandbox)
        received = len(hook.bodies)
        assert await sandbox.finish() == 0
        assert sandbox.state()["open_journeys"] == 0
        assert not (await track(http, "ELSE-1"))["valid"]
        await settled(sandbox)
        assert len(hook.bodies) == received
        assert code_of(await http.post(GONE, json={"waybill": "ELSE-1", "cp_id": 4, **KEY})) == 400
        assert code_of(await http.post(V3, json=registration("ELSE-1"))) == 200
        assert await sandbox.finish() > 0
        assert (await track(http, "ELSE-1"))["valid"]


@pytest.mark.parametrize("body", [{"waybill": "nobody", "cp_id": 4}, {"waybill": "", "cp_id": 4}, {"waybill": "x"}])
async def test_only_tracked_waybills_can_be_unregistered(body: dict[str, Any]) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.post(GONE, json=body | KEY)) == 400


async def test_an_unregistered_order_stays_placed_and_can_be_cancelled() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        waybill = sandbox.registry.orders["A-1"].waybill
        await http.post("/api/v1/tracking/awb-unregister/", json={"waybill": waybill, "cp_id": 4, **KEY})
        assert code_of(await place(http, "A-1")) == 323
        where = {"waybill": waybill, "cp_id": 4}
        assert code_of(await http.get("/api/v1/cancel-order/", params=where)) in (200, 600)
        assert code_of(await http.post(V3, json=registration(waybill))) == 200
        assert sandbox.state()["open_journeys"] == 0
