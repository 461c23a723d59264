"""Reconciling against the sandbox: counts, the report, differences of every kind, and how they are closed."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.client.call_recorder import record_call
from awbridge.domain.errors import NotFound, NotPossible
from awbridge.domain.orders.action import ActionKind
from awbridge.domain.orders.shipment import State
from awbridge.domain.privacy_setting import read_privacy
from awbridge.domain.reconciliation.differences import DifferenceKind
from awbridge.sandbox import Sandbox, SandboxConfig, running
from awbridge.steps.audit.bundle import bundle_of
from awbridge.steps.orders import actions as asking
from awbridge.steps.orders import intake
from awbridge.steps.orders.act import ActPolicy, act_due
from awbridge.steps.polling.policy import CatchUpPolicy
from awbridge.steps.polling.track_order import poll_due
from awbridge.steps.reconciliation.differences import push_again, recheck
from awbridge.steps.reconciliation.reconcile import (
    MOST_TRIES,
    ReconcilePolicy,
    begin_day,
    begin_scheduled,
    reconcile_due,
)
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.engine.queries import Statement
from awbridge.store.orders import payload_versions
from awbridge.store.reconciliation import differences, reconciliations
from awbridge.store.reconciliation.differences import Difference
from awbridge.store.reconciliation.reconciliations import Reconciliation, Stage
from tests.support.world import INDIA, an_order, get

pytestmark = pytest.mark.heavy

REFERENCES = [f"ORDER-{n}" for n in range(6)]


def order(reference: str) -> dict[str, Any]:
    """An order that the sandbox takes."""
    made = an_order(reference, account_code="Delhivery Surface", order_id=f"o-{reference}")
    made["pickup_info"]["pickup_country"] = made["drop_info"]["drop_country"] = "IN"
    made["gst_info"] = {}
    return made


class Now:
    """The true time, which can be moved on: the sandbox's books are in true time."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class World:
    store: Store
    sandbox: Sandbox
    clickpost: AsyncClickPost
    clock: Now
    policy: ReconcilePolicy

    async def round(self, run: Reconciliation) -> Reconciliation:
        """One stage further, at the time when that is due."""
        await reconcile_due(
            store=self.store, clickpost=self.clickpost, clock=self.clock, policy=self.policy, only=run.id
        )
        return await self.run(run.id)

    async def run(self, number: int) -> Reconciliation:
        async with self.store.read() as session:
            run = await reconciliations.get(session, number)
        assert run
        return run

    async def to_the_end(self) -> Reconciliation:
        today = self.clock().astimezone(INDIA).date()
        run = await begin_day(store=self.store, clock=self.clock, zone=INDIA, day=today)
        for _ in range(30):
            run = await self.round(run)
            if run.state.over:
                return run
            self.clock.ahead += self.policy.ask_every
        raise AssertionError(f"it never ends: {run}")

    async def found(self, run: Reconciliation) -> dict[tuple[DifferenceKind, str], Difference]:
        async with self.store.read() as session:
            return {(d.kind, d.item): d for d in await differences.listed(session, run.id)}

    async def push(self) -> None:
        while await push_due(store=self.store, clickpost=self.clickpost, clock=self.clock, policy=PushPolicy()):
            pass

    async def bundle(self, run: Reconciliation, difference_id: int) -> bytes:
        """The zip of a difference, with phones masked."""
        return await bundle_of(
            store=self.store,
            clock=self.clock,
            reconciliation_id=run.id,
            difference_id=difference_id,
            privacy=read_privacy("phone=mask,name=keep,email=keep,address=keep"),
        )

    async def by_hand(self, reference: str) -> None:
        """An order that was placed outside of awbridge."""
        await self.clickpost.create_order(order(reference))
        await self.first_scan(reference)

    async def first_scan(self, reference: str) -> None:
        """Have the courier see it: only then is it in a report."""
        while not self.sandbox.registry.orders[reference].scans:
            await self.control("advance", seconds=1)

    async def control(self, what: str, **body: Any) -> None:
        async with httpx2.AsyncClient(base_url=self.sandbox.url, trust_env=False, verify=False) as http:
            (await http.post(f"/_sandbox/{what}", json=body)).raise_for_status()


