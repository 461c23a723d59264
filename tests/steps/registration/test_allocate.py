"""Allocation: explicit, by rules at intake, by ClickPost's recommendation afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from awbridge.clickpost.lookups.recommendations import Recommendations, parse_recommendations
from awbridge.clickpost.orders.create import create_order_request
from awbridge.clickpost.wire.answers import CancelAnswer, FoundOrder, OrderAnswer
from awbridge.clickpost.wire.lenient_json import Reply
from awbridge.domain.call import Call
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import NotPossible, PayloadRefused, StoreBusy, VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Outcome, Placed, TryLater, Unknown
from awbridge.domain.orders.shipment import Region, Shipment, State
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.orders import amend, intake, settle
from awbridge.steps.orders.amend import Edit
from awbridge.steps.registration.allocate import AllocatePolicy, allocate_due
from awbridge.steps.registration.cancel import CancelPolicy, cancel_due
from awbridge.steps.registration.push import PushPolicy, push_due
from awbridge.steps.registration.release import release_due
from awbridge.store import Store
from awbridge.store.couriers import accounts, couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.notify import endpoints
from awbridge.store.registration import dispatch, replacements
from tests.support.rows import T0, fetch, sql
from tests.support.world import SetClock, TrippingStore, an_order, attempts_of, get

pytestmark = pytest.mark.heavy

POLICY = AllocatePolicy(retry_delays=(60.0, 60.0, 60.0))
ACCOUNTS = (
    CourierAccount(transporter="delhi", courier_partner_id=4, account_code="one"),
    CourierAccount(transporter="blue", courier_partner_id=5, account_code="air"),
    CourierAccount(transporter="plain", courier_partner_id=6),
    CourierAccount(transporter="off", courier_partner_id=9, account_code="x", active=False),
)
CALL = Call(api="recommend", method="POST", url="u", http_status=200)


class Vendor:
    """Recommends these (courier, account) pairs, best first; or fails."""

    def __init__(self, *choices: tuple[int, str], error: VendorError | None = None) -> None:
        self.choices = choices
        self.error = error
        self.asked: list[JsonObject] = []
        self.held: Placed | None = None
        self.can_be_asked = True
        self.look_ups = 0

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        self.look_ups += 1
        return FoundOrder(placed=self.held if self.can_be_asked else None, known=self.can_be_asked, call=CALL)

    async def recommend(self, shipments: Sequence[JsonObject]) -> Recommendations:
        [query] = shipments
        return self._answer(query, query["reference_number"])

    async def recommend_world(self, shipment: JsonObject) -> Recommendations:
        return self._answer(shipment, "")

    def _answer(self, query: JsonObject, reference: str) -> Recommendations:
        self.asked.append(query)
        if self.error:
            raise self.error
        listed = [{"cp_id": c, "account_code": a, "priority": n} for n, (c, a) in enumerate(self.choices, 1)]
        found = [{"reference_number": reference, "preference_array": listed, "pincode_serviceable": bool(listed)}]
        body = {"meta": {"status": 200, "success": True, "message": "Pin code not serviceable"}, "result": found}
        return parse_recommendations(Reply(http_status=200, body=body), CALL)


def failing(kind: str, **more: Any) -> VendorError:
    return VendorError("recommend: it failed", call=CALL, kind=kind, **more)


def bare(reference: str = "R", **details: Any) -> JsonObject:
    """An order that names no courier."""
    order = an_order(reference, **details)
    del order["shipment_details"]["courier_partner"], order["shipment_details"]["account_code"]
    return order


@pytest.fixture
async def configured(store: Store) -> Store:
    async with store.write() as session:
        await couriers.put(session, ACCOUNTS, now=T0)
    return store


async def rule(store: Store, *rows: JsonObject) -> None:
    await courier_steps.put_rules(store=store, clock=SetClock(), rows=rows)


async def take_in(store: Store, order: JsonObject, allocation: Allocation = Allocation.RULES) -> tuple[Shipment, bool]:
    [taken] = await intake.take_in(store=store, clock=SetClock(), orders=[order], allocation=allocation)
    return taken.shipment, taken.created


async def allocate(store: Store, vendor: Vendor, clock: SetClock | None = None) -> int:
    return await allocate_due(store=store, clickpost=vendor, clock=clock or SetClock(), policy=POLICY)


async def allocating(store: Store, order: JsonObject | None = None) -> None:
    shipment, _ = await take_in(store, order or bare(), Allocation.RECOMMENDATION)
    assert shipment.state is State.ALLOCATING


async def refusal(store: Store, order: JsonObject, allocation: Allocation) -> PayloadRefused:
    with pytest.raises(intake.BatchRefused) as refused:
        await take_in(store, order, allocation)
    error = refused.value.errors[0]
    assert isinstance(error, PayloadRefused)
    return error


async def test_the_first_rule_that_fits_gives_the_courier(configured: Store) -> None:
    await rule(
        configured,
        {"name": "retired", "transporter": "off"},
        {"name": "heavy", "transporter": "plain", "weight_from": 1000},
        {"name": "pune", "transporter": "blue", "drop_pincode": ["411"], "order_type": "PREPAID"},
        {"name": "rest", "transporter": "delhi"},
    )
    light, _ = await take_in(configured, bare("LIGHT"))
    heavy, _ = await take_in(configured, bare("HEAVY", weight=1000))
    cod, _ = await take_in(configured, bare("CASH", order_type="COD", cod_value=5))
    assert [
        (s.transporter, s.courier_partner_id, s.account_code, s.allocated_by, s.state) for s in (light, heavy, cod)
    ] == [
        ("blue", 5, "air", "rule pune", State.READY),
        ("plain", 6, None, "rule heavy", State.READY),
        ("delhi", 4, "one", "rule rest", State.READY),
    ]
    assert create_order_request(light)["shipment_details"]["courier_partner"] == 5
    assert create_order_request(light)["shipment_details"]["account_code"] == "air"


async def test_a_repeated_order_is_known_also_after_the_rules_changed(configured: Store) -> None:
    await rule(configured, {"name": "a", "transporter": "blue"})
    await take_in(configured, bare())
    await rule(configured, {"name": "b", "transporter": "delhi"})
    shipment, created = await take_in(configured, bare())
    assert (created, shipment.transporter) == (False, "blue")


async def test_an_explicit_courier_wins_over_rules(configured: Store) -> None:
    await rule(configured, {"name": "a", "transporter": "blue"})
    named, _ = await take_in(configured, {**bare("NAMED"), "transporter": "plain"})
    numbered, _ = await take_in(configured, an_order("NUMBERED"))
    assert (named.transporter, named.allocated_by) == ("plain", None)
    assert (numbered.courier_partner_id, numbered.allocated_by) == (4, None)


@pytest.mark.parametrize("allocation", [Allocation.OFF, Allocation.RULES])
async def test_without_rules_an_order_needs_its_courier_as_ever(configured: Store, allocation: Allocation) -> None:
    error = await refusal(configured, bare(), allocation)
    assert [(p.path, p.code) for p in error.problems] == [("shipment_details.courier_partner", 302)]


async def test_where_no_rule_fits_the_order_is_refused_or_clickpost_is_asked(configured: Store) -> None:
    await rule(configured, {"name": "a", "transporter": "blue", "drop_pincode": "9"})
    error = await refusal(configured, bare(), Allocation.RULES)
    assert [(p.path, p.code) for p in error.problems] == [("transporter", 302)]
    shipment, _ = await take_in(configured, bare(), Allocation.RULES_THEN_RECOMMENDATION)
    assert (shipment.state, shipment.courier_partner_id, shipment.next_try_at) == (State.ALLOCATING, 0, None)


async def test_wrong_fields_are_named_also_where_the_courier_is_open(configured: Store) -> None:
    error = await refusal(configured, bare(weight=-1, cod_value=3), Allocation.RECOMMENDATION)
    assert {p.path for p in error.problems} == {"shipment_details.weight", "shipment_details.cod_value"}


async def test_a_courier_that_a_rule_gives_must_take_the_order(configured: Store) -> None:
    await rule(configured, {"name": "a", "transporter": "blue"})
    error = await refusal(configured, bare("A-REFERENCE-OF-25-LETTERS"), Allocation.RULES)
    assert "at most 20 characters" in str(error)


async def test_the_best_recommended_account_with_an_active_transporter_is_taken(configured: Store) -> None:
    await allocating(configured)
    vendor, clock = Vendor((9, "x"), (7, "?"), (4, "other"), (4, "one"), (5, "air")), SetClock()
    assert await allocate(configured, vendor, clock) == 1
    after = await get(configured, "R")
    assert (after.state, after.transporter, after.courier_partner_id) == (State.READY, "delhi", 4)
    assert (after.allocated_by, after.next_try_at, after.problem) == ("recommendation", T0, None)
    assert [a.outcome for a in await attempts_of(configured, "R")] == ["recommended"]
    assert await allocate(configured, vendor, clock) == 0
    query = vendor.asked[0]
    assert (query["drop_pincode"], query["weight"], query["item"]) == ("411001", 500, "shirt")
    assert "Asha" not in str(query)


async def test_push_does_not_see_a_shipment_without_a_courier(configured: Store) -> None:
    await allocating(configured)
    async with configured.write() as session:
        assert await accounts.every(session) == []  # no courier is no account
        assert await dispatch.claim(session, {"": 9, "0:": 9}, set(), owner="p", now=T0, until=T0) == []


async def test_push_sees_it_under_the_account_that_was_recommended(configured: Store) -> None:
    await allocating(configured)
    await allocate(configured, Vendor((5, "air")))
    async with configured.write() as session:
        assert [a.account for a in await accounts.due(session, now=T0)] == ["5:air"]
        [claimed] = await dispatch.claim(session, {"5:air": 9}, set(), owner="p", now=T0, until=T0)
    assert (claimed.reference_number, claimed.account) == ("R", "5:air")


async def test_one_that_waits_for_another_is_allocated_only_after_that_is_cancelled(configured: Store) -> None:
    clock, vendor = SetClock(), Vendor((5, "air"))
    await take_in(configured, {**an_order("OLD"), "transporter": "delhi"})
    await allocating(configured)
    async with configured.write() as session:
        await replacements.hold_back(session, "R", "OLD", now=T0)
    await change_payload(configured, bare(weight=123))
    assert ((await get(configured, "R")).state, await allocate(configured, vendor)) == (State.HELD, 0)
    await intake.cancel(store=configured, clock=clock, reference_number="OLD")
    assert await release_due(store=configured, clock=clock) == 1
    assert ((await get(configured, "R")).state, await allocate(configured, vendor)) == (State.ALLOCATING, 1)
    assert (await get(configured, "R")).account == "5:air"


async def change_payload(store: Store, order: JsonObject, clock: SetClock | None = None) -> Shipment:
    return await intake.change_payload(
        store=store,
        clock=clock or SetClock(),
        reference_number="R",
        order=order,
        allocation=Allocation.RECOMMENDATION,
    )


async def test_a_change_by_path_keeps_the_courier_and_what_chose_it(configured: Store) -> None:
    await rule(configured, {"name": "all", "transporter": "blue"})
    await take_in(configured, bare())
    await rule(configured, {"name": "new", "transporter": "plain"})
    edit = Edit(fields={"shipment_details.weight": 321})
    after = await amend.change(store=configured, clock=SetClock(), reference_number="R", edit=edit, changed_by="me")
    assert (after.transporter, after.allocated_by, after.payload_version) == ("blue", "rule all", 2)


async def test_a_change_may_leave_the_courier_to_the_recommendation(configured: Store) -> None:
    await take_in(configured, {**an_order("R"), "transporter": "delhi"})
    after = await change_payload(configured, bare())
    assert (after.state, after.account, after.transporter, after.next_try_at) == (State.ALLOCATING, "", None, None)


async def test_an_order_abroad_is_asked_by_its_sections(configured: Store) -> None:
    place = {"name": "A", "address": "1 St", "city": "Doha", "phone": "5", "country_code": "QA", "postal_code": "9"}
    order = {**bare(), "region": "world", "pickup_info": place, "drop_info": place}
    await allocating(configured, order)
    vendor = Vendor((6, ""))
    await allocate(configured, vendor)
    assert (await get(configured, "R")).transporter == "plain"
    assert set(vendor.asked[0]) == {"pickup_info", "drop_info", "shipment_details"}


async def test_a_courier_that_cannot_take_the_reference_is_passed_over(configured: Store) -> None:
    await allocating(configured, bare("A-REFERENCE-OF-25-LETTERS"))
    await allocate(configured, Vendor((5, "air"), (6, "")))
    assert (await get(configured, "A-REFERENCE-OF-25-LETTERS")).transporter == "plain"


@pytest.mark.parametrize(("choices", "text"), [((), "recommends no courier"), (((7, "?"),), "recommends 7 ?, but no")])
async def test_nothing_recommended_needs_a_person_and_retry_asks_again(
    configured: Store, choices: tuple[tuple[int, str], ...], text: str
) -> None:
    await allocating(configured)
    await allocate(configured, Vendor(*choices))
    after = await get(configured, "R")
    assert after.state is State.REJECTED
    assert text in (after.problem or "")
    again = await intake.retry(store=configured, clock=SetClock(), reference_number="R")
    assert (again.state, again.next_try_at) == (State.ALLOCATING, None)
    await allocate(configured, Vendor((4, "one")))
    assert (await get(configured, "R")).state is State.READY


async def test_a_payload_that_names_a_transporter_ends_the_asking(configured: Store) -> None:
    await allocating(configured)
    order = {**bare(), "transporter": "blue"}
    await intake.change_payload(store=configured, clock=SetClock(), reference_number="R", order=order)
    after = await get(configured, "R")
    assert (after.state, after.courier_partner_id) == (State.READY, 5)
    assert await allocate(configured, Vendor((4, "one"))) == 0


async def test_a_changed_payload_without_a_courier_is_allocated_again(configured: Store) -> None:
    await take_in(configured, {**bare(), "transporter": "blue"})
    changed = await intake.change_payload(
        store=configured,
        clock=SetClock(),
        reference_number="R",
        order=bare(),
        allocation=Allocation.RECOMMENDATION,
    )
    assert (changed.state, changed.courier_partner_id, changed.transporter) == (State.ALLOCATING, 0, None)


async def test_failures_are_tried_again_then_given_up_and_retried(configured: Store) -> None:
    await allocating(configured)
    clock = SetClock()
    for tries in (1, 2, 3):
        assert await allocate(configured, Vendor(error=failing("transient")), clock) == 1
        after = await get(configured, "R")
        assert (after.state, after.no_of_retries) == (State.ALLOCATING, tries)
        assert await allocate(configured, Vendor((4, "one")), clock) == 0
        clock.forward(seconds=70)
    await allocate(configured, Vendor(error=failing("transient")), clock)
    assert (await get(configured, "R")).state is State.GAVE_UP
    await intake.retry(store=configured, clock=clock, reference_number="R")
    await allocate(configured, Vendor((4, "one")), clock)
    assert (await get(configured, "R")).state is State.READY


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (failing("configuration"), State.ALLOCATING),
        (failing("throttled", retry_after=300.0), State.ALLOCATING),
        (failing("permanent"), State.REJECTED),
    ],
)
async def test_an_account_incident_uses_up_no_try_and_a_wrong_question_needs_a_person(
    configured: Store, error: VendorError, state: State
) -> None:
    await allocating(configured)
    clock = SetClock()
    async with configured.write() as session:
        await endpoints.add(session, "https://erp.example/", now=clock())
    await allocate(configured, Vendor(error=error), clock)
    after = await get(configured, "R")
    assert (after.state, after.no_of_retries) == (state, 0)
    sent = [row["kind"] for row in await fetch(configured, "SELECT kind FROM events")]
    assert sent == (["shipment.rejected"] if state is State.REJECTED else [])
    clock.forward(minutes=5)
    assert await allocate(configured, Vendor((4, "one")), clock) == (state is State.ALLOCATING)


@pytest.mark.parametrize("write", [1, 2])
async def test_a_killed_allocation_is_taken_up_when_its_lease_has_run_out(configured: Store, write: int) -> None:
    await allocating(configured)
    clock = SetClock()
    with pytest.raises(StoreBusy):
        await allocate(TrippingStore(configured, busy=lambda n: n == write).as_store, Vendor((4, "one")), clock)
    clock.forward(minutes=3)
    await allocate(configured, Vendor((4, "one")), clock)
    assert (await get(configured, "R")).state is State.READY


async def test_cancelling_before_during_and_after(configured: Store) -> None:
    await allocating(configured)
    cancelled = await intake.cancel(store=configured, clock=SetClock(), reference_number="R")
    assert cancelled.state is State.CANCELLED
    assert await allocate(configured, Vendor((4, "one"))) == 0
    with pytest.raises(NotPossible):
        await intake.retry(store=configured, clock=SetClock(), reference_number="R")
    await allocating(configured, bare("S"))

    class Slow(Vendor):
        async def recommend(self, shipments: Sequence[JsonObject]) -> Recommendations:
            await intake.cancel(store=configured, clock=SetClock(), reference_number="S")
            return await super().recommend(shipments)

    await allocate(configured, Slow((4, "one")))
    assert (await get(configured, "S")).state is State.CANCELLED


HELD = Placed(waybill="AWB-1", already=True, courier_partner_id=4, account_code="one")


class Courier:
    """Answers a create-order with this outcome, and cancels on request."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.cancelled: list[str] = []

    async def create_order(self, order: JsonObject, /, *, region: Region = Region.INDIA) -> OrderAnswer:
        return OrderAnswer(outcome=self.outcome, call=CALL)

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        raise AssertionError("push has nothing to ask here")

    async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
        self.cancelled.append(waybill)
        return CancelAnswer(cancelled=True, message="", call=CALL)


