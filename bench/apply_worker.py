"""One measured run of one build, in its own process: fill a database, store deliveries, apply or replay them.

    python bench/apply_worker.py URL POSTMASTER SHIPMENTS SCANS KIND  ->  one line of JSON

It uses only what every build has, so that `bench apply` can run it with the Python of another worktree. POSTMASTER is
the process id of the PostgreSQL server, 0 for SQLite.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
import uvloop

from awbridge.app.policies import apply_policy
from awbridge.app.settings import Settings
from awbridge.domain.tracking.scan import Source
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.tracking import replay
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery
from bench import databases

# The scans of a parcel, in order: hours since pickup, code, status, remark, location.
JOURNEY = (
    (0, 4, "Picked Up", "Shipment picked up from the seller", "Jaipur_Sitapura_P (Rajasthan)"),
    (6, 5, "In Transit", "Shipment received at facility, connected to destination hub", "Jaipur_Hub (Rajasthan)"),
    (20, 5, "In Transit", "Bag received at facility", "Bengaluru_Hoskote_GW (Karnataka)"),
    (26, 1004, "Reached Destination", "Shipment received at the destination city", "Bengaluru_Central (Karnataka)"),
    (44, 6, "Out For Delivery", "Out for delivery with the field executive", "Bengaluru_Koramangala_D (Karnataka)"),
    (50, 8, "Delivered", "Delivered to the consignee", "Bengaluru_Koramangala_D (Karnataka)"),
)
STARTED = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
INDIA = timedelta(hours=5, minutes=30)
CHUNK = 2000  # deliveries stored at once


def body(waybill: str, number: int, step: int) -> bytes:
    """A webhook of about 900 bytes, as ClickPost sends for all statuses."""
    hours, code, status, remark, location = JOURNEY[step % len(JOURNEY)]
    at = STARTED + INDIA + timedelta(hours=hours + 60 * (step // len(JOURNEY)), seconds=number % 3600)
    scan = {
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "status": status,
        "remark": remark,
        "location": location,
        "clickpost_status_code": code,
        "clickpost_status_description": status.replace(" ", ""),
        "clickpost_city": "Bengaluru",
    }
    latest = scan | {"clickpost_status_bucket": 3, "clickpost_status_bucket_description": status}
    latest["reference_number"] = "BENCH-4600"
    additional = {
        "latest_status": latest,
        "order_id": "BENCH-4600",
        "is_rvp": False,
        "courier_partner_edd": "2026-11-24",
        "ndr_status_code": None,
        "ndr_status_description": None,
    }
    order = {"waybill": waybill, "cp_id": 4, "account_code": "Delhivery_Surface_B2C", "order_status_id": number}
    return json.dumps(order | scan | {"rto_awb": None, "additional": additional}).encode()


def deliveries(shipments: int, scans: int) -> Iterator[NewDelivery]:
    """The journeys of all shipments side by side, one scan of each after the other, in an order of no pattern."""
    dice, number = random.Random(7), 10**11
    received_at = datetime.now(UTC) - timedelta(hours=1)
    for step in range(scans):
        for shipment in dice.sample(range(shipments), shipments):
            number += 1
            received_at += timedelta(milliseconds=1)
            told = body(databases.waybill(shipment), number, step)
            yield NewDelivery(f"osid:{number}", Source.WEBHOOK, told, received_at)


async def _store_all(store: Store, shipments: int, scans: int) -> int:
    chunk: list[NewDelivery] = []
    for delivery in deliveries(shipments, scans):
        chunk.append(delivery)
        if len(chunk) == CHUNK:
            await inbox.add_at_once(store, chunk)
            chunk = []
    await inbox.add_at_once(store, chunk)
    return shipments * scans


async def _apply_all(store: Store, policy: ApplyPolicy) -> None:
    while await apply_due(store=store, clock=utc_now, policy=policy):
        pass


async def _replay_all(store: Store, policy: ApplyPolicy) -> None:
    await replay.begin(store=store, clock=utc_now)
    while (done := await replay.rebuild_some(store=store, clock=utc_now, reading=policy)) and not done.done:
        pass


def _server_cpu(postmaster: int) -> float:
    """CPU seconds of a PostgreSQL server: its processes, and those that ended."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat") if postmaster else ():
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == postmaster:
            ticks += int(fields[11]) + int(fields[12])
        if file.parent.name == str(postmaster):
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _settle_down() -> None:
    """As the service does before its steps begin."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def _measured(work: Callable[[], Awaitable[None]], postmaster: int) -> dict[str, float]:
    _settle_down()
    server, own, started = _server_cpu(postmaster), time.process_time(), time.perf_counter()
    await work()
    return {
        "seconds": time.perf_counter() - started,
        "own_cpu": time.process_time() - own,
        "server_cpu": _server_cpu(postmaster) - server,
    }


async def run(url: str, postmaster: int, shipments: int, scans: int, kind: str) -> dict[str, float]:
    """Seconds and CPU seconds of applying all deliveries, or of rebuilding all timelines after that."""
    policy = apply_policy(Settings(clickpost_key="bench", database_url=url))
    policy = getattr(policy, "quiet", policy)  # no webhook arrives here; earlier builds make no difference
    await databases.fill(url, range(shipments))
    store = await Store.open(url)
    try:
        stored = await _store_all(store, shipments, scans)
        if kind == "replay":
            await _apply_all(store, policy)
            figures = await _measured(lambda: _replay_all(store, policy), postmaster)
        else:
            figures = await _measured(lambda: _apply_all(store, policy), postmaster)
        async with store.read() as session:
            applied = (await inbox.counts(session))["applied"]
        return figures | {"deliveries": stored, "applied": applied}
    finally:
        await store.close()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    address, server_pid, *sizes, what = sys.argv[1:]
    figures = uvloop.run(run(address, int(server_pid), int(sizes[0]), int(sizes[1]), what))
    sys.stdout.write(json.dumps(figures) + "\n")
