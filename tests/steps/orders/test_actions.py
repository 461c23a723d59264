"""Asking: what is wrong is refused by field, what a shipment's state forbids is refused clearly, a key counts once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from awbridge.domain.errors import KeyTaken, NotFound, NotPossible, PayloadRefused
from awbridge.domain.orders.action import Action, ActionKind, ActionState
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.steps.orders import actions as asking
from awbridge.steps.orders import intake
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.orders import actions
from awbridge.store.tracking.tracking_status import TrackingStatus
from tests.support.acting import FakeClickPost, a_pickup, a_registration, a_world_pickup, act, ask, now_of
from tests.support.rows import T0, add, count, place, set_tracking_status
from tests.support.stores import sqlite_only
from tests.support.world import SetClock

NDR = {"action": "REATTEMPT", "preferred_date": "2026-11-04"}


@pytest.fixture
async def placed(store: Store) -> Store:
    """A store with one placed shipment, R, under waybill AWB1."""
    await add(store, "R")
    await place(store, "R", "AWB1")
    return store


async def set_status(store: Store, bucket: int, *, final: bool = False) -> None:
    sighting = Sighting(seen_at=T0, final=final, step=80, code=9)
    status = TrackingStatus(sighting=sighting, bucket=bucket, edd=None, ndr_code=None)
    async with store.write() as session:
        await set_tracking_status(session, "R", status, last_tracked_at=T0, next_poll_at=None)


@pytest.mark.parametrize(
    ("kind", "body", "paths"),
    [
        (ActionKind.EDIT, {}, {""}),
        (ActionKind.EDIT, [], {""}),
        (ActionKind.EDIT, {"order_type": "GIFT"}, {"order_type"}),
        (ActionKind.EDIT, {"order_type": "COD"}, {"cod_value"}),
        (ActionKind.EDIT, {"order_type": "PREPAID", "cod_value": 5}, {"cod_value"}),
        (ActionKind.EDIT, {"awb_number": "A", "courier_partner": 1}, {"awb_number", "courier_partner"}),
        (ActionKind.EDIT, {"note": "a\x00b"}, {"note"}),
        (ActionKind.LABEL, {"regenerate": "yes"}, {"regenerate"}),
        (ActionKind.LABEL, {"fresh": True}, {"fresh"}),
        (ActionKind.WHATSAPP, {}, {"enabled"}),
        (ActionKind.WHATSAPP, {"enabled": 1}, {"enabled"}),
        (ActionKind.SECURITY_KEY, {"x": 1}, {"x"}),
        (ActionKind.PROOF, {"x": 1}, {"x"}),
        (ActionKind.NDR, {}, {"action"}),
        (ActionKind.NDR, {"action": "BURN"}, {"action"}),
        (ActionKind.NDR, {"action": "REATTEMPT"}, {"preferred_date"}),
        (ActionKind.NDR, {**NDR, "preferred_date": "tomorrow"}, {"preferred_date"}),
        (ActionKind.NDR, {**NDR, "preferred_date": "2026-10-31"}, {"preferred_date"}),
        (ActionKind.NDR, {**NDR, "adress": "typo", "address": []}, {"adress"}),
        (ActionKind.NDR, {**NDR, "address": []}, {"address"}),
        (ActionKind.NDR, {**NDR, "address": "\x00"}, {"address"}),
    ],
)
@sqlite_only
async def test_a_wrong_body_is_refused_with_every_field(
    placed: Store, kind: ActionKind, body: Any, paths: set[str]
) -> None:
    await set_status(placed, 5)
    with pytest.raises(PayloadRefused) as refused:
        await ask(placed, SetClock(), kind, body)
    assert {p.path for p in refused.value.problems} == paths
    assert all(p.problem for p in refused.value.problems)
    assert await count(placed, "actions") == 0


@sqlite_only
@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ([], {""}),
        ({"region": "moon"}, {"region"}),
        ({**a_pickup(), "courier_partner": 0, "items": ""}, {"courier_partner", "items"}),
        ({"courier_partner": 4, "transporter": "nobody"}, {"transporter"}),
        ({**a_world_pickup(awb_number="A", courier_partner_id=4)}, {"shipment_details.account_code"}),
        (
            a_world_pickup(reference_number="unknown"),
            {f"shipment_details.{n}" for n in ("awb_number", "courier_partner_id", "account_code")},
        ),
    ],
)
async def test_a_wrong_pickup_is_refused_with_every_field(store: Store, body: Any, paths: set[str]) -> None:
    with pytest.raises(PayloadRefused) as refused:
        await asking.ask_pickup(store=store, clock=SetClock(), body=body)
    assert {p.path for p in refused.value.problems} == paths
    assert await count(store, "actions") == 0


@sqlite_only
@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ("AWB1", {""}),
        (a_registration(waybill=""), {"waybill"}),
        (a_registration(waybill="none"), {"waybill"}),
        (a_registration(waybill="\x00"), {"waybill"}),
        (a_registration(account_code=None), {"account_code"}),
        (a_registration(shipment_info={}), {"shipment_info.reference_number"}),
        (a_registration(shipment_info={"reference_number": "R\x071"}), {"shipment_info.reference_number"}),
        (a_registration(waybill="AWB\u200b1"), {"waybill"}),
        (
            a_registration(shipment_info={"reference_number": "x" * 201, "delivery_type": "AIR"}),
            {"shipment_info.reference_number", "shipment_info.delivery_type"},
        ),
    ],
)
async def test_a_wrong_registration_is_refused_with_every_field(store: Store, body: Any, paths: set[str]) -> None:
    with pytest.raises(PayloadRefused) as refused:
        await asking.ask_registration(store=store, clock=SetClock(), body=body)
    assert {p.path for p in refused.value.problems} >= paths
    assert await count(store, "actions") == 0


async def test_a_transporter_sets_courier_and_account(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost()
    account = CourierAccount(transporter="ours", courier_partner_id=6, account_code="XB", name="", active=True)
    async with store.write() as session:
        await couriers.put(session, [account], now=T0)
    await asking.ask_pickup(store=store, clock=clock, body={**a_pickup(), "transporter": "ours"})
    await asking.ask_registration(store=store, clock=clock, body={**a_registration(), "transporter": "ours"})
    await act(store, vendor, clock)
    assert [(b["courier_partner"], b["account_code"], "transporter" in b) for b in vendor.bodies] == [
        (6, "XB", False)
    ] * 2


async def test_only_a_failed_delivery_takes_an_instruction(placed: Store) -> None:
    clock = SetClock()
    with pytest.raises(NotPossible, match="no scan yet"):
        await ask(placed, clock, ActionKind.NDR, NDR)
    await set_status(placed, 3)
    with pytest.raises(NotPossible, match="status: in transit"):
        await ask(placed, clock, ActionKind.NDR, NDR)
    await set_status(placed, 5)
    assert (await ask(placed, clock, ActionKind.NDR, NDR)).state is ActionState.DUE


async def test_a_parcel_at_its_end_cannot_be_edited_but_its_proof_can_be_fetched(placed: Store) -> None:
    clock = SetClock()
    await set_status(placed, 6, final=True)
    with pytest.raises(NotPossible, match="has ended"):
        await ask(placed, clock, ActionKind.EDIT, {"order_type": "PREPAID"})
    assert (await ask(placed, clock, ActionKind.PROOF)).state is ActionState.DUE


async def test_nothing_can_be_done_to_what_was_cancelled_before_it_had_a_waybill(store: Store) -> None:
    clock = SetClock()
    await add(store, "R")
    await intake.cancel(store=store, clock=clock, reference_number="R")
    with pytest.raises(NotPossible, match="cancelled before it had a waybill"):
        await ask(store, clock, ActionKind.LABEL)


async def test_there_is_nothing_to_do_for_a_shipment_that_nobody_knows(store: Store) -> None:
    with pytest.raises(NotFound):
        await ask(store, SetClock(), ActionKind.LABEL)


async def test_what_is_asked_twice_under_one_key_is_one_action(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost()
    key = {"idempotency_key": "k-1"}
    await set_status(placed, 5)
    first = await ask(placed, clock, ActionKind.NDR, NDR, **key)
    await act(placed, vendor, clock)
    await set_status(placed, 6, final=True)
    again = await asking.ask(store=placed, clock=clock, kind=ActionKind.NDR, reference_number="R", body=NDR, **key)
    assert (again.action.id, again.created, again.action.state) == (first.id, False, ActionState.DONE)
    assert await act(placed, vendor, clock) == 0
    with pytest.raises(KeyTaken, match="k-1"):
        await ask(placed, clock, ActionKind.LABEL, **key)
    with pytest.raises(KeyTaken):
        await ask(placed, clock, ActionKind.NDR, {**NDR, "action": "INITIATE_RTO"}, **key)


async def test_of_many_that_ask_at_once_under_one_key_one_is_stored(placed: Store) -> None:
    clock = SetClock()
    bodies = [{"order_type": "PREPAID"}, {"qc_type": "doorstep"}] * 5
    asked = await asyncio.gather(
        *(ask(placed, clock, ActionKind.EDIT, body, idempotency_key="k") for body in bodies), return_exceptions=True
    )
    assert await count(placed, "actions") == 1
    assert sum(isinstance(a, KeyTaken) for a in asked) == 5
    assert len({a.id for a in asked if isinstance(a, Action)}) == 1


async def test_a_key_counts_for_one_shipment(placed: Store) -> None:
    await add(placed, "OTHER")
    first = await ask(placed, SetClock(), ActionKind.LABEL, idempotency_key="k")
    second = await ask(placed, SetClock(), ActionKind.LABEL, reference_number="OTHER", idempotency_key="k")
    assert first.id != second.id


async def test_a_pickup_and_a_registration_under_a_key_are_asked_for_once(store: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost()
    for _ in range(2):
        await asking.ask_pickup(store=store, clock=clock, body=a_pickup(), idempotency_key="k")
        await asking.ask_registration(store=store, clock=clock, body=a_registration(), idempotency_key="k")
        await act(store, vendor, clock)
    assert len(vendor.requests) == 2
    with pytest.raises(KeyTaken):
        await asking.ask_pickup(store=store, clock=clock, body=a_pickup(items="9 packages"), idempotency_key="k")


async def test_without_a_key_every_asking_counts(placed: Store) -> None:
    first, second = [await ask(placed, SetClock(), ActionKind.LABEL) for _ in range(2)]
    assert first.id != second.id


@sqlite_only
@pytest.mark.parametrize("key", ["x" * 201, "a\x00b", "a\nb"])
async def test_a_key_that_cannot_be_kept_is_refused(placed: Store, key: str) -> None:
    with pytest.raises(PayloadRefused, match="Idempotency-Key"):
        await ask(placed, SetClock(), ActionKind.LABEL, idempotency_key=key)


async def test_a_known_waybill_or_reference_number_is_not_registered_again(placed: Store) -> None:
    clock = SetClock()
    with pytest.raises(NotPossible, match="waybill AWB1 is known already: it belongs to shipment R"):
        await asking.ask_registration(store=placed, clock=clock, body=a_registration(waybill="AWB1"))
    info = {"reference_number": "R"}
    with pytest.raises(NotPossible, match="R is another shipment's"):
        await asking.ask_registration(store=placed, clock=clock, body=a_registration(shipment_info=info))
    same_number_elsewhere = a_registration(waybill="AWB1", courier_partner=5)
    asked = await asking.ask_registration(store=placed, clock=clock, body=same_number_elsewhere)
    assert asked.created


async def test_what_is_done_or_being_made_is_not_retried(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost()
    action = await ask(placed, clock, ActionKind.EDIT, {"order_type": "PREPAID"})

    async def retry() -> None:
        with pytest.raises(NotPossible, match="being made at this moment"):
            await asking.retry(store=placed, clock=clock, action_id=action.id)

    vendor.on_request = retry
    await act(placed, vendor, clock)
    assert (await now_of(placed, action)).state is ActionState.DONE
    with pytest.raises(NotPossible, match="done"):
        await asking.retry(store=placed, clock=clock, action_id=action.id)


@pytest.mark.parametrize("number", ["", "nonsense", "0" * 24, "zz" + "0" * 22, "\x00" * 24, "00" + "\u00e9" * 22])
async def test_an_unknown_action_is_not_found(store: Store, number: str) -> None:
    with pytest.raises(NotFound):
        await asking.show(store=store, action_id=number)
    with pytest.raises(NotFound):
        await asking.retry(store=store, clock=SetClock(), action_id=number)


async def test_actions_are_listed(placed: Store) -> None:
    clock, vendor = SetClock(), FakeClickPost()
    first = await ask(placed, clock, ActionKind.EDIT, {"order_type": "PREPAID"})
    await act(placed, vendor, clock)
    clock.forward(seconds=1)
    second = await ask(placed, clock, ActionKind.LABEL)
    async with placed.read() as session:
        assert [a.id for a in await actions.newest(session, limit=9)] == [second.id, first.id]
        assert [a.id for a in await actions.newest(session, limit=1)] == [second.id]
        assert [a.id for a in await actions.newest(session, state=ActionState.DONE, limit=9)] == [first.id]
        assert [a.id for a in await actions.of_shipment(session, "R")] == [first.id, second.id]


@pytest.mark.parametrize("none", ["NA", "0", "#N/A"])
async def test_a_pickup_takes_no_word_for_a_waybill(store: Store, none: str) -> None:
    body = a_world_pickup(awb_number=none, courier_partner_id=4, account_code="main")
    with pytest.raises(PayloadRefused) as refused:
        await asking.ask_pickup(store=store, clock=SetClock(), body=body)
    assert "shipment_details.awb_number" in {p.path for p in refused.value.problems}
