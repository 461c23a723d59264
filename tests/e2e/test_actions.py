"""Actions against the sandbox, which judges bodies by ClickPost's rules; and kill -9 in the middle of pickups."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from awbridge.rehearsal.demo_orders import demo_order
from awbridge.store import Store
from tests.support.acting import a_pickup, a_world_pickup
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running
from tests.support.rows import sql

pytestmark = pytest.mark.slow

ACCOUNT = {"courier_partner": 4, "account_code": "Delhivery Surface"}
TOMORROW = datetime.now(UTC) + timedelta(days=1)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Running]:
    """A sandbox without faults: the tests request them one by one."""
    port = free_port()
    with running(["sandbox", "--port", str(port), "--seed", "5"], {}, tmp_path, port) as process:
        yield process


@pytest.fixture
def bridge(database_url: str, sandbox: Running, tmp_path: Path) -> Iterator[Running]:
    """It waits longer for ClickPost than in other files: an answer that comes too late makes an action unclear."""
    port = free_port()
    patient = {"AWBRIDGE_CLICKPOST_TIMEOUT": "5", "AWBRIDGE_PUSH_LEASE_SECONDS": "25"}
    settings = bridge_environment(database_url, sandbox.url, port) | patient
    with running(["serve"], settings, tmp_path, port) as process:
        yield process


@pytest.fixture
def http(bridge: Running) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=bridge.url, timeout=30) as client:
        body = {"courier_partner_id": 4, "account_code": "Delhivery Surface"}
        client.put("/v1/couriers/delhivery", json=body).raise_for_status()
        yield client


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline, "the condition was not reached"
        time.sleep(0.05)


def post(http: httpx2.Client, path: str, body: Any) -> str:
    answer = http.post(path, json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def ended(http: httpx2.Client, action: str) -> dict[str, Any]:
    """The action once it no longer changes by itself."""
    until(lambda: http.get(f"/v1/actions/{action}").json()["state"] not in ("due", "waiting"))
    return http.get(f"/v1/actions/{action}").json()


def calls(sandbox: Running, endpoint: str) -> int:
    return httpx2.get(f"{sandbox.url}/_sandbox/ledger", verify=False).json()["calls"].get(endpoint, 0)


def once(sandbox: Running, kind: str, endpoint: str, times: int = 1) -> None:
    body = {"kind": kind, "endpoint": endpoint, "times": times}
    httpx2.post(f"{sandbox.url}/_sandbox/faults/once", json=body, verify=False).raise_for_status()


def test_every_kind_of_action_completes_at_the_sandbox(http: httpx2.Client) -> None:
    order = {**demo_order(1, 7), "transporter": "delhivery"}
    order["shipment_details"] |= {"reference_number": "R", "order_type": "PREPAID", "cod_value": 0}
    http.post("/v1/shipments", json=order).raise_for_status()
    asked = {
        "label": post(http, "/v1/shipments/R/label", {"regenerate": True}),
        "edit": post(http, "/v1/shipments/R/edit", {"order_type": "COD", "cod_value": 99}),
        "security_key": post(http, "/v1/shipments/R/security-key", {}),
        "whatsapp": post(http, "/v1/shipments/R/whatsapp", {"enabled": False}),
        "pickup": post(http, "/v1/pickups", a_pickup(**ACCOUNT, pickup_date=TOMORROW.isoformat())),
        "world": post(http, "/v1/pickups", a_world_pickup_of("R")),
        "register": post(http, "/v1/waybills", a_foreign_parcel()),
    }
    ends = {name: ended(http, action) for name, action in asked.items()}
    assert {name: (end["state"], end["problem"]) for name, end in ends.items()} == dict.fromkeys(asked, ("done", None))
    shipment = http.get("/v1/shipments/R").json()
    assert shipment["label_url"] == ends["label"]["result"]["label_url"]
    assert http.get("/v1/shipments/FOREIGN").json()["waybill"] == "ELSEWHERE77"


def a_world_pickup_of(reference: str) -> dict[str, Any]:
    body = a_world_pickup(reference_number=reference)
    body["pickup_info"] |= {"date": TOMORROW.date().isoformat(), "start_time": "10:00", "end_time": "12:00"}
    return body


def a_foreign_parcel() -> dict[str, Any]:
    info = {"reference_number": "FOREIGN", "order_type": "PREPAID", "invoice_value": 10, "delivery_type": "FORWARD"}
    return {"waybill": "ELSEWHERE77", "transporter": "delhivery", "shipment_info": info}


def test_a_pickup_whose_connection_was_cut_waits_for_an_operator(http: httpx2.Client, sandbox: Running) -> None:
    once(sandbox, "cut_after_placing", "create_pickup")
    action = post(http, "/v1/pickups", a_pickup(**ACCOUNT, pickup_date=TOMORROW.isoformat()))
    assert ended(http, action)["state"] == "unclear"
    assert calls(sandbox, "create_pickup") == 1
    http.post(f"/v1/actions/{action}/retry").raise_for_status()
    assert ended(http, action)["state"] == "done"


async def test_kill_9_repeats_edits_and_no_pickup(
    http: httpx2.Client, sandbox: Running, bridge: Running, database_url: str
) -> None:
    order = {**demo_order(1, 7), "transporter": "delhivery"}
    order["shipment_details"] |= {"reference_number": "R", "order_type": "PREPAID", "cod_value": 0}
    http.post("/v1/shipments", json=order).raise_for_status()
    until(lambda: http.get("/v1/shipments/R").json()["state"] == "placed")
    httpx2.put(f"{sandbox.url}/_sandbox/faults", json={"slow_seconds": 30}).raise_for_status()
    once(sandbox, "slow", "create_pickup", times=3)
    once(sandbox, "slow", "edit_order")
    pickup = a_pickup(**ACCOUNT, pickup_date=TOMORROW.isoformat())
    pickups = [post(http, "/v1/pickups", pickup) for _ in range(3)]
    edit = post(http, "/v1/shipments/R/edit", {"qc_type": "doorstep"})
    until(lambda: calls(sandbox, "create_pickup") > 0)
    bridge.kill()
    made = calls(sandbox, "create_pickup")
    # Calls after the kill are answered at once: an answer slower than the timeout would make them unclear.
    httpx2.put(f"{sandbox.url}/_sandbox/faults", json={"slow_seconds": 0}).raise_for_status()
    store = await Store.open(database_url)
    async with store.write() as session:  # as if a minute had passed
        await session.execute(sql("UPDATE actions SET lease_ends_at = requested_at WHERE lease_owner IS NOT NULL"))
    await store.close()
    bridge.start()
    bridge.wait_until_ready()
    ends = [ended(http, action)["state"] for action in pickups]
    assert ends.count("unclear") >= made
    assert set(ends) <= {"unclear", "done"}
    assert calls(sandbox, "create_pickup") == made + ends.count("done"), "no pickup was requested twice"
    assert ended(http, edit)["state"] == "done"
