"""Chosen shipments move to another transporter where ClickPost certainly does not hold them."""

from __future__ import annotations

import pytest

from awbridge.domain.errors import NotFound, NotPossible
from awbridge.steps.couriers.couriers import put_couriers
from awbridge.steps.couriers.moving import move_each
from awbridge.store import Store
from awbridge.store.couriers.couriers import CourierAccount
from tests.support.rows import add, place
from tests.support.world import SetClock, an_order, get


async def two_couriers(store: Store, clock: SetClock) -> None:
    accounts = [
        CourierAccount(transporter="main", courier_partner_id=4, account_code="main"),
        CourierAccount(transporter="other", courier_partner_id=6, account_code="second"),
        CourierAccount(transporter="off", courier_partner_id=6, account_code="off", active=False),
    ]
    await put_couriers(store=store, clock=clock, accounts=accounts)


async def test_each_moves_or_says_why_not(store: Store) -> None:
    clock = SetClock()
    await two_couriers(store, clock)
    await add(store, "READY", payload=an_order("READY"))
    await add(store, "PLACED", payload=an_order("PLACED"))
    await place(store, "PLACED", "AWB1")
    names = ["READY", "PLACED", "UNKNOWN"]
    results = await move_each(store=store, clock=clock, references=names, to_transporter="other")
    assert [(r.reference_number, r.done) for r in results] == [("READY", True), ("PLACED", False), ("UNKNOWN", False)]
    assert "it is placed" in results[1].text
    moved = await get(store, "READY")
    assert (moved.account, moved.transporter, moved.allocated_by) == ("6:second", "other", "moved from 4:main")
    [again] = await move_each(store=store, clock=clock, references=["READY"], to_transporter="other")
    assert (again.done, again.text) == (False, "It is with this courier account already.")


async def test_a_wrong_destination_moves_nothing(store: Store) -> None:
    clock = SetClock()
    await two_couriers(store, clock)
    await add(store, "READY", payload=an_order("READY"))
    with pytest.raises(NotFound, match="nobody"):
        await move_each(store=store, clock=clock, references=["READY"], to_transporter="nobody")
    with pytest.raises(NotPossible, match="switched off"):
        await move_each(store=store, clock=clock, references=["READY"], to_transporter="off")
    assert (await get(store, "READY")).account == "4:main"