async def sent_and_without_a_courier(store: Store, clock: SetClock, outcome: Outcome) -> Courier:
    """An order that went out under a courier, and was then changed to name none."""
    courier = Courier(outcome)
    await take_in(store, {**an_order("R"), "transporter": "delhi"})
    await push_due(store=store, clickpost=courier, clock=clock, policy=PushPolicy())
    clock.forward(minutes=1)
    assert (await change_payload(store, bare(), clock)).state is State.ALLOCATING
    return courier


@pytest.mark.parametrize("outcome", [Unknown(message="lost"), TryLater(message="gateway", silent=True)])
@pytest.mark.parametrize("choices", [(), ((5, "air"),)])
async def test_what_may_stand_under_its_old_courier_is_found_and_kept(
    configured: Store, outcome: Outcome, choices: tuple[tuple[int, str], ...]
) -> None:
    clock, vendor = SetClock(), Vendor(*choices)
    await sent_and_without_a_courier(configured, clock, outcome)
    async with configured.write() as session:
        await endpoints.add(session, "https://erp.example/", now=clock())
    vendor.held = HELD
    await allocate(configured, vendor, clock)
    after = await get(configured, "R")
    assert (after.state, after.waybill, after.courier_partner_id, after.account) == (State.PLACED, "AWB-1", 4, "4:one")
    assert "earlier payload" in (after.difference or "")
    assert "requested" not in (after.difference or ""), "no courier was requested"
    assert vendor.asked == [], "a courier was recommended for what travels already"
    assert [row["kind"] for row in await fetch(configured, "SELECT kind FROM events")] == ["shipment.placed"]
    assert [a.outcome for a in await attempts_of(configured, "R")][-1] == "found"


