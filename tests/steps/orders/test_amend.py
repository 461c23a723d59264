"""Amend: every payload is kept, a dry run changes nothing, a successor replaces a shipment that ClickPost holds."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from awbridge.clickpost.wire.answers import OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.errors import NotFound, NotPossible, PayloadRefused, ReferenceTaken
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.orders.action import ActionKind
from awbridge.domain.orders.outcome import Placed, Rejected, TryLater
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.steps.orders import actions, amend, intake
from awbridge.steps.orders.amend import Edit, successor_references
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.release import PAGE, release_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.orders import actions as action_table
from awbridge.store.orders import shipments
from awbridge.store.registration import cancellations, replacements
from awbridge.store.tracking import tracking_status
from tests.support.rows import T0, add, count, fetch, set_tracking_status, sql
from tests.support.world import SetClock, an_order, attempts_of, get

pytestmark = pytest.mark.heavy

LATER = T0 + timedelta(hours=1)


async def take_in(store: Store, order: Any) -> None:
    await intake.take_in(store=store, clock=SetClock(), orders=[order])


async def change(store: Store, reference: str, **fields: Any) -> Shipment:
    edit = Edit(fields=fields)
    return await amend.change(
        store=store, clock=SetClock(LATER), reference_number=reference, edit=edit, changed_by="me", reason="why"
    )


async def replace(store: Store, reference: str, **options: Any) -> Shipment:
    options.setdefault("edit", Edit())
    return (await amend.replace(store=store, clock=SetClock(LATER), reference_number=reference, **options)).shipment


class Vendor:
    """Answers every order the same way, and remembers what it was asked."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.payloads: list[dict[str, Any]] = []

    async def create_order(self, payload: Any, **_: Any) -> OrderAnswer:
        self.payloads.append(payload)
        return OrderAnswer(call=Call(api="create_order", method="POST", url="https://x"), outcome=self.outcome)


async def push(store: Store, outcome: Any, *, now: Any = LATER) -> Vendor:
    vendor = Vendor(outcome)
    await push_due(store=store, clickpost=vendor, clock=SetClock(now), policy=PushPolicy())
    return vendor


REJECTED = Rejected(message="no")


async def placed(store: Store, reference: str = "R", **details: Any) -> None:
    await take_in(store, an_order(reference, **details))
    await push(store, Placed(waybill=f"AWB of {reference}"))


async def test_every_payload_is_kept_with_who_when_and_why(store: Store) -> None:
    await take_in(store, an_order("R"))
    assert [v.version for v in await amend.payloads(store=store, reference_number="R")] == [1]
    await push(store, REJECTED)
    changed = await change(store, "R", weight=750)
    assert (changed.state, changed.payload_version, changed.next_try_at) == (State.READY, 2, LATER)
    await change(store, "R", drop_pincode="560001")
    first, second, third = await amend.payloads(store=store, reference_number="R")
    assert (first.payload, first.changed_at, first.changed_by) == (an_order("R"), T0, "intake")
    assert (second.payload, second.changed_at) == (an_order("R", weight=750), LATER)
    assert (second.changed_by, second.reason) == ("me", "why")
    assert third.payload == (await get(store, "R")).payload
    assert [v.version for v in (first, second, third)] == [1, 2, 3]


async def test_the_same_payload_again_is_pushed_but_is_no_new_version(store: Store) -> None:
    await take_in(store, an_order("R"))
    await push(store, REJECTED)
    assert (await change(store, "R", weight=500)).payload_version == 1
    assert (await get(store, "R")).state is State.READY
    assert await count(store, "payload_versions") == 0


async def test_a_refused_change_leaves_no_version(store: Store) -> None:
    await take_in(store, an_order("R"))
    with pytest.raises(PayloadRefused):
        await change(store, "R", weight=-1)
    with pytest.raises(PayloadRefused, match="must stay R"):
        await change(store, "R", reference_number="S")
    await push(store, Placed(waybill="AWB"))
    with pytest.raises(NotPossible, match=r"R is placed.*shipments replace"):
        await change(store, "R", weight=750)
    assert await count(store, "payload_versions") == 0


async def test_changes_at_once_all_count(store: Store) -> None:
    await take_in(store, an_order("R"))
    await asyncio.gather(*(change(store, "R", **{f"additional.note{n}": n}) for n in range(5)))
    versions = await amend.payloads(store=store, reference_number="R")
    assert [v.version for v in versions] == [1, 2, 3, 4, 5, 6]
    assert len(versions[-1].payload["additional"]) == 5


async def test_an_attempt_names_the_payload_that_went_out(store: Store) -> None:
    await take_in(store, an_order("R"))
    await push(store, REJECTED)
    await change(store, "R", weight=750)
    vendor = await push(store, Placed(waybill="AWB"))
    assert vendor.payloads[0]["shipment_details"]["weight"] == 750
    assert [a.payload_version for a in await attempts_of(store, "R")] == [1, 2]


