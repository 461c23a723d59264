"""Failed deliveries: the merchant's instructions, and feedback."""

import time
from typing import Any

import httpx2
import pytest

from awbridge.sandbox import SandboxConfig, running
from tests.sandbox.helpers import code_of, merchant, only, place, until_failed_delivery

UPDATE = "/api/v2/ndr-update-api"
FEEDBACK = "/api/v1/ndr_user_feedback/"


def past(**settings: Any) -> SandboxConfig:
    return SandboxConfig(backdate_seconds=30 * 86400, odd_answers=0, **settings)


def instruction(waybill: str, action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "waybill": waybill, "cp_id": 4, "account_code": "Delhivery Surface", **more}


async def feedback(http: httpx2.AsyncClient, start: float, end: float) -> httpx2.Response:
    return await http.get(FEEDBACK, params={"start_date": int(start), "end_date": int(end)})


async def test_reattempt_replaces_the_return_with_a_delivery() -> None:
    async with running(past(weights=only("rto"))) as sandbox, merchant(sandbox) as http:
        shipment = await until_failed_delivery(sandbox, http, "N-1")
        response = await http.post(UPDATE, json=instruction(shipment.waybill, "REATTEMPT", preferred_date="2099-01-01"))
        assert response.json() == {"meta": {"status": 200, "success": True, "message": "SUCCESS"}}
        await sandbox.finish()
        assert [scan.code for scan in shipment.scans][-3:] == [9, 6, 8]
        times = [scan.scanned_at for scan in shipment.scans]
        assert times == sorted(set(times))
        assert times[-1] <= time.time()
        assert sandbox.state()["open_journeys"] == 0


async def test_initiate_rto_returns_the_parcel() -> None:
    async with running(past(weights=only("ndr_delivered"))) as sandbox, merchant(sandbox) as http:
        shipment = await until_failed_delivery(sandbox, http, "N-1")
        assert code_of(await http.post(UPDATE, json=instruction(shipment.waybill, "INITIATE_RTO"))) == 200
        await sandbox.advance(30 * 86400)
        codes = [scan.code for scan in shipment.scans]
        assert (codes[-1], 8 in codes, codes.count(9)) == (14, False, 1)
        assert shipment.scans[-1].city == shipment.scans[0].city


async def test_cancelling_a_picked_up_parcel_returns_it_to_origin() -> None:
    async with running(past(weights=only("ndr_delivered"))) as sandbox, merchant(sandbox) as http:
        shipment = await until_failed_delivery(sandbox, http, "N-1")
        for _ in range(2):
            response = await http.get("/api/v1/cancel-order/", params={"waybill": shipment.waybill, "cp_id": 4})
            assert code_of(response) in (200, 600)
        assert not shipment.cancelled
        await sandbox.advance(30 * 86400)
        codes = [scan.code for scan in shipment.scans]
        assert (codes[-1], 8 in codes, 10 in codes) == (14, False, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "INITIATE_RTO / REATTEMPT"},
        {"action": None},
        {"waybill": "nobody"},
        {"cp_id": 6},
        {"account_code": "nobody's"},
        {"preferred_date": "tomorrow"},
        {"preferred_date": "2020-01-01"},
    ],
)
async def test_an_invalid_instruction_is_rejected(changes: dict[str, Any]) -> None:
    async with running(past(weights=only("ndr_delivered"))) as sandbox, merchant(sandbox) as http:
        shipment = await until_failed_delivery(sandbox, http, "N-1")
        response = await http.post(UPDATE, json=instruction(shipment.waybill, "REATTEMPT") | changes)
        assert code_of(response) == 400
        assert response.json()["meta"]["message"].startswith("Bad Request , ")


async def test_an_instruction_requires_a_failed_delivery() -> None:
    async with running(past(weights=only("ndr_delivered"))) as sandbox, merchant(sandbox) as http:
        await place(http, "N-1")
        shipment = sandbox.registry.orders["N-1"]
        assert code_of(await http.post(UPDATE, json=instruction(shipment.waybill, "REATTEMPT"))) == 400
        await sandbox.finish()
        assert code_of(await http.post(UPDATE, json=instruction(shipment.waybill, "REATTEMPT"))) == 400


async def test_feedback_contains_customer_comments_and_merchant_instructions() -> None:
    async with running(past(weights=only("ndr_delivered"), ndr_feedback=1)) as sandbox, merchant(sandbox) as http:
        shipment = await until_failed_delivery(sandbox, http, "N-1")
        now = time.time()
        response = await feedback(http, now - 60, now + 60)
        assert response.json().keys() == {"result"}
        (row,) = response.json()["result"]
        assert (row["type"], row["awb"], row["clickpost_status_code"]) == ("CUSTOMER_FEED", shipment.waybill, 9)
        assert row["created_at"].endswith("Z")
        await http.post(UPDATE, json=instruction(shipment.waybill, "REATTEMPT", phone_number="8000000009"))
        rows = (await feedback(http, now - 60, now + 60)).json()["result"]
        assert [(row["type"], row["phone"]) for row in rows] == [
            ("CUSTOMER_FEED", None),
            ("CLIENT_OPS_FEED", "8000000009"),
        ]
        assert (await feedback(http, now - 3600, now - 60)).json() == {"result": []}


async def test_the_feedback_window_is_at_most_an_hour() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await feedback(http, 0, 3601)) == 500
        assert code_of(await feedback(http, 5, 1)) == 400
        assert code_of(await http.get(FEEDBACK)) == 400


async def test_customers_can_leave_no_feedback() -> None:
    async with running(past(weights=only("ndr_delivered"), ndr_feedback=0)) as sandbox, merchant(sandbox) as http:
        await until_failed_delivery(sandbox, http, "N-1")
        assert (await feedback(http, time.time() - 60, time.time() + 60)).json() == {"result": []}
