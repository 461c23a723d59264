"""Customers' answers on the operators' pages: what waits, what confirming it would do, and what came of it."""

from __future__ import annotations

import re

import pytest

from awbridge.web.pages.orders import customer_answers
from tests.support.answers import failed_delivery, given, scanned, stored
from tests.support.app import Web
from tests.support.pages import HERE, hidden_fields, next_page, open_page, send_form
from tests.web.pages.test_ndr_desk import instructions

HOSTILE = "<script>run('x')</script>"


async def an_answer(web: Web, name: str = "R-1", waybill: str = "AWB1", **fields: str) -> str:
    """The id of an answer that waits."""
    await failed_delivery(web.store, web.clock, name, waybill)
    answer = (await given(web.store, web.clock, name, **fields)).answer
    assert answer
    return answer.id


async def test_an_answer_is_seen_on_the_desk_previewed_and_confirmed(web: Web) -> None:
    answer_id = await an_answer(web, kind="new_phone", phone="9876543210")
    assert "customer's answer waits" in (await open_page(web, "/")).replace("&#39;", "'")
    assert f'href="/ndr/answers/{answer_id}"' in await open_page(web, "/ndr")
    assert f'value="{answer_id}"' in await open_page(web, "/ndr/answers")
    preview = await send_form(web, "/ndr/answers/preview", {"answer": answer_id})
    assert "Nothing has happened yet" in preview
    assert "Deliver again on 2026-11-04" in preview
    assert "9876543210" in preview
    assert await instructions(web, "R-1") == []
    result = await send_form(web, "/ndr/answers/act", [*hidden_fields(preview), ("decision", "confirm")])
    assert "1 of 1 answers decided" in result
    assert "Will be sent to the courier." in result
    [instruction] = await instructions(web, "R-1")
    assert instruction["phone_number"] == "9876543210"
    again = await send_form(web, "/ndr/answers/act", [*hidden_fields(preview), ("decision", "confirm")])
    assert "0 of 1 answers decided" in again
    assert "does not wait any more" in again
    assert len(await instructions(web, "R-1")) == 1
    shown = await open_page(web, "/shipments/R-1")
    assert "sent to the courier" in shown
    assert "9876543210" in shown


async def test_many_answers_are_decided_at_once(web: Web) -> None:
    ids = [await an_answer(web, f"R-{n}", f"AWB{n}") for n in range(3)]
    preview = await send_form(web, "/ndr/answers/preview", [("answer", answer_id) for answer_id in ids])
    assert [value for name, value in hidden_fields(preview) if name == "answer"] == ids
    fields = [*hidden_fields(preview), ("note", "called them"), ("decision", "dismiss")]
    assert "3 of 3 answers decided" in await send_form(web, "/ndr/answers/act", fields)
    assert [(await stored(web.store, f"R-{n}"))[-1].why for n in range(3)] == ["called them"] * 3
    assert "No customer's answer waits." in await open_page(web, "/ndr/answers")


async def test_a_task_says_that_there_is_no_instruction(web: Web) -> None:
    answer_id = await an_answer(web, kind="pick_up")
    assert "couriers take no instruction for this" in await open_page(web, f"/ndr/answers/{answer_id}")
    done = await send_form(web, "/ndr/answers/act", {"answer": answer_id, "decision": "confirm"})
    assert "Recorded as dealt with." in done
    assert await instructions(web, "R-1") == []


async def test_what_can_no_longer_be_confirmed_says_why(web: Web) -> None:
    answer_id = await an_answer(web)
    await scanned(web.store, web.clock, 6)
    assert "the courier is not waiting for an instruction any more" in await open_page(web, f"/ndr/answers/{answer_id}")
    result = await send_form(web, "/ndr/answers/act", {"answer": answer_id, "decision": "confirm"})
    assert "0 of 1 answers decided" in result


async def test_a_form_without_a_choice_is_refused(web: Web) -> None:
    answer_id = await an_answer(web)
    assert "Choose at least one answer." in await send_form(web, "/ndr/answers/preview", {}, status=422)
    assert "confirm or dismiss" in await send_form(web, "/ndr/answers/act", {"answer": answer_id}, status=422)
    many = [("answer", str(n)) for n in range(501)]
    assert "at once" in await send_form(web, "/ndr/answers/preview", many, status=422)
    unknown = await send_form(web, "/ndr/answers/act", {"answer": "none", "decision": "confirm"})
    assert "there is no answer none" in unknown
    assert "not stored any more" in await send_form(web, "/ndr/answers/preview", {"answer": "none"})
    assert (await web.http.get("/ndr/answers/none", headers=HERE)).status_code == 404


async def test_the_list_of_answers_is_paged(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_answers, "PAGE_SIZE", 2)
    ids = []
    for n in range(3):
        web.clock.forward(minutes=1)
        ids.append(await an_answer(web, f"R-{n}", f"AWB{n}"))
    first = await open_page(web, "/ndr/answers")
    second = await open_page(web, next_page(first))
    listed = [re.findall(r'name="answer" value="(\w+)"', page) for page in (first, second)]
    assert listed == [ids[:2], ids[2:]]
    assert next_page(second) == ""


async def test_what_a_customer_enters_is_text_on_every_page(web: Web) -> None:
    answer_id = await an_answer(
        web, kind="new_address", address=f"7 Lane {HOSTILE}", landmark=f"near {HOSTILE}", day="2026-11-04"
    )
    paths = (f"/ndr/answers/{answer_id}", "/ndr/answers", "/ndr", "/shipments/R-1")
    pages = [await open_page(web, path) for path in paths]
    pages.append(await send_form(web, "/ndr/answers/preview", {"answer": answer_id}))
    fields = {"answer": answer_id, "decision": "dismiss", "note": HOSTILE}
    pages.append(await send_form(web, "/ndr/answers/act", fields))
    pages += [await open_page(web, path) for path in (f"/ndr/answers/{answer_id}", "/shipments/R-1", "/audit")]
    assert all("<script>run" not in page for page in pages)
    assert sum("&lt;script&gt;run" in page for page in pages) >= 5
