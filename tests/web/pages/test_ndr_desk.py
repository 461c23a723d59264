"""The NDR desk: every open failed delivery, and one instruction for many of them, given once."""

from __future__ import annotations

import re
from datetime import timedelta

from awbridge.store.orders import actions
from awbridge.web.pages.language import LANGUAGES
from tests.steps.notify.test_notify import hear
from tests.support.app import Web
from tests.support.notices import a_customer
from tests.support.pages import hidden_fields, next_page, open_page, send_form
from tests.support.world import webhook


async def failed_deliveries(web: Web, count: int) -> list[str]:
    """Shipments with an open NDR, the first one the oldest."""
    names = [f"R-{n}" for n in range(count)]
    for n, name in enumerate(names):
        await a_customer(web.store, name, f"AWB{n}")
        web.clock.forward(minutes=1)
        await hear(web.store, web.clock, webhook(f"AWB{n}", 9, web.clock.now, additional={"ndr_status_code": 1}))
    return names


def listed(shown: str) -> list[str]:
    return re.findall(r'name="reference" value="([^"]+)" aria-label', shown)


async def instructions(web: Web, reference: str) -> list[dict[str, object]]:
    async with web.store.read() as session:
        return [action.body for action in await actions.of_shipment(session, reference)]


async def test_ten_failed_deliveries_are_answered_at_once(web: Web) -> None:
    names = await failed_deliveries(web, 10)
    web.clock.forward(days=4)
    shown = await open_page(web, "/ndr")
    assert listed(shown) == names
    assert shown.count("4 days</span>") == 10
    day = (web.clock.now + timedelta(days=1)).date().isoformat()
    assert f'value="{day}"' in shown
    chosen = [("reference", name) for name in names] + [("instruction", "REATTEMPT"), ("day", day)]
    preview = await send_form(web, "/ndr/preview", chosen)
    assert f"Deliver again on {day}: 10 shipments?" in preview
    assert await instructions(web, "R-0") == [], "nothing has happened yet"
    done = await send_form(web, "/ndr/act", hidden_fields(preview))
    assert "10 of 10 requested" in done
    assert [await instructions(web, name) for name in names] == [[{"action": "REATTEMPT", "preferred_date": day}]] * 10
    assert "reattempt: due" in await open_page(web, "/ndr")
    again = await send_form(web, "/ndr/act", hidden_fields(preview))
    assert "Was requested before; it is not sent twice." in again
    assert len(await instructions(web, "R-0")) == 1


async def test_a_return_to_origin_needs_no_day(web: Web) -> None:
    await failed_deliveries(web, 1)
    chosen = [("reference", "R-0"), ("instruction", "INITIATE_RTO"), ("day", "2020-01-01")]
    await send_form(web, "/ndr/act", chosen)
    assert await instructions(web, "R-0") == [{"action": "INITIATE_RTO"}]


async def test_what_cannot_be_instructed_says_why_and_does_not_prevent_the_rest(web: Web) -> None:
    await failed_deliveries(web, 1)
    await a_customer(web.store, "FINE", "AWBX")
    fields = [("reference", name) for name in ("FINE", "R-0", "UNKNOWN")] + [("instruction", "INITIATE_RTO")]
    shown = await send_form(web, "/ndr/act", fields)
    assert "1 of 3 requested" in shown
    assert "the courier is not waiting for an instruction" in shown
    assert "UNKNOWN" in shown


async def test_a_day_in_the_past_or_no_day_is_named(web: Web) -> None:
    await failed_deliveries(web, 1)
    for day, text in (
        ("2020-01-01", "That day is over"),
        ("", "Write a day like"),
        ("soon", "Write a day like"),
    ):
        fields = [("reference", "R-0"), ("instruction", "REATTEMPT"), ("day", day)]
        assert text in await send_form(web, "/ndr/act", fields, status=422), day
        shown = await send_form(web, "/ndr/preview", fields, status=422)
        assert text in shown
        assert 'value="R-0" checked' in shown, "the choice is kept"
    assert await instructions(web, "R-0") == []


async def test_what_was_entered_for_a_shipment_and_refused_can_be_corrected(web: Web) -> None:
    await failed_deliveries(web, 2)
    fields = [("instruction", "REATTEMPT"), ("day", "2099-01-01"), ("reference", "R-0"), ("phone_number", "9000000009")]
    web.clock.forward(minutes=1)
    await hear(web.store, web.clock, webhook("AWB1", 8, web.clock.now))  # delivered meanwhile
    wrong = [*fields, ("reference", "R-1"), ("phone_number", "9000000010"), ("landmark", "Lake View")]
    shown = await send_form(web, "/ndr/act", wrong, status=422)
    assert re.findall('type="hidden" name="reference" value="([^"]+)"', shown) == ["R-1"]
    assert 'value="9000000010"' in shown
    assert 'value="Lake View"' in shown
    assert len(await instructions(web, "R-0")) == 1
    assert await instructions(web, "R-1") == []


async def test_a_change_that_was_entered_stays_open_in_every_language(web: Web) -> None:
    await failed_deliveries(web, 1)
    fields = [("reference", "R-0"), ("phone_number", "9000000009"), ("instruction", "REATTEMPT"), ("day", "2099-01-01")]
    for language in LANGUAGES:
        web.http.headers["accept-language"] = language
        assert "<details open>" in await send_form(web, "/ndr/preview", fields), language


async def test_an_empty_desk_and_senseless_forms(web: Web) -> None:
    assert "No failed delivery is open." in await open_page(web, "/ndr")
    assert "No shipment was chosen" in await send_form(web, "/ndr/preview", [("instruction", "INITIATE_RTO")])
    await send_form(web, "/ndr/act", [("reference", "R")], status=422)
    many = [("reference", str(n)) for n in range(501)]
    await send_form(web, "/ndr/act", [*many, ("instruction", "INITIATE_RTO")], status=422)


async def test_the_desk_has_pages(web: Web) -> None:
    names = await failed_deliveries(web, 53)
    first = await open_page(web, "/ndr")
    second = await open_page(web, next_page(first))
    assert listed(first) + listed(second) == names
    assert next_page(second) == ""