@pytest.mark.parametrize("when", ["before", "between", "after"])
async def test_a_cancel_never_ends_here_what_may_stand_there(configured: Store, when: str) -> None:
    """Before the recommendation is asked, while ClickPost cannot be asked, and after nothing was recommended."""
    clock, vendor = SetClock(), Vendor()
    courier = await sent_and_without_a_courier(configured, clock, Unknown(message="lost"))
    if when == "between":
        vendor.can_be_asked = False
        await allocate(configured, vendor, clock)
        after = await get(configured, "R")
        assert (after.state, after.no_of_retries, after.maybe_placed) == (State.ALLOCATING, 0, True)
        assert "could not be asked" in (after.problem or "")
        vendor.can_be_asked = True
    if when == "after":  # as earlier versions left it
        async with configured.write() as session:
            await session.execute(sql("UPDATE shipments SET state = 'rejected', allocate_at = NULL"))
    vendor.held = HELD
    asked = await intake.cancel(store=configured, clock=clock, reference_number="R")
    assert asked.state is State.ALLOCATING, "ClickPost may hold it"
    assert await allocate(configured, vendor, clock) == 1
    assert (await get(configured, "R")).waybill == "AWB-1"
    await cancel_due(store=configured, clickpost=courier, clock=clock, policy=CancelPolicy(retry_delays=(1.0,)))
    assert (courier.cancelled, (await get(configured, "R")).state) == (["AWB-1"], State.CANCELLED)


