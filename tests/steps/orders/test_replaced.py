"""A replacement is a correction within one order: customers are not notified, subscribers see both names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from awbridge.clickpost.wire.answers import CancelAnswer, OrderAnswer
from awbridge.domain.call import Call
from awbridge.domain.notify.notices import Channel, NoticeState
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import State
from awbridge.steps.orders import amend, intake
from awbridge.steps.orders.amend import Edit
from awbridge.steps.reconciliation.differences import AFTER_PUSH
from awbridge.steps.registration.cancel import CancelPolicy, cancel_due
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.notify import endpoints
from awbridge.store.reconciliation import reconciliations
from awbridge.store.tracking import inbox
from tests.support.notices import Kept, a_payload, notify, stored_notices
from tests.support.rows import T0, delivery, fetch, sql
from tests.support.world import INDIA, SetClock, as_body, get, webhook

CALL = Call(api="create-order", method="POST", url="u")


class Vendor:
    """Places every order and cancels every waybill."""

    async def create_order(self, payload: Any, **_: Any) -> OrderAnswer:
        reference = payload["shipment_details"]["reference_number"]
        return OrderAnswer(outcome=Placed(waybill=f"AWB-{reference}"), call=CALL)

    async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
        return CancelAnswer(cancelled=True, message="ok", call=CALL)


@pytest.fixture
async def subscribed_store(store: Store) -> Store:
    """A store with a placed shipment R of a customer who agreed to SMS, and a subscribed endpoint."""
    clock = SetClock()
    await intake.take_in(store=store, clock=clock, orders=[a_payload("R", enable_sms=True)])
    await run(store, clock)
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
    return store


async def replace(store: Store, clock: SetClock, reference: str = "R", **options: Any) -> str:
    options.setdefault("edit", Edit(fields={"drop_info.drop_pincode": "411002"}))
    taken = await amend.replace(store=store, clock=clock, reference_number=reference, **options)
    return taken.shipment.reference_number


async def run(store: Store, clock: SetClock) -> None:
    """Cancel and push, until nothing of either is due now."""
    vendor: Any = Vendor()
    while await cancel_due(store=store, clickpost=vendor, clock=clock, policy=CancelPolicy()):
        pass
    await push_due(store=store, clickpost=vendor, clock=clock, policy=PushPolicy())


async def events_of(store: Store, reference: str) -> dict[str, dict[str, Any]]:
    rows = await fetch(
        store, "SELECT kind, body, packed_body FROM events WHERE reference_number = $1 ORDER BY id", reference
    )
    return {row["kind"]: json.loads(row["body"])["data"] for row in rows}


async def test_a_replaced_shipment_is_cancelled_without_a_message_to_its_customer(subscribed_store: Store) -> None:
    clock, sms = SetClock(), Kept()
    await replace(subscribed_store, clock)
    await run(subscribed_store, clock)
    assert (await get(subscribed_store, "R")).state is State.CANCELLED
    while await notify(subscribed_store, {Channel.SMS: sms, Channel.CHAT: sms}, clock):
        pass
    of_the_old = [n for n in await stored_notices(subscribed_store, "R") if n.milestone.value == "cancelled"]
    assert {n.state for n in of_the_old} == {NoticeState.SUPPRESSED}
    assert all("replaced by R-R2" in n.why for n in of_the_old)
    assert all("cancel" not in message.text.lower() for message in sms.messages)
    assert {n.state for n in await stored_notices(subscribed_store, "R-R2")} == {NoticeState.SENT}, (
        "the new waybill is news"
    )


async def test_the_events_of_both_name_each_other(subscribed_store: Store) -> None:
    clock = SetClock()
    await replace(subscribed_store, clock)
    await run(subscribed_store, clock)
    old, new = await events_of(subscribed_store, "R"), await events_of(subscribed_store, "R-R2")
    assert (old["shipment.cancelled"]["replaces"], old["shipment.cancelled"]["replaced_by"]) == (None, "R-R2")
    assert (new["shipment.placed"]["replaces"], new["shipment.placed"]["replaced_by"]) == ("R", None)


async def test_a_replacement_during_the_cancellation_is_named_too(subscribed_store: Store) -> None:
    clock = SetClock()

    class Slow(Vendor):
        async def cancel_order(self, waybill: str, cp_id: int, account_code: str, **_: object) -> CancelAnswer:
            await replace(subscribed_store, clock)
            return await super().cancel_order(waybill, cp_id, account_code)

    await intake.cancel(store=subscribed_store, clock=clock, reference_number="R")
    await cancel_due(store=subscribed_store, clickpost=Slow(), clock=clock, policy=CancelPolicy())
    assert (await events_of(subscribed_store, "R"))["shipment.cancelled"]["replaced_by"] == "R-R2"


async def test_a_tracking_event_of_a_replaced_shipment_names_its_successor(subscribed_store: Store) -> None:
    clock = SetClock()
    await replace(subscribed_store, clock)
    async with subscribed_store.write() as session:
        await inbox.add(session, [delivery("one", body=as_body(webhook("AWB-R", 12, T0)))])
    await apply_due(store=subscribed_store, clock=clock, policy=ApplyPolicy(zone=INDIA))
    started = (await events_of(subscribed_store, "R"))["rto.started"]
    assert started["replaced_by"] == "R-R2", "money is paid back upon this event"


async def test_once_the_successor_is_dropped_the_first_parcel_is_news_again(subscribed_store: Store) -> None:
    clock, sms = SetClock(), Kept()
    await replace(subscribed_store, clock, after_cancel=True)
    await intake.cancel(store=subscribed_store, clock=clock, reference_number="R-R2")
    async with subscribed_store.write() as session:
        await inbox.add(session, [delivery("one", body=as_body(webhook("AWB-R", 6, T0)))])
    await apply_due(store=subscribed_store, clock=clock, policy=ApplyPolicy(zone=INDIA))
    while await notify(subscribed_store, {Channel.SMS: sms}, clock):
        pass
    assert ("out_for_delivery", NoticeState.SENT) in [
        (n.milestone.value, n.state) for n in await stored_notices(subscribed_store)
    ]


async def test_a_rejected_shipment_that_is_replaced_ends_with_an_event_that_names_its_successor(store: Store) -> None:
    clock = SetClock()
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
    await intake.take_in(store=store, clock=clock, orders=[a_payload("R")])
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET state = 'rejected', sent_at = $1, next_try_at = NULL"), T0)
    await replace(store, clock)
    ended = (await events_of(store, "R"))["shipment.cancelled"]
    assert (ended["replaced_by"], ended["waybill"]) == ("R-R2", None)
    assert await fetch(store, "SELECT milestone FROM milestones") == [], "no customer was ever notified"


async def test_a_repeated_push_that_keeps_its_waybill_sends_no_event(subscribed_store: Store) -> None:
    clock = SetClock()
    async with subscribed_store.write() as session:
        assert await reconciliations.push_again(session, "R", "AWB-R", now=T0, edited=None)
    await run(subscribed_store, clock)
    assert (await get(subscribed_store, "R")).success
    assert "shipment.placed" not in await events_of(subscribed_store, "R")


async def test_a_repeated_push_that_gets_another_waybill_sends_an_event(subscribed_store: Store) -> None:
    clock = SetClock()

    class Other(Vendor):
        async def create_order(self, payload: Any, **_: Any) -> OrderAnswer:
            return OrderAnswer(outcome=Placed(waybill="AWB-OTHER"), call=CALL)

    async with subscribed_store.write() as session:
        assert await reconciliations.push_again(session, "R", "AWB-R", now=T0, edited=None)
    vendor: Any = Other()
    clock.now += AFTER_PUSH
    await push_due(store=subscribed_store, clickpost=vendor, clock=clock, policy=PushPolicy())
    assert (await events_of(subscribed_store, "R"))["shipment.placed"]["waybill"] == "AWB-OTHER"
