"""Every body that ClickPost sends, from the delivery to what is known of the shipment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.domain.tracking.scan import Source
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.steps.tracking.shipment_details import ShipmentDetails, shipment_details
from awbridge.store import Store
from awbridge.store.audit import figures
from awbridge.store.orders import lists
from awbridge.store.tracking import inbox, promises
from awbridge.web.v1.views.shipments import Viewing, shipment_view
from tests.support.rows import MINUTE, T0, add, delivery, place, sql
from tests.support.stuck import mark_stuck
from tests.support.world import INDIA, SetClock, as_body, get, timeline, webhook

pytestmark = pytest.mark.heavy

HOUR = 60 * MINUTE
NOW = T0 + timedelta(days=5)
POLICY = ApplyPolicy(zone=INDIA)


async def a_placed(store: Store, reference: str = "R", waybill: str = "AWB1", **changes: Any) -> None:
    await add(store, reference)
    await place(store, reference, waybill, **changes)


async def deliver(
    store: Store, *deliveries: tuple[Source, Any], at: datetime = NOW, apart: bool = True, policy: ApplyPolicy = POLICY
) -> None:
    """Each comes a minute after the one before, and is applied by itself or all together."""
    for number, (source, body) in enumerate(deliveries):
        async with store.write() as session:
            known = (await inbox.counts(session))["total"]
            one = delivery(f"d{known}", source=source, received_at=at + number * MINUTE, body=as_body(body))
            await inbox.add(session, [one])
        if apart:
            await apply(store, at + number * MINUTE, policy)
    await apply(store, at + len(deliveries) * MINUTE, policy)


async def apply(store: Store, at: datetime, policy: ApplyPolicy = POLICY) -> None:
    while await apply_due(store=store, clock=SetClock(at), policy=policy):
        pass


def hooks(*bodies: Any) -> list[tuple[Source, Any]]:
    return [(Source.WEBHOOK, body) for body in bodies]


async def truth(store: Store, reference: str = "R", *, now: datetime = NOW) -> ShipmentDetails:
    shipment = await get(store, reference)
    async with store.read() as session:
        return await shipment_details(session, shipment, limits=StuckAfter(), now=now)


def scan_of(code: int, at: datetime, **more: Any) -> dict[str, Any]:
    local = at.astimezone(INDIA).strftime("%Y-%m-%d %H:%M:%S")
    return {"timestamp": local, "clickpost_status_code": code, "status": f"s{code}", "location": "Pune", **more}


FROM_EVERY_SIDE: dict[Source, Any] = {
    Source.WEBHOOK: webhook("AWB1", 6, T0, order_status_id=901),
    Source.UPDATED_ORDER: {"waybill": "AWB1", "courier_partner": 4, **scan_of(6, T0)},
    Source.TRACK_ORDER: {"waybill": "AWB1", "cp_id": 4, "result": {"scans": [scan_of(6, T0, checkpoint_id="c7")]}},
    Source.REPORT: {"waybill": "AWB1", "cp_id": "4", **scan_of(6, T0, status=" S6 ")},
}


@pytest.mark.parametrize("order", list(permutations(Source)), ids="-".join)
async def test_one_scan_from_every_side_in_any_order_is_one_row(store: Store, order: Sequence[Source]) -> None:
    await a_placed(store)
    await deliver(store, *((side, FROM_EVERY_SIDE[side]) for side in order))
    [scan] = await timeline(store, "R")
    assert (scan.scan_id, scan.checkpoint_id, scan.source) == ("901", "c7", order[0])
    assert scan.received_at == NOW


async def test_each_way_to_write_a_time_is_the_same_scan(store: Store) -> None:
    await a_placed(store)
    at = datetime(2026, 11, 2, 9, 25, 13, tzinfo=UTC)
    written = (
        "2026-11-02T14:55:13",
        "2026-11-02 14:55:13",
        "2026-11-02T14:55:13Z",
        "2026-11-02T14: 55: 13Z",
        "2026-11-02T14:55:13.710",
        "2026-11-02T14:55:13.002000Z",
        "2026-11-02T14:55:13+05:30",
        "2026-11-02T09:25:13+00:00",
    )
    bodies = [webhook("AWB1", 5, at) | {"timestamp": text, "additional": {}} for text in written]
    await deliver(store, *hooks(*bodies))
    [scan] = await timeline(store, "R")
    assert scan.scanned_at == at


@pytest.mark.parametrize(
    ("policy", "utc_hour"),
    [
        (POLICY, 9),
        (ApplyPolicy(zone=INDIA, z_means_utc=True), 14),
        (ApplyPolicy(zone=ZoneInfo("Asia/Dubai")), 10),
    ],
)
async def test_the_settings_say_how_a_time_with_z_is_meant(store: Store, policy: ApplyPolicy, utc_hour: int) -> None:
    await a_placed(store)
    body = webhook("AWB1", 5, T0) | {"timestamp": "2026-11-02T14:30:00Z", "additional": {}}
    await deliver(store, *hooks(body), policy=policy)
    [scan] = await timeline(store, "R")
    assert scan.scanned_at.hour == utc_hour


async def test_a_scan_of_the_future_is_logged_counted_and_counts_as_of_its_receipt(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    await a_placed(store)
    await deliver(store, *hooks(webhook("AWB1", 8, NOW + timedelta(days=300)), webhook("AWB1", 5, T0)))
    async with store.read() as session:
        assert (await figures.read(session, now=NOW)).scans_ahead == 1
    assert "scan.in_future" in capsys.readouterr().out
    assert (await truth(store)).milestones.delivered_at == NOW
    assert (await get(store, "R")).status_at == NOW


@pytest.mark.parametrize("inside", [True, False])
async def test_selected_events_of_one_scan_are_one_scan(store: Store, inside: bool) -> None:
    await a_placed(store)
    bodies = [webhook("AWB1", 9, T0, order_status_id=5) for _ in range(2)]
    for event, body in zip((4, 17), bodies, strict=True):
        (body["additional"] if inside else body)["notification_event_id"] = event
    await deliver(store, *hooks(*bodies))
    assert len(await timeline(store, "R")) == 1


async def test_a_webhook_in_the_shape_of_track_order_is_found_by_its_order(store: Store) -> None:
    await a_placed(store)
    scans = [scan_of(6, T0 + HOUR, checkpoint_id=2), scan_of(4, T0, checkpoint_id="1")]
    body = {
        "latest_status": scans[0],
        "scans": scans,
        "valid": True,
        "additional": {"order_id": "order of R", "courier_partner_id": 4, "courier_partner_edd": "2026-11-09"},
    }
    await deliver(store, *hooks(body))
    assert [(s.status_code, s.waybill) for s in await timeline(store, "R")] == [(4, "AWB1"), (6, "AWB1")]
    assert (await get(store, "R")).edd == "2026-11-09"


async def test_a_return_is_linked_to_what_it_brings_back(store: Store) -> None:
    await a_placed(store, "F", "FWD1")
    await a_placed(store, "R", "RVP1", courier_partner_id=25)
    body = webhook("RVP1", 4, T0, cp_id=25)
    body["additional"] |= {"is_rvp": "true", "forward_awb": "FWD1"}
    await deliver(store, *hooks(body))
    assert (await get(store, "R")).forward_waybill == "FWD1"
    assert (await truth(store)).forward_reference_number == "F"
    assert (await get(store, "F")).status_code is None, "its scans are not the other one's"
    await deliver(store, *hooks(webhook("FWD1", 8, T0)))
    assert (await get(store, "F")).status_code == 8
    assert (await get(store, "R")).status_code == 4


@pytest.mark.parametrize("is_rvp", [False, "false", 0])
async def test_what_is_no_return_brings_nothing_back(store: Store, is_rvp: Any) -> None:
    await a_placed(store)
    body = webhook("AWB1", 4, T0)
    body["additional"] |= {"is_rvp": is_rvp, "forward_awb": "X", "forward_reference_number": "Y"}
    await deliver(store, *hooks(body))
    assert (await get(store, "R")).forward_waybill is None


async def test_a_return_that_names_the_reference_is_believed(store: Store) -> None:
    await a_placed(store)
    body = webhook("AWB1", 4, T0)
    body["additional"] |= {"is_rvp": True, "forward_awb": "X", "forward_reference_number": "Y"}
    await deliver(store, *hooks(body))
    assert (await truth(store)).forward_reference_number == "Y"


async def test_an_exchange_goes_on_after_its_delivery_and_ends_with_its_own(store: Store) -> None:
    await a_placed(store)
    await deliver(store, *hooks(webhook("AWB1", 8, T0)))
    assert (await get(store, "R")).final
    await deliver(store, *hooks(webhook("AWB1", 30, T0 + MINUTE), webhook("AWB1", 31, T0 + HOUR)))
    after = await get(store, "R")
    assert (after.status_code, after.final) == (31, False)
    assert after.next_poll_at is not None
    await deliver(store, *hooks(webhook("AWB1", 32, T0 + 9 * HOUR)))
    after = await get(store, "R")
    assert (after.status_code, after.final) == (32, True)
    assert after.last_tracked_at is not None
    assert after.next_poll_at == after.last_tracked_at + 2 * HOUR, "once more, then no longer"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_scans_under_the_waybill_of_the_way_back_move_the_shipment(store: Store, order: Sequence[int]) -> None:
    await a_placed(store)
    events = (
        webhook("AWB1", 12, T0, rto_awb="RTO1"),
        webhook("RTO1", 21, T0 + HOUR),
        webhook("RTO1", 14, T0 + 2 * HOUR),
    )
    await deliver(store, *hooks(*(events[n] for n in order)))
    assert (await get(store, "R")).status_code == 14
    found = (await truth(store)).milestones
    assert (found.rto_marked_at, found.rto_delivered_at) == tuple(
        at.replace(microsecond=0) for at in (T0, T0 + 2 * HOUR)
    )


async def test_a_piece_that_was_heard_of_before_its_parent_was_placed_does_not_move_it(store: Store) -> None:
    await add(store, "R")
    early = webhook("AWB1-2", 8, T0)
    early["additional"]["latest_status"] = early["additional"]["latest_status"] | {"reference_number": "R"}
    await deliver(store, *hooks(early))
    await place(store, "R", "AWB1", children=("AWB1-2",))
    await deliver(store, *hooks(webhook("AWB1", 5, T0)))
    after = await get(store, "R")
    assert (after.status_code, after.final) == (5, False)
    assert {s.waybill for s in await timeline(store, "R")} == {"AWB1", "AWB1-2"}


async def test_the_whole_truth_of_a_journey(store: Store) -> None:
    await a_placed(store)
    steps = [(4, 1), (5, 9), (6, 30), (9, 36), (6, 54), (8, 58)]
    bodies = []
    for code, hours in steps:
        body = webhook("AWB1", code, T0 + hours * HOUR, remark=f"r{code}")
        body["additional"] |= {"ndr_status_code": 1} if code == 9 else {}
        body["additional"]["courier_partner_edd"] = "2026-11-03" if hours < 36 else "2026-11-05T00:00:00Z"
        bodies.append(body)
    await deliver(store, *hooks(*reversed(bodies)))
    details = await truth(store)
    whole = T0.replace(microsecond=0)
    assert details.milestones.placed_at == T0
    assert details.milestones.picked_up_at == whole + HOUR
    assert details.milestones.out_for_delivery_at == whole + 30 * HOUR
    assert details.milestones.delivered_at == whole + 58 * HOUR
    assert details.delivery_attempt_count == 2
    assert [(f.ndr_code, f.ndr_name, f.remark) for f in details.ndr] == [(1, "Customer Unavailable", "r9")]
    assert [p.edd for p in details.edd_history] == ["2026-11-03", "2026-11-05"]
    assert [p.stated_at for p in details.edd_history] == [whole + HOUR, whole + 36 * HOUR]
    assert (await get(store, "R")).edd == "2026-11-05"
    assert (await get(store, "R")).ndr_at is None, "it was delivered since"


async def test_a_return_tells_why_it_was_not_picked_up(store: Store) -> None:
    await a_placed(store)
    missed = webhook("AWB1", 3, T0 + 3 * HOUR, remark="door locked")
    missed["additional"] |= {"is_rvp": True, "npr_status_code": 4, "npr_status_description": "Customer Unavailable"}
    again = webhook("AWB1", 3, T0 + 27 * HOUR, remark="not packed")
    later = webhook("AWB1", 25, T0 + 28 * HOUR)
    later["additional"] |= {"npr_status_code": "6"}
    await deliver(store, *hooks(later, again, missed))
    details = await truth(store)
    whole = T0.replace(microsecond=0)
    assert [(f.at - whole, f.npr_code, f.npr_name, f.remark) for f in details.npr] == [
        (3 * HOUR, 4, "Customer Unavailable", "door locked"),
        (27 * HOUR, 6, "", "not packed"),
    ]
    assert (details.ndr, (await get(store, "R")).npr_code) == ([], 6)
    scan = (await timeline(store, "R"))[0]
    assert (scan.npr_code, scan.npr_description) == (4, "Customer Unavailable")


async def test_the_reason_is_the_latest_failures_not_the_one_befores(store: Store) -> None:
    await a_placed(store)
    first = webhook("AWB1", 9, T0, location="Delhi")
    latest = {**scan_of(9, T0 + 24 * HOUR)}
    first["additional"] |= {"latest_status": latest, "ndr_status_code": 6}
    await deliver(store, *hooks(first))
    assert [f.ndr_code for f in (await truth(store)).ndr] == [None, 6]


async def test_shipments_that_need_somebody_are_listed(store: Store) -> None:
    for reference, waybill in (("NEW", "A"), ("MOVING", "B"), ("FAILED", "C"), ("BACK", "D"), ("DONE", "E")):
        await a_placed(store, reference, waybill)
    await add(store, "NOT-PLACED")
    failed = webhook("C", 9, T0 + HOUR)
    failed["additional"] |= {"ndr_status_code": 2, "courier_partner_edd": "2026-11-02"}
    done = webhook("E", 8, T0)
    done["additional"]["courier_partner_edd"] = "2026-11-01"
    moving = webhook("B", 5, T0 + 10 * HOUR)
    moving["additional"]["courier_partner_edd"] = "2026-11-05"
    await deliver(store, *hooks(failed, done, moving, webhook("D", 21, T0)), at=T0 + 11 * HOUR)

    async def listed(hours: float) -> tuple[list[str], list[str], list[str]]:
        now = T0 + hours * HOUR
        await mark_stuck(store, now)
        async with store.read() as session:
            return (
                [s.reference_number for s in await lists.stuck(session, StuckAfter(), now=now)],
                [s.reference_number for s in await lists.sla_breached(session, now=now)],
                [s.reference_number for s in await lists.in_ndr(session)],
            )

    assert await listed(11.9) == ([], [], ["FAILED"])
    assert await listed(50) == (["NEW", "FAILED"], ["FAILED"], ["FAILED"])
    assert await listed(200) == (["BACK", "NEW", "FAILED", "MOVING"], ["FAILED", "MOVING"], ["FAILED"])
    for reference in ("BACK", "NEW", "FAILED", "MOVING", "DONE"):
        details = await truth(store, reference, now=T0 + 200 * HOUR)
        assert (details.stuck_since is not None) == (reference != "DONE")
        assert details.sla_breached == (reference in ("FAILED", "MOVING"))
    await deliver(store, *hooks(webhook("C", 8, T0 + 20 * HOUR)), at=T0 + 21 * HOUR)
    assert await listed(200) == (["BACK", "NEW", "MOVING"], ["MOVING"], [])
    async with store.read() as session:
        limits, now = StuckAfter(), T0 + 200 * HOUR
        first = await lists.stuck(session, limits, now=now, limit=1)
        assert first[0].status_at is not None
        after = (first[0].status_at, first[0].reference_number)
        rest = await lists.stuck(session, limits, now=now, after=after)
    assert [s.reference_number for s in rest] == ["NEW", "MOVING"]


@pytest.mark.parametrize(
    ("steps", "late"),
    [
        ([(18, 1)], True),
        ([(5, 1), (8, 30)], True),
        ([(5, 1), (8, 10)], False),
        ([(5, 1), (12, 10)], False),
        ([(5, 1), (12, 40)], True),
    ],
)
async def test_delayed_is_past_the_promised_day_whatever_the_courier_says(
    store: Store, steps: list[tuple[int, int]], late: bool
) -> None:
    await a_placed(store)
    bodies = [webhook("AWB1", code, T0 + hours * HOUR) for code, hours in steps]
    for body in bodies:
        body["additional"]["courier_partner_edd"] = "2026-11-02"
    await deliver(store, *hooks(*bodies), at=T0 + 50 * HOUR)
    over = datetime(2026, 11, 2, 18, 30, tzinfo=UTC)
    before = (await truth(store, now=over - HOUR)).milestones
    after = (await truth(store, now=T0 + 50 * HOUR)).milestones
    assert after.delayed_at == (over if late else None)
    if len(steps) == 1:
        assert before.delayed_at is None, "the courier's word comes before the day is over"


@pytest.mark.parametrize(("hours", "late"), [(-1, False), (1, True)], ids=["before", "after"])
async def test_what_was_cancelled_before_the_promised_day_was_over_is_not_delayed(
    store: Store, hours: int, late: bool
) -> None:
    await a_placed(store)
    body = webhook("AWB1", 4, T0)
    body["additional"]["courier_partner_edd"] = "2026-11-02"
    await deliver(store, *hooks(body), at=T0)
    over = datetime(2026, 11, 2, 18, 30, tzinfo=UTC)
    async with store.write() as session:
        cancelled = sql("UPDATE shipments SET state = 'cancelled', cancel_requested_at = $1")
        await session.execute(cancelled, over + hours * HOUR)
    assert (await truth(store, now=over + 50 * HOUR)).milestones.delayed_at == (over if late else None)


async def test_a_promise_in_words_is_kept_and_never_late(store: Store) -> None:
    await a_placed(store)
    body = webhook("AWB1", 5, T0)
    body["additional"]["courier_partner_edd"] = "in some days"
    with capture_logs() as logs:
        await deliver(store, *hooks(body))
    after = await get(store, "R")
    assert (after.edd, after.edd_due_at) == ("in some days", None)
    assert [log["reference"] for log in logs if log["event"] == "edd.unreadable"] == ["R"]
    view = shipment_view(after, Viewing(limits=DEFAULT_STUCK_AFTER, now=NOW))
    assert (view.edd, view.edd_unreadable) == ("in some days", True)
    async with store.read() as session:
        assert (await figures.read(session, now=NOW)).unreadable_dates == 1


async def test_a_promise_in_words_that_is_stated_again_after_a_date_is_logged_once(store: Store) -> None:
    await a_placed(store)
    with capture_logs() as logs:
        for number, (edd, at) in enumerate((("in some days", T0), ("2026-11-05", T0 + HOUR), ("in some days", T0))):
            body = webhook("AWB1", 5, at, notification_event_id=number)
            body["additional"]["courier_partner_edd"] = edd
            await deliver(store, *hooks(body), at=T0 + (number + 2) * HOUR)
    assert [log["reference"] for log in logs if log["event"] == "edd.unreadable"] == ["R"]
    assert (await get(store, "R")).edd == "2026-11-05"
    async with store.read() as session:
        stated = (await promises.of_shipments(session, ["R"]))["R"]
    assert sorted(promise.edd for promise in stated) == ["2026-11-05", "in some days"]


async def test_a_promise_of_midnight_in_india_in_utc_is_the_next_day(store: Store) -> None:
    await a_placed(store)
    body = webhook("AWB1", 5, T0)
    body["additional"]["courier_partner_edd"] = "2026-11-05T18:30:00Z"
    await deliver(store, *hooks(body))
    after = await get(store, "R")
    assert (after.edd, after.edd_due_at) == ("2026-11-06", datetime(2026, 11, 6, 18, 30, tzinfo=UTC))
    assert not shipment_view(after, Viewing(limits=DEFAULT_STUCK_AFTER, now=NOW)).edd_unreadable
    async with store.read() as session:
        assert (await figures.read(session, now=NOW)).unreadable_dates == 0
