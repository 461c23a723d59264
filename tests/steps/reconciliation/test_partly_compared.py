"""Comparisons that could not read one side say so: reports in the vendor's own words, counts, accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from awbridge.clickpost.reports.reports import parse_counts
from awbridge.clickpost.wire.lenient_json import Reply
from awbridge.domain.orders.shipment import State
from awbridge.domain.reconciliation.differences import Compared, DifferenceTable, Ours, Theirs, status_differs
from awbridge.steps.couriers.couriers import put_couriers
from awbridge.steps.couriers.sync_couriers import sync_couriers
from awbridge.steps.notify.health_monitor import HealthMonitor, Machine
from awbridge.steps.reconciliation.reconcile import begin_day, reconcile_due
from awbridge.store import Store
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.notify import alarms
from awbridge.store.reconciliation.reconciliations import Stage
from tests.steps.couriers.test_couriers import Vendor, theirs
from tests.steps.reconciliation.test_match import DAY, found, reconciled
from tests.steps.reconciliation.test_reconcile import World, seen_everywhere, world
from tests.support.rows import T0, add, place, sql
from tests.support.world import INDIA, SetClock

pytestmark = pytest.mark.heavy

__all__ = ["world"]

HEADER = "Reference Number,Courier Partner,AWB,Clickpost Unified Status,Latest Timestamp,Account Code\n"
LATER = "02-11-2026 20:00"  # T0 is 12:00 of that day in India


async def tracked(store: Store, number: int, code: int | None, courier: int = 4) -> None:
    """A shipment of ours with a status since T0."""
    await add(store, f"ORDER-{number}", courier_partner_id=courier)
    await place(store, f"ORDER-{number}", f"400000000000{number}")
    async with store.write() as session:
        change = sql("UPDATE shipments SET status_code = $1, status_at = $2, last_tracked_at = $2 WHERE waybill = $3")
        await session.execute(change, code, T0, f"400000000000{number}")


def row(number: int, courier: str, status: str, at: str = LATER) -> str:
    return f"ORDER-{number},{courier},`400000000000{number},{status},{at},Surface\n"


async def test_every_difference_is_seen_by_the_vendor_s_own_columns_and_words(store: Store) -> None:
    words = ["Cancelled", "RTO-ShipmentDelay", "RTO-Failed Delivery", "Delivered", "RTO-InTransit", "Lost", "InTransit"]
    for number in range(len(words) + 1):
        await tracked(store, number, 5, courier=4)
    run = await reconciled(
        store,
        HEADER
        + "".join(row(number, "Delhivery", word) for number, word in enumerate(words))
        + row(len(words), "Delhivery Reverse", "InTransit"),
        day=DAY,
    )
    assert await found(store, run) == [
        ("courier_differs", "ORDER-7"),
        *(("status_differs", f"ORDER-{number}") for number in range(6)),
    ]
    assert (run.matched, run.partly, run.compared, run.not_understood.sentences()) == (1, 0, Compared.FULLY, [])


async def test_what_is_not_understood_is_counted_and_never_matched(store: Store) -> None:
    for number in range(4):
        await tracked(store, number, 5)
    rows = [("Delhivery", "InTransit"), ("Delhivery", "RTO-Handover"), ("Moon Express", "InTransit"), ("", "")]
    run = await reconciled(store, HEADER + "".join(row(n, *cells) for n, cells in enumerate(rows)), day=DAY)
    assert (run.matched, run.partly, run.found, run.compared) == (1, 3, {}, Compared.PARTLY)
    assert run.not_understood.sentences() == [
        "courier names not understood: 'Moon Express' in 1 row",
        "statuses not understood: 'RTO-Handover' in 1 row",
    ]


async def test_a_row_may_differ_in_one_thing_and_not_be_understood_in_another(store: Store) -> None:
    await tracked(store, 1, 5)
    run = await reconciled(store, HEADER + row(1, "Moon Express", "Delivered"))
    assert (run.matched, run.partly, run.found) == (0, 0, {"status_differs": 1})
    assert run.compared is Compared.PARTLY


async def test_a_shipment_without_news_is_one_without_a_status(store: Store) -> None:
    await tracked(store, 1, None)
    await tracked(store, 2, None)
    run = await reconciled(store, HEADER + row(1, "Delhivery", "NoStatusExist") + row(2, "Delhivery", ""))
    assert (run.matched, run.partly, run.compared) == (2, 0, Compared.FULLY)


async def test_couriers_go_by_the_company_s_names_and_by_those_of_clickpost_s_list(store: Store) -> None:
    await put_couriers(
        store=store, clock=SetClock(), accounts=[CourierAccount(transporter="Moon", courier_partner_id=77)]
    )
    listed = theirs(88, "Sun 1")
    await sync_couriers(store=store, clickpost=Vendor(listed), clock=SetClock(), apply=False)
    await tracked(store, 1, 5, courier=77)
    await tracked(store, 2, 5, courier=88)
    run = await reconciled(store, HEADER + row(1, "MOON", "InTransit") + row(2, listed.courier_name, "InTransit"))
    assert (run.matched, run.compared) == (2, Compared.FULLY)


async def test_a_time_that_cannot_be_read_where_it_decides_is_counted(store: Store) -> None:
    await tracked(store, 1, 5)
    run = await reconciled(store, HEADER + row(1, "Delhivery", "Delivered", "once upon a time"))
    assert run.not_understood.sentences() == ["unreadable times: 1 row"]
    assert run.compared is Compared.PARTLY


async def test_failed_orders_are_compared_by_name_alone(store: Store) -> None:
    await tracked(store, 1, 5)
    run = await reconciled(store, "Reference Number,Request,Response\nORDER-1,{},no\n", kind=DifferenceTable.FAILURES)
    assert (run.matched, run.compared) == (1, Compared.FULLY)


@pytest.mark.parametrize(("ours_at", "differs"), [(-30, True), (30, True), (61, False)])
def test_a_report_states_minutes_without_seconds(ours_at: int, differs: bool) -> None:
    ours = Ours(
        reference_number="R",
        waybill="W",
        courier_partner_id=4,
        state=State.PLACED,
        status_code=5,
        status_at=T0 + timedelta(seconds=ours_at),
    )
    row = Theirs(line=2, status_code=8, status_at=T0, status_within=timedelta(seconds=59))
    assert status_differs(ours, row, made_at=None) is differs


def test_counts_that_cannot_be_read_are_not_zero() -> None:
    days = {
        "2026-11-01": {},
        "2026-11-02": {"manifestation": 4, "tracking": "5"},
        "2026-11-03": {"manifested": 4},
        "2026-11-04": None,
    }
    reply = Reply(http_status=200, body={"meta": {"status": 200}, "result": days})
    assert [(count.day.day, count.manifestation, count.tracking) for count in parse_counts(reply).days] == [
        (1, 0, 0),
        (2, 4, 5),
    ]


class Speechless:
    """A ClickPost whose counts nobody can read."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def fetch_shipment_count(self, *_: object) -> Any:
        return parse_counts(Reply(http_status=200, body={"result": {"2026-11-02": {"count": 6}}}))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


