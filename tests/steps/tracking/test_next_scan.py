"""A usual delivery is applied without a timeline, and yields the rows that the timeline would yield."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import fields, replace

from awbridge.domain.orders.shipment import Tracked
from awbridge.domain.tracking.scan import Source
from awbridge.domain.tracking.timeline import MOST_COPIES
from awbridge.steps.tracking import apply, next_scan, replay
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.notify import endpoints
from awbridge.store.tracking import inbox, promises, scans, update_sources
from tests.steps.tracking.test_apply import a_placed, polled_scan, tracked, updated
from tests.support.rows import MINUTE, T0, count, delivery, fetch, sql
from tests.support.world import INDIA, SetClock, as_body, get, webhook

pytestmark = pytest.mark.heavy

POLICY = ApplyPolicy(zone=INDIA)
JOURNEY = [28, 1, 4, 1005, 5, 5, 24, 1004, 6, 9, 6, 11, 21, 8, 14]
USUAL = [28, 25, 4, 1005, 1006, 5, 5, 18, 1004, 6, 8]
NAMES = {"order_id", "waybill", "reference_number"}


def a_round(dice: random.Random, number: int) -> list[tuple[Source, dict[str, Any], timedelta]]:
    """Deliveries of one moment, each with its delay: most often one usual scan; else late, partial, repeated, odd."""
    usual = dice.random() < 0.75
    code = USUAL[min(number, len(USUAL) - 1)] if usual else dice.choice(JOURNEY)
    minutes = number * 30 + (0 if usual else dice.choice([-200, -30, 0, 5, 400]))
    ids = {"order_status_id": 1000 + minutes} if dice.random() < 0.7 else {}
    if not usual and dice.random() < 0.3:
        ids = {"checkpoint_id": 9000 + dice.randrange(3), "order_status_id": 1000 + dice.randrange(90)}
    lacking = {"location": ""} if dice.random() < 0.2 else {}
    body = webhook("AWB", code, T0 + minutes * MINUTE, **ids, **lacking)
    edd = dice.choice([None, "2026-11-24", "2026-11-24", "2026-11-26", "soon" if not usual else None])
    body["additional"] |= {"courier_partner_edd": edd} if edd else {}
    if lacking:
        body["additional"]["latest_status"]["location"] = ""
    if dice.random() < 0.1:
        body["additional"]["latest_time_stamp"] = body["timestamp"]
    if not usual and dice.random() < 0.3:
        body["additional"] |= {"ndr_status_code": 2, "clickpost_status_description": "Odd"}
    deliveries = [(Source.WEBHOOK, body, timedelta())]
    if dice.random() < 0.15:
        more: tuple[Source, dict[str, Any]] = dice.choice(
            [
                (Source.UPDATED_ORDER, updated("AWB", code, T0 + minutes * MINUTE)),
                (Source.TRACK_ORDER, tracked("AWB", polled_scan(5, T0), polled_scan(code, T0 + minutes * MINUTE))),
                (Source.WEBHOOK, body | {"order_status_id": 77}),
                (Source.WEBHOOK, body | {"rto_awb": f"RTO{number % 2}"}),
            ]
        )
        source, other = more
        deliveries.append((source, other, dice.choice([-2, 0, 1]) * MINUTE))
    return deliveries


def of(waybill: str, body: dict[str, Any]) -> dict[str, Any]:
    rto = {"rto_awb": f"{waybill}-{body['rto_awb']}"} if body.get("rto_awb") else {}
    return body | {"waybill": waybill} | rto


async def receive(store: Store, waybill: str, deliveries: list[tuple[Source, dict[str, Any], datetime]]) -> None:
    async with store.write() as session:
        known = (await inbox.counts(session))["total"]
        new = [
            delivery(f"{waybill}:{known + n}", source=source, received_at=at, body=as_body(of(waybill, body)))
            for n, (source, body, at) in enumerate(deliveries)
        ]
        await inbox.add(session, new)


async def all_of(store: Store, reference: str) -> dict[str, Any]:
    """Everything that tracking says of a shipment, but for its names."""
    shipment = await get(store, reference)
    async with store.read() as session:
        entries = (await scans.entries(session, [reference]))[reference]
        promised = (await promises.of_shipments(session, [reference]))[reference]
        newest = (await promises.newest(session, [reference])).get(reference)
        sources = (await update_sources.of_shipments(session, [reference]))[reference]
    milestones = await fetch(
        store,
        "SELECT milestone, status_code, ndr_code, status_at, reached_at, fresh_at FROM milestones "
        "WHERE reference_number = $1",
        reference,
    )
    kinds = await fetch(
        store, "SELECT kind, body, packed_body FROM events WHERE reference_number = $1 ORDER BY id", reference
    )
    return {
        "shipment": {f.name: getattr(shipment, f.name) for f in fields(Tracked) if f.name not in NAMES},
        "scans": [
            (
                *replace(e, waybill=e.waybill.removeprefix(shipment.waybill or ""), fingerprints=(), id=0).content(),
                len(e.fingerprints),
            )
            for e in entries
        ],
        "promises": sorted((p.stated_at, p.edd, p.received_at, p.source) for p in promised),
        "newest": newest,
        "sources": [(s.delivery.received_at, s.delivery.source, s.entries) for s in sources],
        "milestones": sorted(map(repr, milestones)),
        "events": [
            (row["kind"], row["body"].replace(reference, "").replace(str(shipment.waybill), "")) for row in kinds
        ],
    }


@pytest.mark.parametrize("seed", range(10))
async def test_a_scan_applied_without_a_timeline_yields_the_rows_of_one_with(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice, quick = random.Random(seed), list[str]()
    await a_placed(store, "FAST", "AWB-F")
    await a_placed(store, "SLOW", "AWB-S")

    def only_fast(row: Any, *about: Any) -> next_scan.NextScan | None:
        found = next_scan.next_scan(row, *about) if row["reference_number"] == "FAST" else None
        quick.extend([row["reference_number"]] if found else [])
        return found

    monkeypatch.setattr(apply, "next_scan", only_fast)
    if seed % 2:
        async with store.write() as session:
            await endpoints.add(session, "https://example.com/hook", now=T0)
    for number in range(16):
        deliveries = a_round(dice, number)
        at = T0 + timedelta(hours=9 + number)
        for waybill in ("AWB-F", "AWB-S"):
            await receive(store, waybill, [(source, body, at + delay) for source, body, delay in deliveries])
        while await apply_due(store=store, clock=SetClock(at + MINUTE), policy=POLICY):
            pass
        fast, slow = await all_of(store, "FAST"), await all_of(store, "SLOW")
        assert fast == slow, f"after round {number}"
    assert quick, "it was tried"
    for reference in ("FAST", "SLOW"):
        clock = SetClock(T0 + timedelta(days=9))
        assert not await replay.rebuild_one(store=store, clock=clock, reading=POLICY, reference_number=reference)


async def test_what_is_stored_with_a_scan_has_no_rows_of_its_own(store: Store) -> None:
    await a_placed(store, "R", "AWB")
    for number, code in enumerate((4, 5, 6)):
        body = webhook("AWB", code, T0 + number * MINUTE)
        body["additional"]["courier_partner_edd"] = "2026-11-24"
        await receive(store, "AWB", [(Source.WEBHOOK, body, T0 + timedelta(hours=number + 1))])
        await apply_due(store=store, clock=SetClock(T0 + timedelta(hours=number + 1)), policy=POLICY)
    assert [await count(store, table) for table in ("scans", "update_sources", "promises")] == [3, 0, 0]
    found = await all_of(store, "R")
    assert (len(found["sources"]), len(found["promises"])) == (3, 3)


async def test_a_delivery_that_repeats_a_scan_is_stored_with_it(store: Store) -> None:
    await a_placed(store, "R", "AWB")
    copies = [
        (Source.WEBHOOK, webhook("AWB", 5, T0, order_status_id=7)),
        (Source.UPDATED_ORDER, updated("AWB", 5, T0)),
        *[(Source.TRACK_ORDER, tracked("AWB", polled_scan(5, T0))) for _ in range(MOST_COPIES)],
    ]
    for number, (source, body) in enumerate(copies, start=1):
        await receive(store, "AWB", [(source, body, T0 + timedelta(hours=number))])
        await apply_due(store=store, clock=SetClock(T0 + timedelta(hours=number)), policy=POLICY)
    found = await all_of(store, "R")
    assert [source for _, source, _ in found["sources"]] == [source for source, _ in copies], "in the order they came"
    assert await count(store, "update_sources") == 1, "the last one, for which there is no room"
    async with store.write() as session:
        await update_sources.take_out(session, "R", since=T0)
    assert await count(store, "update_sources") == len(copies)
    assert (await all_of(store, "R"))["sources"] == found["sources"]


async def test_what_repeated_a_scan_is_applied_once_more_where_its_waybill_is_used_again(store: Store) -> None:
    await a_placed(store, "R", "AWB")
    for number, body in enumerate((webhook("AWB", 5, T0), updated("AWB", 5, T0))):
        source = Source.UPDATED_ORDER if number else Source.WEBHOOK
        await receive(store, "AWB", [(source, body, T0 + timedelta(hours=number + 1))])
        await apply_due(store=store, clock=SetClock(T0 + timedelta(hours=number + 1)), policy=POLICY)
    before, now = await all_of(store, "R"), T0 + timedelta(hours=3)
    async with store.write() as session:
        await update_sources.take_out(session, "R", since=T0)
        await inbox.apply_again(session, "R", since=T0, now=now)
    assert await apply_due(store=store, clock=SetClock(now), policy=POLICY) == 2
    after = await all_of(store, "R")
    assert (after["scans"], after["sources"]) == (before["scans"], before["sources"])


async def test_a_scan_of_an_older_version_is_recognised_by_the_beginning_of_its_hashes(store: Store) -> None:
    await a_placed(store, "R", "AWB")
    for number, location in enumerate(("Pune", "", "Pune")):
        body = webhook("AWB", 5, T0, location=location, remark=str(number))
        body["additional"]["latest_status"]["location"] = location
        await receive(store, "AWB", [(Source.WEBHOOK, body, T0 + timedelta(hours=number + 1))])
        await apply_due(store=store, clock=SetClock(T0 + timedelta(hours=number + 1)), policy=POLICY)
        longer = "REPLACE(fingerprint, ' ', '0123456789abcdef0123 ') || '4567'"
        async with store.write() as session:
            await session.execute(sql(f"UPDATE scans SET fingerprint = {longer} WHERE LENGTH(fingerprint) < 32"))
    assert await count(store, "scans") == 1


async def test_what_was_stored_with_a_scan_outlives_it(store: Store) -> None:
    """Two stored scans turn out to be one: the delivery that brought the other, and what it promised, remain."""
    await a_placed(store, "R", "AWB")
    for number, ids in enumerate(
        ({"order_status_id": 7}, {"checkpoint_id": "c"}, {"order_status_id": 7, "checkpoint_id": "c"})
    ):
        body = webhook("AWB", 5, T0 + number % 2 * MINUTE, **ids)
        body["additional"]["courier_partner_edd"] = f"2026-11-2{number % 2}"
        await receive(store, "AWB", [(Source.WEBHOOK, body, T0 + timedelta(hours=number + 1))])
        await apply_due(store=store, clock=SetClock(T0 + timedelta(hours=number + 1)), policy=POLICY)
    found = await all_of(store, "R")
    assert len(found["scans"]) == 1
    assert len(found["sources"]) == 3
    assert [edd for _, edd, *_ in found["promises"]] == ["2026-11-20", "2026-11-21"]