@pytest.fixture
async def world(store: Store) -> AsyncIterator[World]:
    """Six orders of ours that are placed at ClickPost and listed in its reports, without any update since."""
    clock = Now()
    async with (
        running(SandboxConfig(report_polls=1, odd_answers=0)) as sandbox,
        AsyncClickPost(
            username="sandbox",
            key="sandbox-key",
            url=sandbox.url,
            tracking_url=sandbox.url,
            timeout=30,
            on_call=record_call,
        ) as clickpost,
    ):
        made = World(store, sandbox, clickpost, clock, ReconcilePolicy(zone=INDIA, ask_every=timedelta(seconds=1)))
        await intake.take_in(store=store, clock=clock, orders=[order(r) for r in REFERENCES])
        await made.push()
        assert sandbox.orders_created == len(REFERENCES)
        for reference in REFERENCES:
            await made.first_scan(reference)
        yield made


def sql(text: str) -> Statement:
    return Statement("by_hand", text, text)


async def seen_everywhere(world: World) -> None:
    """Every shipment has its final status here."""
    await world.control("finish")
    world.clock.ahead += timedelta(days=1, minutes=1)
    policy = CatchUpPolicy()
    while await poll_due(store=world.store, clickpost=world.clickpost, clock=world.clock, policy=policy):
        pass
    while await apply_due(store=world.store, clock=world.clock, policy=ApplyPolicy(zone=INDIA)):
        pass
    world.clock.ahead = timedelta(0)


async def test_counts_that_agree_need_no_report(world: World) -> None:
    run = await world.to_the_end()
    assert (run.state, run.ours_placed, run.theirs_placed, run.theirs_tracked) == (Stage.DONE, 6, 6, 6)
    assert (run.matched, run.found, run.windows) == (6, {}, ())
    assert world.sandbox.calls["request_report"] == 0


async def test_every_kind_of_difference_is_found_in_the_report(world: World) -> None:
    await seen_everywhere(world)
    await world.control("forget", reference_number="ORDER-0")
    await world.by_hand("BY-HAND-1")
    await world.by_hand("BY-HAND-2")
    await world.control("courier", reference_number="ORDER-1", courier_partner_id=6)
    run = await world.to_the_end()
    found = await world.found(run)
    assert (run.state, run.ours_placed, run.theirs_placed) == (Stage.DONE, 6, 7)
    by_hand = sorted(o.waybill for o in world.sandbox.registry.orders.values() if o.reference_number.startswith("BY"))
    assert {key for key in found if key[0] is not DifferenceKind.STATUS} == {
        (DifferenceKind.MISSING_THERE, "ORDER-0"),
        (DifferenceKind.COURIER, "ORDER-1"),
        *((DifferenceKind.MISSING_HERE, waybill) for waybill in by_hand),
    }
    assert found[DifferenceKind.COURIER, "ORDER-1"].their_row.courier_partner_id == 6
    assert run.found == {"courier_differs": 1, "missing_here": 2, "missing_there": 1}
    assert run.matched == 4
    assert run.columns_read
    assert run.columns_read["understood"]["waybill"] == "AWB"


async def test_a_status_that_differs_is_asked_for_and_closed_by_itself(world: World) -> None:
    await world.control("finish")
    await world.by_hand("BY-HAND")
    run = await world.to_the_end()
    behind = [d for d in (await world.found(run)).values() if d.kind is DifferenceKind.STATUS]
    assert len(behind) == 6
    world.clock.ahead += timedelta(minutes=1)
    while await poll_due(store=world.store, clickpost=world.clickpost, clock=world.clock, policy=CatchUpPolicy()):
        pass
    while await apply_due(store=world.store, clock=world.clock, policy=ApplyPolicy(zone=INDIA)):
        pass
    world.clock.ahead += timedelta(minutes=20)
    while await recheck(store=world.store, clickpost=world.clickpost, clock=world.clock):
        pass
    now = await world.found(run)
    assert {d.solved_how for d in now.values() if d.kind is DifferenceKind.STATUS} == {"tracking caught up"}
    missing = next(d for d in now.values() if d.kind is DifferenceKind.MISSING_HERE)
    assert (missing.state, missing.solved_how) == ("open", None)