async def test_an_earlier_payload_comes_back(store: Store) -> None:
    await take_in(store, an_order("R"))
    await change(store, "R", weight=750)
    edit = Edit(version=1)
    back = await amend.change(store=store, clock=SetClock(), reference_number="R", edit=edit, changed_by="me")
    assert (back.payload, back.payload_version) == (an_order("R"), 3)
    with pytest.raises(NotFound, match="versions are 1 to 3"):
        await amend.payload_of(store=store, reference_number="R", edit=Edit(version=4))


async def test_a_rehearsal_shows_differences_and_problems_and_changes_nothing(store: Store) -> None:
    await take_in(store, an_order("R"))
    edit = Edit(fields={"weight": -1, "shipment_details.items[1]": {"sku": "S2"}})
    seen = await amend.preview(store=store, reference_number="R", edit=edit)
    assert [(d.path, d.before, d.after) for d in seen.differences] == [
        ("shipment_details.items[1]", None, {"sku": "S2"}),
        ("shipment_details.weight", 500, -1),
    ]
    assert {p.path for p in seen.problems} >= {"shipment_details.weight", "shipment_details.items[1].price"}
    assert seen.obstacle is None
    assert (await get(store, "R")).payload == an_order("R")
    await push(store, Placed(waybill="AWB"))
    seen = await amend.preview(store=store, reference_number="R", edit=Edit(fields={"weight": 1}))
    assert "R is placed" in (seen.obstacle or "")
    assert not seen.problems


async def map_transporters(store: Store, *, code: str = "air") -> None:
    async with store.write() as session:
        accounts = [
            CourierAccount(transporter="air", courier_partner_id=25, account_code=code),
            CourierAccount(transporter="road", courier_partner_id=6),
        ]
        await couriers.put(session, accounts, now=T0)


async def test_an_edit_keeps_the_transporter_unless_it_names_another(store: Store) -> None:
    await map_transporters(store)
    await take_in(store, {**an_order("R"), "transporter": "air"})

    def courier_of(shipment: Shipment) -> tuple[Any, ...]:
        return shipment.transporter, shipment.courier_partner_id, shipment.account_code

    assert courier_of(await change(store, "R", weight=1)) == ("air", 25, "air")
    assert courier_of(await change(store, "R", transporter="road")) == ("road", 6, None)
    assert "account_code" not in (await get(store, "R")).payload["shipment_details"]
    assert courier_of(await change(store, "R", courier_partner=9)) == (None, 9, None)
    await change(store, "R", transporter="air")
    await map_transporters(store, code="other")
    assert courier_of(await change(store, "R", weight=2)) == (None, 25, "air")


async def test_what_clickpost_holds_is_replaced_and_cancelled(store: Store) -> None:
    await placed(store)
    new = await replace(store, "R", edit=Edit(fields={"weight": 750}))
    assert (new.reference_number, new.state, new.replaces, new.waits_for) == ("R-R2", State.READY, "R", None)
    assert new.payload == an_order("R-R2", order_id="order of R", weight=750)
    assert (new.next_try_at, new.payload_version) == (LATER, 1)
    old = await get(store, "R")
    assert (old.replaced_by, old.cancel_requested_at, old.next_try_at) == ("R-R2", LATER, LATER)
    vendor = await push(store, Placed(waybill="AWB2"))
    assert [p["shipment_details"]["reference_number"] for p in vendor.payloads] == ["R-R2"]


async def edited_at_courier(store: Store, reference: str, **fields: Any) -> None:
    """An edit that was requested and made."""
    action = await actions.ask(
        store=store, clock=SetClock(LATER), kind=ActionKind.EDIT, reference_number=reference, body=fields
    )
    async with store.write() as session:
        assert await action_table.done(session, str(action.action.id), {}, now=LATER)


async def test_what_was_edited_at_the_courier_goes_along_to_the_successor(store: Store) -> None:
    await placed(store)
    await edited_at_courier(store, "R", order_type="COD", cod_value=499)
    new = await replace(store, "R", edit=Edit(fields={"weight": 750}))
    details = new.payload["shipment_details"]
    assert (details["order_type"], details["cod_value"], details["weight"]) == ("COD", 499, 750)
    assert (await replace(store, "R", edit=Edit(fields={"weight": 750}))).reference_number == "R-R2", "the same again"


async def test_an_edit_that_no_order_can_say_wants_the_whole_order(store: Store) -> None:
    await placed(store)
    await edited_at_courier(store, "R", qc_type="doorstep", sku="S1")
    with pytest.raises(PayloadRefused, match="sku"):
        await replace(store, "R")
    assert (await get(store, "R")).replaced_by is None
    assert (await replace(store, "R", edit=Edit(order=an_order("R-NEW")))).reference_number == "R-NEW"


