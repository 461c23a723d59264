"""Couriers by configuration: mapping, retiring, moving, comparing with ClickPost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from awbridge.clickpost.lookups.accounts import VendorAccount, VendorAccounts
from awbridge.clickpost.orders.create import create_order_request
from awbridge.domain.call import Call
from awbridge.domain.errors import NotFound, NotPossible, NotValid, VendorError
from awbridge.domain.orders.shipment import State
from awbridge.steps.couriers import couriers as courier_steps
from awbridge.steps.couriers import moving
from awbridge.steps.couriers.sync_couriers import differences, sync_couriers, sync_due
from awbridge.steps.orders import intake
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.notify import alarms
from tests.support.rows import T0, place, sql
from tests.support.world import SetClock, an_order, get

DAY = timedelta(days=1)


def mine(transporter: str, courier: int = 4, code: str | None = "one", **more: Any) -> CourierAccount:
    return CourierAccount(transporter=transporter, courier_partner_id=courier, account_code=code, **more)


def theirs(courier: int = 4, code: str = "one", *, active: bool = True) -> VendorAccount:
    return VendorAccount(courier_partner_id=courier, courier_name="Courier", account_code=code, active=active)


class Vendor:
    def __init__(self, *accounts: VendorAccount) -> None:
        self.accounts = list(accounts)
        self.calls = 0
        self.fails = False
        self.unread = 0  # of each answer

    async def fetch_accounts(self, active: bool | None = True) -> VendorAccounts:
        self.calls += 1
        if self.fails:
            raise VendorError("fetch-accounts: no answer", call=Call(api="fetch-accounts", method="GET", url="u"))
        found = VendorAccounts(a for a in self.accounts if a.active or not active)
        found.unread = self.unread
        return found


async def put(store: Store, *accounts: CourierAccount) -> None:
    await courier_steps.put_couriers(store=store, clock=SetClock(), accounts=accounts)


async def test_an_account_code_that_was_rounded_is_refused(store: Store) -> None:
    with pytest.raises(NotValid, match="account_code was rounded"):
        await put(store, CourierAccount(transporter="air", courier_partner_id=5, account_code="4.1E+12"))
    assert await every(store) == {}


async def every(store: Store) -> dict[str, CourierAccount]:
    async with store.read() as session:
        return {a.transporter: a for a in await couriers.every(session)}


async def warnings(store: Store) -> dict[str, str]:
    async with store.read() as session:
        return {w.transporter: w.kind for w in await couriers.warnings(session)}


async def take_in(store: Store, reference: str, transporter: str = "t", **details: Any) -> None:
    order = {**an_order(reference, **details), "transporter": transporter}
    await intake.take_in(store=store, clock=SetClock(), orders=[order])


async def test_fallbacks_that_lead_nowhere_are_not_kept(store: Store) -> None:
    await put(store, mine("a"), mine("b", fallback="a"))
    with pytest.raises(NotValid, match="form a loop"):
        await put(store, mine("a", fallback="b"))
    with pytest.raises(NotValid, match="'x' of 'a' is not known"):
        await put(store, mine("a", fallback="x"))
    assert (await every(store))["a"].fallback is None


async def test_a_transporter_that_others_name_is_not_removed(store: Store) -> None:
    await put(store, mine("a"), mine("b", fallback="a"))
    with pytest.raises(NotPossible, match="the fallback of b"):
        await courier_steps.remove_courier(store=store, transporter="a")
    await put(store, mine("b"))
    rows = [{"name": "all", "transporter": "a"}]
    await courier_steps.put_rules(store=store, clock=SetClock(), rows=rows)
    with pytest.raises(NotPossible, match="allocation rules name a: all"):
        await courier_steps.remove_courier(store=store, transporter="a")
    await courier_steps.put_rules(store=store, clock=SetClock(), rows=[])
    await courier_steps.remove_courier(store=store, transporter="a")
    with pytest.raises(NotFound):
        await courier_steps.remove_courier(store=store, transporter="a")


async def force(store: Store, reference: str, changes: str) -> None:
    async with store.write() as session:
        await session.execute(sql(f"UPDATE shipments SET {changes} WHERE reference_number = $1"), reference)


async def test_moving_takes_what_clickpost_certainly_does_not_hold(store: Store) -> None:
    clock = SetClock()
    await put(store, mine("t"), mine("new", 5, None), mine("other", 6, "x"))
    names = ("NEVER-SENT", "REFUSED", "HELD", "MAYBE", "PLACED", "BUSY", "UNWANTED", "A-REFERENCE-OF-25-LETTERS")
    for reference in names:
        await take_in(store, reference)
    await take_in(store, "OWN-AWB", awb_number="AWB7")
    await take_in(store, "OTHERS", "other")
    await place(store, "PLACED", "AWB1")
    await force(store, "REFUSED", "sent_at = created_at, state = 'rejected', next_try_at = NULL, no_of_retries = 2")
    await force(store, "MAYBE", "sent_at = created_at, state = 'retrying'")
    await force(store, "HELD", "state = 'held', waits_for = 'PLACED', problem = 'waits', next_try_at = NULL")
    await force(store, "BUSY", "lease_owner = 'w', lease_ends_at = created_at")
    await force(store, "UNWANTED", "cancel_requested_at = created_at")
    moved = await moving.move_shipments(store=store, clock=clock, from_transporter="t", to_transporter="new")
    assert sorted(moved.moved) == ["HELD", "NEVER-SENT", "REFUSED"]
    held = await get(store, "HELD")
    assert (held.state, held.account, held.waits_for, held.next_try_at) == (State.HELD, "5:", "PLACED", None)
    assert (await get(store, "NEVER-SENT")).account == "5:"
    stayed = {s.reference_number: s.reason for s in moved.stayed}
    assert stayed.keys() == {"MAYBE", "BUSY", "UNWANTED", "OWN-AWB", "A-REFERENCE-OF-25-LETTERS"}
    assert "ClickPost may hold it" in stayed["MAYBE"]
    assert "being sent right now" in stayed["BUSY"]
    assert "waybill of the first courier" in stayed["OWN-AWB"]
    assert "at most 20 characters" in stayed["A-REFERENCE-OF-25-LETTERS"]
    for reference in ("NEVER-SENT", "REFUSED"):
        after = await get(store, reference)
        assert (after.transporter, after.courier_partner_id, after.account_code) == ("new", 5, None)
        assert (after.state, after.allocated_by, after.next_try_at) == (State.READY, "moved from t", clock())
        details = create_order_request(after)["shipment_details"]
        assert details["courier_partner"] == 5
        assert "account_code" not in details
    assert (await get(store, "OTHERS")).transporter == "other"


async def test_moving_goes_through_all_pages(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "PAGE", 2)
    await put(store, mine("t"), mine("new", 6, "x"))
    for number in range(5):
        await take_in(store, f"R{number}")
    await force(store, "R2", "sent_at = created_at")
    moved = await moving.move_shipments(store=store, clock=SetClock(), from_transporter="t", to_transporter="new")
    assert sorted(moved.moved) == ["R0", "R1", "R3", "R4"]
    assert [s.reference_number for s in moved.stayed] == ["R2"]


@pytest.mark.parametrize(("to", "error"), [("nobody", NotFound), ("off", NotPossible), ("t", NotPossible)])
async def test_a_destination_must_be_another_active_transporter(store: Store, to: str, error: type[Exception]) -> None:
    await put(store, mine("t"), mine("off", 6, active=False))
    with pytest.raises(error):
        await moving.move_shipments(store=store, clock=SetClock(), from_transporter="t", to_transporter=to)


def test_the_differences() -> None:
    known = [
        mine("same"),
        mine("also the same"),
        mine("went off", code="off"),
        mine("retired", code="here"),
        mine("gone", code="gone"),
        mine("gone and retired", code="gone too", active=False),
        mine("main", 9),
    ]
    listed = [theirs(), theirs(code="off", active=False), theirs(code="here"), theirs(7, "main")]
    known[3] = mine("retired", code="here", active=False)
    changes = {c.account.transporter: (c.change, c.account.active, c.written) for c in differences(known, listed)}
    assert changes == {
        "went off": ("switched off at ClickPost", False, True),
        "retired": ("active at ClickPost, switched off here", False, False),
        "gone": ("vanished at ClickPost", False, True),
        "main": ("vanished at ClickPost", False, True),
        "main (7)": ("new", True, True),
    }


async def test_nothing_is_written_unless_asked_for(store: Store) -> None:
    await put(store, mine("t", fallback=None, name="Mine"))
    vendor = Vendor(theirs(active=False), theirs(6, "six"))
    shown = await sync_couriers(store=store, clickpost=vendor, clock=SetClock(), apply=False)
    assert {c.account.transporter for c in shown.changes} == {"t", "six"}
    assert (await every(store))["t"].active
    assert (await sync_couriers(store=store, clickpost=vendor, clock=SetClock(), apply=True)).applied
    after = await every(store)
    assert (after["t"].active, after["t"].name, after["six"].active) == (False, "Mine", True)
    again = await sync_couriers(store=store, clickpost=vendor, clock=SetClock(), apply=True)
    assert (again.changes, again.applied) == ([], False)


async def test_an_empty_list_of_accounts_switches_nothing_off(store: Store) -> None:
    await put(store, mine("t"))
    with pytest.raises(NotPossible, match="no courier account at all"):
        await sync_couriers(store=store, clickpost=Vendor(), clock=SetClock(), apply=True)
    assert (await every(store))["t"].active


@pytest.mark.parametrize(
    ("account", "listed", "kind"),
    [
        (mine("t"), [theirs()], None),
        (mine("t"), [theirs(active=False)], "inactive"),
        (mine("t"), [theirs(6)], "vanished"),
        (mine("t"), [theirs(code="renamed")], "renamed"),
        (mine("t", code=None), [theirs()], None),
        (mine("t", code=None), [theirs(), theirs(code="two")], "renamed"),
        (mine("t", code=None), [theirs(6)], "vanished"),
        (mine("t", active=False), [theirs(active=False)], None),
    ],
)
async def test_accounts_in_use_are_warned_of(
    store: Store, account: CourierAccount, listed: list[VendorAccount], kind: str | None
) -> None:
    await put(store, account)
    clock = SetClock()
    await sync_due(store=store, clickpost=Vendor(*listed), clock=clock, every=DAY)
    assert await warnings(store) == ({"t": kind} if kind else {})
    assert (await every(store))["t"] == account  # compared, not written


async def test_shipments_that_wait_under_a_retired_transporters_account_are_warned_of(store: Store) -> None:
    await put(store, mine("t"))
    await take_in(store, "R")
    await put(store, mine("t", active=False))
    with pytest.raises(intake.BatchRefused, match="1 of the orders"):
        await take_in(store, "S")
    vendor, clock = Vendor(theirs(active=False)), SetClock()
    await sync_due(store=store, clickpost=vendor, clock=clock, every=DAY)
    async with store.read() as session:
        [warning] = await couriers.warnings(session)
        assert await couriers.count_warnings(session) == {"inactive": 1}
    assert (warning.transporter, warning.kind, warning.since_at) == ("", "inactive", T0)
    assert "1 shipments wait under it" in warning.warning


async def test_a_warning_keeps_its_beginning_and_goes_when_its_reason_does(store: Store) -> None:
    await put(store, mine("t"))
    vendor, clock = Vendor(theirs(active=False)), SetClock()
    await sync_due(store=store, clickpost=vendor, clock=clock, every=DAY)
    clock.forward(days=1)
    await sync_due(store=store, clickpost=vendor, clock=clock, every=DAY)
    async with store.read() as session:
        assert [w.since_at for w in await couriers.warnings(session)] == [T0]
        [alarm] = await alarms.open_now(session)
    assert (alarm.cause, alarm.times, alarm.raised_at) == ("courier.4:one", 2, T0)
    vendor.accounts = [theirs()]
    clock.forward(days=1)
    await sync_due(store=store, clickpost=vendor, clock=clock, every=DAY)
    assert await warnings(store) == {}
    async with store.read() as session:
        assert await alarms.open_now(session) == []


async def test_the_comparison_is_made_once_when_it_is_due_and_sooner_after_a_failure(store: Store) -> None:
    vendor, clock = Vendor(theirs()), SetClock()

    async def watch() -> int:
        return await sync_due(store=store, clickpost=vendor, clock=clock, every=DAY)

    assert [await watch(), await watch()] == [1, 0]
    assert vendor.calls == 2  # the active ones, and all
    clock.forward(days=1)
    vendor.fails = True
    assert [await watch(), await watch()] == [1, 0]
    async with store.read() as session:
        state = await couriers.comparison(session)
    assert state is not None
    assert (state.compared_at, state.next_at - clock()) == (T0, timedelta(minutes=10))
    assert "no answer" in (state.problem or "")
    clock.forward(minutes=10)
    vendor.fails = False
    assert await watch() == 1
    async with store.read() as session:
        state = await couriers.comparison(session)
    assert state is not None
    assert (state.compared_at, state.problem) == (clock(), None)