async def test_a_day_whose_count_cannot_be_read_is_compared_by_its_report_and_says_so(world: World) -> None:
    await seen_everywhere(world)
    today = world.clock().astimezone(INDIA).date()
    run = await begin_day(store=world.store, clock=world.clock, zone=INDIA, day=today)
    vendor = Speechless(world.clickpost)
    while not run.state.over:
        await reconcile_due(store=world.store, clickpost=vendor, clock=world.clock, policy=world.policy, only=run.id)
        world.clock.ahead += timedelta(seconds=1)
        run = await world.run(run.id)
    assert (run.state, run.theirs_placed, run.matched, run.compared) == (Stage.DONE, None, 6, Compared.PARTLY)
    assert run.not_understood.sentences() == ["ClickPost's answer has no readable count of the day"]


async def test_the_sandbox_s_own_report_is_compared_fully(world: World) -> None:
    await seen_everywhere(world)
    await world.by_hand("BY-HAND")
    run = await world.to_the_end()
    assert (run.matched, run.compared, run.found) == (6, Compared.FULLY, {"missing_here": 1})
    assert run.columns_read
    assert run.columns_read["understood"]["status"] == "Clickpost Unified Status"


async def test_a_day_that_was_compared_only_partly_is_an_alarm(store: Store) -> None:
    clock = SetClock()
    await tracked(store, 1, 5)
    monitor = HealthMonitor(
        store=store,
        clock=clock,
        loops=list,
        machine=Machine(name="one", free_share=lambda: 1.0, least_free=0.1),
    )
    await reconciled(store, HEADER + row(1, "Delhivery", "RTO-Handover"), source="upload")  # who brought it sees it
    await monitor.check()
    assert await texts(store) == []
    run = await reconciled(store, HEADER + row(1, "Moon", "RTO-Handover"), source="folder", name="day.csv")
    clock.forward(minutes=2)
    await monitor.check()
    (text,) = await texts(store)
    assert text.startswith("day.csv was compared only partly: courier names not understood: 'Moon' in 1 row; status")
    assert str(run.id) in text
    await reconciled(store, HEADER + row(1, "Delhivery", "InTransit"), source="folder")
    clock.forward(minutes=2)
    await monitor.check()
    assert await texts(store) == []


async def texts(store: Store) -> list[str]:
    async with store.read() as session:
        return [alarm.text for alarm in await alarms.open_now(session)]


async def test_accounts_that_cannot_be_read_have_not_vanished(store: Store) -> None:
    await put_couriers(
        store=store,
        clock=SetClock(),
        accounts=[CourierAccount(transporter="D", courier_partner_id=4, account_code="one")],
    )
    vendor = Vendor(theirs(6, "other"))
    vendor.unread = 1
    report = await sync_couriers(store=store, clickpost=vendor, clock=SetClock(), apply=True)
    assert ([change.change for change in report.changes], report.warnings, report.unread) == (["new"], [], 2)
    vendor.unread = 0
    report = await sync_couriers(store=store, clickpost=vendor, clock=SetClock(), apply=False)
    assert [change.change for change in report.changes] == ["vanished at ClickPost"]
    assert [warning.kind for warning in report.warnings] == ["vanished"]
