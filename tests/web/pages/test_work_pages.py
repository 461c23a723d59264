"""The pages of failures, couriers and dead letters."""

from __future__ import annotations

import re
from datetime import time, timedelta

import pytest

from awbridge.domain.call import Call
from awbridge.domain.couriers.downtime import declare
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.dead_letter import DeadLetterReason
from awbridge.steps.couriers.measure import MeasureCouriers
from awbridge.store.audit import attempts
from awbridge.store.couriers import couriers, downtimes
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.registration import failures
from awbridge.store.tracking import inbox
from awbridge.web.pages.tracking import dead_letters
from tests.support.app import Web
from tests.support.pages import OUR_FORM, hidden_fields, next_page, open_page, send_form
from tests.support.rows import T0, add, attempt, decided, delivery, fetch, sql
from tests.support.world import get


async def called(web: Web, reference: str, business_status: int | None, http_status: int | None = 200) -> None:
    call = Call(
        api="create-order", method="POST", url="u", http_status=http_status, business_status=business_status, error="x"
    )
    async with web.store.write() as session:
        await attempts.add(session, [attempt(call, reference, "rejected", web.clock.now)])


async def test_failures_are_grouped_by_courier_and_answer_and_retried_together(web: Web) -> None:
    await decided(web.store, placed=1, refused=3, clock=web.clock)
    for reference, codes in {"REFUSED-0": (501, 319), "REFUSED-1": (319,), "REFUSED-2": (None,)}.items():
        for code in codes:
            await called(web, reference, code, 200 if code else None)
    async with web.store.read() as session:
        found = await failures.groups(session, State.REJECTED)
    assert [(g.courier_partner_id, g.business_status, g.shipments) for g in found] == [(4, 319, 2), (4, None, 1)]
    shown = await open_page(web, "/failures")
    assert "Delhivery" in shown
    assert "319 " in shown
    assert "no response" in shown
    assert "Read the message. Not serviceable: choose another courier." in shown
    fields = hidden_fields(shown)[:4]
    preview = await send_form(web, "/failures/preview", fields)
    assert "Retry 2 shipments?" in preview
    await send_form(web, "/shipments/act", hidden_fields(preview))
    states = [(await get(web.store, f"REFUSED-{n}")).state for n in range(3)]
    assert states == [State.READY, State.READY, State.REJECTED]


async def test_no_failures_and_senseless_forms(web: Web) -> None:
    assert "Every order was placed." in await open_page(web, "/failures")
    good = {"state": "rejected", "courier": "4", "http_status": "200", "business_status": "319"}
    assert "No shipment was chosen" in await send_form(web, "/failures/preview", good)
    for wrong in ({"state": "x"}, {"courier": "x"}, {"courier": "-1"}, {"http_status": str(2**40)}):
        await send_form(web, "/failures/preview", good | wrong, status=422)
    await send_form(web, "/failures/preview", {}, status=422)


async def test_couriers_show_what_is_held_mapped_and_declared(web: Web) -> None:
    empty = await open_page(web, "/couriers")
    assert "No transporters yet" in empty
    assert "None declared" in empty
    account = CourierAccount(transporter="fast", courier_partner_id=4, account_code="main", active=False)
    nightly = declare(courier_partner_id=4, account_code=None, starts=time(22), ends=time(2), days=["mon"], zone="UTC")
    once = declare(
        courier_partner_id=6, account_code="x", from_at=T0, to_at=T0 + timedelta(hours=2), zone="UTC", reason="moving"
    )
    await add(web.store, "R-1")
    async with web.store.write() as session:
        await couriers.put(session, [account], now=T0)
        for downtime in (nightly, once):
            await downtimes.add(session, downtime, now=T0)
        await session.execute(
            sql("UPDATE account_states SET incident = 'account', since_at = $1, problem = 'wrong key'"), T0
        )
    shown = await open_page(web, "/couriers")
    for text in (
        "Delhivery · main",
        "inactive",
        "mon, 22:00 to 02:00 (UTC)",
        "moving",
        "Not compared",
        "held: account",
        "wrong key",
    ):
        assert text in shown, text


