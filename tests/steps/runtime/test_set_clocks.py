"""Clocks: one that was ahead and is right again has lost nothing and delays nothing; replicas go by the database's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from awbridge.app.database import open_store
from awbridge.app.settings import Settings
from awbridge.domain.orders.outcome import Misconfigured, Outcome, TryLater
from awbridge.domain.orders.shipment import State
from awbridge.steps.notify.health_monitor import HealthMonitor, Machine
from awbridge.steps.polling.policy import CatchUpPolicy
from awbridge.steps.polling.updated_order import cover_next_window
from awbridge.steps.reconciliation.reconcile import begin_scheduled
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.schedule import Job, Ran, run_due
from awbridge.steps.runtime.set_clocks import ClockPolicy, SetClocks
from awbridge.store import Store
from awbridge.store.audit import reports
from awbridge.store.audit.reports import Report
from awbridge.store.couriers import accounts
from awbridge.store.engine.clocks import clock_marks
from awbridge.store.engine.clocks.shared_time import SHARED_TIME, SharedTime
from awbridge.store.notify import alarms
from awbridge.store.reconciliation import reconciliations
from tests.steps.polling.test_catch_up import Vendor as TrackingVendor
from tests.steps.registration.test_push import POLICY, Vendor, push
from tests.support.rows import MINUTE, T0, add, claim_in, fetch, sql
from tests.support.stores import TABLES, postgres_only, sqlite_only
from tests.support.world import INDIA, SetClock, get

pytestmark = pytest.mark.heavy

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LEASE = timedelta(seconds=300)


class Bridge:
    """A process whose clock may be wrong. `true_now` is what time it really is."""

    def __init__(self, store: Store, now: datetime = T0) -> None:
        self.store = store
        self.clock = SetClock(now)
        self.off = timedelta(0)
        self._clocks = SetClocks(
            store=store, clock=self.clock, policy=ClockPolicy(zone=INDIA, lease=LEASE), shared=SharedTime()
        )

    @property
    def true_now(self) -> datetime:
        return self.clock.now - self.off

    async def check(self) -> None:
        await self._clocks.check()

    async def ahead(self, by: timedelta = DAY) -> None:
        """The clock is wrong from now on."""
        await self.check()
        self.off = by
        self.clock.now += by
        await self.check()

    async def right_again(self) -> None:
        await self.check()
        self.clock.now -= self.off
        self.off = timedelta(0)
        await self.check()


async def last_set_back(store: Store) -> clock_marks.SetBack | None:
    async with store.read() as session:
        return await clock_marks.last_set_back(session, after=T0 - DAY)


async def test_every_minute_is_asked_for_after_it_was_over(store: Store) -> None:
    bridge, vendor, policy = Bridge(store), TrackingVendor(), CatchUpPolicy()
    asked: list[tuple[datetime, datetime, datetime]] = []  # from, to, and when that was really asked

    async def minutes(number: int) -> None:
        for _ in range(number):
            vendor.windows.clear()
            while await cover_next_window(store=store, clickpost=vendor, clock=bridge.clock, policy=policy):
                pass
            asked.extend((start, end, bridge.true_now) for start, end in vendor.windows)
            bridge.clock.forward(minutes=1)

    await minutes(30)
    await bridge.ahead()
    await minutes(60)
    await bridge.right_again()
    await minutes(180)
    covered = T0
    for start, end, when in sorted(asked):
        if when >= end and start <= covered:
            covered = max(covered, end)
    assert covered >= bridge.true_now - policy.window - policy.lag
    assert all(end <= bridge.true_now for _, end, when in asked if when > T0 + timedelta(minutes=90))


@pytest.mark.parametrize("outcome", [TryLater(message="courier away"), Misconfigured(message="bad key", code=301)])
async def test_an_order_whose_try_failed_meanwhile_is_tried_after_its_own_delay(store: Store, outcome: Outcome) -> None:
    bridge, vendor = Bridge(store), Vendor({"R": outcome})
    await bridge.ahead()
    await add(store, "R", now=bridge.clock())
    await push(store, vendor, bridge.clock)
    due_at = (await get(store, "R")).next_try_at
    assert due_at
    delay = due_at - bridge.clock.now
    bridge.clock.forward(seconds=20)
    await bridge.right_again()
    vendor.answers.clear()
    bridge.clock.now += delay + timedelta(seconds=1)
    await push(store, vendor, bridge.clock)
    after = await get(store, "R")
    assert (after.state, vendor.calls) == (State.PLACED, ["R", "R"])
    assert after.placed_at == bridge.clock.now


async def test_an_order_that_was_stored_by_a_wrong_clock_is_pushed_at_once(store: Store) -> None:
    bridge, vendor = Bridge(store), Vendor()
    await bridge.check()
    await add(store, "R", now=T0 + DAY)  # by another machine, which leaves no mark
    await push(store, vendor, bridge.clock)
    assert vendor.calls == []
    await bridge.check()
    await push(store, vendor, bridge.clock)
    assert vendor.calls == ["R"]


async def test_a_lease_of_a_worker_that_was_killed_meanwhile_ends_in_bounded_time(store: Store) -> None:
    bridge, vendor = Bridge(store), Vendor()
    await bridge.check()
    await add(store, "R")
    await bridge.ahead()
    async with store.write() as session:
        await claim_in(session, owner="killed", now=bridge.clock(), until=bridge.clock() + 2 * MINUTE)
    await bridge.right_again()
    await push(store, vendor, bridge.clock)
    assert vendor.calls == []  # it may be alive: its call lasts as long as any
    bridge.clock.now += LEASE
    await push(store, vendor, bridge.clock)
    assert vendor.calls == ["R"]


async def test_an_account_that_was_held_meanwhile_is_probed_and_free_as_soon_as_ever(store: Store) -> None:
    bridge = Bridge(store)
    await bridge.ahead()
    vendor = Vendor({f"R{n}": TryLater(message="away", retry_after=200.0) for n in range(12)})
    await add(store, *vendor.answers, now=bridge.clock())
    await push(store, vendor, bridge.clock)
    await bridge.right_again()
    await add(store, "NEW", now=bridge.clock())
    bridge.clock.forward(seconds=61)
    await push(store, vendor, bridge.clock)
    async with store.read() as session:
        states = await accounts.every(session)
    assert all(not (d.state.probe_at and d.state.probe_at > bridge.clock() + HOUR) for d in states)
    vendor.answers.clear()
    for _ in range(40):
        bridge.clock.forward(seconds=30)
        await push(store, vendor, bridge.clock)
    assert (await get(store, "NEW")).success


async def test_a_daily_job_runs_once_for_each_day_at_its_time(store: Store) -> None:
    bridge = Bridge(store)
    ran: list[tuple[datetime, datetime]] = []  # the due time, and when it really was done

    async def work(due_at: datetime) -> Ran:
        ran.append((due_at, bridge.true_now))
        return Ran("done")

    job = Job(name="daily", cron="30 0 * * *", work=work, catch_up=31)

    async def hours(number: int) -> None:
        for _ in range(4 * number):
            await bridge.check()
            await run_due(store=store, clock=bridge.clock, zone=INDIA, jobs=[job])
            bridge.clock.forward(minutes=15)

    await hours(30)
    await bridge.ahead()
    await hours(1)
    await bridge.right_again()
    await hours(72)
    in_time = [due for due, when in ran if when >= due]
    assert len(in_time) == len(set(in_time)) == 4
    assert {(later - sooner) for sooner, later in pairwise(in_time)} == {DAY}


async def test_a_run_at_its_time_just_before_the_jump_is_not_repeated(store: Store) -> None:
    bridge, ran = Bridge(store), list[datetime]()

    async def work(due_at: datetime) -> Ran:
        ran.append(due_at)
        return Ran("done")

    job = Job(name="daily", cron="30 12 * * *", work=work, catch_up=31)  # T0 is 12:00 in India

    async def run() -> None:
        await run_due(store=store, clock=bridge.clock, zone=INDIA, jobs=[job])

    await run()
    bridge.clock.forward(minutes=40)
    await run()
    assert len(ran) == 1
    await bridge.ahead(timedelta(hours=6))
    await run()
    await bridge.right_again()
    bridge.clock.forward(hours=2)
    await run()
    assert len(ran) == 1


async def _mailed(store: Store, day: date, now: datetime) -> str:
    report = Report(
        id=f"failures-{day}-own", kind="failures", day=str(day), destination="own", shipments=1, calls=1,
        object_key=None, bytes=None, sha256=None, created_at=now,
    )  # fmt: skip
    async with store.write() as session:
        await reports.put(session, report)
        await reports.mailed(session, report.id, to=1, now=now)
    return report.id


async def test_a_report_of_a_day_that_was_not_over_is_mailed_again_and_of_one_that_was_is_not(store: Store) -> None:
    bridge = Bridge(store)
    await bridge.ahead()
    early = await _mailed(store, date(2026, 11, 2), bridge.clock())
    over = await _mailed(store, date(2026, 11, 1), bridge.clock())
    await bridge.right_again()
    async with store.read() as session:
        found = {r.id: r.mailed_at for r in await reports.newest(session, limit=9)}
    assert found[early] is None
    assert found[over] is not None


async def test_a_day_that_was_compared_before_it_was_over_is_compared_again(store: Store) -> None:
    bridge = Bridge(store)

    async def begin() -> None:
        due_at = datetime.fromisoformat("2026-11-03T02:30+05:30")
        await begin_scheduled(store=store, clock=bridge.clock, zone=INDIA, due_at=due_at)

    await bridge.ahead()
    await begin()
    await bridge.right_again()
    bridge.clock.forward(days=1)
    await begin()
    await begin()
    async with store.read() as session:
        found = await reconciliations.newest(session)
    assert [str(run.day) for run in found] == ["2026-11-02", "2026-11-02"]


# Nothing is decided by comparing these with now, or what is decided is none the worse for a day.
STAYS = {
    # The vendor's, or of record.
    "shipments": {
        "status_at",
        "edd_stated_at",
        "edd_due_at",
        "ndr_at",
        "piece_exception_at",
        "erased_at",
        "stuck_since_at",
    },
    "inbox": {"received_at", "applied_at"},
    "inbox_batches": {"received_at"},
    "scans": {"scanned_at", "received_at"},
    "promises": {"stated_at", "received_at"},
    "milestones": {"status_at", "fresh_at"},
    "payload_versions": {"changed_at"},
    "waybills": {"created_at"},
    "notices": {"settled_at"},
    "opt_outs": {"created_at"},
    "endpoints": {"created_at", "updated_at", "old_secret_until_at"},
    "events": {"created_at"},
    "courier_accounts": {"created_at", "updated_at"},
    "courier_warnings": {"since_at"},
    "allocation_rules": {"created_at"},
    "downtimes": {"from_at", "to_at", "created_at"},
    "erasures": {"done_at"},
    "replays": {"started_at", "done_at"},
    "reconciliations": set[str](),
    "differences": {"pushed_at", "found_at", "solved_at"},
    "event_deliveries": set[str](),
    "clock_marks": {"set_back_at"},
    "restores": {"restored_at", "point_at", "until_at"},
    "saved_views": {"created_at", "updated_at"},
    "figure_samples": {"begun_at", "sampled_at"},  # a time ahead counts as none
    "account_figures": {"due_at", "last_webhook_at", "counted_at"},  # a time ahead counts as now
    "accounts": {"suspended_at", "created_at", "updated_at", "drop_begun_at", "dropped_at"},  # of record
    "processes": {"started_at", "seen_at"},  # a time ahead counts as none
    "actions": set[str](),
    "customer_answers": {"about_at", "received_at", "settled_at", "updated_at"},  # of record
    "answer_tries": set[str](),
    "labels": {"refreshed_at", "fetched_at"},
    "print_runs": {"created_at"},
    "print_lines": {"printed_at"},
    "manifests": {"created_at"},
    # A session or link of a clock that was ahead ends as much later; the rest is of record.
    "people": {"link_ends_at", "disabled_at", "created_at", "updated_at"},
    "sessions": {"created_at", "seen_at", "ends_at"},
    "api_keys": {"created_at", "last_used_at", "revoked_at"},
    "audit_log": {"recorded_at"},
}


async def _columns(store: Store, table: str) -> dict[str, str]:
    if store.dialect == "sqlite":
        found = await fetch(store, f"SELECT name, type FROM pragma_table_info('{table}')")
    else:
        query = "SELECT column_name AS name, data_type AS type FROM information_schema.columns WHERE table_name = $1"
        found = await fetch(store, query, table)
    return {row["name"]: row["type"].upper() for row in found}


def _value(column: str, kind: str, at: datetime) -> object:
    if column.endswith("_at"):
        return at
    if "INT" in kind or "DOUBLE" in kind:
        return 1
    if kind == "BOOLEAN":
        return False
    if kind in ("BYTEA", "BLOB"):
        return b"x"
    return "2026-11-04" if column == "day" else "R"


async def test_no_time_that_is_compared_with_now_stays_ahead_in_any_table(store: Store) -> None:
    """A new column of times is pulled back, or is listed above."""
    columns = {table: await _columns(store, table) for table in TABLES}
    async with store.write() as session:
        for table, kinds in columns.items():
            places = ", ".join(f"${n}" for n in range(1, len(kinds) + 1))
            values = [_value(column, kind, T0 + 3 * DAY) for column, kind in kinds.items()]
            await session.execute(sql(f"INSERT INTO {table} ({', '.join(kinds)}) VALUES ({places})"), *values)
    await Bridge(store).check()
    late: list[str] = []
    for table, kinds in columns.items():
        for column in (name for name in kinds if name.endswith("_at") and name not in STAYS.get(table, ())):
            most = timedelta(hours=12) if column == "next_poll_at" else timedelta(minutes=15)
            late += [f"{table}.{column}" for row in await fetch(store, f"SELECT {column} FROM {table}")
                     if row[column] and row[column] > T0 + most]  # fmt: skip
    assert late == []


async def test_what_no_clock_dated_ahead_stays_as_it_is(store: Store) -> None:
    bridge, vendor = Bridge(store), Vendor({"R": TryLater(message="away")})
    await add(store, "R")
    await push(store, vendor, bridge.clock)
    before = await get(store, "R")
    await bridge.ahead()
    bridge.clock.forward(seconds=5)
    await bridge.right_again()
    assert await get(store, "R") == before


async def test_clocks_that_differ_a_little_or_stand_behind_change_nothing(store: Store) -> None:
    bridge = Bridge(store)
    await bridge.check()
    bridge.clock.now -= timedelta(seconds=50)
    await bridge.check()
    assert await last_set_back(store) is None
    bridge.clock.forward(hours=5)
    await bridge.check()
    assert await last_set_back(store) is None


async def test_a_clock_that_was_ahead_is_an_alarm_for_a_day(store: Store) -> None:
    bridge = Bridge(store)
    await bridge.ahead(2 * HOUR)
    wrong = "is 31 s behind the database's"
    machine = Machine(name="one", free_share=lambda: 0.5, least_free=0.1, clock_problem=lambda: wrong)
    monitor = HealthMonitor(store=store, clock=bridge.clock, loops=list, machine=machine)
    await monitor.check()
    await bridge.right_again()
    await monitor.check()  # though its last look was later than now
    async with store.read() as session:
        raised = {alarm.cause: alarm.text for alarm in await alarms.open_now(session)}
    assert "120 min ahead" in raised["clock.was_ahead"]
    assert raised["clock"] == "the clock of one is 31 s behind the database's: let NTP or chrony set it"
    bridge.clock.forward(days=1, minutes=1)
    await monitor.check()
    async with store.read() as session:
        assert "clock.was_ahead" not in {alarm.cause for alarm in await alarms.open_now(session)}


class Hands:
    """The clocks of a machine, moved by hand."""

    def __init__(self, wall: float) -> None:
        self.wall = wall
        self.steady = 1000.0

    def shared(self) -> SharedTime:
        return SharedTime(wall=lambda: self.wall, steady=lambda: self.steady)


@sqlite_only
async def test_a_wall_clock_that_is_set_is_noticed_and_reported_for_an_hour(store: Store) -> None:
    hands = Hands(T0.timestamp())
    clocks = SetClocks(
        store=store, clock=lambda: T0, policy=ClockPolicy(zone=INDIA, lease=LEASE), shared=hands.shared(),
        steady=lambda: hands.steady,
    )  # fmt: skip
    await clocks.check()
    hands.wall, hands.steady = hands.wall + 10, hands.steady + 10
    await clocks.check()
    assert clocks.problem == ""
    hands.wall += 86400
    await clocks.check()
    assert clocks.problem == "was set forward by 86400 s within the hour"
    hands.wall, hands.steady = hands.wall + 3601, hands.steady + 3601
    await clocks.check()
    assert clocks.problem == ""


def _off(seconds: float) -> Callable[[], float]:
    return lambda: time.time() + seconds


@postgres_only
async def test_the_databases_clock_counts_however_wrong_a_machine_is(store: Store) -> None:
    wall = [30.0]
    shared = SharedTime(wall=lambda: time.time() + wall[0])
    async with store.read() as session:
        await shared.measure(session)
    assert abs(shared.seconds() - time.time()) < 1
    assert abs(shared.skew - 30) < 1
    wall[0] = 86400.0  # set while the process runs
    assert abs(shared.seconds() - time.time()) < 1
    async with store.read() as session:
        assert abs(await shared.measure(session)) < 1
    clocks = SetClocks(store=store, clock=shared.now, policy=ClockPolicy(zone=INDIA, lease=LEASE), shared=shared)
    assert clocks.problem == "is 86400 s ahead of the database's, which counts"


@postgres_only
async def test_replicas_whose_machines_are_30_s_apart_never_hold_one_lease_twice(store: Store) -> None:
    """The lease is 20 s: by its own machine's clock the second replica would take over at once."""
    first, second = SharedTime(wall=_off(0)), SharedTime(wall=_off(30))
    async with store.read() as session:
        await first.measure(session)
        await second.measure(session)
    policy = PushPolicy(
        retry_delays=POLICY.retry_delays, lease=timedelta(seconds=20), longest_call=timedelta(seconds=5)
    )
    await add(store, "R", now=first.now())
    vendor, taken = Vendor(), list[int]()

    async def other(_: str) -> None:
        if not taken:
            taken.append(0)
            taken[0] = await push_due(store=store, clickpost=vendor, clock=second.now, policy=policy)

    vendor.before_answer = other
    await push_due(store=store, clickpost=vendor, clock=first.now, policy=policy)
    assert (vendor.calls, taken) == (["R"], [0])
    assert (await get(store, "R")).waybill == "AWB-R"


@sqlite_only
async def test_on_sqlite_the_machines_clock_counts(store: Store) -> None:
    shared = Hands(T0.timestamp()).shared()
    async with store.read() as session:
        await shared.measure(session)
    assert (shared.now(), shared.skew) == (T0, 0.0)


@postgres_only
async def test_commands_and_service_go_by_the_databases_clock_from_the_start(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SHARED_TIME, "_base", None)
    monkeypatch.setattr(SHARED_TIME, "_last", None)
    monkeypatch.setattr(SHARED_TIME, "skew", 0.0)
    monkeypatch.setattr(SHARED_TIME, "_wall", _off(86400))
    assert utc_now().timestamp() - time.time() > 86000
    async with open_store(Settings(database_url=store_url), migrate=False):
        assert abs(utc_now().timestamp() - time.time()) < 1
