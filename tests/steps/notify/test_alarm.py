"""Alarms: one notification per cause, one when it is resolved; an empty daily digest is not sent."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from awbridge.domain.notify.notices import NotSent
from awbridge.domain.orders.shipment import State
from awbridge.sinks.mail import MailChannel
from awbridge.steps.notify.alarm import Digest, Operator, send_alarms
from awbridge.store import Store
from awbridge.store.notify import alarms
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import NotPlaced
from tests.support.notices import Kept
from tests.support.rows import T0, add, claim_in
from tests.support.smtp import smtp_server
from tests.support.world import INDIA, SetClock


async def raised(store: Store, clock: SetClock, cause: str = "disk", text: str = "the disk is full") -> None:
    async with store.write() as session:
        await alarms.raise_(session, cause, text, now=clock())


async def resolved(store: Store, clock: SetClock, cause: str = "disk") -> bool:
    async with store.write() as session:
        return await alarms.clear(session, cause, now=clock())


async def send(store: Store, clock: SetClock, *channels: Any) -> int:
    return await send_alarms(store=store, operators=[Operator(channel=c) for c in channels], clock=clock)


async def test_an_alarm_is_sent_once_and_its_end_once(store: Store) -> None:
    clock, chat = SetClock(), Kept()
    for _ in range(5):
        await raised(store, clock)
        await send(store, clock, chat)
        clock.forward(minutes=10)
    assert await resolved(store, clock)
    assert not await resolved(store, clock)
    for _ in range(3):
        await send(store, clock, chat)
    assert [m.subject for m in chat.messages] == ["awbridge: alarm: disk", "awbridge: resolved: disk"]
    assert chat.messages[0].text == "the disk is full Since 2026-11-02 06:30 UTC."
    async with store.read() as session:
        (alarm,) = await alarms.every(session)
    assert alarm.times == 5


async def test_an_alarm_that_is_raised_again_is_sent_again(store: Store) -> None:
    clock, chat = SetClock(), Kept()
    for _ in range(2):
        await raised(store, clock)
        await send(store, clock, chat)
        await resolved(store, clock)
        await send(store, clock, chat)
        clock.forward(hours=1)
    assert len(chat.messages) == 4


async def test_an_alarm_that_was_never_sent_ends_without_a_notification(store: Store) -> None:
    clock, chat = SetClock(), Kept()
    await raised(store, clock)
    await resolved(store, clock)
    assert await send(store, clock, chat) == 0


async def test_an_alarm_that_ends_while_it_is_sent_is_reported_resolved(store: Store) -> None:
    clock = SetClock()

    class Slow(Kept):
        async def send(self, message: Any) -> Any:
            if not self.messages:
                await resolved(store, clock)
            return await super().send(message)

    chat = Slow()
    await raised(store, clock)
    await send(store, clock, chat)
    await send(store, clock, chat)
    assert [m.subject for m in chat.messages] == ["awbridge: alarm: disk", "awbridge: resolved: disk"]


async def test_an_alarm_is_sent_again_until_a_channel_works(store: Store) -> None:
    clock, chat = SetClock(), Kept(answers=[NotSent("away"), NotSent("away")])
    await raised(store, clock)
    for _ in range(6):
        await send(store, clock, chat)
        clock.forward(minutes=10)
    assert len(chat.messages) == 3


async def test_one_working_channel_is_enough(store: Store) -> None:
    clock, broken, chat = SetClock(), Kept(answers=[NotSent("away")]), Kept()
    await raised(store, clock)
    await send(store, clock, broken, chat)
    clock.forward(hours=5)
    await send(store, clock, broken, chat)
    assert (len(broken.messages), len(chat.messages)) == (1, 1)


async def test_without_operators_alarms_wait_to_be_listed(store: Store) -> None:
    clock = SetClock()
    await raised(store, clock)
    assert await send(store, clock) == 0
    async with store.read() as session:
        (alarm,) = await alarms.open_now(session)
    assert alarm.notified_at is None


async def test_several_workers_send_it_once(store: Store) -> None:
    clock, chat = SetClock(), Kept()
    await raised(store, clock)
    await asyncio.gather(*(send(store, clock, chat) for _ in range(4)))
    assert len(chat.messages) == 1


async def test_operators_get_mail_over_a_real_server(store: Store) -> None:
    clock = SetClock()
    await raised(store, clock)
    with smtp_server() as mailbox:
        mail = MailChannel(mailbox.url, sender="awbridge@acme.example")
        ways = [Operator(channel=mail, to="ops@acme.example")]
        await send_alarms(store=store, operators=ways, clock=clock)
    assert [(m["to"], m["subject"]) for m in mailbox.mails] == [("ops@acme.example", "awbridge: alarm: disk")]


def a_digest(store: Store, clock: SetClock, chat: Kept) -> Digest:
    return Digest(store=store, operators=[Operator(channel=chat)], clock=clock, zone=INDIA, hour=9)


async def gives_up(store: Store, reference: str, clock: SetClock) -> None:
    await add(store, reference, now=clock())
    decided = NotPlaced(state=State.GAVE_UP, no_of_retries=8, problem="courier down", next_try_at=None)
    async with store.write() as session:
        await claim_in(session, owner="w", now=clock(), until=clock() + timedelta(minutes=1))
        await dispatch.not_placed(session, [(reference, "w", decided)], now=clock())


async def test_an_empty_digest_is_not_sent(store: Store) -> None:
    clock, chat = SetClock(), Kept()
    assert await a_digest(store, clock, chat).send_due() == 0
    assert chat.messages == []


async def test_the_digest_goes_once_a_day_over_all_processes(store: Store) -> None:
    clock, chat = SetClock(), Kept()  # 12:00 in India
    await raised(store, clock)
    await gives_up(store, "R", clock)
    digests = [a_digest(store, clock, chat) for _ in range(3)]
    for _ in range(20):
        for digest in digests:
            await digest.send_due()
        clock.forward(minutes=31)
    assert len(chat.messages) == 1
    clock.forward(hours=24 - 20 * 31 / 60)
    for digest in digests:
        await digest.send_due()
    assert [m.subject for m in chat.messages] == ["awbridge: 2026-11-02", "awbridge: 2026-11-03"]
    assert "the disk is full" in chat.messages[0].text
    assert "1 shipment exhausted its retries: awbridge shipments list --state gave_up" in chat.messages[0].text


async def test_the_digest_waits_for_its_hour(store: Store) -> None:
    clock, chat = SetClock(T0 - timedelta(hours=4)), Kept()  # 8:00 in India
    await raised(store, clock)
    digest = a_digest(store, clock, chat)
    assert await digest.send_due() == 0
    clock.forward(hours=1, minutes=1)
    assert await digest.send_due() == 1
