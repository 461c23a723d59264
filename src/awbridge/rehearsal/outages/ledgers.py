"""What was promised and what both ledgers say: the sandbox's, and the database."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import httpx2

from awbridge.domain.notify.notices import NoticeState
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.rehearsal.demo_company import Company
from awbridge.rehearsal.outages.rig import Rig
from awbridge.rehearsal.verdict import CountedPromise
from awbridge.store.notify import notices
from awbridge.store.orders import shipments
from awbridge.store.tracking import received, scans

BATCH = 500  # shipments read at once


async def compare(rig: Rig) -> tuple[list[CountedPromise], dict[str, float]]:
    """(every promise and what was counted, figures of the load)."""
    async with httpx2.AsyncClient(timeout=120.0) as http:
        ledger = (await http.get(f"{rig.sandbox_url}/_sandbox/ledger")).json()
    return await promises(rig, ledger), _figures(rig, ledger)


async def promises(rig: Rig, ledger: Mapping[str, Any]) -> list[CountedPromise]:
    """Every promise, held against the sandbox's ledger and the database."""
    ours = await _shipments(rig)
    return [
        _stored(rig, ours),
        _placed(rig, ours),
        _placed_once(ledger, ours),
        _webhooks(rig, ledger, await rig.read(received.webhook_identities)),
        await _timelines(rig, ledger, ours),
        await _messages(rig, ours),
        _events(rig.systems),
        _processes(rig),
    ]


def _figures(rig: Rig, ledger: Mapping[str, Any]) -> dict[str, float]:
    return {
        "orders accepted": len(rig.load.acknowledged),
        "requests repeated by the shop": rig.load.repeated,
        "calls to create-order": ledger["calls"].get("create_order", 0),
        "orders created at ClickPost": ledger["orders_created"],
        "webhooks of ClickPost acknowledged": ledger["webhooks"]["acknowledged"],
        "attempts of ClickPost that were not": ledger["webhooks"]["sent"] - ledger["webhooks"]["acknowledged"],
        "scans at ClickPost": sum(len(order["scans"]) for order in ledger["orders"]),
        "events at the subscriber": len(rig.systems.events),
        **dict(sorted(rig.occurred.items())),
    }


async def _shipments(rig: Rig) -> dict[str, Shipment]:
    """Every order that was sent and is stored, by its reference number."""
    found: dict[str, Shipment] = {}
    references = sorted(rig.load.sent)
    for first in range(0, len(references), BATCH):
        batch = references[first : first + BATCH]
        rows = await rig.read(partial(shipments.get_many, references=batch))
        found |= {row.reference_number: row for row in rows}
    return found


def _stored(rig: Rig, ours: Mapping[str, Shipment]) -> CountedPromise:
    lost = sorted(rig.load.acknowledged - set(ours))
    unanswered = sorted(rig.load.sent - rig.load.acknowledged - set(rig.load.refused))
    wrong = [
        *(f"{reference}: accepted, but not stored" for reference in lost),
        *(f"{reference}: refused: {why}" for reference, why in sorted(rig.load.refused.items())),
        *(f"{reference}: never accepted, although the shop went on sending it" for reference in unanswered),
    ]
    accepted = len(rig.load.acknowledged)
    return CountedPromise("an accepted order is stored", f"{len(lost)} lost of {accepted:,}", wrong, of=accepted)


def _placed(rig: Rig, ours: Mapping[str, Shipment]) -> CountedPromise:
    accepted = [shipment for reference, shipment in ours.items() if reference in rig.load.acknowledged]
    wrong = [f"{s.reference_number}: still {s.state.value}" for s in accepted if s.state is not State.PLACED]
    return CountedPromise(
        "an accepted order is placed", f"{len(wrong)} open of {len(accepted):,}", wrong, of=len(accepted)
    )


def _placed_once(ledger: Mapping[str, Any], ours: Mapping[str, Shipment]) -> CountedPromise:
    """By waybills of one order, and by what only ClickPost knows."""
    waybills: defaultdict[str, set[str]] = defaultdict(set)
    for order in ledger["orders"]:
        waybills[order["order_id"]].add(order["waybill"])
    twice = [f"{order}: {len(found)} waybills" for order, found in waybills.items() if len(found) > 1]
    differs: list[str] = []
    for order in ledger["orders"]:
        mine = ours.get(order["reference_number"])
        if mine is None or mine.waybill != order["waybill"]:
            held = mine.waybill if mine else "no such order"
            differs.append(f"{order['reference_number']}: ClickPost holds {order['waybill']}, we {held}")
    counted = f"{len(twice)} twice, {len(differs)} unlike ours of {len(ledger['orders']):,}"
    return CountedPromise("no order is placed twice", counted, twice + differs, of=len(ledger["orders"]))