async def test_half_a_surrogate_pair_does_not_break_a_page(web: Web) -> None:
    async with web.store.write() as session:
        await inbox.add(session, [delivery("one", body=b'{"remark": "door \\ud83d"}', problem="not read")])
    assert "door ?" in await open_page(web, "/dead-letters")


async def test_dead_letters_show_their_body_and_are_retried(web: Web) -> None:
    assert "None." in await open_page(web, "/dead-letters")
    hostile = b'{"remark": "<script>alert(1)</script>"}'
    async with web.store.write() as session:
        await inbox.add(session, [delivery("one", body=hostile, problem="names no <waybill>")])
    shown = await open_page(web, "/dead-letters")
    assert "names no &lt;waybill&gt;" in shown
    assert "<script" not in shown
    answer = await web.http.post("/dead-letters/retry", headers=OUR_FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dead-letters?due=1")
    assert "1 delivery is due again." in await open_page(web, answer.headers["location"])
    assert await fetch(web.store, "SELECT problem FROM inbox") == [{"problem": None}]


async def test_couriers_show_how_each_account_performs(web: Web) -> None:
    await decided(web.store, placed=3, refused=1, clock=web.clock)
    assert "counted once an hour" in await open_page(web, "/couriers")
    await MeasureCouriers(store=web.store, clock=web.clock).check()
    shown = await open_page(web, "/couriers")
    assert "Of 3 shipments placed within 30 days" in shown
    assert re.findall(r'data-name="(?:Orders|Placed|Delivered)">([^<]+)<', shown) == ["4", "75 %", "–"]


async def test_dead_letters_are_grouped_by_reason_and_retried_by_group_or_one_by_one(web: Web) -> None:
    problems = {
        "a": DeadLetterReason.UNKNOWN_SHIPMENT.of("w:AWB1"),
        "b": DeadLetterReason.UNKNOWN_SHIPMENT.of("w:AWB2"),
        "c": DeadLetterReason.NO_STATUS.of(""),
        "d": "a text of an older version",
        "raw:e": DeadLetterReason.NOT_JSON.of(""),
    }
    async with web.store.write() as session:
        await inbox.add(session, [delivery(name, problem=problem) for name, problem in problems.items()])
    shown = await open_page(web, "/dead-letters")
    for text in (">Unknown shipment<", ">No status<", "Other", ">Not JSON<"):
        assert text in shown, text
    assert shown.count("/retry") == 1 + 2 + 4, "all, two reasons, and four deliveries: what is no JSON stays"
    only = await open_page(web, "/dead-letters?reason=unknown_shipment")
    assert "AWB1" in only
    assert "older version" not in only
    single = re.search(r'action="(/dead-letters/\d+/retry)"', only)
    assert single
    await send_form(web, single[1], {}, status=303)
    assert len(await fetch(web.store, "SELECT id FROM inbox WHERE problem IS NULL")) == 1
    await send_form(web, single[1], {}, status=404)
    await send_form(web, "/dead-letters/retry", {"reason": "unknown_shipment"}, status=303)
    left = await fetch(web.store, "SELECT identity FROM inbox WHERE problem IS NOT NULL ORDER BY identity")
    assert [row["identity"] for row in left] == ["c", "d", "raw:e"]
    await send_form(web, "/dead-letters/retry", {"reason": "x"}, status=422)


async def test_dead_letters_follow_each_other_over_pages(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "PAGE_SIZE", 2)
    async with web.store.write() as session:
        await inbox.add(session, [delivery(f"x{n}", problem=f"no_status: number {n}") for n in range(3)])
    path, seen = "/dead-letters?reason=no_status", list[str]()
    while path:
        shown = await open_page(web, path)
        seen += re.findall(r"<h3>[^<]*number (\d)</h3>", shown)
        path = next_page(shown)
    assert sorted(seen) == ["0", "1", "2"]
