"""Leases: no call, message or alarm is sent twice because a lease ended before the work under it did."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from awbridge.app.policies import (
    act_policy,
    allocate_policy,
    archive_policy,
    cancel_policy,
    catch_up_policy,
    deliver_policy,
    fallback_policy,
    notify_policy,
    push_policy,
)
from awbridge.app.settings import Settings
from awbridge.clickpost.wire.answers import TrackAnswer
from awbridge.domain.call import longest_call
from awbridge.domain.errors import StoreBusy
from awbridge.domain.notify.notices import Channel, MaybeSent, Message, SendResult, Sent
from awbridge.sinks import mail
from awbridge.steps.audit.archive import ArchivePolicy
from awbridge.steps.audit.publish import LEASE as MAIL_LEASE
from awbridge.steps.couriers import sync_couriers
from awbridge.steps.notify.alarm import Operator, send_alarms
from awbridge.steps.notify.notify import NotifyPolicy
from awbridge.steps.polling.policy import CatchUpPolicy
from awbridge.steps.polling.track_order import poll_due
from awbridge.steps.polling.updated_order import cover_next_window
from awbridge.steps.reconciliation import differences
from awbridge.steps.runtime import lease
from awbridge.steps.runtime.lease import LeaseLost, renewed
from awbridge.steps.runtime.pace import Pace
from awbridge.store import Store
from awbridge.store.notify import alarms
from tests.steps.notify.test_notify import hear
from tests.steps.polling.test_catch_up import CALL, Vendor
from tests.support.notices import POLICY as NOTIFYING
from tests.support.notices import Kept, a_customer, notify, states
from tests.support.rows import T0, add, fetch, place, sql
from tests.support.world import SetClock, webhook

SLOWEST = {"clickpost_timeout": 120, "push_lease_seconds": 600, "endpoint_timeout": 60, "archive_timeout": 600}


def test_whatever_the_settings_every_lease_outlasts_its_work() -> None:
    """Each policy refuses to be made where it does not."""
    chats = tuple(f"json://chat{n}.example" for n in range(20))
    for changes in ({}, {**SLOWEST, "notice_timeout": 120, "notice_chat_urls": chats}):
        settings = Settings(database_url="sqlite:///x.db", **cast("dict[str, Any]", changes))
        for make in (push_policy, cancel_policy, act_policy, allocate_policy, fallback_policy, deliver_policy):
            make(settings)
        notifying, covering, archiving = notify_policy(settings), catch_up_policy(settings), archive_policy(settings)
        assert notifying.lease > notifying.longest_send >= timedelta(seconds=mail.LONGEST)
        assert covering.lease > covering.longest_call == timedelta(seconds=longest_call(settings.clickpost_timeout))
        assert archiving.lease > archiving.longest_upload


def test_fixed_leases_outlast_the_longest_call_that_settings_allow() -> None:
    most = timedelta(seconds=longest_call(120))
    with pytest.raises(ValueError, match="clickpost_timeout"):
        Settings(clickpost_timeout=120.1)
    assert most < differences.LONGEST_RECHECK
    assert 2 * most < sync_couriers.LEASE
    assert timedelta(seconds=mail.LARGE_LONGEST) < MAIL_LEASE


@pytest.mark.parametrize(
    "make",
    [
        lambda: NotifyPolicy(rules=NOTIFYING.rules, lease=timedelta(seconds=59)),
        lambda: CatchUpPolicy(lease=timedelta(seconds=59)),
        lambda: ArchivePolicy(folder=cast("Any", None), privacy=cast("Any", None), lease=timedelta(seconds=119)),
    ],
)
def test_a_lease_shorter_than_its_work_refuses_to_start(make: Any) -> None:
    with pytest.raises(ValueError, match="ends before work"):
        make()


class SlowWay(Kept):
    """A way to the operators that takes its time, in which another process has a round of its own."""

    def __init__(self, store: Store, clock: SetClock, seconds: float) -> None:
        super().__init__()
        self._store, self._clock, self._seconds = store, clock, seconds
        self.other = False

    async def send(self, message: Message) -> SendResult:
        self.messages.append(message)
        self._clock.forward(seconds=self._seconds)
        if not self.other:
            self.other = True
            await self.round()
            self.other = False
        return Sent()

    async def round(self) -> int:
        return await send_alarms(store=self._store, operators=[Operator(channel=self, longest=40.0)], clock=self._clock)


async def test_alarms_are_sent_once_though_sending_them_takes_longer_than_a_lease(store: Store) -> None:
    clock = SetClock()
    async with store.write() as session:
        for n in range(12):
            await alarms.raise_(session, f"cause.{n}", "text", now=T0)
    way = SlowWay(store, clock, seconds=39)
    for _ in range(12):
        await way.round()
        clock.forward(minutes=5)
    assert sorted(m.key for m in way.messages) == sorted({m.key for m in way.messages})
    assert len(way.messages) == 12


async def test_a_way_to_the_operators_that_hangs_is_left(store: Store) -> None:
    class Hangs(Kept):
        async def send(self, message: Message) -> SendResult:
            await asyncio.sleep(3600)
            return Sent()

    async with store.write() as session:
        await alarms.raise_(session, "disk", "full", now=T0)
    chat = Kept()
    ways = [Operator(channel=Hangs(), longest=0.05), Operator(channel=chat)]
    async with asyncio.timeout(60):
        await send_alarms(store=store, operators=ways, clock=SetClock())
    assert len(chat.messages) == 1


async def test_a_window_stays_held_while_its_turn_is_waited_for(store: Store) -> None:
    """The turn comes after 20 minutes, the lease is 5: meanwhile others find nothing that is not held."""
    clock, vendor = SetClock(), Vendor()
    taken: list[int] = []

    async def sleep(seconds: float) -> None:
        clock.forward(seconds=seconds)
        if len(taken) < 30:
            taken.append(-1)
            other = CatchUpPolicy(window=timedelta(hours=9))
            taken[-1] = await cover_next_window(store=store, clickpost=vendor, clock=clock, policy=other)

    pace = Pace("polling", 1 / 1200, sleep=sleep)
    await pace.turn(store, clock)  # another process's
    policy = CatchUpPolicy(pace=pace)
    assert await cover_next_window(store=store, clickpost=vendor, clock=clock, policy=policy) == 1
    assert len(vendor.windows) == len(set(vendor.windows))
    assert (T0 - timedelta(minutes=10), T0 - timedelta(minutes=1)) in vendor.windows


async def test_a_worker_that_lost_its_window_writes_nothing_about_it(store: Store) -> None:
    clock, vendor = SetClock(), Vendor()

    async def sleep(seconds: float) -> None:
        async with store.write() as session:  # a window requested by a clock that was ahead is requested again
            await session.execute(sql("UPDATE catch_up_windows SET lease_ends_at = NULL"))

    pace = Pace("polling", 0.5, sleep=sleep)
    await pace.turn(store, clock)
    assert await cover_next_window(store=store, clickpost=vendor, clock=clock, policy=CatchUpPolicy(pace=pace)) == 0
    assert [row["done_at"] for row in await fetch(store, "SELECT done_at FROM catch_up_windows")] == [None]


async def test_a_question_whose_turn_comes_too_late_is_left_to_others(store: Store) -> None:
    clock = SetClock()
    await add(store, "R")
    await place(store, "R", "AWB1")
    clock.forward(days=2)
    asked: list[Sequence[str]] = []

    class Asked(Vendor):
        async def track_order(self, waybills: Sequence[str], cp_id: int) -> TrackAnswer:
            asked.append(waybills)
            return TrackAnswer(items=[], call=CALL)

    async def sleep(seconds: float) -> None:
        clock.forward(seconds=seconds)

    pace = Pace("polling", 1 / 7300, sleep=sleep)  # a turn every two hours, and a little
    await pace.turn(store, clock)
    policy = CatchUpPolicy(pace=pace)
    await poll_due(store=store, clickpost=Asked(), clock=clock, policy=policy)
    assert asked == []


async def test_a_channel_that_hangs_is_left_before_its_lease_ends(store: Store) -> None:
    class Hangs(Kept):
        async def send(self, message: Message) -> SendResult:
            self.messages.append(message)
            await asyncio.sleep(3600)
            return Sent()

    clock, chat = SetClock(), Hangs()
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, T0))
    policy = NotifyPolicy(rules=NOTIFYING.rules, longest_send=timedelta(seconds=0.05))
    async with asyncio.timeout(60):
        await notify(store, {Channel.SMS: chat}, clock, policy)
    assert await states(store) == [("out_for_delivery", "sms", "maybe_sent")]
    assert len(chat.messages) == 1


async def test_a_mail_server_that_takes_for_ever_is_left() -> None:
    async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:  # a line each moment: no single wait is long
                writer.write(b"220-wait\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(never_ends, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = mail.MailServer(f"smtp://127.0.0.1:{port}", timeout=30.0, longest=0.3)
    message = mail.MailChannel(f"smtp://127.0.0.1:{port}", sender="a@acme.example").compose(
        Message(key="k", to="b@acme.example", text="t", subject="s")
    )
    async with asyncio.timeout(60):
        assert isinstance(await sender.submit(message), MaybeSent)
    server.close()


class Renewals:
    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self) -> bool:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else True
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_a_lease_is_renewed_while_work_continues() -> None:
    renewals = Renewals(True, StoreBusy("away"), True)
    async with renewed(renewals, every=0.01):
        while renewals.asked < 6:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("answers", [(True, False), tuple(StoreBusy("away") for _ in range(99))])
async def test_work_is_broken_off_when_its_lease_is_lost(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[bool | Exception, ...]
) -> None:
    monkeypatch.setattr(lease, "RENEWED", timedelta(seconds=0.2))
    written: list[str] = []

    async def work() -> None:
        async with renewed(Renewals(*answers), every=0.01):
            await asyncio.sleep(30)
            written.append("too late")

    with pytest.raises(LeaseLost):
        await work()
    assert written == []


async def test_a_timeout_of_the_work_itself_is_raised_unchanged() -> None:
    with pytest.raises(TimeoutError):
        async with renewed(Renewals()):
            raise TimeoutError