async def test_the_same_replacement_again_changes_nothing_and_another_is_refused(store: Store) -> None:
    await placed(store)
    for created in (True, False):
        taken = await amend.replace(store=store, clock=SetClock(), reference_number="R", edit=Edit())
        assert (taken.created, taken.shipment.reference_number) == (created, "R-R2")
    for options in ({"edit": Edit(fields={"weight": 1})}, {"successor": "S"}):
        with pytest.raises(NotPossible, match="R is replaced by R-R2 already"):
            await replace(store, "R", **options)
    assert await count(store, "shipments") == 2


async def test_replacing_at_once_makes_one_successor(store: Store) -> None:
    await placed(store)
    made = await asyncio.gather(*(replace(store, "R") for _ in range(4)))
    assert {m.reference_number for m in made} == {"R-R2"}
    assert await count(store, "shipments") == 2


async def test_a_successor_is_replaced_by_the_next_number(store: Store) -> None:
    await placed(store)
    await replace(store, "R")
    await push(store, Placed(waybill="AWB2"))
    assert (await replace(store, "R-R2")).reference_number == "R-R3"


async def test_a_chosen_reference_must_be_free(store: Store) -> None:
    await placed(store)
    await take_in(store, an_order("TAKEN"))
    with pytest.raises(ReferenceTaken):
        await replace(store, "R", successor="TAKEN")
    with pytest.raises(ReferenceTaken, match="differs in: replaces"):
        await replace(store, "R", edit=Edit(order=an_order("TAKEN")))
    assert (await get(store, "R")).cancel_requested_at is None
    order = an_order("IN-THE-ORDER", weight=1)
    assert (await replace(store, "R", edit=Edit(order=order))).payload == order


async def test_a_default_reference_passes_over_those_in_use(store: Store) -> None:
    await placed(store)
    await take_in(store, an_order("R-R2"))
    assert (await replace(store, "R")).reference_number == "R-R3"


async def test_a_reference_fits_the_courier(store: Store) -> None:
    await placed(store, "R" * 30)
    new = await replace(store, "R" * 30, edit=Edit(fields={"courier_partner": 5}))
    assert new.reference_number == "R" * 17 + "-R2"


@pytest.mark.parametrize(
    ("reference", "is_successor", "longest", "first"),
    [
        ("R", False, 200, ["R-R2", "R-R3"]),
        ("R-R2", False, 200, ["R-R2-R2", "R-R2-R3"]),
        ("R-R9", True, 200, ["R-R10", "R-R11"]),
        ("12345678901234567890", False, 20, ["12345678901234567-R2", "12345678901234567-R3"]),
    ],
)
def test_successors_count_on(reference: str, is_successor: bool, longest: int, first: list[str]) -> None:
    made = list(successor_references(reference, is_successor=is_successor, longest=longest))
    assert made[:2] == first
    assert len(set(made)) == len(made)
    assert all(len(m) <= longest for m in made)


async def test_a_waybill_chosen_beforehand_stays_with_the_old_shipment(store: Store) -> None:
    await placed(store, awb_number="AWB1")
    new = await replace(store, "R")
    assert "awb_number" not in new.payload["shipment_details"]
    await push(store, Placed(waybill="AWB2"))
    other = await replace(store, "R-R2", edit=Edit(fields={"shipment_details.awb_number": "AWB3"}))
    assert other.payload["shipment_details"]["awb_number"] == "AWB3"


@pytest.mark.parametrize(
    ("outcome", "then"), [(REJECTED, State.CANCELLED), (TryLater(message="later"), State.CANCELLED)]
)
async def test_what_went_out_may_be_replaced_whatever_its_outcome(store: Store, outcome: Any, then: State) -> None:
    await take_in(store, an_order("R"))
    await push(store, outcome)
    await replace(store, "R")
    old = await get(store, "R")
    assert (old.state, old.cancel_requested_at) == (then, LATER)


async def test_a_cancelled_shipment_may_be_sent_again(store: Store) -> None:
    await add(store, "R", payload=an_order("R"))
    await intake.cancel(store=store, clock=SetClock(), reference_number="R")
    new = await replace(store, "R", after_cancel=True)
    assert (new.state, new.waits_for) == (State.READY, None)


async def test_what_never_went_out_is_changed_and_not_replaced(store: Store) -> None:
    await take_in(store, an_order("R"))
    with pytest.raises(NotPossible, match="R is ready and was never sent: change its payload"):
        await replace(store, "R")


async def test_a_journey_that_has_ended_is_not_replaced(store: Store) -> None:
    await placed(store)
    async with store.write() as session:
        seen = Sighting(seen_at=T0, final=True, step=90, code=8)
        status = tracking_status.TrackingStatus(sighting=seen, bucket=6, edd=None, ndr_code=None)
        await set_tracking_status(session, "R", status, last_tracked_at=T0, next_poll_at=None)
    with pytest.raises(NotPossible, match=r"ended \(Delivered\)"):
        await replace(store, "R")


