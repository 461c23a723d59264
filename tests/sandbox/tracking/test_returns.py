"""Return requests: the endpoint that lists them, and their webhooks."""

import time
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from awbridge.sandbox import SandboxConfig, running
from tests.sandbox.helpers import code_of, merchant, only, place, receiver, settled

RETURNS = "/api/v1/return_order_poll/"
ALL_RETURNED = SandboxConfig(weights=only("delivered"), return_requests=1, odd_answers=0)


def utc_text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


async def returns(http: httpx2.AsyncClient, start: float, end: float, **more: Any) -> httpx2.Response:
    window = {"user_name": "sandbox", "start_time": utc_text(start), "end_time": utc_text(end)}
    return await http.get(RETURNS, params=window | more)


async def test_a_return_request_has_the_waybill_once_it_is_booked() -> None:
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


async def test_return_errors_use_http_301_and_400() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        now = time.time()
        wrong = await returns(http, now - 60, now, user_name="another")
        assert (wrong.status_code, code_of(wrong)) == (301, 301)
        long = await returns(http, now - 3601, now)
        assert (long.status_code, code_of(long)) == (400, 400)
        assert long.json()["meta"]["message"].keys() == {"Time Difference"}
        assert code_of(await returns(http, now, now - 60)) == 400
        assert code_of(await returns(http, now, now, start_time="noon")) == 400


@pytest.mark.parametrize("share", [1, 0])
async def test_return_webhooks_are_wrapped_in_utc_and_describe_the_forward_order(share: float) -> None:
    async with receiver() as hook:
        config = ALL_RETURNED.model_copy(
            update={"return_webhooks": True, "webhook_url": hook.url, "return_requests": share}
        )
        async with running(config) as sandbox, merchant(sandbox) as http:
            for number in range(8):
                await place(http, f"R-{number}")
            await sandbox.finish()
            await settled(sandbox)
            sent = [body for body in hook.bodies if "payload" in body]
            if not share:
                assert sent == []
                return
            placed = [b["payload"] for b in sent if b["payload"]["clickpost_status_code"] == 101]
            assert {p["additional"]["forward_reference_number"] for p in placed} == set(sandbox.registry.orders)
            assert {b["payload"]["clickpost_status_code"] for b in sent} == {101, 102}
            first = placed[0]
            assert (first["waybill"], first["cp_id"], first["additional"]["self_shipped"]) == ("", -1, False)
            forward = sandbox.registry.orders[first["additional"]["forward_reference_number"]]
            assert first["additional"]["forward_awb"] == forward.waybill
            assert forward.latest is not None
            hour = first["timestamp"][:13]
            at = forward.latest.created_at
            rows = (await returns(http, at - 60, at + 60)).json()["result"]
            assert hour == rows[0]["webhook_payload"]["timestamp"][:13].replace("T", " "), "the poll has UTC times"
