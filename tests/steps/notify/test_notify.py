"""Notify: a customer gets each message once, in time; the reason it was sent or not is stored."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from awbridge.domain.notify.notices import Channel, MaybeSent, NotSent, QuietHours, Sent
from awbridge.domain.tracking.milestones import Milestone
from awbridge.sinks.day_words import names_day
from awbridge.sinks.mail import MailChannel
from awbridge.sinks.messages import MessageChannel
from awbridge.sinks.templates import Templates
from awbridge.steps.tracking.apply import apply_due
from awbridge.store import Store
from awbridge.store.notify import notices, opt_outs
from tests.steps.registration.test_concurrency import CountingStore
from tests.steps.tracking.test_apply import POLICY as APPLY
from tests.steps.tracking.test_apply import deliver
from tests.support.notices import Kept, a_customer, a_payload, notify, states, stored_notices, with_rules
from tests.support.receivers import http_server, ok
from tests.support.rows import MINUTE, T0, fetch, sql
from tests.support.smtp import smtp_server
from tests.support.world import SetClock, TrippingStore, indian, webhook

pytestmark = pytest.mark.heavy

NOON = T0  # 12:00 in India


async def hear(store: Store, clock: SetClock, *bodies: Any) -> None:
    """Deliveries come in and are applied."""
    await deliver(store, *bodies, at=clock.now)
    while await apply_due(store=store, clock=clock, policy=APPLY):
        pass


def scan_of(code: int, at: Any) -> dict[str, Any]:
    return {"timestamp": indian(at), "clickpost_status_code": code, "status": f"s{code}", "location": "Pune"}


def bulk(waybill: str, latest: tuple[int, Any], *outer: tuple[int, Any]) -> list[dict[str, Any]]:
    """Several scans that reached ClickPost together: each its own delivery, all with one latest_status."""
    shown = scan_of(*latest)
    return [
        {"waybill": waybill, "cp_id": 4, **scan_of(code, at), "additional": {"latest_status": shown}}
        for code, at in outer
    ]


@pytest.mark.parametrize("together", [True, False])
async def test_a_bulk_push_of_three_scans_gives_one_message(store: Store, together: bool) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store)
    pushed = bulk("AWB1", (6, NOON), (4, NOON - 2 * MINUTE), (5, NOON - MINUTE), (6, NOON))
    for body in [pushed] if together else [[b] for b in pushed]:
        await hear(store, clock, *body)
        await notify(store, {Channel.SMS: sms}, clock)
    assert [m.to for m in sms.messages] == ["+919000000000"]
    assert "out for delivery" in sms.messages[0].text
    assert await states(store) == [("out_for_delivery", "sms", "sent")]


async def test_the_outer_scan_moves_no_phone(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store)
    await hear(store, clock, *bulk("AWB1", (5, NOON - 9 * MINUTE), (8, NOON)))
    await notify(store, {Channel.SMS: sms}, clock)
    assert sms.messages == []
    await hear(store, clock, *bulk("AWB1", (8, NOON), (8, NOON)))
    await notify(store, {Channel.SMS: sms}, clock)
    assert [m.text.count("delivered") for m in sms.messages] == [1]


EVENING = T0 + timedelta(hours=8)  # 20:00 in India
AT_NIGHT = with_rules(quiet={Channel.SMS: QuietHours(start=time(21), end=time(9))})


@pytest.mark.parametrize(
    ("language", "on_the_day", "later"),
    [("en", "should reach you today", "on 2 November, 20:00"), ("hi", "आज पहुँचना चाहिए", "2 नवंबर, 20:00 को")],
)
async def test_a_day_is_named_on_that_day_only(store: Store, language: str, on_the_day: str, later: str) -> None:
    clock, sms, mail = SetClock(EVENING), Kept(), Kept()
    await a_customer(store, payload=a_payload("R", language_code=language))
    await hear(store, clock, webhook("AWB1", 6, EVENING))
    clock.forward(hours=2)
    await notify(store, {Channel.MAIL: mail, Channel.SMS: sms}, clock, AT_NIGHT)
    assert on_the_day in mail.messages[0].text
    assert sms.messages == [], "quiet hours"
    clock.forward(hours=11)  # 9:00 the next morning
    await notify(store, {Channel.MAIL: mail, Channel.SMS: sms}, clock, AT_NIGHT)
    assert later in sms.messages[0].text
    assert not names_day(sms.messages[0].text)


@pytest.mark.parametrize("words", ["{{ order }}: it comes today", "names_day: yes\n---\n{{ order }}: den här dagen"])
async def test_own_words_that_name_a_day_are_not_sent_on_another_one(store: Store, tmp_path: Path, words: str) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "out_for_delivery.sms.j2").write_text(words)
    clock, sms = SetClock(EVENING), Kept()
    for name, waybill in (("R-1", "AWB1"), ("R-2", "AWB2")):
        await a_customer(store, name, waybill, now=T0)
    await hear(store, clock, webhook("AWB1", 6, EVENING))
    await notify(store, {Channel.SMS: sms}, clock, AT_NIGHT, templates=Templates(tmp_path))
    assert len(sms.messages) == 1
    await hear(store, clock, webhook("AWB2", 6, EVENING))
    clock.forward(hours=13)
    await notify(store, {Channel.SMS: sms}, clock, AT_NIGHT, templates=Templates(tmp_path))
    assert len(sms.messages) == 1
    (notice,) = await stored_notices(store, "R-2")
    assert notice.why == "suppressed: the text names a day, and out_for_delivery was on another day"


async def test_an_expected_day_that_is_over_is_not_promised(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET edd = '2026-11-01'"))
    await hear(store, clock, webhook("AWB1", 4, NOON))
    await notify(store, {Channel.SMS: sms}, clock)
    assert "expected" not in sms.messages[0].text


async def test_a_stale_status_is_sent_to_nobody_and_says_why(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store, now=NOON - timedelta(days=3))
    await hear(store, clock, webhook("AWB1", 8, NOON - timedelta(hours=24, minutes=1)))
    await notify(store, {Channel.SMS: sms}, clock)
    (notice,) = await stored_notices(store)
    assert (sms.messages, notice.state) == ([], "suppressed")
    assert notice.why == "suppressed: the latest status is 24 h old, the limit is 24 h"


@pytest.mark.parametrize(
    ("status_age", "word_age", "sent"), [(1, 30, False), (30, 1, False), (1, 23, True), (23, 1, True), (1, 2, True)]
)
async def test_the_older_of_latest_time_stamp_and_the_status_decides(
    store: Store, status_age: int, word_age: int, sent: bool
) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store, now=NOON - timedelta(days=3))
    body = webhook("AWB1", 8, NOON - timedelta(hours=status_age))
    body["additional"]["latest_time_stamp"] = indian(NOON - timedelta(hours=word_age))
    await hear(store, clock, body)
    await notify(store, {Channel.SMS: sms}, clock)
    (notice,) = await stored_notices(store)
    assert (len(sms.messages), notice.state) == (int(sent), "sent" if sent else "suppressed")
    if not sent:
        assert notice.why == "suppressed: the latest status is 30 h old, the limit is 24 h"


async def test_a_status_of_almost_a_day_is_sent(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store, now=NOON - timedelta(days=3))
    await hear(store, clock, webhook("AWB1", 8, NOON - timedelta(hours=23, minutes=59)))
    await notify(store, {Channel.SMS: sms}, clock)
    assert len(sms.messages) == 1


async def test_once_for_each_milestone_whatever_is_repeated(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store)
    for minute in range(4):
        clock.forward(minutes=1)
        await hear(store, clock, webhook("AWB1", 6, NOON + minute * MINUTE))
        await notify(store, {Channel.SMS: sms}, clock)
    assert len(sms.messages) == 1


async def test_an_earlier_milestone_is_not_sent_after_a_later_one(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 9, NOON))
    await notify(store, {Channel.SMS: sms}, clock)
    clock.forward(hours=2)
    await hear(store, clock, webhook("AWB1", 6, NOON + 90 * MINUTE))
    await notify(store, {Channel.SMS: sms}, clock)
    assert await states(store) == [("failed_delivery", "sms", "sent"), ("out_for_delivery", "sms", "suppressed")]
    assert "has already reached failed_delivery" in (await stored_notices(store))[1].why


async def test_quiet_hours_delay_and_the_overtaken_falls_away(store: Store) -> None:
    policy = with_rules(quiet={Channel.SMS: QuietHours(start=time(21), end=time(9))})
    clock, sms = SetClock(NOON + timedelta(hours=10)), Kept()  # 22:00 in India
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, clock.now))
    await notify(store, {Channel.SMS: sms}, clock, policy)
    (notice,) = await stored_notices(store)
    assert notice.state == "due"
    assert notice.due_at is not None
    assert (notice.due_at - NOON.replace(microsecond=0)).total_seconds() == 21 * 3600
    assert notice.why == "delayed: quiet hours of sms (21:00 to 09:00, Asia/Kolkata)"
    clock.forward(minutes=30)
    await hear(store, clock, webhook("AWB1", 8, clock.now))
    await notify(store, {Channel.SMS: sms}, clock, policy)
    assert sms.messages == []
    clock.now = notice.due_at
    for _ in range(3):
        await notify(store, {Channel.SMS: sms}, clock, policy)
    assert [m.text.count("was delivered") for m in sms.messages] == [1]
    overtaken, sent = await stored_notices(store)
    assert overtaken.why.endswith("then suppressed: the shipment has already reached delivered")
    assert sent.why.startswith("delayed: quiet hours")
    assert "; then sent: the shipment reached delivered" in sent.why


async def test_without_consent_nothing_is_sent(store: Store) -> None:
    clock, sms, whatsapp = SetClock(NOON), Kept(), Kept()
    await a_customer(store, "NO", "AWB1", payload=a_payload("NO", enable_sms="false", enable_whatsapp=True))
    await a_customer(store, "SILENT", "AWB2")
    await hear(store, clock, webhook("AWB1", 6, NOON), webhook("AWB2", 6, NOON))
    await notify(store, {Channel.SMS: sms, Channel.WHATSAPP: whatsapp}, clock)
    assert (len(sms.messages), len(whatsapp.messages)) == (1, 1)
    assert {n.channel: n.why for n in await stored_notices(store, "NO") if n.state == "suppressed"} == {
        "sms": "suppressed: no consent: the payload refuses sms"
    }
    silent = [n.why for n in await stored_notices(store, "SILENT") if n.state == "suppressed"]
    assert silent == [
        "suppressed: no consent: not stated in the payload, and whatsapp is not in AWBRIDGE_NOTICE_CONSENT"
    ]


async def test_who_opted_out_gets_nothing_over_any_channel(store: Store) -> None:
    clock, sms, mail = SetClock(NOON), Kept(), Kept()
    await a_customer(store)
    async with store.write() as session:
        await opt_outs.add(session, "+919000000000", now=NOON)
        await opt_outs.add(session, "Asha@Example.com", channel=Channel.MAIL, now=NOON)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    await notify(store, {Channel.SMS: sms, Channel.MAIL: mail}, clock)
    assert (sms.messages, mail.messages) == ([], [])
    assert {n.why for n in await stored_notices(store)} == {"suppressed: the customer opted out"}
    kept = repr(await fetch(store, "SELECT * FROM opt_outs"))
    assert "9000000000" not in kept
    assert "example" not in kept.lower()


@pytest.mark.parametrize(
    ("address", "channel", "notified_over"),
    [
        ("+919000000000", None, set()),
        ("asha@example.com", None, set()),
        ("+919000000000", Channel.SMS, {Channel.MAIL}),
        ("asha@example.com", Channel.MAIL, {Channel.SMS}),
        ("+919000000000", Channel.WHATSAPP, {Channel.SMS, Channel.MAIL}),
        ("+919000000001", None, {Channel.SMS, Channel.MAIL}),
    ],
)
async def test_opting_out_of_everything_is_the_customers_not_the_addresses(
    store: Store, address: str, channel: Channel | None, notified_over: set[Channel]
) -> None:
    clock = SetClock(NOON)
    channels: dict[Channel, Any] = {Channel.SMS: Kept(), Channel.MAIL: Kept()}
    await a_customer(store)
    async with store.write() as session:
        await opt_outs.add(session, address, channel=channel, now=NOON)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    await notify(store, channels, clock)
    assert {c for c, kept in channels.items() if kept.messages} == notified_over


async def test_without_a_channel_the_milestone_says_so(store: Store) -> None:
    clock = SetClock(NOON)
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    await notify(store, {}, clock)
    async with store.read() as session:
        (reached,) = await notices.milestones_of(session, "R")
    assert (reached.milestone, reached.why) == (Milestone.OUT_FOR_DELIVERY, "no channel was configured")
    sms = Kept()  # configured later: milestones reached before are not sent
    await notify(store, {Channel.SMS: sms}, clock)
    assert sms.messages == []


async def test_milestones_cost_one_statement_however_many_they_are(store: Store) -> None:
    clock, numbers = SetClock(NOON), range(12)
    for n in numbers:
        await a_customer(store, f"R{n}", f"AWB{n}")
    await hear(store, clock, *[webhook(f"AWB{n}", 6, NOON) for n in numbers])
    counting = CountingStore(store)
    await notify(counting.as_store, {}, clock)
    assert counting.statements == {"take_milestones": 1, "claim": 1}
    clock.forward(minutes=1)
    await hear(store, clock, *[webhook(f"AWB{n}", 8, clock.now) for n in numbers])
    counting = CountingStore(store)
    await notify(counting.as_store, {Channel.SMS: Kept()}, clock)
    assert [counting.statements[name] for name in ("take_milestones", "add")] == [1, 1]
    assert counting.statements["settle"] == 12
    assert counting.writes <= 7, "one to claim; the twelve are decided and recorded together, not in two each"


async def test_the_messages_of_a_return_go_to_the_pickup_contact(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    payload = a_payload("R")
    payload["pickup_info"]["pickup_phone"] = "98765 43210"
    await a_customer(store, payload=payload, delivery_type="RVP")
    await hear(store, clock, webhook("AWB1", 4, NOON))
    await notify(store, {Channel.SMS: sms}, clock)
    clock.forward(minutes=1)
    await hear(store, clock, webhook("AWB1", 6, clock.now))
    await notify(store, {Channel.SMS: sms}, clock)
    assert [m.to for m in sms.messages] == ["+919876543210"]
    assert "Your return of order" in sms.messages[0].text
    assert "concerns the warehouse" in (await stored_notices(store))[1].why


async def test_the_language_is_the_customers(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store, payload=a_payload("R", language_code="hin"))
    await hear(store, clock, webhook("AWB1", 9, NOON, additional={"latest_status": scan_of(9, NOON)}))
    await notify(store, {Channel.SMS: sms}, clock)
    assert sms.messages[0].language == "hi"
    assert "ऑर्डर" in sms.messages[0].text


async def test_what_failed_is_tried_again_until_the_list_is_used_up(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept(answers=[NotSent("away")] * 9)
    policy = replace(with_rules(), retry_delays=(60.0, 60.0))
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    for _ in range(9):
        await notify(store, {Channel.SMS: sms}, clock, policy)
        clock.forward(minutes=2)
    (notice,) = await stored_notices(store)
    assert (len(sms.messages), notice.state, notice.tries) == (3, "failed", 3)
    assert notice.why.endswith("then not sent, 3 tries: away")


async def test_what_can_never_be_sent_is_not_tried_again(store: Store) -> None:
    clock, mail = SetClock(NOON), Kept(answers=[NotSent("no such user", again=False)])
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    await notify(store, {Channel.MAIL: mail}, clock)
    assert await states(store) == [("out_for_delivery", "mail", "failed")]


@pytest.mark.parametrize(("repeatable", "state", "sent"), [(False, "maybe_sent", 1), (True, "sent", 2)])
async def test_killed_between_sending_and_recording(store: Store, repeatable: bool, state: str, sent: int) -> None:
    """The second write after the message is out is refused; so are all after it: as if the process were gone."""
    clock, channel = SetClock(NOON), Kept(repeatable=repeatable, answers=[asyncio.CancelledError()])
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    with pytest.raises(asyncio.CancelledError):
        await notify(store, {Channel.SMS: channel}, clock)
    assert await states(store) == [("out_for_delivery", "sms", "sending")]
    await notify(store, {Channel.SMS: channel}, clock)
    assert len(channel.messages) == 1, "its lease has not run out yet"
    clock.forward(minutes=5)
    await notify(store, {Channel.SMS: channel}, clock)
    (notice,) = await stored_notices(store)
    assert (notice.state, len(channel.messages)) == (state, sent)
    assert len({m.key for m in channel.messages}) == 1
    if not repeatable:
        assert notice.why == "the process ended between sending and recording; sms is not repeated"


async def test_killed_before_sending_it_is_sent_later(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    tripping = TrippingStore(store, busy=lambda number: number >= 2)  # the claim is kept, nothing after it
    with pytest.raises(Exception, match="busy for this test"):
        await notify(tripping.as_store, {Channel.SMS: sms}, clock)
    assert sms.messages == []
    clock.forward(minutes=5)
    await notify(store, {Channel.SMS: sms}, clock)
    assert await states(store) == [("out_for_delivery", "sms", "sent")]


async def test_a_line_that_breaks_after_an_sms_went_out_is_not_tried_again(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept(answers=[MaybeSent("no answer in time")])
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    await notify(store, {Channel.SMS: sms}, clock)
    assert await states(store) == [("out_for_delivery", "sms", "maybe_sent")]


async def test_two_workers_send_one_message(store: Store) -> None:
    clock, sms = SetClock(NOON), Kept()
    for number in range(10):
        await a_customer(store, f"R{number}", f"AWB{number}")
    await hear(store, clock, *(webhook(f"AWB{n}", 6, NOON) for n in range(10)))
    await asyncio.gather(*(notify(store, {Channel.SMS: sms}, clock) for _ in range(4)))
    await notify(store, {Channel.SMS: sms}, clock)
    assert len(sms.messages) == len({m.key for m in sms.messages}) == 10


async def test_a_message_waits_while_another_to_the_same_customer_is_on_its_way(store: Store) -> None:
    clock = SetClock(NOON)
    started, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Kept):
        async def send(self, message: Any) -> Any:
            self.messages.append(message)
            started.set()
            await go_on.wait()
            return Sent()

    sms = Slow()
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    first = asyncio.create_task(notify(store, {Channel.SMS: sms}, clock))
    await started.wait()
    await hear(store, clock, webhook("AWB1", 8, NOON + MINUTE / 2))
    await notify(store, {Channel.SMS: sms}, clock)
    assert len(sms.messages) == 1
    go_on.set()
    await first
    clock.forward(seconds=6)
    await notify(store, {Channel.SMS: sms}, clock)
    assert await states(store) == [("out_for_delivery", "sms", "sent"), ("delivered", "sms", "sent")]


async def test_mail_goes_over_a_real_server_as_text_and_html(store: Store) -> None:
    clock = SetClock(NOON)
    payload = a_payload("R")
    payload["drop_info"]["drop_name"] = "Asha <b>Rao</b>\r\nBcc: x@example.com"
    await a_customer(store, payload=payload)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    with smtp_server() as mailbox:
        mail = MailChannel(mailbox.url, sender="Acme <orders@acme.example>")
        await notify(store, {Channel.MAIL: mail}, clock)
    (sent,) = mailbox.mails
    (notice,) = await stored_notices(store)
    assert (sent["to"], sent["from"], sent["bcc"]) == ("asha@example.com", "Acme <orders@acme.example>", None)
    assert sent["message-id"] == f"<{notice.key}@acme.example>"
    text, html = sent.get_body(("plain",)), sent.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "Asha <b>Rao</b> Bcc: x@example.com" in text.get_content()
    assert "Asha &lt;b&gt;Rao&lt;/b&gt;" in html.get_content()


async def test_sms_goes_through_apprise_to_a_real_server(store: Store) -> None:
    clock = SetClock(NOON)
    await a_customer(store)
    await hear(store, clock, webhook("AWB1", 6, NOON))
    async with http_server() as gateway:
        sms = MessageChannel(f"json://127.0.0.1:{gateway.port}/send/{{to_digits}}?+Idempotency-Key={{key}}")
        gateway.respond = lambda _: ok("503 Busy")
        await notify(store, {Channel.SMS: sms}, clock)
        assert await states(store) == [("out_for_delivery", "sms", "due")]
        gateway.respond = lambda _: ok()
        clock.forward(minutes=2)
        await notify(store, {Channel.SMS: sms}, clock)
    first, second = gateway.requests
    assert second.path == "/send/919000000000"
    assert "out for delivery" in second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == (await stored_notices(store))[0].key
    assert "HTTP 503" in (await stored_notices(store))[0].why


@pytest.mark.parametrize(
    ("code", "words", "reason"),
    [(77, "OTP Mismatch", "OTP Mismatch"), (77, None, ""), (13, "Misroute", "Misrouted by Courier")],
)
async def test_an_unpublished_reason_is_sent_with_clickposts_description_or_not_at_all(
    store: Store, code: int, words: str | None, reason: str
) -> None:
    clock, mails = SetClock(NOON), Kept()
    await a_customer(store)
    failed = webhook("AWB1", 9, NOON - MINUTE)
    failed["additional"] |= {"ndr_status_code": code, "ndr_status_description": words}
    await hear(store, clock, failed)
    await notify(store, {Channel.MAIL: mails}, clock)
    (message,) = mails.messages
    assert "Unknown(" not in message.text
    assert reason in message.text
