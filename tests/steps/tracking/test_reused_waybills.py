"""A waybill that its courier uses again: taken with a warning once its first shipment is at its end, else refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from awbridge.domain.errors import NotPossible, PayloadRefused
from awbridge.domain.orders.action import ActionState
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.scan import Source
from awbridge.steps.orders import actions as asking
from awbridge.steps.orders import amend, intake, settle
from awbridge.steps.orders.amend import Edit
from awbridge.steps.orders.importing.import_file import import_orders, read_orders
from awbridge.store import Store
from tests.steps.orders.importing.test_import_file import HEADER, a_row, csv_file
from tests.steps.tracking.test_apply import apply, deliver, polled_scan, tracked, updated
from tests.support.acting import FakeClickPost, a_registration, act, now_of
from tests.support.rows import MINUTE, T0, add, claim_in, fetch, place, sql
from tests.support.world import SetClock, an_order, get, timeline, webhook

pytestmark = pytest.mark.heavy

DAY = timedelta(days=1)
MONTHS = timedelta(days=90)
UNDER_WAY = "belongs to shipment OLD, which is under way"
USED_BEFORE = "waybill 777 was used before, by OLD"


async def an_old(store: Store, *codes: int) -> None:
    await add(store, "OLD")
    await place(store, "OLD", "777")
    hooks = [webhook("777", code, T0 + number * 60 * MINUTE) for number, code in enumerate(codes, 1)]
    await deliver(store, *hooks)
    await apply(store)


async def register(store: Store, clock: SetClock, vendor: FakeClickPost | None = None) -> asking.Asked:
    asked = await asking.ask_registration(store=store, clock=clock, body=a_registration(waybill="777"))
    await act(store, vendor or FakeClickPost(), clock)
    return asked


async def codes(store: Store, reference: str) -> list[int]:
    return [scan.status_code for scan in await timeline(store, reference)]


async def test_a_waybill_of_an_ended_shipment_is_registered_with_a_warning(store: Store) -> None:
    await an_old(store, 5, 8)
    clock = SetClock(T0 + MONTHS)
    with capture_logs() as logs:
        asked = await register(store, clock)
    assert [w.split(",")[0] for w in asked.warnings] == ["waybill 777 was used before"]
    assert (await now_of(store, asked.action)).state is ActionState.DONE
    [warned] = [log for log in logs if log["event"] == "waybill.reused"]
    assert (warned["reference"], warned["other_reference"]) == ("FOREIGN-1", "OLD")
    later = clock.now + DAY
    scans = [polled_scan(8, T0 + 120 * MINUTE), polled_scan(4, clock.now - DAY), polled_scan(6, clock.now + MINUTE)]
    await deliver(store, tracked("777", *scans), source=Source.TRACK_ORDER, at=later)
    await apply(store, clock=SetClock(later))
    assert (await codes(store, "OLD"), await codes(store, "FOREIGN-1")) == ([5, 8], [4, 6])
    old, new = await get(store, "OLD"), await get(store, "FOREIGN-1")
    assert (old.status_code, old.final, new.status_code, new.final) == (8, True, 6, False)


async def test_what_was_received_before_the_registration_moves_over_and_the_old_one_stays_delivered(
    store: Store,
) -> None:
    await an_old(store, 5, 8)
    clock = SetClock(T0 + 10 * DAY)
    await deliver(store, webhook("777", 4, clock.now - DAY), at=clock.now - DAY)
    await apply(store, clock=SetClock(clock.now - DAY))
    assert (await get(store, "OLD")).status_code == 4, "nothing says yet that it is another parcel"
    await register(store, clock)
    for _ in range(2):  # what is about the old one first: where that stands by it decides about the others
        await apply(store, clock=clock)
        clock.forward(seconds=6)
    assert ((await get(store, "OLD")).status_code, await codes(store, "FOREIGN-1")) == (8, [4])


async def test_a_second_word_of_the_old_end_does_not_end_the_new_one(store: Store) -> None:
    await an_old(store, 5, 8)
    await deliver(store, webhook("777", 8, T0 + 130 * MINUTE), at=T0 + DAY)
    await apply(store, clock=SetClock(T0 + DAY))
    clock = SetClock(T0 + MONTHS)
    await register(store, clock)
    await apply(store, clock=clock)
    assert (await codes(store, "OLD"), await codes(store, "FOREIGN-1")) == ([5, 8, 8], [])


async def test_a_waybill_of_a_live_shipment_is_not_registered(store: Store) -> None:
    await an_old(store, 5)
    vendor = FakeClickPost()
    with pytest.raises(NotPossible, match=UNDER_WAY):
        await register(store, SetClock(T0 + MONTHS), vendor)
    assert vendor.requests == []


async def test_one_that_came_to_life_between_asking_and_the_call_says_so(store: Store) -> None:
    clock, vendor = SetClock(T0 + DAY), FakeClickPost()
    asked = await asking.ask_registration(store=store, clock=clock, body=a_registration(waybill="777"))
    await an_old(store, 5)
    await act(store, vendor, clock)
    after = await now_of(store, asked.action)
    assert (after.state, UNDER_WAY in (after.problem or "")) == (ActionState.REFUSED, True)


async def test_a_cancelled_shipment_holds_no_waybill(store: Store) -> None:
    await an_old(store)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET state = 'cancelled'"))
    assert len((await register(store, SetClock(T0 + DAY))).warnings) == 1


async def take_in(store: Store, order: dict[str, Any]) -> intake.IntakeResult:
    [taken] = await intake.take_in(store=store, clock=SetClock(T0 + MONTHS), orders=[order])
    return taken


async def by_caller(store: Store, order: dict[str, Any]) -> intake.IntakeResult:
    async with store.write() as session:
        [taken] = await intake.take_in_with(session, clock=SetClock(T0 + MONTHS), orders=[order])
    return taken


@pytest.mark.parametrize("take", [take_in, by_caller])
async def test_an_order_with_a_waybill_of_its_own_is_held_against_the_others(store: Store, take: Any) -> None:
    await an_old(store, 5)
    with pytest.raises(intake.BatchRefused) as refused:
        await take(store, an_order("NEW", awb_number="777"))
    [error] = refused.value.errors.values()
    assert isinstance(error, PayloadRefused)
    assert [(p.path, UNDER_WAY in p.problem) for p in error.problems] == [("shipment_details.awb_number", True)]
    elsewhere = await take(store, an_order("ELSEWHERE", awb_number="777", courier_partner=5))
    assert elsewhere.warnings == (), "couriers count on their own"
    await deliver(store, webhook("777", 8, T0 + DAY), at=T0 + 2 * DAY)
    await apply(store, clock=SetClock(T0 + 2 * DAY))
    taken = await take(store, an_order("NEW", awb_number="777"))
    [warning] = taken.warnings
    assert (warning.path, USED_BEFORE in warning.problem) == ("shipment_details.awb_number", True)
    await place(store, "NEW", "777", now=T0 + MONTHS)
    again = await take(store, an_order("NEW", awb_number="777"))
    assert not again.created, "its own waybill is no obstacle to the same order"


async def test_a_file_of_orders_names_the_line_of_the_waybill_that_is_taken(store: Store, tmp_path: Path) -> None:
    await an_old(store, 5)
    header = [*HEADER, "awb_number"]
    path = csv_file(tmp_path, [*a_row("NEW"), "777"], [*a_row("FINE"), "778"], header=header)
    result = await import_orders(store=store, clock=SetClock(), orders=read_orders(path))
    assert result.created == 1
    [bad] = result.bad
    assert UNDER_WAY in str(bad)


async def test_a_change_of_payload_cannot_take_the_waybill_of_a_live_shipment(store: Store) -> None:
    await an_old(store, 5)
    await take_in(store, an_order("NEW"))
    edit = Edit(fields={"shipment_details.awb_number": "777"})
    seen = await amend.preview(store=store, reference_number="NEW", edit=edit)
    assert [UNDER_WAY in p.problem for p in seen.problems] == [True]
    who: dict[str, Any] = {"store": store, "clock": SetClock(T0 + MONTHS), "reference_number": "NEW"}
    with pytest.raises(PayloadRefused, match=UNDER_WAY):
        await amend.change(**who, edit=edit, changed_by="t")
    assert "awb_number" not in (await get(store, "NEW")).payload["shipment_details"]
    await deliver(store, webhook("777", 8, T0 + DAY), at=T0 + 2 * DAY)
    await apply(store, clock=SetClock(T0 + 2 * DAY))
    seen = await amend.preview(store=store, reference_number="NEW", edit=edit)
    assert (seen.problems, [USED_BEFORE in w.problem for w in seen.warnings]) == ([], [True])
    await amend.change(**who, edit=edit, changed_by="t")


async def one_that_may_stand(store: Store) -> None:
    await add(store, "NEW", now=T0 + MONTHS)
    lost = """UPDATE shipments SET maybe_placed = {{postgres: TRUE}}{{sqlite: 1}},
      state = 'gave_up', lease_owner = NULL,
      lease_ends_at = NULL WHERE reference_number = 'NEW'"""
    async with store.write() as session:
        await claim_in(session, now=T0 + MONTHS)
        await session.execute(sql(lost))


async def test_a_person_may_say_the_waybill_of_an_ended_shipment(store: Store) -> None:
    await an_old(store, 5)
    await one_that_may_stand(store)
    who: dict[str, Any] = {"store": store, "clock": SetClock(T0 + MONTHS), "reference_number": "NEW"}
    with pytest.raises(PayloadRefused, match=UNDER_WAY):
        await settle.held_as(**who, waybill="777", by="ops")
    await deliver(store, webhook("777", 8, T0 + DAY), at=T0 + 2 * DAY)
    await apply(store, clock=SetClock(T0 + 2 * DAY))
    with capture_logs() as logs:
        after = await settle.held_as(**who, waybill="777", by="ops")
    assert (after.state, after.waybill) == (State.PLACED, "777")
    assert "waybill.reused" in [log["event"] for log in logs]


async def test_an_updated_order_row_gives_the_new_shipment_the_waybill_that_was_used_before(store: Store) -> None:
    await an_old(store, 5, 8)
    await one_that_may_stand(store)
    now = T0 + MONTHS + DAY
    row = updated("777", 4, T0 + MONTHS + 60 * MINUTE, reference_number="NEW")
    await deliver(store, row, source=Source.UPDATED_ORDER, at=now)
    with capture_logs() as logs:
        await apply(store, clock=SetClock(now))
    old, new = await get(store, "OLD"), await get(store, "NEW")
    assert (new.state, new.waybill, new.status_code) == (State.PLACED, "777", 4)
    assert (old.status_code, await codes(store, "OLD")) == (8, [5, 8])
    assert "waybill.reused" in [log["event"] for log in logs]
    uses = await fetch(store, "SELECT reference_number FROM reused_waybills")
    assert [row["reference_number"] for row in uses] == ["NEW"]