@pytest.mark.parametrize("cancel", [True, False], ids=["cancel", "recommend"])
async def test_what_is_not_shown_may_stand_all_the_same_and_needs_a_person(configured: Store, cancel: bool) -> None:
    clock, vendor = SetClock(), Vendor((5, "air"))
    await sent_and_without_a_courier(configured, clock, Unknown(message="lost"))
    if cancel:
        await intake.cancel(store=configured, clock=clock, reference_number="R")
    await allocate(configured, vendor, clock)
    after = await get(configured, "R")
    assert (after.state, after.maybe_placed, vendor.asked, vendor.look_ups) == (State.GAVE_UP, True, [], 1)
    assert "may have placed it" in (after.problem or "")
    assert (await fetch(configured, "SELECT lease_owner FROM shipments"))[0]["lease_owner"] is None
    assert await allocate(configured, vendor, clock) == 0
    await settle.not_held(store=configured, clock=clock, reference_number="R", by="ops")
    if cancel:
        assert (await get(configured, "R")).state is State.CANCELLED
        return
    await intake.retry(store=configured, clock=clock, reference_number="R")
    await allocate(configured, vendor, clock)
    after = await get(configured, "R")
    assert (after.state, after.account, after.maybe_placed, vendor.look_ups) == (State.READY, "5:air", False, 1)


async def test_what_may_stand_goes_to_no_other_courier_by_an_edit(configured: Store) -> None:
    clock = SetClock()
    await take_in(configured, {**an_order("R"), "transporter": "delhi"})
    await push_due(store=configured, clickpost=Courier(Unknown(message="lost")), clock=clock, policy=PushPolicy())
    other = an_order("R", courier_partner=5, account_code="air", awb_number="A7")
    with pytest.raises(NotPossible, match="R may be placed at ClickPost: courier, account, awb_number cannot change"):
        await change_payload(configured, other, clock)


async def test_what_never_went_out_is_not_asked_for(configured: Store) -> None:
    await allocating(configured)
    vendor = Vendor((5, "air"))
    await allocate(configured, vendor)
    assert vendor.look_ups == 0