async def test_what_is_missing_there_is_pushed_again_in_one_action(world: World) -> None:
    await seen_everywhere(world)
    for reference in ("ORDER-0", "ORDER-1"):
        await world.control("forget", reference_number=reference)
    old = (await get(world.store, "ORDER-0")).waybill
    run = await world.to_the_end()
    while await recheck(store=world.store, clickpost=world.clickpost, clock=world.clock):
        pass
    assert {d.state for d in (await world.found(run)).values()} == {"open"}
    await intake.cancel(store=world.store, clock=world.clock, reference_number="ORDER-1")
    done = await push_again(store=world.store, clock=world.clock, reconciliation_id=run.id)
    assert (done.pushed, done.passed_over) == (1, 1)
    assert (await get(world.store, "ORDER-0")).state is State.READY
    await world.push()
    again = await get(world.store, "ORDER-0")
    assert again.state is State.PLACED
    assert again.waybill == world.sandbox.registry.orders["ORDER-0"].waybill
    assert again.waybill != old
    assert (await push_again(store=world.store, clock=world.clock, reconciliation_id=run.id)).pushed == 0
    world.clock.ahead += timedelta(minutes=30)
    await recheck(store=world.store, clickpost=world.clickpost, clock=world.clock)
    assert (await world.found(run))[DifferenceKind.MISSING_THERE, "ORDER-0"].solved_how == "pushed again"


async def edit_at_courier(world: World, reference: str, **fields: Any) -> None:
    """An edit that was requested and made."""
    await asking.ask(
        store=world.store, clock=world.clock, kind=ActionKind.EDIT, reference_number=reference, body=fields
    )
    while await act_due(store=world.store, clickpost=world.clickpost, clock=world.clock, policy=ActPolicy()):
        pass


async def test_a_shipment_edited_at_the_courier_is_registered_again_with_its_edits(world: World) -> None:
    await edit_at_courier(world, "ORDER-0", order_type="COD", cod_value=499)
    bill = {"ewaybill_serial_number": "EWB-1", "invoice_number": "INV-2", "invoice_date": "2026-11-03"}
    await edit_at_courier(world, "ORDER-0", **bill, edit_order_service="2")
    await seen_everywhere(world)
    await world.control("forget", reference_number="ORDER-0")
    run = await world.to_the_end()
    done = await push_again(store=world.store, clock=world.clock, reconciliation_id=run.id)
    assert (done.pushed, done.passed_over, done.undecided) == (1, 0, ())
    await world.push()
    placed = await get(world.store, "ORDER-0")
    assert (placed.state, placed.difference) == (State.PLACED, None)
    details = placed.payload["shipment_details"]
    assert (details["order_type"], details["cod_value"], details["invoice_number"]) == ("COD", 499, "INV-2")
    assert placed.payload["gst_info"]["ewaybill_serial_number"] == "EWB-1"
    held = world.sandbox.registry.orders["ORDER-0"]
    assert (held.order_type, held.cod_value) == ("COD", 499)
    async with world.store.read() as session:
        versions = await payload_versions.of_shipment(session, placed)
        sent = [attempt.payload_version for attempt in await attempts.of_shipment(session, "ORDER-0")]
    assert [version.changed_by for version in versions] == ["intake", "push-again"]
    assert 2 in sent


async def test_an_edit_that_no_order_can_say_is_left_to_a_person(world: World) -> None:
    await edit_at_courier(world, "ORDER-0", qc_type="doorstep", sku="S1")
    await seen_everywhere(world)
    for reference in ("ORDER-0", "ORDER-1"):
        await world.control("forget", reference_number=reference)
    run = await world.to_the_end()
    done = await push_again(store=world.store, clock=world.clock, reconciliation_id=run.id)
    assert (done.pushed, done.passed_over) == (1, 0)
    assert [one.reference_number for one in done.undecided] == ["ORDER-0"]
    assert "sku: was edited at the courier" in done.undecided[0].why
    assert (await get(world.store, "ORDER-0")).state is State.PLACED


