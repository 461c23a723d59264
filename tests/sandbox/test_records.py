"""The audit log, and the returns that customers ask for."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from awbridge.sandbox import JourneyWeights, SandboxConfig, running
from tests.sandbox.helpers import code_of, merchant, place

AUDIT = "/api/v1/audit-log-data/"
RETURNS = "/api/v1/return_order_poll/"
DELIVERED = JourneyWeights(delivered=1, ndr_delivered=0, rto=0, cancelled=0, lost=0, damaged=0, expired=0)
ALL_RETURNED = SandboxConfig(weights=DELIVERED, return_requests=1, odd_answers=0)


async def test_the_audit_log_tells_who_did_what_in_an_hour() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        waybill = sandbox.registry.orders["A-1"].waybill
        await http.post("/api/v1/user/token/", json={"username": "sandbox", "password": "sandbox-password"})
        await http.get("/api/v1/cancel-order/", params={"waybill": waybill, "cp_id": 4})
        rows = (await http.get(AUDIT, params={"log_epoch_time": int(time.time())})).json()["result"]
        assert {row["service_type"]: row["payload"] for row in rows} == {
            "Order: Cancel": {"awb": waybill},
            "User Login: via API": None,
        }
        assert len({row["log_uuid"] for row in rows}) == 2
        assert "password" not in str(rows)
        earlier = await http.get(AUDIT, params={"log_epoch_time": int(time.time()) - 3600})
        assert earlier.json()["result"] == []


@pytest.mark.parametrize("moment", ["", "noon", "1.5", "9" * 30])
async def test_the_audit_log_wants_a_moment(moment: str) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await http.get(AUDIT, params={"log_epoch_time": moment})) == 400


def text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


async def returns(http: httpx2.AsyncClient, start: float, end: float, **more: Any) -> httpx2.Response:
    window = {"user_name": "sandbox", "start_time": text(start), "end_time": text(end)}
    return await http.get(RETURNS, params=window | more)


async def test_a_customer_asks_to_return_what_was_delivered_and_the_booking_shows() -> None:
    async with running(ALL_RETURNED) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        now = time.time()
        assert (await returns(http, now - 60, now + 60)).json()["result"] == []
        await sandbox.finish()
        (row,) = (await returns(http, now - 60, now + 60)).json()["result"]
        assert (row["status"], row["awb"], row["cp_id"]) == ("NEW_CASE", None, None)
        payload = row["webhook_payload"]
        assert payload["additional"]["forward_reference_number"] == "A-1"
        assert payload["clickpost_status_code"] == 101
        reference = row["return_reference_number"]
        await place(http, reference, delivery_type="RVP", rvp_reason="Too small", courier_partner=25)
        (row,) = (await returns(http, now - 60, now + 60)).json()["result"]
        booked = sandbox.registry.orders[reference]
        assert (row["status"], row["awb"], row["cp_id"]) == ("APPROVED", booked.waybill, 25)
        await sandbox.finish()
        assert len((await returns(http, now - 60, now + 60)).json()["result"]) == 1
        assert (await returns(http, now - 600, now - 60)).json()["result"] == []


async def test_returns_are_refused_over_http_301_and_400() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        now = time.time()
        wrong = await returns(http, now - 60, now, user_name="somebody")
        assert (wrong.status_code, code_of(wrong)) == (301, 301)
        long = await returns(http, now - 3601, now)
        assert (long.status_code, code_of(long)) == (400, 400)
        assert long.json()["meta"]["message"].keys() == {"Time Difference"}
        assert code_of(await returns(http, now, now - 60)) == 400
        assert code_of(await returns(http, now, now, start_time="noon")) == 400
