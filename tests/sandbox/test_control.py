"""The control API: ledger, faults, time, manual webhooks."""

import asyncio
import time
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from awbridge.sandbox import Faults, SandboxConfig, running
from awbridge.sandbox.config import FaultKind
from tests.sandbox.helpers import code_of, merchant, place, receiver, settled

DAY = 86400


async def test_the_ledger_contains_what_actually_happened() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        await place(http, "A-1")
        await http.post("/_sandbox/finish")
        ledger = (await http.get("/_sandbox/ledger")).json()
        assert ledger["orders_created"] == 1
        (shipment,) = ledger["orders"]
        assert shipment.keys() == {
            "reference_number",
            "waybill",
            "cp_id",
            "account_code",
            "order_id",
            "times_requested",
            "cancelled",
            "children",
            "latest_status",
            "scans",
        }
        assert shipment["times_requested"] == 2
        assert shipment["scans"][0].keys() == {
            "waybill",
            "cp_id",
            "clickpost_status_code",
            "status",
            "remark",
            "location",
            "scanned_at",
            "order_status_id",
            "checkpoint_id",
            "webhooks_acknowledged",
        }
        last = shipment["scans"][-1]
        assert shipment["latest_status"] == {key: last[key] for key in ("clickpost_status_code", "scanned_at")}
        assert last["scanned_at"].endswith("+00:00")
        assert ledger["webhooks"]["sent"] == 0
        assert ledger["calls"] == {"create_order": 2}
        assert "scans" not in (await http.get("/_sandbox/ledger", params={"scans": "0"})).json()["orders"][0]


async def test_finish_completes_every_journey_without_scans_in_the_future() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        for number in range(50):
            await place(http, f"A-{number}")
            if number == 25:
                await asyncio.sleep(0.1)
        response = (await http.post("/_sandbox/finish")).json()
        assert response["open_journeys"] == 0
        for shipment in sandbox.registry.orders.values():
            times = [scan.scanned_at for scan in shipment.scans]
            assert len(times) == len(shipment.steps)
            assert all(b - a >= 1 for a, b in pairwise(times))
            assert times[-1] <= time.time()
        assert (await http.post("/_sandbox/finish")).json()["scans"] == 0


async def test_the_next_scan_of_one_shipment_or_of_all_happens_now() -> None:
    async with running(SandboxConfig(tick_seconds=3600)) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        await place(http, "A-2")
        first, other = sandbox.registry.orders.values()
        assert (await http.post("/_sandbox/next", json={"reference_number": "A-1"})).json()["scans"] == 1
        assert (len(first.scans), len(other.scans)) == (1, 0)
        steps = 1
        while (await http.post("/_sandbox/next")).json()["scans"]:
            steps += 1
        for shipment in (first, other):
            assert [scan.code for scan in shipment.scans] == [step.code for step in shipment.steps]
            times = [scan.scanned_at for scan in shipment.scans]
            assert all(b - a >= 1 for a, b in pairwise(times))
            assert times[-1] <= time.time()
        assert steps >= len(other.steps)
        assert (await http.post("/_sandbox/next", json={"waybill": "none"})).status_code == 422


async def test_the_page_shows_the_parcels_and_moves_them() -> None:
    async with running(SandboxConfig(tick_seconds=3600)) as sandbox, merchant(sandbox) as http:
        assert "No parcel yet" in (await http.get("/")).text
        await place(http, "A<b>1")
        await place(http, "A-2")
        first, other = sandbox.registry.orders.values()
        shown = (await http.get("/")).text
        assert "A&lt;b&gt;1" in shown
        assert "none yet" in shown
        moved = await http.post("/", data={"do": "next", "waybill": first.waybill}, follow_redirects=True)
        assert first.scans[-1].remark in moved.text
        assert not other.scans
        await http.post("/", data={"do": "next"})
        assert (len(first.scans), len(other.scans)) == (2, 1)
        assert (await http.post("/", data={"do": "next", "waybill": "none"})).status_code == 404
        ended = await http.post("/", data={"do": "finish"}, follow_redirects=True)
        assert ended.text.count("<td>ended</td>") == 2