async def test_what_was_booked_elsewhere_is_no_order_that_could_be_pushed_again(world: World) -> None:
    await world.control("forget", reference_number="ORDER-0")
    run = await world.to_the_end()
    async with world.store.write() as session:
        payload = json.dumps({"waybill": "W", "courier_partner": 4, "shipment_info": {"reference_number": "ORDER-0"}})
        await session.execute(
            Statement(
                "by_hand",
                *[
                    "UPDATE shipments SET packed_payload = NULL, payload = '"
                    + payload
                    + "' WHERE reference_number = 'ORDER-0'"
                ]
                * 2,
            )
        )
    done = await push_again(store=world.store, clock=world.clock, reconciliation_id=run.id)
    assert (done.pushed, done.passed_over) == (0, 0)
    assert "booked elsewhere" in done.undecided[0].why


async def test_an_edit_waits_while_its_shipment_is_registered_again(world: World) -> None:
    await world.control("forget", reference_number="ORDER-0")
    run = await world.to_the_end()
    await push_again(store=world.store, clock=world.clock, reconciliation_id=run.id)
    await edit_at_courier(world, "ORDER-0", order_type="COD", cod_value=499)
    assert world.sandbox.calls["edit_order"] == 0
    await world.push()
    world.clock.ahead += timedelta(minutes=1)
    while await act_due(store=world.store, clickpost=world.clickpost, clock=world.clock, policy=ActPolicy()):
        pass
    assert world.sandbox.registry.orders["ORDER-0"].cod_value == 499


@pytest.mark.parametrize(
    "change", ["replaced_by = 'ORDER-0-2'", "erased_at = updated_at", "cancel_requested_at = updated_at"]
)
async def test_what_must_not_go_out_again_is_not_pushed_again(world: World, change: str) -> None:
    await world.control("forget", reference_number="ORDER-0")
    await world.control("forget", reference_number="ORDER-1")
    run = await world.to_the_end()
    async with world.store.write() as session:
        await session.execute(sql(f"UPDATE shipments SET {change} WHERE reference_number = 'ORDER-0'"))
    done = await push_again(store=world.store, clock=world.clock, reconciliation_id=run.id)
    assert (done.pushed, done.passed_over) == (1, 1)
    assert (await get(world.store, "ORDER-0")).state is State.PLACED


async def test_what_is_pushed_again_goes_out_by_an_account_that_was_forgotten(world: World) -> None:
    await seen_everywhere(world)
    await world.control("forget", reference_number="ORDER-0")
    run = await world.to_the_end()
    async with world.store.write() as session:
        await session.execute(sql("DELETE FROM account_states"))
    assert (await get(world.store, "ORDER-0")).final
    await push_again(store=world.store, clock=world.clock, reconciliation_id=run.id)
    waiting = await get(world.store, "ORDER-0")
    assert (waiting.maybe_placed, waiting.final) == (True, False)  # its payload is not taken for that of one that ended
    await world.push()
    placed = await get(world.store, "ORDER-0")
    assert (placed.state, placed.maybe_placed) == (State.PLACED, False)
    assert placed.waybill == world.sandbox.registry.orders["ORDER-0"].waybill


async def test_a_shipment_that_only_the_report_lacks_is_closed_by_asking_for_it(world: World) -> None:
    world.sandbox.registry.untrack(world.sandbox.registry.orders["ORDER-3"])
    await world.control("forget", reference_number="ORDER-4")
    run = await world.to_the_end()
    await recheck(store=world.store, clickpost=world.clickpost, clock=world.clock)
    found = await world.found(run)
    assert found[DifferenceKind.MISSING_THERE, "ORDER-3"].solved_how == "ClickPost holds it"
    assert found[DifferenceKind.MISSING_THERE, "ORDER-4"].state == "open"
    for reference, outcome in (("ORDER-3", "found"), ("ORDER-4", "not_held")):  # ClickPost's own word is kept
        async with world.store.read() as session:
            last = (await attempts.of_shipment(session, reference))[-1]
        assert (last.api, last.outcome) == ("fetch-order", outcome)