def _webhooks(rig: Rig, ledger: Mapping[str, Any], stored: Iterable[str]) -> CountedPromise:
    """By ClickPost's id of a scan, which is the delivery's identity here, with its event if it names one."""
    ids = {identity.split(":")[1] for identity in stored if identity.startswith("osid:")}
    acknowledged = {
        str(scan["order_status_id"])
        for order in ledger["orders"]
        for scan in order["scans"]
        if scan["webhooks_acknowledged"]
    } | {str(number) for number in rig.load.storm_acknowledged}
    wrong = [f"order_status_id {one}: acknowledged, but not stored" for one in sorted(acknowledged - ids)]
    counted = f"{len(wrong)} lost of {len(acknowledged):,}"
    return CountedPromise("a webhook that got 200 is stored", counted, wrong, of=len(acknowledged))


async def _timelines(rig: Rig, ledger: Mapping[str, Any], ours: Mapping[str, Shipment]) -> CountedPromise:
    missing = doubled = total = 0
    wrong: list[str] = []
    for order in ledger["orders"]:
        reference = order["reference_number"]
        if reference not in ours:
            continue
        timeline = await rig.read(partial(scans.timeline, reference_number=reference))
        mine = Counter((scan.status_code, int(scan.scanned_at.timestamp())) for scan in timeline)
        theirs = Counter(
            (scan["clickpost_status_code"], int(datetime.fromisoformat(scan["scanned_at"]).timestamp()))
            for scan in order["scans"]
        )
        total += len(order["scans"])
        gone, more = (theirs - mine).total(), (mine - theirs).total()
        if gone or more:
            wrong.append(f"{reference}: {gone} scans missing, {more} too many")
        missing, doubled = missing + gone, doubled + more
    counted = f"{missing} missing, {doubled} doubled of {total:,}"
    return CountedPromise("a scan is on its timeline once, after catching up", counted, wrong, of=total)


async def _messages(rig: Rig, ours: Mapping[str, Shipment]) -> CountedPromise:
    """By the key that goes with a message, and by what is recorded as sent."""
    arrived = rig.systems.messages
    doubled = [f"{key}: {times} times at the gateway" for key, times in arrived.items() if times > 1]
    made: Counter[tuple[str, str, str]] = Counter()
    lost: list[str] = []
    for reference in ours:
        found = await rig.read(partial(notices.of_shipment, reference_number=reference))
        made.update((reference, str(notice.milestone), str(notice.channel)) for notice in found)
        lost += [
            f"{n.key}: sent, but it did not arrive" for n in found if n.state is NoticeState.SENT and not arrived[n.key]
        ]
    doubled += [f"{reference}: {n} messages of {milestone}" for (reference, milestone, _), n in made.items() if n > 1]
    counted = f"{len(doubled)} doubled, {len(lost)} lost of {arrived.total():,}"
    return CountedPromise(
        "no message is sent twice, and none recorded as sent is lost", counted, doubled + lost, of=len(arrived)
    )


def _events(systems: Company) -> CountedPromise:
    """Whatever is posted again carries the id by which a subscriber knows it."""
    ids = Counter((event["type"], event["data"]["reference_number"]) for event in systems.events.values())
    wrong = [f"{reference}: {kind} has {n} ids" for (kind, reference), n in ids.items() if n > 1]
    if systems.not_genuine:
        wrong.append(f"{systems.not_genuine} events had no valid signature")
    return CountedPromise("an event has one id", f"{len(wrong)} with more of {len(ids):,}", wrong, of=len(ids))


def _processes(rig: Rig) -> CountedPromise:
    ended = [f"awbridge {one.kind} ended {one.ended_by_itself} times" for one in rig.replicas if one.ended_by_itself]
    counted = f"{sum(one.ended_by_itself for one in rig.replicas)} of {len(rig.replicas)}"
    return CountedPromise("no replica ends by itself", counted, ended, of=len(rig.replicas))
