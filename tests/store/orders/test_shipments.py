"""The table `shipments`: claimed by one worker at a time, moved by its rules, listed without gaps."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta

import pytest

from awbridge.domain.orders.cancellation import CancelState
from awbridge.domain.orders.shipment import Shipment, State, shard_of
from awbridge.domain.retry import NotDone
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.store import Store
from awbridge.store.engine.queries import Statement
from awbridge.store.orders import lists, shipments, waybills
from awbridge.store.polling import polls
from awbridge.store.registration import cancellations, dispatch
from awbridge.store.registration.dispatch import NotPlaced
from awbridge.store.tracking import inbox
from awbridge.store.tracking.tracking_status import TrackingStatus
from tests.support.plans import of_whole_tables
from tests.support.rows import (
    MINUTE,
    T0,
    add,
    claim_due_polls,
    claim_in,
    count,
    delivery,
    keep_placed,
    new_shipment,
    place,
    placed,
    set_tracking_status,
    sql,
)
from tests.support.statements import statements_of
from tests.support.stuck import mark_stuck

LEASE = 2 * MINUTE


async def claim(
    store: Store, *, owner: str = "me", now: datetime = T0, limit: int = 50, lease: timedelta = LEASE
) -> list[str]:
    async with store.write() as session:
        taken = await claim_in(session, owner=owner, now=now, until=now + lease, limit=limit)
    return [s.reference_number for s in taken]


async def get(store: Store, reference: str) -> Shipment:
    async with store.read() as session:
        found = await shipments.get(session, reference)
    assert found is not None
    return found


async def in_state(store: Store, reference: str, state: State, **changes: object) -> None:
    """A shipment that push has left in this state."""
    await add(store, reference)
    if state is State.PLACED:
        await place(store, reference, f"AWB of {reference}")
        return
    if state is State.READY:
        return
    await claim(store, owner="setup")
    decided = NotPlaced(state=state, no_of_retries=3, problem="why", next_try_at=None)
    async with store.write() as session:
        await dispatch.not_placed(session, [(reference, "setup", decided)], now=T0)


async def test_a_reference_number_is_stored_once_and_the_first_payload_stays(store: Store) -> None:
    async with store.write() as session:
        assert await shipments.add(session, new_shipment("R", payload={"n": 1}), now=T0)
        assert not await shipments.add(session, new_shipment("R", payload={"n": 2}), now=T0)
    assert (await get(store, "R")).payload == {"n": 1}
    assert (await get(store, "R")).state is State.READY


async def test_a_shipment_that_is_not_there_is_none(store: Store) -> None:
    async with store.read() as session:
        assert await shipments.get(session, "NOBODY") is None
        assert await shipments.get_many(session, ["NOBODY"]) == []
        assert await shipments.lock_many(session, []) == {}


async def test_claimers_at_once_never_get_the_same_shipment_and_miss_none(store: Store) -> None:
    references = [f"R-{n}" for n in range(60)]
    await add(store, *references)
    taken = await asyncio.gather(*(claim(store, owner=f"w{n}", limit=7) for n in range(12)))
    flat = [reference for batch in taken for reference in batch]
    assert len(flat) == len(set(flat))
    flat += await claim(store, limit=60)
    assert sorted(flat) == sorted(references)


async def test_a_live_lease_keeps_others_away_until_it_ends(store: Store) -> None:
    await add(store, "R")
    assert await claim(store, owner="a") == ["R"]
    assert await claim(store, owner="b", now=T0 + LEASE - timedelta(microseconds=1)) == []
    assert await claim(store, owner="b", now=T0 + LEASE) == ["R"]


async def test_what_is_not_due_yet_is_left(store: Store) -> None:
    await add(store, "LATER", now=T0 + MINUTE)
    assert await claim(store, now=T0) == []
    assert await claim(store, now=T0 + MINUTE) == ["LATER"]


async def test_the_oldest_due_go_first(store: Store) -> None:
    for n in (3, 1, 2):
        await add(store, f"R{n}", now=T0 + n * MINUTE)
    assert sorted(await claim(store, now=T0 + 10 * MINUTE, limit=2)) == ["R1", "R2"]


async def test_placing_stores_the_answer(store: Store) -> None:
    await add(store, "R")
    shipment = await get(store, "R")
    answer = placed(
        "AWB1",
        label_url="https://x/l.pdf",
        sort_code="S",
        security_key="K",
        vendor_order_id="99",
        children=("AWB1-1", "AWB1-2"),
        courier_partner_id=5,
    )
    async with store.write() as session:
        await keep_placed(session, shipment, answer, difference="look", next_poll_at=T0 + MINUTE)
        known = await waybills.find(session, ["AWB1", "AWB1-2", "OTHER"])
    after = await get(store, "R")
    assert (after.state, after.success, after.waybill, after.label_url) == (
        State.PLACED,
        True,
        "AWB1",
        "https://x/l.pdf",
    )
    assert (after.sort_code, after.security_key, after.vendor_order_id) == ("S", "K", "99")
    assert after.children == ("AWB1-1", "AWB1-2")
    assert (after.placed_at, after.next_try_at, after.problem, after.difference) == (T0, None, None, "look")
    assert (after.courier_partner_id, after.account_code, after.account) == (5, "main", "5:main"), (
        "the courier that holds it"
    )
    assert {w: (k[0].reference_number, k[0].courier_partner_id, k[0].kind) for w, k in known.items()} == {
        "AWB1": ("R", 5, "main"),
        "AWB1-2": ("R", 5, "child"),
    }
    assert await claim(store, now=T0 + 10 * LEASE) == []


async def test_the_second_answer_for_a_placed_shipment_changes_nothing(store: Store) -> None:
    await add(store, "R")
    shipment = await get(store, "R")
    async with store.write() as session:
        await keep_placed(session, shipment, placed("FIRST"))
        await keep_placed(session, shipment, placed("SECOND"))
    assert (await get(store, "R")).waybill == "FIRST"


async def test_placing_wakes_the_deliveries_that_wait_for_its_waybills(store: Store) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery("d1"), delivery("d2"), delivery("d3")])
        for waiting, key in zip(
            await inbox.claim(session, now=T0, limit=3), ["w:MAIN", "w:CHILD", "w:ELSE"], strict=True
        ):
            await inbox.wait(session, waiting, key=key, until=T0 + 60 * MINUTE)
    await add(store, "R")
    await place(store, "R", "MAIN", children=("CHILD",), now=T0 + MINUTE)
    async with store.write() as session:
        assert len(await inbox.claim(session, now=T0 + MINUTE, limit=9)) == 2


async def test_a_worker_that_lost_its_lease_writes_nothing(store: Store) -> None:
    await add(store, "R")
    await claim(store, owner="slow")
    await claim(store, owner="quick", now=T0 + LEASE)
    decided = NotPlaced(state=State.REJECTED, no_of_retries=1, problem="late word", next_try_at=None)
    async with store.write() as session:
        await dispatch.not_placed(session, [("R", "slow", decided)], now=T0 + LEASE)
    assert (await get(store, "R")).problem is None
    async with store.write() as session:
        await dispatch.not_placed(session, [("R", "quick", decided)], now=T0 + LEASE)
    after = await get(store, "R")
    assert (after.state, after.no_of_retries, after.problem) == (State.REJECTED, 1, "late word")


async def test_an_account_that_works_again_lets_go_at_once_what_was_turned_away_with_it(store: Store) -> None:
    await add(store, "A", "B")
    await add(store, "OTHER", account_code="second")
    await claim(store, owner="w")
    held = NotPlaced(state=State.HELD, no_of_retries=0, problem="key", next_try_at=T0 + 60 * MINUTE)
    async with store.write() as session:
        await dispatch.not_placed(session, [(r, "w", held) for r in ("A", "B", "OTHER")], now=T0)
        assert await dispatch.release(session, "4:main", now=T0 + MINUTE) == 2
    assert sorted(await claim(store, now=T0 + MINUTE)) == ["A", "B"]
    assert (await get(store, "A")).problem is None


@pytest.mark.parametrize(
    ("state", "possible"),
    [
        (State.READY, False),
        (State.PLACED, False),
        (State.CANCELLED, False),
        (State.RETRYING, True),
        (State.HELD, True),
        (State.REJECTED, True),
        (State.GAVE_UP, True),
        (State.WAITING, True),
    ],
)
async def test_trying_again_is_for_shipments_that_wait_or_failed(store: Store, state: State, possible: bool) -> None:
    await in_state(store, "R", state)
    async with store.write() as session:
        assert await shipments.try_again(session, "R", now=T0 + MINUTE) is possible
    after = await get(store, "R")
    if possible:
        assert (after.state, after.no_of_retries, after.problem) == (State.READY, 0, None)
        assert await claim(store, now=T0 + MINUTE) == ["R"]
    else:
        assert after.state is state


async def test_what_never_went_out_is_cancelled_at_once(store: Store) -> None:
    await add(store, "R")
    async with store.write() as session:
        await shipments.cancel(session, "R", now=T0 + MINUTE)
    after = await get(store, "R")
    assert (after.state, after.next_try_at) == (State.CANCELLED, None)
    assert await claim(store, now=T0 + 10 * MINUTE) == []


async def test_what_clickpost_refused_is_cancelled_at_once(store: Store) -> None:
    await in_state(store, "R", State.REJECTED)
    async with store.write() as session:
        await shipments.cancel(session, "R", now=T0)
    assert (await get(store, "R")).state is State.CANCELLED


async def test_what_is_in_flight_is_settled_before_it_is_cancelled(store: Store) -> None:
    await add(store, "R")
    await claim(store, owner="worker")
    async with store.write() as session:
        await shipments.cancel(session, "R", now=T0)
        assert await shipments.cancel_is_asked(session, "R")
    assert (await get(store, "R")).state is State.READY
    assert await claim(store, owner="next", now=T0 + LEASE) == ["R"]


async def test_what_gave_up_is_asked_once_more_before_it_is_cancelled(store: Store) -> None:
    await in_state(store, "R", State.GAVE_UP)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET maybe_placed = TRUE"))
        await shipments.cancel(session, "R", now=T0 + MINUTE)
    assert await claim(store, now=T0 + MINUTE) == ["R"]


async def test_what_gave_up_and_nobody_can_hold_is_cancelled_at_once(store: Store) -> None:
    await in_state(store, "R", State.GAVE_UP)
    async with store.write() as session:
        await shipments.cancel(session, "R", now=T0 + MINUTE)
    assert await claim(store, now=T0 + MINUTE) == []
    assert (await get(store, "R")).state is State.CANCELLED


async def test_what_is_placed_is_claimed_for_cancelling_and_by_nobody_else(store: Store) -> None:
    await in_state(store, "R", State.PLACED)
    async with store.write() as session:
        assert not await shipments.cancel_is_asked(session, "R")
        await shipments.cancel(session, "R", now=T0)
        await shipments.cancel(session, "R", now=T0)
    assert await claim(store, now=T0) == []
    async with store.write() as session:
        taken = await shipments.claim_cancels(session, owner="c", now=T0, until=T0 + LEASE, limit=5)
        assert [s.waybill for s in taken] == ["AWB of R"]
        assert await shipments.claim_cancels(session, owner="d", now=T0, until=T0 + LEASE, limit=5) == []
        refused = NotDone(state=CancelState.REFUSED, tries=1, problem="no")
        assert not await cancellations.not_cancelled(session, "R", "another", refused, now=T0)
    assert (await get(store, "R")).cancel_state == "asked"
    async with store.write() as session:
        assert await cancellations.cancelled(session, "R", now=T0), "a fact, whichever process has the lease"
        assert not await cancellations.cancelled(session, "R", now=T0)
        assert not await cancellations.not_cancelled(session, "R", "c", refused, now=T0)
    assert (await get(store, "R")).state is State.CANCELLED


@pytest.mark.parametrize(("state", "possible"), [(s, s not in (State.PLACED, State.CANCELLED)) for s in State])
async def test_a_payload_may_change_until_clickpost_holds_it(store: Store, state: State, possible: bool) -> None:
    await in_state(store, "R", state)
    async with store.write() as session:
        new = new_shipment("R", payload={"new": True}, courier_partner_id=6)
        assert await shipments.change_payload(session, new, now=T0 + MINUTE) is possible
    after = await get(store, "R")
    assert (after.payload == {"new": True}) is possible
    assert (after.courier_partner_id == 6) is possible


async def test_a_payload_in_flight_does_not_change(store: Store) -> None:
    await add(store, "R")
    await claim(store)
    async with store.write() as session:
        assert not await shipments.change_payload(session, new_shipment("R", payload={}), now=T0)


@pytest.mark.parametrize("page", [1, 3, 7, 100])
async def test_pages_contain_every_shipment_once_newest_first(store: Store, page: int) -> None:
    for n in range(10):
        await add(store, f"R-{n}", now=T0 + (n // 4) * MINUTE)  # several of the same moment
    await add(store, "OTHER")
    await place(store, "OTHER", "AWB1")
    for state, expected in ((None, 11), (State.READY, 10)):
        seen: list[tuple[datetime, str]] = []
        before = None
        while True:
            async with store.read() as session:
                found = await lists.newest(session, state=state, before=before, limit=page)
            if not found:
                break
            seen += [(s.created_at, s.reference_number) for s in found]
            before = seen[-1]
        assert seen == sorted(set(seen), reverse=True)
        assert len(seen) == expected


@pytest.mark.parametrize("page", [1, 2, 5, 100])
async def test_the_pages_of_what_is_stuck_are_the_whole_list(store: Store, page: int) -> None:
    names = ["a", "B", "b", "Z", "é", "_", "10", "9"]  # how these are sorted depends on the language
    for n, name in enumerate(names * 3):
        reference = f"{name}-{n // len(names)}"
        await add(store, reference)
        await place(store, reference, f"AWB{n}")
        seen_at = T0 - timedelta(days=n // len(names))
        status = TrackingStatus(
            sighting=Sighting(seen_at=seen_at, final=False, step=5, code=5), bucket=n % 4 + 1, edd=None, ndr_code=None
        )
        async with store.write() as session:
            await set_tracking_status(session, reference, status, last_tracked_at=T0, next_poll_at=None)
    now = T0 + timedelta(days=4)
    assert await mark_stuck(store, now, batch=7) == 3 * len(names)
    seen: list[tuple[datetime, str]] = []
    async with store.read() as session:
        whole = await lists.stuck(session, StuckAfter(), now=now, limit=100)
        while found := await lists.stuck(session, StuckAfter(), now=now, after=seen[-1] if seen else None, limit=page):
            seen += [(s.status_at or T0, s.reference_number) for s in found]
        assert await lists.count_stuck(session, StuckAfter(), now=now) == len(whole)
    assert seen == [(s.status_at, s.reference_number) for s in whole]
    assert [at for at, _ in seen] == sorted(at for at, _ in seen)
    assert len(set(seen)) == 3 * len(names)


async def test_silent_shipments_are_asked_for_once_per_interval_and_no_more_at_their_end(store: Store) -> None:
    for n in (1, 2):
        await add(store, f"R{n}")
        await place(store, f"R{n}", f"AWB{n}")
    later = T0 + timedelta(days=1)
    again = later + timedelta(hours=2)
    async with store.write() as session:
        assert await claim_due_polls(session, now=later - MINUTE, next_poll_at=again, limit=9) == []
        asked = await claim_due_polls(session, now=later, next_poll_at=again, limit=9)
        assert {(a.reference_number, a.waybill, a.courier_partner_id) for a in asked} == {
            ("R1", "AWB1", 4),
            ("R2", "AWB2", 4),
        }
        assert await claim_due_polls(session, now=again - MINUTE, next_poll_at=again, limit=9) == []
        end = TrackingStatus(
            sighting=Sighting(seen_at=T0, final=True, step=90, code=8), bucket=6, edd="2026-12-01", ndr_code=2
        )
        await set_tracking_status(session, "R1", end, last_tracked_at=later, next_poll_at=None)
        await polls.record_poll(session, "R1", polled_at=T0, next_poll_at=again)
        left = await claim_due_polls(session, now=again, next_poll_at=again + MINUTE, limit=9)
        assert [a.reference_number for a in left] == ["R2"]
    shipment = await get(store, "R1")
    assert (shipment.status_code, shipment.status_at, shipment.final, shipment.status_bucket) == (8, T0, True, 6)
    assert (shipment.edd, shipment.ndr_code, shipment.last_tracked_at) == ("2026-12-01", 2, later)


async def test_a_complete_catch_up_walks_over_every_waybill(store: Store) -> None:
    for n in range(9):
        await add(store, f"R{n}")
        await place(store, f"R{n}", f"AWB{n}")
    await add(store, "NOT-PLACED")
    seen: list[str] = []
    after = (-1, "")
    async with store.read() as session:
        while page := await polls.placed_after(session, after, limit=2):
            seen += [s.waybill for s in page]
            last = page[-1].reference_number
            after = (shard_of(last), last)
    assert sorted(seen) == [f"AWB{n}" for n in range(9)]


async def test_shipments_are_counted_by_state_and_found_by_order(store: Store) -> None:
    async with store.read() as session:
        assert await lists.count_by_state(session) == {}
    await add(store, "A", "B", order_id="same", now=T0 + MINUTE)
    await add(store, "C", order_id=None)
    await place(store, "C", "AWB1")
    async with store.read() as session:
        assert await lists.count_by_state(session) == {"placed": 1, "ready": 2}
        assert await lists.count_in_state(session, State.READY) == 2
        assert await lists.count_in_state(session, State.GAVE_UP) == 0
        orders = await shipments.of_orders(session, ["same", "none"])
    assert {o: sorted(r) for o, r in orders.items()} == {"same": ["A", "B"]}


async def test_one_number_at_two_couriers_is_two_waybills_and_a_second_use_is_stored_beside_the_first(
    store: Store,
) -> None:
    await add(store, "A", "B", "C")
    await place(store, "A", "777")
    await place(store, "B", "777", courier_partner_id=5)
    await place(store, "C", "777")
    async with store.read() as session:
        known = (await waybills.find(session, ["777"]))["777"]
    assert sorted((k.courier_partner_id, k.reference_number) for k in known) == [(4, "A"), (4, "C"), (5, "B")]
    assert {k.reference_number: k.since_at for k in known} == {
        "A": None,
        "B": None,
        "C": T0.replace(second=0, microsecond=0),
    }
    assert (await count(store, "waybills"), await count(store, "reused_waybills")) == (2, 1)


_NO_FILTER = (None,) * 11
_PLANS = [
    ("dispatch", "claim", [("o", T0, T0, "4:main", 1, 5, False)], "shipments_to_push"),
    ("dispatch", "lock", ([1, 2], ["a", "b"]), ("shipments_pkey", "sqlite_autoindex_shipments_1")),
    ("dispatch", "release", ("4:main", T0), "shipments_unplaced"),
    ("accounts", "due", (T0,), "shipments_to_push"),
    ("accounts", "unplaced", (["4:main"],), "shipments_unplaced"),
    ("lists", "of_accounts", [("4:main", "ready", T0, "R", 5)], "shipments_unplaced"),
    ("shipments", "claim_cancels", ("o", T0, T0, 5), "shipments_to_cancel"),
    ("polls", "claim_due_polls", (T0, T0, 5, T0, 4, T0), "shipments_to_poll"),
    ("polls", "due_soon", (T0, T0, 5), "shipments_to_poll"),
    ("polls", "age_out", (T0, T0, 5), "shipments_to_poll"),
    ("polls", "aged_out", (T0, "R", 5), "shipments_aged_out"),
    ("shipments", "lock_many", [("R", 1)], ("shipments_pkey", "sqlite_autoindex_shipments_1")),
    ("shipments", "lock_tracked", [("R", 1)], ("shipments_pkey", "sqlite_autoindex_shipments_1")),
    ("shipments", "get_many", [("R", 1)], ("shipments_pkey", "sqlite_autoindex_shipments_1")),
    ("tracking_status", "set_status", [(1, "R", *[None] * 19)], ("shipments_pkey", "sqlite_autoindex_shipments_1")),
    ("lists", "newest_in_state", ("rejected", T0, "R", 5), "shipments_by_state"),
    ("lists", "count_in_state", ("gave_up",), "shipments_by_state"),
    ("waybills", "of_shipments", (["R"],), "waybills_of_shipment"),
    ("waybills", "of_shipments", (["R"],), "reused_waybills_of_shipment"),
    ("waybills", "reused_by", (["R"],), "reused_waybills_of_shipment"),
    ("waybills", "count_reused", (T0,), "reused_waybills_newest"),
    ("waybills", "shared", [(1, "W", 4, "R")], ("waybills_pkey", "sqlite_autoindex_waybills_1")),
    ("inbox", "waited_for", [("o:1",)], "inbox_waiting"),
    ("update_sources", "of_deliveries", ([1],), "update_sources_of_delivery"),
    ("inbox", "longest_due", (T0,), "inbox_due"),
    ("lists", "newest", (T0, "R", 5), "shipments_newest"),
    ("shipments", "of_orders", [("o", 5)], "shipments_by_order"),
    ("lists", "newest_of_order", ("o", T0, "r", 50), "shipments_by_order"),
    ("filtered", "newest", (*_NO_FILTER, T0, "R", 5000, 50), "shipments_newest"),
    ("filtered", "newest_in_state", (*_NO_FILTER, T0, "R", 5000, 50, "rejected"), "shipments_by_state"),
    ("filtered", "last_of_all", (T0, "R", 4999), "shipments_newest"),
    ("filtered", "last_of_state", (T0, "R", 4999, "rejected"), "shipments_by_state"),
    ("filtered", "with_phone", ("1234", T0, "R", 5), "shipments_by_phone"),
    ("filtered", "failure_codes", [("R", 1)], "attempts_of_shipment"),
    ("shipments", "unread", (5,), "shipments_unread"),
    ("failures", "groups", ("rejected", 5), "shipments_by_state"),
    ("failures", "groups", ("rejected", 5), "attempts_of_shipment"),
    ("replacements", "waiting", (-1, "", 5), "shipments_waiting"),
    ("allocations", "claim_allocating", ("o", T0, T0, 5), "shipments_to_allocate"),
    ("replacements", "claim_replaceable", ("o", T0, T0, T0, 3, 5), "shipments_to_replace"),
    ("replacements", "free_ended", (T0, T0), "shipments_to_replace"),
    ("replacements", "placed_though_replaced", (5,), "shipments_placed_twice"),
    ("inbox", "claim", (T0, 5), "inbox_due"),
    ("inbox", "wake", (["w:1"], T0), "inbox_waiting"),
    ("scans", "timeline", (1, "R"), "scans_of_shipment"),
    ("scans", "entries", [("R", 1)], "scans_of_shipment"),
    ("scans", "for_matching", [("R", 1)], "scans_of_shipment"),
    ("scans", "alike", [("R", 1, "s", "c", "f", "p")], "scans_of_shipment"),
    ("lists", "stuck", (T0, T0, T0, T0, T0, "R", 5), "shipments_stuck"),
    ("lists", "count_stuck", (T0, T0, T0, T0), "shipments_stuck"),
    ("stuck", "to_mark", (T0, 5), "shipments_to_mark"),
    ("stuck", "missed", (T0, T0, T0, T0, T0, 5), "shipments_to_mark"),
    ("lists", "sla_breached", (T0, T0, "R", 5), "shipments_promised"),
    ("lists", "in_ndr", (T0, "R", 5), "shipments_in_ndr"),
    ("lists", "piece_exceptions", (T0, "R", 5), "shipments_piece_exceptions"),
    ("lists", "count_piece_exceptions", (T0,), "shipments_piece_exceptions"),
    ("inbox", "apply_uncounted", (T0, 5), "inbox_uncounted"),
    ("update_sources", "of_shipments", [("R", 1)], "update_sources"),
    ("replays", "open", (), "replays_open"),
    ("promises", "of_shipments", [("R", 1)], ("promises_pkey", "sqlite_autoindex_promises_1")),
    ("promises", "newest", [("R", 1)], ("promises_pkey", "sqlite_autoindex_promises_1")),
    ("inbox", "applied", [(1, 1, T0, None, 0)], ("inbox_pkey", "sqlite_autoindex_inbox_1")),
    ("waybills", "find", [("W", 1)], ("waybills_pkey", "sqlite_autoindex_waybills_1")),
    ("attempts", "of_shipment", (1, "R"), "attempts_of_shipment"),
    ("attempts", "page_of_shipment", (1, "R", 0, 5), "attempts_of_shipment"),
    ("attempts", "newest_of_shipment", (1, "R", 9, 5), "attempts_of_shipment"),
    ("actions", "page_of_shipment", (1, "R", T0, "a", 5), "actions_of_shipment"),
    ("differences", "listed_of_kind", (1, 0, 5, "missing_there"), "differences_of_kind"),
    ("differences", "count_open", (1,), "differences_by_state"),
    ("shipments", "payloads", (["R"], [1]), ("shipments_pkey", "sqlite_autoindex_shipments_1")),
    ("figures", "shipments", (), "shipments_by_state"),
    ("figures", "on_their_way", (), "shipments_to_mark"),
    ("figures", "on_their_way", (), "shipments_stuck"),
    ("figures", "cancels", (), "shipments_cancels"),
    ("cancellations", "need_a_person", (T0, "R", 5), "shipments_cancels"),
    ("cancellations", "count_in_need", (), "shipments_cancels"),
    ("figures", "unreadable_dates", (), "shipments_promised_in_words"),
    ("figures", "actions", (), "actions_by_state"),
    ("figures", "inbox", (T0,), "inbox_due"),
    ("figures", "inbox", (T0,), "inbox_waiting"),
    ("figures", "inbox", (T0,), "inbox_problems"),
    ("figures", "scans_ahead", (1,), "scans_ahead"),
    ("figures", "notices", (), "notices_unsent"),
    ("figures", "archive_open", (), "archive_files_open"),
    ("figures", "push_due", (T0, ["4:main"]), "shipments_(?:to_push|unplaced)"),
    ("figures", "push_due", (T0, ["4:main"]), "shipments_to_cancel"),
    ("attention", "refused_since", (T0,), "shipments_refused"),
    ("attention", "placed_since", (T0, 9), "shipments_placed"),
    ("attention", "nth_decided", (50,), "shipments_refused"),
    ("attention", "dead_lettered", (1 << 60,), "inbox_problems"),
    ("archive", "waiting", (), "attempts_unfiled"),
    ("actions", "claim", ("o", T0, T0, 5), "actions_due"),
    ("actions", "abandon", (T0, "p"), "actions_due"),
    ("actions", "open_of_shipments", [("R", 1)], "actions_of_shipment"),
    ("actions", "newest", (T0, "a", 5), "actions_newest"),
    ("actions", "newest_in_state", ("due", T0, "a", 5), "actions_by_state"),
    ("windows", "open", (T0,), "catch_up_windows_open"),
    ("notices", "take_milestones", (T0, 5, ""), "milestones_due"),
    ("notices", "claim", ("o", T0, T0, 5), "notices_due"),
    (
        "notices",
        "of_shipment",
        (1, "R"),
        ("notices_shard_reference_number_milestone_channel_key", "sqlite_autoindex_notices_2"),
    ),
    ("notices", "newest", (1, 5), "notices_newest"),
    ("notices", "newest_unsent", (2000, 5, "failed"), "notices_unsent"),
    ("events", "claim", ("o", T0, T0, 5), "event_deliveries_due"),
    ("events", "newest", (1, 5, 1 << 60), "event_deliveries_newest"),
    ("events", "newest_undelivered", (1, 5, "failed", 1 << 60), "event_deliveries_undelivered"),
    ("events", "one", (1, 5), "event_deliveries_(?:newest|pkey)"),
    ("events", "count_since", (1, 1 << 60, 1 << 61), "event_deliveries_newest"),
    ("events", "redeliver_between", (1, 1 << 60, 1 << 61, 5, T0), "event_deliveries_newest"),
    ("inbox", "problems", (5, 1 << 60, "not_json"), "inbox_problems"),
    ("inbox", "problem_groups", (5,), "inbox_problems"),
    ("inbox", "replay_one", (T0, 5), "inbox_problems"),
    ("events", "count_undelivered", (), "event_deliveries_undelivered"),
    ("events", "redeliver_failed", (1, T0), "event_deliveries_undelivered"),
    ("archive", "failing_since", (T0,), "archive_files_open"),
    ("differences", "unsolved_since", (T0,), "differences_to_check"),
    ("alarms", "claim", (T0, T0, 5), "alarms_due"),
]


@pytest.mark.parametrize(("module", "name", "args", "index"), _PLANS, ids=[f"{p[0]}.{p[1]}" for p in _PLANS])
async def test_hot_statements_use_their_index(
    filled: Store,
    module: str,
    name: str,
    args: tuple[object, ...] | list[tuple[object, ...]],
    index: str | tuple[str, str],
) -> None:
    statement = getattr(statements_of(module), name)
    explained = Statement("plan", f"EXPLAIN {statement.postgres}", f"EXPLAIN QUERY PLAN {statement.sqlite}")
    async with filled.write() as session:
        many = isinstance(args, list)  # a statement that is run over rows
        rows = await (session.fetch_rows(explained, args) if many else session.fetch(explained, *args))
        plan = "\n".join(str(list(row.values())) for row in map(dict, rows))
        if filled.dialect == "postgres":
            plan = await of_whole_tables(session, plan)
    expected = index if isinstance(index, str) else index[filled.dialect == "sqlite"]
    assert re.search(rf"\b{expected}\b", plan), plan
    in_full = r"Seq Scan on shipments|SCAN shipments(?! USING)"
    if "CO-ROUTINE shipments" in plan:  # SQLite calls a bounded part of the table by its name
        in_full = r"Seq Scan on shipments"
    assert not re.search(in_full, plan), plan


async def test_a_page_of_undelivered_events_is_read_in_the_order_of_an_index(filled: Store) -> None:
    """However many of an endpoint are in that state: they are not sorted to find the newest."""
    statement = statements_of("events").newest_undelivered
    explained = Statement("plan", f"EXPLAIN {statement.postgres}", f"EXPLAIN QUERY PLAN {statement.sqlite}")
    async with filled.read() as session:
        rows = await session.fetch(explained, 1, 5, "due", 1 << 60)
    plan = "\n".join(str(list(row.values())) for row in map(dict, rows))
    if filled.dialect == "postgres":
        found = plan[plan.index("CTE page") :]
        assert re.match(r".*\n.*Limit .*\n.*(?:Merge Append|Index Scan Backward)", found), plan
        assert "ROW(event_deliveries" in found or "ROW(state, event_id)" in found, plan
    else:
        assert "event_deliveries_undelivered (endpoint_id=? AND state>? AND (state,event_id)<(?,?))" in plan, plan
        assert "B-TREE" not in plan[: plan.index("SCAN page")], plan


async def test_the_keys_of_many_accounts_are_those_of_one_page(store: Store) -> None:
    """PostgreSQL sends no more of them than are shown; SQLite is asked for each account."""
    async with store.write() as session:
        for n in range(8):
            new = new_shipment(f"R{n}", courier_partner_id=4 + n % 2)
            await shipments.add(session, new, now=T0 + n * MINUTE)
    keys = [(f"{courier}:main", "ready", T0 + timedelta(days=1), "", 3) for courier in (4, 5)]
    async with store.read() as session:
        found = [row["reference_number"] for row in await session.fetch_rows(statements_of("lists").of_accounts, keys)]
    assert found == (["R7", "R6", "R5"] if store.dialect == "postgres" else ["R6", "R4", "R2", "R7", "R5", "R3"])