async def test_backdated_journeys_complete_fast_with_their_planned_times() -> None:
    async with (
        running(SandboxConfig(backdate_seconds=300 * DAY, speed=5_000_000)) as sandbox,
        merchant(sandbox) as http,
    ):
        for number in range(10):
            await place(http, f"A-{number}")
        async with asyncio.timeout(60):
            while (await http.get("/_sandbox/state")).json()["open_journeys"]:
                await asyncio.sleep(0.02)
        for shipment in sandbox.registry.orders.values():
            planned = [shipment.first_scan_at + step.offset for step in shipment.steps]
            assert [scan.scanned_at for scan in shipment.scans] == planned
            assert planned[-1] < time.time()
            assert planned[-1] - planned[0] > DAY / 4


async def test_advance_moves_courier_time_at_most_to_real_time() -> None:
    async with running(SandboxConfig(backdate_seconds=10 * DAY)) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        moved = (await http.post("/_sandbox/advance", json={"seconds": DAY})).json()
        assert moved["scans"] >= 1
        assert sandbox.clock.real() - sandbox.clock.courier() == pytest.approx(9 * DAY, abs=5)
        await http.post("/_sandbox/advance", json={"seconds": 99 * DAY})
        assert sandbox.clock.courier() <= sandbox.clock.real()
        assert sandbox.clock.real() - sandbox.clock.courier() < 1


async def test_faults_can_be_read_and_replaced() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        shown = (await http.get("/_sandbox/faults")).json()
        assert shown == Faults().model_dump(mode="json")
        payload = {
            "error_codes": {"329": 1.0},
            "downtime": [{"courier_partner_id": 5, "from_second": 0, "to_second": 9}],
        }
        replaced = (await http.put("/_sandbox/faults", json=payload)).json()
        assert replaced["error_codes"] == {"329": 1.0}
        assert code_of(await place(http, "A-1")) == 329
        assert (await http.put("/_sandbox/faults", json={})).json() == shown


async def test_a_fault_can_be_injected_for_one_order() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        payload = {"kind": "http_503", "times": 2, "reference_number": "A-1"}
        assert (await http.post("/_sandbox/faults/once", json=payload)).json()["waiting"] == [
            {"kind": "http_503", "times": 2}
        ]
        statuses = [(await place(http, reference)).status_code for reference in ("A-2", "A-1", "A-1", "A-1")]
        assert statuses == [200, 503, 503, 200]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "faults", {"http_500": 2}, "http_500"),
        ("PUT", "faults", {"htp_500": 1}, "htp_500"),
        ("POST", "faults/once", {"kind": "earthquake"}, "kind"),
        ("POST", "faults/once", {"kind": "slow", "times": 0}, "times"),
        ("POST", "advance", {}, "seconds"),
        ("POST", "webhook", {}, "body"),
        ("POST", "webhook", {"waybill": "nobody"}, "waybill"),
        ("POST", "webhook", {"waybill": "x", "variant": "y"}, "variant"),
        ("POST", "redeliver", {"reference_number": "nobody"}, "reference_number"),
    ],
)
async def test_an_invalid_body_returns_422_with_the_field(method: str, path: str, body: Any, field: str) -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        response = await http.request(method, f"/_sandbox/{path}", json=body)
        assert response.status_code == 422
        assert response.json()["detail"][0]["field"] == field
        assert response.json()["detail"][0]["problem"]


