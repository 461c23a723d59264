"""Apply: deliveries in any order, from any side, end in one timeline and one status."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import fields, replace

from awbridge.clickpost.tracking.webhook_bodies import delivery_identity
from awbridge.domain.errors import StoreBusy
from awbridge.domain.orders.shipment import Tracked
from awbridge.domain.tracking.asking import PollingRules
from awbridge.domain.tracking.polling_mode import PollingMode
from awbridge.domain.tracking.scan import Source
from awbridge.domain.tracking.timeline import Entry
from awbridge.steps.tracking import timeline_builder
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.steps.tracking.rebuild_timelines import rebuild_shipments
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments, waybills
from awbridge.store.polling import polls
from awbridge.store.tracking import inbox, scans
from tests.support.rows import MINUTE, T0, add, claim_due_polls, count, delivery, fetch, new_shipment, place
from tests.support.world import INDIA, SetClock, TrippingStore, as_body, get, indian, timeline, webhook

pytestmark = pytest.mark.heavy

POLICY = ApplyPolicy(zone=INDIA)
ECONOMICAL = ApplyPolicy(zone=INDIA, polling=PollingRules(mode=PollingMode.ECONOMICAL))
LATER = T0 + timedelta(hours=12)


async def deliver(store: Store, *bodies: Any, source: Source = Source.WEBHOOK, at: Any = LATER) -> None:
    async with store.write() as session:
        known = (await inbox.counts(session))["total"]
        rows = [
            delivery(
                f"{source}:{known + n}", source=source, received_at=at, body=b if isinstance(b, bytes) else as_body(b)
            )
            for n, b in enumerate(bodies)
        ]
        await inbox.add(session, rows)


async def apply(store: Store, *, clock: SetClock | None = None, policy: ApplyPolicy = POLICY) -> int:
    """As the service does: one transaction at a time on SQLite."""
    lanes = 1 if getattr(store, "dialect", "") == "sqlite" else policy.lanes
    return await apply_due(store=store, clock=clock or SetClock(LATER), policy=dataclasses.replace(policy, lanes=lanes))


async def a_placed(store: Store, reference: str = "R", waybill: str = "AWB1", **changes: Any) -> None:
    await add(store, reference)
    await place(store, reference, waybill, **changes)


def tracked(waybill: str, *scans: dict[str, Any], cp_id: int = 4) -> dict[str, Any]:
    """An item of track-order."""
    return {"waybill": waybill, "cp_id": cp_id, "result": {"latest_status": scans[-1], "scans": list(scans)}}


def polled_scan(code: int, at: Any, **more: Any) -> dict[str, Any]:
    local = at.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")
    return {"timestamp": local, "clickpost_status_code": code, "status": f"s{code}", "location": "Pune", **more}


def updated(waybill: str, code: int, at: Any, **more: Any) -> dict[str, Any]:
    """An item of updated-order."""
    return {"waybill": waybill, "courier_partner": 4, **polled_scan(code, at), **more}


JOURNEY = [(4, 0), (5, 30), (5, 90), (6, 200), (9, 260), (6, 300), (8, 400)]


@pytest.mark.parametrize("seed", range(4))
async def test_shuffled_and_repeated_deliveries_end_in_the_newest_status(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    await a_placed(store)
    hooks = [webhook("AWB1", code, T0 + minutes * MINUTE) for code, minutes in JOURNEY] * 2
    dice.shuffle(hooks)
    for start in range(0, len(hooks), 5):
        await deliver(store, *hooks[start : start + 5])
        await apply(store)
    after = await get(store, "R")
    assert (after.status_code, after.status_bucket, after.final) == (8, 6, True)
    assert after.status_at == (T0 + 400 * MINUTE).replace(microsecond=0)
    reported = [s.status_code for s in await timeline(store, "R")]
    assert reported == [code for code, _ in JOURNEY]
    assert (await inbox_counts(store))["due"] == 0


SMOOTH = [(4, 0), (3, 10), (25, 20), (5, 30), (5, 90), (1005, 120), (24, 150), (24, 210), (6, 200), (6, 300)]
ROUGH = [*JOURNEY, (11, 350), (12, 390), (5, 500)]


def some_delivery(dice: random.Random, waybill: str, *, rough: bool) -> tuple[Source, dict[str, Any]]:
    """A delivery of a journey as it may come: with or without ids, once more, late; failures and ends when rough."""
    code, minutes = dice.choice(ROUGH if rough else SMOOTH)
    at = T0 + minutes * MINUTE
    ids = {"order_status_id": 1000 + minutes} if dice.random() < 0.6 else {}
    if dice.random() < 0.3:
        ids["checkpoint_id"] = (
            9000 + minutes + dice.choice([0, 0, 0, 10])
        )  # 10: that of another scan, as no vendor should
    side = dice.random()
    lacking = {"location": ""} if dice.random() < 0.3 else {}  # a scan reported in part
    if side < 0.6:
        reason = {"ndr_status_code": dice.choice([1, 3])} if rough and dice.random() < 0.15 else {}
        body = webhook(waybill, code, at, **ids, **lacking)
        missed = {"npr_status_code": dice.choice([2, 4])} if dice.random() < 0.01 else {}
        body["additional"] |= reason | missed
        return Source.WEBHOOK, body
    if side < 0.8:
        return Source.UPDATED_ORDER, updated(waybill, code, at, **lacking)
    reported = [
        polled_scan(c, T0 + m * MINUTE, checkpoint_id=9000 + m)
        for c, m in (ROUGH if rough else SMOOTH[::3])
        if m <= minutes
    ]
    return Source.TRACK_ORDER, tracked(waybill, *(reported or [polled_scan(code, at)]))


async def all_of(store: Store, reference: str) -> tuple[Any, ...]:
    """Everything that tracking says of a shipment, but for its names."""
    shipment = await get(store, reference)
    async with store.read() as session:
        entries = (await scans.entries(session, [reference]))[reference]
    names = {"order_id", "waybill", "reference_number"}
    standing = {f.name: getattr(shipment, f.name) for f in fields(Tracked) if f.name not in names}
    return standing, [replace(e, waybill="", fingerprints=(), id=0).content() for e in entries]


@pytest.mark.parametrize("seed", range(8))
async def test_a_timeline_read_in_part_comes_to_the_same_as_one_read_whole(
    store: Store, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_placed(store, "PART", "AWB-P")
    await a_placed(store, "WHOLE", "AWB-W")
    dice = random.Random(seed)
    read: list[int] = []
    alike = scans.alike

    async def counted(session: Session, reported: Sequence[scans.IncomingScan]) -> dict[str, list[Entry]]:
        read.append(len(reported))
        return await alike(session, reported)

    monkeypatch.setattr(scans, "alike", counted)
    for number in range(50):
        clock = SetClock(LATER + number * MINUTE)
        round_of = [dice.getrandbits(32) for _ in range(dice.choice([1, 1, 2, 3]))]
        for waybill, most_partial in (("AWB-P", timeline_builder.MOST_PARTIAL), ("AWB-W", -1)):
            with monkeypatch.context() as patched:
                patched.setattr(timeline_builder, "MOST_PARTIAL", most_partial)
                for place, delivered in enumerate(round_of):
                    source, body = some_delivery(random.Random(delivered), waybill, rough=number > 20)
                    await deliver(store, body, source=source, at=clock() + place * timedelta(seconds=1))
                await apply(store, clock=SetClock(clock() + MINUTE))
        part, whole = await all_of(store, "PART"), await all_of(store, "WHOLE")
        assert part == whole, f"after round {number}"
    assert sum(read) > 2


async def test_the_status_of_a_shipment_is_rebuilt_when_two_scans_turn_out_to_be_one(store: Store) -> None:
    await a_placed(store)
    await deliver(store, webhook("AWB1", 4, T0))
    await apply(store)
    for number, (minutes, ids) in enumerate([(30, {"order_status_id": 7}), (90, {"checkpoint_id": "c"})]):
        await deliver(store, webhook("AWB1", 5, T0 + minutes * MINUTE, **ids), at=LATER + (number + 1) * MINUTE)
        await apply(store, clock=SetClock(LATER + (number + 1) * MINUTE))
    assert (await get(store, "R")).status_at == (T0 + 90 * MINUTE).replace(microsecond=0)
    both = webhook("AWB1", 5, T0 + 30 * MINUTE, order_status_id=7, checkpoint_id="c")
    await deliver(store, both, at=LATER + 9 * MINUTE)
    await apply(store, clock=SetClock(LATER + 9 * MINUTE))
    assert [s.status_code for s in await timeline(store, "R")] == [4, 5]
    assert (await get(store, "R")).status_at == (T0 + 30 * MINUTE).replace(microsecond=0)


async def test_a_failed_delivery_is_unsolved_again_when_the_end_was_none(store: Store) -> None:
    await a_placed(store)
    for number, (code, minutes) in enumerate([(9, 260), (8, 400), (5, 500)]):
        await deliver(store, webhook("AWB1", code, T0 + minutes * MINUTE), at=LATER + number * MINUTE)
        await apply(store, clock=SetClock(LATER + number * MINUTE))
        assert (await get(store, "R")).ndr_at == (None if code == 8 else (T0 + 260 * MINUTE).replace(microsecond=0))


async def inbox_counts(store: Store) -> dict[str, int]:
    async with store.read() as session:
        return await inbox.counts(session)


async def next_ask(store: Store, reference: str = "R") -> Any:
    return (await fetch(store, "SELECT next_poll_at FROM shipments WHERE reference_number = $1", reference))[0][
        "next_poll_at"
    ]


async def test_a_late_scan_does_not_move_a_shipment_backwards(store: Store) -> None:
    await a_placed(store)
    await deliver(store, webhook("AWB1", 8, T0 + 60 * MINUTE))
    await apply(store)
    await deliver(store, webhook("AWB1", 6, T0))
    await apply(store)
    after = await get(store, "R")
    assert after.status_code == 8
    assert [s.status_code for s in await timeline(store, "R")] == [6, 8]


async def test_the_outer_status_is_the_scan_and_latest_status_is_where_it_stands(store: Store) -> None:
    await a_placed(store)
    latest = {"timestamp": indian(T0 + 60 * MINUTE), "clickpost_status_code": 6, "status": "s6", "location": "Pune"}
    await deliver(store, webhook("AWB1", 5, T0, additional={"latest_status": latest}))
    await apply(store)
    assert (await get(store, "R")).status_code == 6
    assert [s.status_code for s in await timeline(store, "R")] == [5, 6]


async def test_an_unknown_code_stays_visible_and_is_not_the_end(store: Store) -> None:
    await a_placed(store)
    await deliver(store, webhook("AWB1", 1006, T0))
    await apply(store)
    after = await get(store, "R")
    assert (after.status_code, after.final) == (1006, False)
    assert [s.status_code for s in await timeline(store, "R")] == [1006]


async def test_by_the_guide_news_puts_no_question_off_and_the_end_is_asked_for_once_more(store: Store) -> None:
    await a_placed(store)
    due = await next_ask(store)
    assert due is not None
    await deliver(store, webhook("AWB1", 5, T0))
    await apply(store)
    assert (await get(store, "R")).last_tracked_at == LATER
    assert await next_ask(store) == due
    await deliver(store, webhook("AWB1", 8, T0 + MINUTE))
    await apply(store)
    assert await next_ask(store) == LATER + POLICY.polling.ask_again
    async with store.write() as session:
        await polls.record_poll(session, "R", polled_at=LATER, next_poll_at=LATER)
    await deliver(store, webhook("AWB1", 8, T0 + 2 * MINUTE))
    await apply(store)
    assert await next_ask(store) is None, "once more, not with every copy"


async def test_economically_news_puts_the_next_question_off_and_the_end_ends_it(store: Store) -> None:
    await a_placed(store)
    await deliver(store, webhook("AWB1", 5, T0))
    await apply(store, policy=ECONOMICAL)
    assert await next_ask(store) == LATER + ECONOMICAL.polling.ask_after
    await deliver(store, webhook("AWB1", 8, T0 + MINUTE))
    await apply(store, policy=ECONOMICAL)
    assert await next_ask(store) is None


async def test_a_delivery_that_comes_before_its_waybill_is_known_is_attached_when_it_is(store: Store) -> None:
    await add(store, "R")
    await deliver(store, webhook("AWB1", 5, T0))
    assert await apply(store) == 1
    assert (await inbox_counts(store))["waiting"] == 1
    assert await apply(store) == 0, "it does not spin"
    await place(store, "R", "AWB1", now=LATER)
    assert await apply(store) == 1
    assert (await get(store, "R")).status_code == 5
    assert (await inbox_counts(store))["applied"] == 1


@pytest.mark.parametrize("key", ["reference_number", "order_id", "return_reference_number"])
async def test_a_delivery_that_names_no_waybill_waits_for_its_shipment(store: Store, key: str) -> None:
    body = webhook("", 5, T0)
    body["additional"][key] = "order of R" if key == "order_id" else "R"
    await deliver(store, body)
    await apply(store)
    assert (await inbox_counts(store))["waiting"] == 1
    await add(store, "R")
    async with store.write() as session:
        await shipments.wake_deliveries(session, [new_shipment("R")], now=LATER)
    await apply(store)
    assert await count(store, "scans") == 0, "a scan's identity hangs on its waybill"
    await place(store, "R", "AWB1", now=LATER)
    await apply(store)
    assert (await get(store, "R")).status_code == 5
    assert [s.waybill for s in await timeline(store, "R")] == ["AWB1"]


async def test_a_delivery_that_names_no_waybill_finds_its_placed_shipment_at_once(store: Store) -> None:
    await a_placed(store)
    body = webhook("", 5, T0)
    body["additional"]["order_id"] = "order of R"
    await deliver(store, body)
    await apply(store)
    assert (await get(store, "R")).status_code == 5


async def test_an_order_of_two_shipments_does_not_tell_which_one_is_meant(store: Store) -> None:
    await add(store, "A", "B", order_id="SAME")
    body = webhook("", 5, T0)
    body["additional"]["order_id"] = "SAME"
    await deliver(store, body)
    await apply(store)
    assert (await inbox_counts(store))["waiting"] == 1
    assert await count(store, "scans") == 0


async def test_who_waits_for_nobody_looks_again_ever_more_rarely(store: Store) -> None:
    await deliver(store, webhook("NOBODYS", 5, T0))
    clock = SetClock(LATER)
    pauses = []
    for _ in range(14):
        assert await apply(store, clock=clock) == 1
        due = (await fetch(store, "SELECT due_at FROM inbox"))[0]["due_at"]
        pauses.append((due - clock.now).total_seconds())
        clock.now = due
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses[-1] == 6 * 3600


async def test_who_waited_a_month_for_nobody_is_set_aside_and_can_be_replayed(store: Store) -> None:
    await deliver(store, webhook("NOBODYS", 5, T0))
    clock = SetClock(LATER)
    while await apply(store, clock=clock):
        due = (await fetch(store, "SELECT due_at FROM inbox"))[0]["due_at"]
        clock.now = due or clock.now
    assert clock.now - LATER > timedelta(days=30)
    async with store.write() as session:
        [left] = await inbox.problems(session, limit=5)
        assert (left.reason, left.problem) == ("unknown_shipment", "no shipment of ours: w:NOBODYS")
        assert await inbox.replay(session, now=clock.now) == 1
    await a_placed(store, "R", "NOBODYS")
    await apply(store, clock=clock)
    assert (await get(store, "R")).status_code == 5


async def test_what_cannot_be_read_is_set_aside_and_can_be_replayed(store: Store) -> None:
    await a_placed(store)
    await deliver(store, {"hello": "world"}, webhook("AWB1", 5, T0))
    assert await apply(store) == 2
    assert (await get(store, "R")).status_code == 5
    async with store.write() as session:
        [odd] = await inbox.problems(session, limit=9)
        assert json.loads(odd.body) == {"hello": "world"}
        assert (odd.reason, "names no waybill" in odd.problem) == ("no_shipment_named", True)
        assert await inbox.replay(session, now=LATER) == 1
    assert await apply(store) == 1
    assert (await inbox_counts(store))["dead_lettered"] == 1


async def test_one_delivery_that_cannot_be_stored_does_not_stop_the_rest(store: Store) -> None:
    await a_placed(store, "R", "AWB1")
    await a_placed(store, "S", "AWB2")
    await deliver(
        store, webhook("AWB1", 4, T0), webhook("AWB1", 5, T0 + MINUTE, remark="poison"), webhook("AWB2", 6, T0)
    )
    tripping = TrippingStore(store, marker="poison").as_store
    while await apply(tripping):
        pass
    assert [s.status_code for s in await timeline(store, "R")] == [4]
    assert (await get(store, "S")).status_code == 6
    found = await inbox_counts(store)
    assert (found["total"], found["applied"], found["due"], found["dead_lettered"]) == (3, 2, 0, 1)
    async with store.write() as session:
        await inbox.replay(session, now=LATER)
    await apply(store)
    assert (await get(store, "R")).status_code == 5


async def test_a_busy_database_leaves_everything_as_it_was(store: Store) -> None:
    await deliver(store, webhook("AWB1", 4, T0))
    with pytest.raises(StoreBusy):
        await apply(TrippingStore(store, busy=lambda _: True).as_store)
    assert (await inbox_counts(store))["due"] == 1


@pytest.mark.parametrize("order", [("webhook", "track"), ("track", "webhook"), ("both at once",)])
async def test_one_scan_by_webhook_and_by_polling_is_one_row_with_both_ids(
    store: Store, order: tuple[str, ...]
) -> None:
    await a_placed(store)
    hook = webhook("AWB1", 6, T0, order_status_id=901)
    poll = tracked("AWB1", polled_scan(6, T0, checkpoint_id="c77"))
    both = {"webhook": (hook, Source.WEBHOOK), "track": (poll, Source.TRACK_ORDER)}
    for name in both if order == ("both at once",) else order:
        body, source = both[name]
        await deliver(store, body, source=source)
        if order != ("both at once",):
            await apply(store)
    await apply(store)
    [scan] = await timeline(store, "R")
    assert (scan.scan_id, scan.checkpoint_id) == ("901", "c77")
    assert (await inbox_counts(store))["applied"] == 2


@pytest.mark.parametrize("first", [Source.WEBHOOK, Source.UPDATED_ORDER])
async def test_one_scan_with_a_location_from_one_side_and_without_from_another_is_one(
    store: Store, first: Source
) -> None:
    await a_placed(store)
    await deliver(store, webhook("AWB1", 4, T0 - MINUTE))
    await apply(store)  # so that the next ones are added to a timeline that is read in part
    sides = [(Source.WEBHOOK, webhook("AWB1", 5, T0)), (Source.UPDATED_ORDER, updated("AWB1", 5, T0, location=""))]
    for source, body in sorted(sides, key=lambda side: side[0] is not first):
        await deliver(store, body, source=source)
        await apply(store)
    assert [(s.status_code, s.location) for s in await timeline(store, "R")] == [(4, "Pune"), (5, "Pune")]
    async with store.write() as session:
        shipment = (await shipments.lock_tracked(session, ["R"]))["R"]
        assert not (await rebuild_shipments(session, [shipment], POLICY))["R"].changed, (
            "a rebuild comes to the same rows"
        )


async def test_two_scans_that_say_the_same_with_different_ids_are_two(store: Store) -> None:
    await a_placed(store)
    await deliver(store, webhook("AWB1", 9, T0, order_status_id=1), webhook("AWB1", 9, T0, order_status_id=2))
    await apply(store)
    assert [s.scan_id for s in await timeline(store, "R")] == ["1", "2"]


async def test_a_pieces_scan_is_on_the_parents_timeline_and_leaves_its_status(store: Store) -> None:
    await a_placed(store, children=("AWB1-2",))
    await deliver(store, webhook("AWB1", 5, T0), webhook("AWB1-2", 8, T0 + 60 * MINUTE))
    await apply(store)
    after = await get(store, "R")
    assert (after.status_code, after.final) == (5, False)
    assert [(s.waybill, s.status_code) for s in await timeline(store, "R")] == [("AWB1", 5), ("AWB1-2", 8)]


async def test_a_waybill_of_the_way_back_belongs_to_its_shipment_from_then_on(store: Store) -> None:
    await a_placed(store)
    await deliver(store, webhook("RTO1", 21, T0 + 30 * MINUTE))
    await apply(store)
    assert (await inbox_counts(store))["waiting"] == 1
    await deliver(store, webhook("AWB1", 12, T0, rto_awb="RTO1"))
    await apply(store)
    async with store.read() as session:
        known = await waybills.find(session, ["RTO1"])
    assert [(k.reference_number, k.kind) for k in known["RTO1"]] == [("R", "rto")]
    await apply(store)
    assert (await get(store, "R")).status_code == 21


async def test_the_same_number_at_another_courier_is_another_shipment(store: Store) -> None:
    await a_placed(store, "A", "777")
    await a_placed(store, "B", "777", courier_partner_id=5)
    await deliver(store, webhook("777", 5, T0, cp_id=5))
    await apply(store)
    assert (await get(store, "A")).status_code is None
    assert (await get(store, "B")).status_code == 5


async def test_a_change_that_no_webhook_brought_is_asked_for_at_once(store: Store) -> None:
    await a_placed(store)
    await deliver(store, webhook("AWB1", 5, T0))
    await deliver(store, updated("AWB1", 5, T0), source=Source.UPDATED_ORDER)
    due = await next_ask(store)
    await apply(store)
    assert await next_ask(store) == due > LATER, "nothing is missing"
    await deliver(store, updated("AWB1", 6, T0 + 60 * MINUTE), source=Source.UPDATED_ORDER)
    await apply(store)
    assert (await get(store, "R")).status_code == 6
    assert await next_ask(store) == LATER
    async with store.write() as session:
        due = await claim_due_polls(session, now=LATER, next_poll_at=LATER + MINUTE, limit=5)
    assert [d.waybill for d in due] == ["AWB1"]


async def test_a_gap_is_not_asked_for_again_before_its_time(store: Store) -> None:
    await a_placed(store)
    async with store.write() as session:
        await claim_due_polls(session, now=LATER + 24 * 60 * MINUTE, next_poll_at=LATER, limit=5)
    polled_at = (await get(store, "R")).last_polled_at
    assert polled_at is not None
    seen_at = polled_at + 30 * MINUTE
    await deliver(store, updated("AWB1", 6, T0), source=Source.UPDATED_ORDER, at=seen_at)
    await apply(store, clock=SetClock(seen_at))
    assert await next_ask(store) == polled_at + POLICY.polling.ask_again


async def test_a_final_change_that_no_webhook_brought_is_asked_for_once_too(store: Store) -> None:
    await a_placed(store)
    await deliver(store, updated("AWB1", 8, T0), source=Source.UPDATED_ORDER)
    await apply(store)
    assert await next_ask(store) == LATER, "the scans before it are missing"


async def test_a_scan_of_the_future_counts_as_the_time_of_receipt(store: Store) -> None:
    await a_placed(store)
    await deliver(store, webhook("AWB1", 6, LATER + timedelta(days=300)))
    await apply(store)
    assert (await get(store, "R")).status_at == LATER
    await deliver(store, webhook("AWB1", 8, LATER + 60 * MINUTE), at=LATER + 90 * MINUTE)
    await apply(store, clock=SetClock(LATER + 90 * MINUTE))
    assert (await get(store, "R")).status_code == 8


async def test_why_a_delivery_failed_is_kept_until_it_is_delivered(store: Store) -> None:
    await a_placed(store)
    failed = webhook("AWB1", 9, T0)
    failed["additional"] |= {"ndr_status_code": 5, "courier_partner_edd": "2026-11-05"}
    await deliver(store, failed)
    await apply(store)
    after = await get(store, "R")
    assert (after.ndr_code, after.edd) == (5, "2026-11-05")


async def test_a_list_of_deliveries_reaches_every_shipment_in_it(store: Store) -> None:
    await a_placed(store, "A", "AWB1")
    await a_placed(store, "B", "AWB2")
    await deliver(store, [webhook("AWB1", 5, T0), webhook("AWB2", 6, T0)])
    await apply(store)
    assert [(await get(store, r)).status_code for r in "AB"] == [5, 6]


async def test_appliers_at_once_apply_every_delivery_once(store: Store) -> None:
    for n in range(6):
        await a_placed(store, f"R{n}", f"AWB{n}")
    hooks = [webhook(f"AWB{n % 6}", code, T0 + m * MINUTE) for n in range(6) for code, m in JOURNEY]
    random.Random(3).shuffle(hooks)
    await deliver(store, *hooks)
    policy = ApplyPolicy(zone=INDIA, batch=5)
    while sum(await asyncio.gather(*(apply(store, policy=policy) for _ in range(3)))):
        pass
    for n in range(6):
        assert (await get(store, f"R{n}")).status_code == 8
        assert [s.status_code for s in await timeline(store, f"R{n}")] == [c for c, _ in JOURNEY]
    assert (await inbox_counts(store))["applied"] == len(hooks)


def test_polled_items_have_one_identity_whatever_the_order_of_their_fields() -> None:
    item = tracked("AWB1", polled_scan(5, T0))
    turned = dict(reversed(item.items()))
    assert delivery_identity(Source.TRACK_ORDER, item) == delivery_identity(Source.TRACK_ORDER, turned)