async def test_a_refused_replacement_leaves_everything_as_it_was(store: Store) -> None:
    await placed(store)
    before = await get(store, "R")
    with pytest.raises(PayloadRefused):
        await replace(store, "R", edit=Edit(fields={"weight": -1}))
    with pytest.raises(NotFound):
        await replace(store, "NONE")
    assert await get(store, "R") == before
    assert await count(store, "shipments") == 1


async def cancelled_at_clickpost(store: Store, reference: str) -> None:
    async with store.write() as session:
        [claimed] = await shipments.claim_cancels(session, owner="c", now=LATER, until=LATER, limit=1)
        assert claimed.reference_number == reference
        assert await cancellations.cancelled(session, reference, now=LATER)


async def release(store: Store) -> int:
    return await release_due(store=store, clock=SetClock(LATER))


@pytest.mark.parametrize("state", ["refused", "gave_up", "overtaken"])
async def test_a_successor_that_waits_in_vain_says_so_and_raises_an_alarm_until_a_person_decides(
    store: Store, state: str
) -> None:
    await placed(store)
    await replace(store, "R", after_cancel=True)
    ended = "UPDATE shipments SET cancel_state = $1, problem = 'it left.', next_try_at = NULL WHERE waybill IS NOT NULL"
    async with store.write() as session:
        await session.execute(sql(ended), state)
    for _ in range(2):
        assert await release(store) == 0
    waiting = await get(store, "R-R2")
    assert (waiting.state, waiting.next_try_at) == (State.HELD, None)
    assert "that will not happen by itself (it left). Retry R-R2" in (waiting.problem or "")
    assert [a["cause"] for a in await fetch(store, "SELECT cause FROM alarms WHERE cleared_at IS NULL")] == [
        AlarmCause.REPLACEMENTS_WAITING
    ]
    await intake.retry(store=store, clock=SetClock(LATER), reference_number="R-R2")
    await release(store)
    assert await fetch(store, "SELECT cause FROM alarms WHERE cleared_at IS NULL") == []
    assert (await get(store, "R-R2")).state is State.READY


async def test_a_successor_waits_for_the_cancellation_where_that_is_asked_for(store: Store) -> None:
    await placed(store)
    new = await replace(store, "R", after_cancel=True)
    assert (new.state, new.waits_for, new.next_try_at) == (State.HELD, "R", None)
    assert new.problem == "waits until R is cancelled"
    assert await release(store) == 0
    assert not (await push(store, Placed(waybill="AWB2"))).payloads
    await cancelled_at_clickpost(store, "R")
    assert await release(store) == 1
    assert await release(store) == 0
    free = await get(store, "R-R2")
    assert (free.state, free.waits_for, free.problem, free.next_try_at) == (State.READY, None, None, LATER)


async def test_a_waiting_successor_may_be_changed_and_still_waits(store: Store) -> None:
    await placed(store)
    await replace(store, "R", after_cancel=True)
    changed = await change(store, "R-R2", weight=750)
    assert (changed.state, changed.waits_for, changed.next_try_at) == (State.HELD, "R", None)
    assert changed.payload_version == 2


async def test_a_retry_by_hand_ends_the_waiting(store: Store) -> None:
    await placed(store)
    await replace(store, "R", after_cancel=True)
    sent = await intake.retry(store=store, clock=SetClock(LATER), reference_number="R-R2")
    assert (sent.state, sent.waits_for, sent.next_try_at) == (State.READY, None, LATER)


async def test_a_successor_that_was_cancelled_while_waiting_stays_cancelled(store: Store) -> None:
    await placed(store)
    await replace(store, "R", after_cancel=True)
    await intake.cancel(store=store, clock=SetClock(LATER), reference_number="R-R2")
    await cancelled_at_clickpost(store, "R")
    await release(store)
    gone = await get(store, "R-R2")
    assert (gone.state, gone.next_try_at, gone.waits_for) == (State.CANCELLED, None, None)


async def test_those_that_go_on_waiting_do_not_hide_one_that_is_free(store: Store) -> None:
    waiting = [f"W{n}" for n in range(PAGE + 20)]
    await add(store, "OLD", *waiting)
    async with store.write() as session:
        for reference in waiting:
            await replacements.hold_back(session, reference, "OLD", now=T0)
    await intake.cancel(store=store, clock=SetClock(), reference_number=waiting[0])
    assert await release(store) == 0
    await intake.cancel(store=store, clock=SetClock(), reference_number="OLD")
    assert await release(store) == len(waiting)
    assert (await get(store, waiting[0])).state is State.CANCELLED