async def test_webhooks_can_be_sent_and_redelivered_on_request() -> None:
    async with receiver() as hook, running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        await sandbox.finish()
        sandbox.webhooks.url = hook.url
        names = [variant["name"] for variant in (await http.get("/_sandbox/bodies")).json()["variants"]]
        for name in names:
            payload = {"reference_number": "A-1", "variant": name, "overrides": {"surprise": name}}
            response = (await http.post("/_sandbox/webhook", json=payload)).json()
            assert response["http_status"] == 200
            assert response["body"] == hook.bodies[-1]
            assert hook.bodies[-1]["surprise"] == name
        first = {"waybill": sandbox.registry.orders["A-1"].waybill, "scan": 0, "variant": "all_statuses"}
        sent = (await http.post("/_sandbox/webhook", json=first)).json()["body"]
        assert int(sent["clickpost_status_code"]) == sandbox.registry.orders["A-1"].scans[0].code
        hook.bodies.clear()
        scans = len(sandbox.registry.orders["A-1"].scans)
        assert (await http.post("/_sandbox/redeliver", json={"reference_number": "A-1"})).json() == {"queued": scans}
        assert (await http.post("/_sandbox/redeliver")).json() == {"queued": scans}
        await settled(sandbox)
        assert len(hook.bodies) == 2 * scans


async def test_reset_returns_to_the_initial_state() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        await http.put("/_sandbox/faults", json={"http_500": 1})
        sandbox.webhooks.url = "http://127.0.0.1:9/"
        await http.post("/_sandbox/reset")
        ledger = (await http.get("/_sandbox/ledger")).json()
        assert (ledger["orders_created"], ledger["orders"], ledger["calls"]) == (0, [], {})
        assert sandbox.webhooks.url is None
        assert code_of(await place(http, "A-1")) == 200


async def _ledger_of_run(references: list[str]) -> dict[str, Any]:
    config = SandboxConfig(seed=11, faults=Faults(cut_after_placing=0, http_500=0.3, error_codes={319: 0.2}))
    async with running(config) as sandbox, merchant(sandbox) as http:
        for reference in references:
            for _ in range(3):
                await place(http, reference)
        await sandbox.finish()
        orders = sandbox.ledger()["orders"]
    assert isinstance(orders, list)
    for shipment in orders:
        assert datetime.fromisoformat(shipment["latest_status"].pop("scanned_at")).tzinfo
        for scan in shipment["scans"]:
            del scan["scanned_at"]
    return {shipment["reference_number"]: shipment for shipment in orders}


@pytest.mark.heavy
async def test_the_same_seed_gives_the_same_ledger_except_for_times() -> None:
    references = [f"A-{n}" for n in range(30)]
    first = await _ledger_of_run(references)
    assert len(first) > 15
    assert await _ledger_of_run(references[::-1]) == first


def test_every_fault_can_be_injected_by_name() -> None:
    probabilities = {
        name
        for name, field in Faults.model_fields.items()
        if field.annotation is float and not name.endswith("_seconds")
    }
    assert probabilities | {"error_code"} == set(FaultKind.__args__)


async def test_a_forgotten_shipment_frees_its_reference_number() -> None:
    async with running(SandboxConfig(report_polls=0)) as sandbox, merchant(sandbox) as http:
        first = (await place(http, "A-1")).json()["result"]["waybill"]
        assert (await http.post("/_sandbox/forget", json={"reference_number": "A-1"})).json() == {"waybill": first}
        assert sandbox.orders_created == 0
        assert code_of(await http.get("/api/v3/create-order/", params={"awb": first, "cp_id": "4"})) == 330
        assert code_of(await place(http, "A-1")) == 200
        assert sandbox.registry.orders["A-1"].waybill != first
        assert (await http.post("/_sandbox/forget", json={"waybill": first})).status_code == 422


async def test_the_courier_of_a_shipment_can_be_changed() -> None:
    async with running(SandboxConfig()) as sandbox, merchant(sandbox) as http:
        await place(http, "A-1")
        body = {"reference_number": "A-1", "courier_partner_id": 6}
        assert (await http.post("/_sandbox/courier", json=body)).json()["courier_partner_id"] == 6
        assert sandbox.registry.orders["A-1"].cp_id == 6
        wrong = await http.post("/_sandbox/courier", json={**body, "courier_partner_id": 999})
        assert wrong.status_code == 422
