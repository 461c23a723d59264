"""kill -9 in the middle of push, ingest and apply: no data is lost or doubled."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from awbridge.domain.tracking.scan import Source
from awbridge.rehearsal.demo_orders import demo_order
from awbridge.store import Store
from awbridge.store.engine.packing import unpacked
from awbridge.store.engine.queries import Statement
from awbridge.store.tracking import inbox, scans
from awbridge.store.tracking.inbox import NewDelivery
from awbridge.store.tracking.scans import TimelineScan
from tests.support.ports import free_port
from tests.support.processes import WEBHOOK_KEY, Running, bridge_environment, running, worker

pytestmark = pytest.mark.slow

_EVERY = "SELECT identity, body FROM inbox"

COURIERS = (
    ("delhivery", 4, "Delhivery Surface"),
    ("xpressbees", 6, "XpressBees Surface"),
    ("ekart", 55, "Ekart Forward"),
    ("delhivery-returns", 25, "Delhivery Reverse"),
)


def give_orders(bridge: Running, count: int, *, first: int = 0) -> list[str]:
    with httpx2.Client(base_url=bridge.url, timeout=30, verify=False) as http:
        for name, courier, account in COURIERS:
            body = {"courier_partner_id": courier, "account_code": account}
            http.put(f"/v1/couriers/{name}", json=body).raise_for_status()
        answer = http.post("/v1/shipments", json=[demo_order(n, 5) for n in range(first, first + count)])
        assert answer.status_code == 202, answer.text
        return [s["reference_number"] for s in answer.json()["shipments"]]


def in_state(bridge: Running, state: str) -> dict[str, str | None]:
    """Reference number -> waybill of every shipment in this state."""
    found: dict[str, str | None] = {}
    cursor = ""
    with httpx2.Client(base_url=bridge.url, timeout=30, verify=False) as http:
        while True:
            page = http.get("/v1/shipments", params={"state": state, "limit": 500, "cursor": cursor}).json()
            found.update({s["reference_number"]: s["waybill"] for s in page["shipments"]})
            if not (cursor := page["next"]):
                return found


def test_a_bridge_killed_while_pushing_places_every_order_once(bridge: Running, sandbox: Running) -> None:
    references = give_orders(bridge, 300)
    dice = random.Random(1)
    placed_at_kills: list[int] = []
    for _ in range(3):
        time.sleep(0.2 + dice.random() * 0.2)
        placed_at_kills.append(len(in_state(bridge, "placed")))
        bridge.kill()
        bridge.start()
        bridge.wait_until_ready()
    deadline = time.monotonic() + 200
    while len(placed := in_state(bridge, "placed")) < len(references) and time.monotonic() < deadline:
        time.sleep(0.1)
    ledger = httpx2.get(f"{sandbox.url}/_sandbox/ledger", timeout=30, verify=False).json()
    assert placed_at_kills[0] < len(references), "the kill came too late to mean anything"
    assert ledger["orders_created"] == len(references)
    assert placed == {order["reference_number"]: order["waybill"] for order in ledger["orders"]}


async def test_every_acknowledged_webhook_survives_kill_9(bridge: Running, database_url: str) -> None:
    acknowledged: set[int] = set()
    broken_off = 0
    over = False
    numbers = itertools.count(1)
    dice = random.Random(3)

    async def send() -> None:
        nonlocal broken_off
        async with httpx2.AsyncClient(
            base_url=bridge.url, headers={"webhook_key": WEBHOOK_KEY}, timeout=5, verify=False
        ) as http:
            while not over:
                number = next(numbers)
                body = {"waybill": f"W{number % 50}", "order_status_id": number, "clickpost_status_code": 5}
                try:
                    answer = await http.post("/webhooks/clickpost", json=body)
                except httpx2.ConnectError:
                    await asyncio.sleep(0.02)
                except httpx2.TransportError:
                    broken_off += 1
                else:
                    if answer.status_code == 200:
                        acknowledged.add(number)

    senders = [asyncio.create_task(send()) for _ in range(32)]
    for _ in range(3):
        enough = len(acknowledged) + dice.randint(100, 400)
        deadline = time.monotonic() + 200
        while len(acknowledged) < enough and time.monotonic() < deadline:
            await asyncio.sleep(0.001)
        assert len(acknowledged) >= enough
        await asyncio.to_thread(bridge.kill)
        await asyncio.sleep(0.1)  # answers sent before the kill are read now
        assert acknowledged <= await stored_numbers(database_url), "read before another process may write"
        bridge.start()
        await asyncio.to_thread(bridge.wait_until_ready)
    over = True
    await asyncio.gather(*senders)
    bridge.kill()
    assert acknowledged <= await stored_numbers(database_url)
    assert broken_off > 0, "the kills came while no request was in flight"


async def stored_numbers(database_url: str) -> set[int]:
    """The order_status_id of every delivery in the inbox while no bridge runs."""
    store = await Store.open(database_url)
    async with store.read() as session:
        rows = await session.fetch(Statement("all", _EVERY, _EVERY))
    await store.close()
    numbers = [json.loads(unpacked(row["body"]))["order_status_id"] for row in rows]
    assert [f"osid:{number}" for number in numbers] == [row["identity"] for row in rows]
    assert len(set(numbers)) == len(numbers)
    return set(numbers)


async def test_a_worker_killed_while_applying_leaves_every_scan_once(
    database_url: str, sandbox: Running, tmp_path: Path
) -> None:
    store = await Store.open(database_url)
    await store.migrate()
    port = free_port()
    env = bridge_environment(database_url, sandbox.url, port)
    with running(["serve"], env, tmp_path, port) as bridge:
        references = give_orders(bridge, 40)
        deadline = time.monotonic() + 200
        while len(placed := in_state(bridge, "placed")) < len(references) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
    assert len(placed) == len(references)

    per_shipment = 60
    deliveries = [(waybill, n) for waybill in placed.values() for n in range(per_shipment) for _copy in range(2)]
    random.Random(2).shuffle(deliveries)
    now = datetime.now(UTC)
    async with store.write() as session:
        await inbox.add(session, [delivery(str(waybill), n, copy, now) for copy, (waybill, n) in enumerate(deliveries)])

    killed = 0
    for _ in range(60):
        applying = worker(env, tmp_path)
        # The first few are killed as soon as they have applied something; the last one may finish.
        before = await due(store)
        while (left := await due(store)) and (left == before or killed >= 3):
            await asyncio.sleep(0.005 if killed < 3 else 0.1)
        applying.kill()
        applying.wait(60)
        killed += left > 0
        if not left:
            break
    assert killed >= 2, "the kills came too late to mean anything"

    timelines: dict[str, list[TimelineScan]] = {}
    for reference in placed:
        async with store.read() as session:
            timelines[reference] = await scans.timeline(session, reference)
    await store.close()
    for reference, timeline in timelines.items():
        # A repeated order (323) is polled at once: the sandbox's own scans are at other places.
        counts = Counter(s.scanned_at for s in timeline if s.location.startswith("Hub "))
        assert sorted(counts.values()) == [1] * per_shipment, reference


def delivery(waybill: str, number: int, copy: int, now: datetime) -> NewDelivery:
    """One scan of a shipment; every copy of it is another delivery of the same scan."""
    at = datetime(2026, 10, 1, 9, 0, 0, tzinfo=UTC) + timedelta(hours=number)
    body = {
        "waybill": waybill,
        "clickpost_status_code": 5,
        "status": "In Transit",
        "location": f"Hub {number}",
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S"),
        "copy": copy,
    }
    return NewDelivery(f"e2e:{copy}", Source.WEBHOOK, json.dumps(body).encode(), now)


async def due(store: Store) -> int:
    async with store.read() as session:
        return (await inbox.counts(session))["due"]
