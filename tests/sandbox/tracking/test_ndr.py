"""Failed deliveries: what the merchant asks for is done, what customers wrote can be read."""

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


def wish(waybill: str, action: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "waybill": waybill, "cp_id": 4, "account_code": "Delhivery Surface", **more}


async def feedback(http: httpx2.AsyncClient, start: float, end: float) -> httpx2.Response:
    return await http.get(FEEDBACK, params={"start_date": int(start), "end_date": int(end)})


async def test_a_parcel_on_its_way_back_is_tried_once_more() -> None:
    async with running(past(weights=only("rto"))) as sandbox, merchant(sandbox) as http:
        entry = await until_failed_delivery(sandbox, http, "N-1")
        answer = await http.post(UPDATE, json=wish(entry.waybill, "REATTEMPT", preferred_date="2099-01-01"))
        assert answer.json() == {"meta": {"status": 200, "success": True, "message": "SUCCESS"}}
        await sandbox.finish()
        assert [scan.code for scan in entry.scans][-3:] == [9, 6, 8]
        times = [scan.scanned_at for scan in entry.scans]
        assert times == sorted(set(times))
        assert times[-1] <= time.time()
        assert sandbox.state()["open_journeys"] == 0


async def test_a_parcel_is_called_back() -> None:
    async with running(past(weights=only("ndr_delivered"))) as sandbox, merchant(sandbox) as http:
        entry = await until_failed_delivery(sandbox, http, "N-1")
        assert code_of(await http.post(UPDATE, json=wish(entry.waybill, "INITIATE_RTO"))) == 200
        await sandbox.advance(30 * 86400)
        codes = [scan.code for scan in entry.scans]
        assert (codes[-1], 8 in codes, codes.count(9)) == (14, False, 1)
        assert entry.scans[-1].city == entry.scans[0].city


async def test_what_was_picked_up_is_sent_back_when_it_is_cancelled() -> None:
    async with running(past(weights=only("ndr_delivered"))) as sandbox, merchant(sandbox) as http:
        entry = await until_failed_delivery(sandbox, http, "N-1")
        for _ in range(2):
            answer = await http.get("/api/v1/cancel-order/", params={"waybill": entry.waybill, "cp_id": 4})
            assert code_of(answer) in (200, 600)
        assert not entry.cancelled
        await sandbox.advance(30 * 86400)
        codes = [scan.code for scan in entry.scans]
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
async def test_a_bad_wish_is_refused(changes: dict[str, Any]) -> None:
    async with running(past(weights=only("ndr_delivered"))) as sandbox, merchant(sandbox) as http:
        entry = await until_failed_delivery(sandbox, http, "N-1")
        answer = await http.post(UPDATE, json=wish(entry.waybill, "REATTEMPT") | changes)
        assert code_of(answer) == 400
        assert answer.json()["meta"]["message"].startswith("Bad Request , ")


async def test_only_a_failed_delivery_can_be_decided_about() -> None:
    async with running(past(weights=only("ndr_delivered"))) as sandbox, merchant(sandbox) as http:
        await place(http, "N-1")
        entry = sandbox.registry.orders["N-1"]
        assert code_of(await http.post(UPDATE, json=wish(entry.waybill, "REATTEMPT"))) == 400
        await sandbox.finish()
        assert code_of(await http.post(UPDATE, json=wish(entry.waybill, "REATTEMPT"))) == 400


async def test_customers_write_after_failed_deliveries_and_the_merchants_wish_stands_beside() -> None:
    async with running(past(weights=only("ndr_delivered"), ndr_feedback=1)) as sandbox, merchant(sandbox) as http:
        entry = await until_failed_delivery(sandbox, http, "N-1")
        now = time.time()
        answer = await feedback(http, now - 60, now + 60)
        assert answer.json().keys() == {"result"}
        (row,) = answer.json()["result"]
        assert (row["type"], row["awb"], row["clickpost_status_code"]) == ("CUSTOMER_FEED", entry.waybill, 9)
        assert row["created_at"].endswith("Z")
        await http.post(UPDATE, json=wish(entry.waybill, "REATTEMPT", phone_number="8000000009"))
        rows = (await feedback(http, now - 60, now + 60)).json()["result"]
        assert [(row["type"], row["phone"]) for row in rows] == [
            ("CUSTOMER_FEED", None),
            ("CLIENT_OPS_FEED", "8000000009"),
        ]
        assert (await feedback(http, now - 3600, now - 60)).json() == {"result": []}


async def test_the_window_of_feedback_is_an_hour_at_most() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        assert code_of(await feedback(http, 0, 3601)) == 500
        assert code_of(await feedback(http, 5, 1)) == 400
        assert code_of(await http.get(FEEDBACK)) == 400


async def test_not_every_customer_writes() -> None:
    async with running(past(weights=only("ndr_delivered"), ndr_feedback=0)) as sandbox, merchant(sandbox) as http:
        await until_failed_delivery(sandbox, http, "N-1")
        assert (await feedback(http, time.time() - 60, time.time() + 60)).json() == {"result": []}
