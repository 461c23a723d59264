"""Boxes of a multi-piece shipment: each has a status, and one that goes wrong is visible without hiding the others."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from awbridge.domain.errors import NotPossible
from awbridge.domain.orders.action import ActionKind, ActionState
from awbridge.domain.tracking.milestones import Milestone
from awbridge.sandbox import SandboxConfig, running
from awbridge.steps.tracking.replay import rebuild_one
from awbridge.store import Store
from awbridge.store.notify import endpoints
from awbridge.store.orders import lists
from tests.sandbox.helpers import CREATE, item, merchant, order, receiver, settled
from tests.steps.tracking.test_shipment_details import HOUR, NOW, POLICY, a_placed, deliver, hooks, truth
from tests.support.acting import FakeClickPost, act, ask, now_of
from tests.support.rows import T0, fetch
from tests.support.world import SetClock, get, webhook

pytestmark = pytest.mark.heavy

BOXES = ("AWB1-1", "AWB1-2", "AWB1-3")


async def three_boxes(store: Store) -> None:
    await a_placed(store, children=BOXES)
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)


def of_box(box: int, code: int, hours: int, **additional: Any) -> dict[str, Any]:
    body = webhook(BOXES[box - 1], code, T0 + hours * HOUR)
    body["additional"] |= additional
    return body


async def kinds(store: Store) -> list[str]:
    return [row["kind"] for row in await fetch(store, "SELECT kind FROM events ORDER BY id")]


async def milestones(store: Store) -> set[str]:
    return {row["milestone"] for row in await fetch(store, "SELECT milestone FROM milestones")}


async def listed(store: Store) -> tuple[list[str], list[str]]:
    """(those in NDR, those with a piece gone wrong)."""
    async with store.read() as session:
        ndr = await lists.in_ndr(session)
        wrong = await lists.piece_exceptions(session)
    return [s.reference_number for s in ndr], [s.reference_number for s in wrong]


async def test_a_box_whose_delivery_failed_is_in_ndr_and_sent_as_an_event(store: Store) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(webhook("AWB1", 6, T0), of_box(2, 9, 3, ndr_status_code=6)))
    after = await get(store, "R")
    assert (after.status_code, after.ndr_code) == (6, 6)
    assert after.ndr_at == T0.replace(microsecond=0) + 3 * HOUR
    assert await listed(store) == (["R"], [])
    pieces = (await truth(store)).pieces
    assert [p.exception for p in pieces] == [None, "failed_delivery", None]
    assert [f.ndr_name for f in pieces[1].failures] == ["Address Issue"]
    assert (await kinds(store))[1:] == ["piece.status_changed", "piece.ndr_raised"]
    (row,) = await fetch(store, "SELECT body, packed_body FROM events WHERE kind = 'piece.ndr_raised'")
    event = json.loads(row["body"])["data"]
    assert event["reference_number"] == "R"
    assert event["piece"] | {"status": None} == {
        "waybill": "AWB1-2",
        "status": None,
        "ndr_code": 6,
        "ndr_name": "Address Issue",
    }
    await deliver(store, *hooks(of_box(2, 8, 20)), at=NOW + HOUR)
    assert await listed(store) == ([], [])
    assert (await kinds(store))[-1] == "piece.delivered"


async def test_the_end_of_the_whole_closes_what_failed_before_it(store: Store) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(of_box(2, 9, 3), webhook("AWB1", 8, T0 + 9 * HOUR)))
    assert await listed(store) == ([], [])
    await deliver(store, *hooks(of_box(3, 9, 12)), at=NOW + HOUR)
    assert await listed(store) == (["R"], []), "that one failed after it"


@pytest.mark.parametrize(
    ("code", "exception", "kind"),
    [(16, "lost", "piece.lost"), (17, "damaged", "piece.damaged"), (12, "rto", "piece.rto_started")],
)
async def test_a_box_that_goes_wrong_is_visible_and_leaves_the_others(
    store: Store, code: int, exception: str, kind: str
) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(of_box(1, 5, 1), of_box(2, 5, 1), of_box(3, 5, 1), of_box(2, code, 7)))
    after = await get(store, "R")
    assert (after.status_code, after.final) == (5, False)
    assert after.piece_exception_at == T0.replace(microsecond=0) + 7 * HOUR
    assert await listed(store) == ([], ["R"])
    assert [p.exception for p in (await truth(store)).pieces] == [None, exception, None]
    sent = await kinds(store)
    assert sent[-2:] == ["piece.status_changed", kind]
    assert not {"lost", "damaged", "rto.started"} & set(sent)
    assert not {"lost", "damaged", "rto_started"} & await milestones(store), "the customer's parcel is not lost"


async def test_delivered_is_only_what_arrived_with_all_its_boxes(store: Store) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(of_box(1, 8, 1)))
    after = await get(store, "R")
    assert (after.status_code, after.final) == (1, False), "the others have no update yet"
    await deliver(store, *hooks(of_box(2, 6, 2), of_box(3, 5, 2)), at=NOW + HOUR)
    assert (await get(store, "R")).status_code == 5, "the slowest"
    await deliver(store, *hooks(of_box(2, 8, 3)), at=NOW + 2 * HOUR)
    assert Milestone.DELIVERED not in await milestones(store)
    await deliver(store, *hooks(of_box(3, 8, 9)), at=NOW + 3 * HOUR)
    after = await get(store, "R")
    assert (after.status_code, after.final) == (8, True)
    assert Milestone.DELIVERED in await milestones(store)
    assert (await kinds(store)).count("delivered") == 1
    assert (await truth(store)).milestones.delivered_at == T0.replace(microsecond=0) + 9 * HOUR


async def test_where_boxes_end_in_several_ways_the_worst_is_shown_and_no_event_reports_the_whole_lost(
    store: Store,
) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(of_box(1, 8, 1), of_box(2, 16, 2), of_box(3, 14, 3)))
    after = await get(store, "R")
    assert (after.status_code, after.final) == (16, True)
    assert after.piece_exception_at is not None
    assert "lost" not in await kinds(store)
    assert not {Milestone.LOST, Milestone.RTO_DELIVERED} & await milestones(store)


async def test_when_all_boxes_are_lost_so_is_the_shipment(store: Store) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(*(of_box(n, 16, n) for n in (1, 2, 3))))
    after = await get(store, "R")
    assert (after.status_code, after.final, after.piece_exception_at) == (16, True, None)
    assert "lost" in await kinds(store)


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
@pytest.mark.parametrize("apart", [True, False])
async def test_any_order_ends_in_the_same(store: Store, order: Sequence[int], apart: bool) -> None:
    await three_boxes(store)
    updates = (of_box(1, 8, 4), of_box(2, 9, 5, ndr_status_code=1), of_box(3, 21, 6), of_box(2, 6, 3))
    await deliver(store, *hooks(*(updates[n] for n in order)), apart=apart)
    after = await get(store, "R")
    assert (after.status_code, after.ndr_code) == (9, 1)
    assert after.piece_exception_at == T0.replace(microsecond=0) + 6 * HOUR
    assert not await rebuild_one(store=store, clock=SetClock(NOW), reading=POLICY, reference_number="R")


async def test_the_word_about_the_whole_counts_before_that_of_its_boxes(store: Store) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(*(of_box(n, 8, n) for n in (1, 2, 3))))
    await deliver(store, *hooks(webhook("AWB1", 6, T0 + HOUR)), at=NOW + HOUR)
    assert (await get(store, "R")).status_code == 6


async def test_a_shipment_of_one_parcel_has_no_pieces(store: Store) -> None:
    await a_placed(store)
    await deliver(store, *hooks(webhook("AWB1", 16, T0)))
    after = await get(store, "R")
    assert (after.status_code, after.piece_exception_at) == (16, None)
    assert (await truth(store)).pieces == []


async def test_boxes_and_returns_of_the_sandbox_end_as_its_books_say(store: Store) -> None:
    config = SandboxConfig(seed=3, piece_scans=1, wrong_pieces=1, return_webhooks=True, return_requests=1)
    async with receiver() as hook:
        config = config.model_copy(update={"webhook_url": hook.url})
        async with running(config) as sandbox, merchant(sandbox) as http:
            for number in range(6):
                items = [item(sku=f"S{n}") for n in range(3)]
                await http.post(CREATE, json=order(f"M-{number}", items=items, additional={"mps": True}))
            await sandbox.finish()
            await settled(sandbox)
            orders = list(sandbox.registry.orders.values())
    for entry in orders:
        await a_placed(store, entry.reference_number, entry.waybill, children=entry.children)
    random.Random(3).shuffle(hook.bodies)
    await deliver(store, *hooks(*hook.bodies), at=datetime.now(UTC) + HOUR, apart=False)
    returned = 0
    for entry in orders:
        shipment = await get(store, entry.reference_number)
        ends = {child: latest.code for child in entry.children if (latest := entry.latest_of(child))}
        known = await truth(store, entry.reference_number)
        assert {p.waybill: p.sighting.code for p in known.pieces if p.sighting} == ends
        own = entry.latest_of(entry.waybill)
        assert shipment.status_code == (own.code if own else 8 if set(ends.values()) == {8} else shipment.status_code)
        assert shipment.status_code is not None
        returned += len(known.returns)
    reported = {
        (b["payload"]["return_reference_number"], b["payload"]["clickpost_status_code"])
        for b in hook.bodies
        if "payload" in b
    }
    assert returned == len(reported) > 0


REATTEMPT = {"action": "REATTEMPT", "preferred_date": "2099-01-01"}


async def test_an_instruction_goes_out_for_the_box_that_failed(store: Store) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(webhook("AWB1", 6, T0), of_box(2, 9, 3, ndr_status_code=6)))
    clock, vendor = SetClock(NOW), FakeClickPost()
    with pytest.raises(NotPossible, match=r"name one as `waybill` \(AWB1-2\)"):
        await ask(store, clock, ActionKind.NDR, REATTEMPT)
    with pytest.raises(NotPossible, match="box AWB1-1 of R has no failed delivery"):
        await ask(store, clock, ActionKind.NDR, {**REATTEMPT, "waybill": "AWB1-1"})
    with pytest.raises(NotPossible, match="does not belong to R, whose waybills are: AWB1, AWB1-1"):
        await ask(store, clock, ActionKind.NDR, {**REATTEMPT, "waybill": "ELSEWHERE"})
    with pytest.raises(NotPossible, match="name one as `waybill`"):
        await ask(store, clock, ActionKind.NDR, {**REATTEMPT, "waybill": "AWB1"})
    asked = await ask(store, clock, ActionKind.NDR, {**REATTEMPT, "waybill": "AWB1-2", "landmark": "gate 4"})
    await act(store, vendor, clock)
    assert (await now_of(store, asked)).state is ActionState.DONE
    (sent,) = vendor.bodies
    assert sent == {**REATTEMPT, "waybill": "AWB1-2", "cp_id": 4, "account_code": "main", "landmark": "gate 4"}


async def test_a_box_that_arrived_before_the_call_is_not_instructed(store: Store) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(webhook("AWB1", 6, T0), of_box(2, 9, 3)))
    clock, vendor = SetClock(NOW), FakeClickPost()
    asked = await ask(store, clock, ActionKind.NDR, {**REATTEMPT, "waybill": "AWB1-2"})
    await deliver(store, *hooks(of_box(2, 8, 20)), at=NOW + HOUR)
    await act(store, vendor, clock)
    after = await now_of(store, asked)
    assert (after.state, vendor.requests) == (ActionState.REFUSED, [])
    assert "box AWB1-2 of R has no failed delivery (status: Delivered)" in (after.problem or "")


async def test_the_whole_that_failed_is_instructed_by_its_own_waybill_as_ever(store: Store) -> None:
    await three_boxes(store)
    await deliver(store, *hooks(webhook("AWB1", 9, T0)))
    clock, vendor = SetClock(NOW), FakeClickPost()
    await ask(store, clock, ActionKind.NDR, REATTEMPT)
    await ask(store, clock, ActionKind.NDR, {**REATTEMPT, "waybill": "AWB1"})
    await act(store, vendor, clock)
    await act(store, vendor, clock)
    assert [body["waybill"] for body in vendor.bodies] == ["AWB1", "AWB1"]