async def test_a_run_that_was_killed_resumes_with_the_same_report(world: World) -> None:
    await world.control("forget", reference_number="ORDER-0")
    today = world.clock().astimezone(INDIA).date()
    run = await begin_day(store=world.store, clock=world.clock, zone=INDIA, day=today)
    run = await world.round(run)
    assert run.state is Stage.REPORTING
    run = await world.round(run)
    reference = run.windows[0].reference
    assert reference
    async with world.store.write() as session:  # a worker claims it, and is killed
        taken = await reconciliations.claim(
            session, owner="killed", now=world.clock(), until=world.clock() + timedelta(minutes=15), only=run.id
        )
    assert taken
    assert (await world.round(run)).lease_owner == "killed"
    world.clock.ahead += timedelta(minutes=16)
    while not run.state.over:
        run = await world.round(run)
        world.clock.ahead += timedelta(seconds=1)
    assert run.windows[0].reference == reference
    assert world.sandbox.calls["request_report"] == 1
    assert (DifferenceKind.MISSING_THERE, "ORDER-0") in await world.found(run)


async def test_a_report_that_fails_is_requested_again(world: World) -> None:
    await world.control("forget", reference_number="ORDER-0")
    world.sandbox.inject_fault("failed_reports")
    today = world.clock().astimezone(INDIA).date()
    run = await begin_day(store=world.store, clock=world.clock, zone=INDIA, day=today)
    while not run.state.over:
        run = await world.round(run)
        world.clock.ahead += timedelta(minutes=1)
    assert run.state is Stage.DONE
    assert world.sandbox.calls["request_report"] == 2


async def test_calls_that_fail_are_made_again_and_in_the_end_given_up(world: World) -> None:
    await world.control("faults/once", kind="http_500", times=1000, endpoint="shipment_count")
    today = world.clock().astimezone(INDIA).date()
    run = await begin_day(store=world.store, clock=world.clock, zone=INDIA, day=today)
    rounds = 0
    while not run.state.over:
        run = await world.round(run)
        world.clock.ahead += timedelta(hours=1)
        rounds += 1
    assert run.state is Stage.FAILED
    assert rounds == MOST_TRIES + 1
    assert run.problem
    assert "shipment-count" in run.problem


async def test_a_scheduled_day_is_begun_once(world: World) -> None:
    due = datetime(2026, 11, 22, 18, 29, tzinfo=UTC)  # 23:59 in India: the day before is the 21st
    for _ in range(2):
        result = await begin_scheduled(store=world.store, clock=world.clock, zone=INDIA, due_at=due)
    assert result == "reconciliation of 2026-11-21 begun"
    await begin_scheduled(store=world.store, clock=world.clock, zone=INDIA, due_at=due + timedelta(minutes=1))
    async with world.store.read() as session:
        runs = await reconciliations.newest(session)
    assert [str(run.day) for run in runs] == ["2026-11-22", "2026-11-21"]


async def test_a_day_that_has_not_begun_is_refused(world: World) -> None:
    tomorrow = (world.clock() + timedelta(days=1)).astimezone(INDIA).date()
    with pytest.raises(NotPossible, match="has not begun"):
        await begin_day(store=world.store, clock=world.clock, zone=INDIA, day=tomorrow)


async def test_the_bundle_of_a_difference_holds_payload_calls_and_timeline(world: World) -> None:
    await world.control("forget", reference_number="ORDER-0")
    run = await world.to_the_end()
    found = (await world.found(run))[DifferenceKind.MISSING_THERE, "ORDER-0"]
    content = await world.bundle(run, found.id)
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        names = zipped.namelist()
        difference = json.loads(zipped.read("difference.json"))
        payload = json.loads(zipped.read("payload.json"))
        call = json.loads(zipped.read(next(name for name in names if name.startswith("calls/"))))
    assert difference["kind"] == "missing_there"
    assert difference["clickpost_reports"] == [run.windows[0].reference]
    assert payload["shipment_details"]["reference_number"] == "ORDER-0"
    assert "/api/v3/create-order/" in call["url"]
    assert "sandbox-key" not in json.dumps(call)
    assert "timeline.json" in names
    phone = order("ORDER-0")["drop_info"]["drop_phone"]
    assert phone not in json.dumps([payload, call])
    with pytest.raises(NotFound):
        await world.bundle(run, 1)
