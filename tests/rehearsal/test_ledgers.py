"""The verdict of a drill of outages: each broken promise is found, on a database with a day of two orders."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any, cast

from awbridge.domain.tracking.scan import Source
from awbridge.rehearsal.demo_company import Company
from awbridge.rehearsal.outages import ledgers
from awbridge.rehearsal.outages.load import Load
from awbridge.rehearsal.outages.plan import OutagePlan
from awbridge.rehearsal.outages.replicas import Replica
from awbridge.rehearsal.outages.rig import Rig
from awbridge.rehearsal.verdict import CountedPromise, Verdict
from awbridge.store import Store
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery
from tests.support import rows
from tests.support.rows import T0


def rig_on(store: Store) -> Rig:
    load = Load("http://127.0.0.1:9", 1, 1.0, sent={"A", "B"}, acknowledged={"A", "B"})
    nothing = cast("Any", None)
    return Rig(
        plan=OutagePlan(names=()),
        folder=nothing,
        primary=nothing,
        standby=None,
        disk=None,
        pooler=None,
        replicas=[Replica("serve", {}, nothing, nothing)],
        store=store,
        load=load,
        sandbox_url="",
        systems=Company(),
        dice=random.Random(1),
    )


def scan(number: int, *, acknowledged: int = 1) -> dict[str, Any]:
    at = datetime(2026, 11, 1, 9, number, tzinfo=UTC).isoformat()
    return {
        "order_status_id": number,
        "clickpost_status_code": 5,
        "scanned_at": at,
        "webhooks_acknowledged": acknowledged,
    }


def order(reference: str, waybill: str, *scans: dict[str, Any], order_id: str = "") -> dict[str, Any]:
    return {
        "reference_number": reference,
        "waybill": waybill,
        "order_id": order_id or f"O-{reference}",
        "scans": list(scans),
    }


async def verdict(store: Store, made: Rig, orders: list[dict[str, Any]]) -> dict[str, CountedPromise]:
    promises = await ledgers.promises(made, {"orders": orders})
    return {promise.text: promise for promise in promises}


async def test_a_day_without_losses_keeps_what_was_counted(store: Store) -> None:
    made = rig_on(store)
    for reference in ("A", "B"):
        await rows.add(store, reference)
        await rows.place(store, reference, f"W-{reference}")
    async with store.write() as session:
        await inbox.add(session, [NewDelivery("osid:1:event:2", Source.WEBHOOK, b"{}", T0)])
    found = await verdict(store, made, [order("A", "W-A"), order("B", "W-B", order_id="O")])
    assert found["an accepted order is stored"] == CountedPromise("an accepted order is stored", "0 lost of 2", [], 2)
    assert found["an accepted order is placed"].kept
    assert found["no order is placed twice"].kept
    assert not found["a webhook that got 200 is stored"].kept, "no webhook, no proof"
    assert not Verdict(promises=list(found.values())).good


async def test_every_broken_promise_is_found(store: Store) -> None:
    made = rig_on(store)
    await rows.add(store, "A")
    await rows.place(store, "A", "W-A")
    async with store.write() as session:
        await inbox.add(session, [NewDelivery("osid:1", Source.WEBHOOK, b"{}", T0)])
        await inbox.add(session, [NewDelivery("osid:3", Source.TRACK_ORDER, b"{}", T0)])
    made.load.sent |= {"C", "D"}
    made.load.refused = {"C": "422 no"}
    made.load.storm_acknowledged = {7}
    made.systems.messages.update({"notice-1": 2})
    made.systems.events = {
        "1": {"type": "delivered", "data": {"reference_number": "A"}},
        "2": {"type": "delivered", "data": {"reference_number": "A"}},
    }
    made.systems.not_genuine = 1
    made.replicas[0].ended_by_itself = 2
    ledger = [
        order("A", "W-A", scan(1), scan(2), scan(3), scan(4, acknowledged=0), order_id="O"),
        order("A-2", "W-X", order_id="O"),
    ]
    found = await verdict(store, made, ledger)
    assert {text: promise.broken for text, promise in found.items()} == {
        "an accepted order is stored": [
            "B: accepted, but not stored",
            "C: refused: 422 no",
            "D: never accepted, although the shop went on sending it",
        ],
        "an accepted order is placed": [],
        "no order is placed twice": ["O: 2 waybills", "A-2: ClickPost holds W-X, we no such order"],
        "a webhook that got 200 is stored": [
            f"order_status_id {one}: acknowledged, but not stored" for one in (2, 3, 7)
        ],
        "a scan is on its timeline once, after catching up": ["A: 4 scans missing, 0 too many"],
        "no message is sent twice, and none recorded as sent is lost": ["notice-1: 2 times at the gateway"],
        "an event has one id": ["A: delivered has 2 ids", "1 events had no valid signature"],
        "no replica ends by itself": ["awbridge serve ended 2 times"],
    }
