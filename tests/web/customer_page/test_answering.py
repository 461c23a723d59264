"""Answering on the customer's page: forms without script or cookie, outcomes by a word, nothing entered comes back."""

from __future__ import annotations

import re
from typing import Any

import html5lib
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awbridge.domain.customer_page.answers import AnswerState, CustomerAnswer
from awbridge.domain.orders.action import ActionKind, NewAction
from awbridge.steps.customer_page import answers as steps
from awbridge.steps.customer_page.answers import AnswerPolicy
from awbridge.store import Store
from awbridge.store.orders import actions
from awbridge.web.customer_page.answering import LARGEST_BODY, read_notice
from tests.support.answers import stored
from tests.support.customer_page import HOUR, At, CustomersView, add_parcel
from tests.support.rows import T0, fetch, sql
from tests.support.stores import sqlite_only

pytestmark = pytest.mark.heavy

DIGITS = "1234"  # the end of the phone number that add_parcel stores
FAILED = At(9, 6, "Pune", 1)
AJAR = {"ndr_at": T0 + 6 * HOUR, "ndr_code": 1}
SITE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def page(store: Store) -> CustomersView:
    return CustomersView(store)


async def failed(store: Store, reference: str = "REF-1", **changes: Any) -> str:
    """The token of a parcel whose delivery failed."""
    return await add_parcel(store, reference, At(5, 2), FAILED, columns=dict(AJAR), **changes)


def form_of(shown: str) -> dict[str, str]:
    """The hidden fields of the first form of a page."""
    form = re.search(r'<form method="post" action="[^"]*">(.*?)</form>', shown, re.DOTALL)
    assert form, "the page has no form"
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[1]))


async def send(page: CustomersView, token: str, shown: str = "", **fields: str) -> httpx2.Response:
    """Send the first form of the page, as a browser does."""
    shown = shown or (await page.get(token)).text
    action = re.search(r'<form method="post" action="([^"]*)"', shown)
    assert action
    entered = {**form_of(shown), "digits": DIGITS, **fields}
    return await page.http.post(f"/track/{action[1]}".replace("&amp;", "&"), data=entered, headers=SITE)


async def told(page: CustomersView, token: str, answer: httpx2.Response) -> str:
    """The page to which an answer leads."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["cache-control"] == "no-store"
    where = answer.headers["location"].partition("#")[0]
    assert where.startswith(f"../{token}?"), where
    shown = await page.http.get(f"/track/{where.removeprefix('../')}")
    assert shown.headers["cache-control"] == "no-store"
    return shown.text


async def the(store: Store) -> CustomerAnswer:
    """The only answer."""
    [answer] = await stored(store, "REF-1")
    return answer


async def test_a_customer_asks_for_another_day_and_sees_what_becomes_of_it(store: Store, page: CustomersView) -> None:
    token = await failed(store)
    shown = (await page.get(token)).text
    html5lib.HTMLParser(strict=True).parse(shown)
    assert "What should we do?" in shown
    days = re.findall(r'<option value="([\d-]+)">([^<]+)', shown)[:7]
    assert [day for day, _ in days] == [f"2026-11-{n:02}" for n in range(3, 10)]
    assert days[1][1] == "Wednesday, 4 November"
    thanks = await told(
        page, token, await send(page, token, kind="deliver_again", **{"day-deliver_again": "2026-11-04"})
    )
    html5lib.HTMLParser(strict=True).parse(thanks)
    assert "Thank you, we have your answer." in thanks
    answer = await the(store)
    assert (answer.state, str(answer.day)) == (AnswerState.RECEIVED, "2026-11-04")
    waiting = await page.get(token)
    assert "Your answer (today): Deliver it again (day: Wednesday, 4 November)." in waiting.text
    assert "Thank you" not in waiting.text
    assert waiting.headers["cache-control"].startswith("public")
    policy = AnswerPolicy()
    await steps.confirm(store=store, clock=page.clock, policy=policy, answer_id=answer.id, by="test")
    page.clock.forward(days=1)
    sent = (await page.get(token)).text
    assert "We passed your wish on to the courier (yesterday): Deliver it again (day: tomorrow)." in sent
    assert "<form" not in sent


@sqlite_only
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": ""}, "kind"),
        ({"kind": "deliver_again", "day-deliver_again": "2026-11-01"}, "day"),
        ({"kind": "new_phone", "phone": "12"}, "phone"),
        ({"kind": "new_address", "address": "7 L"}, "address"),
        ({"kind": "refuse", "digits": "9999"}, "digits"),
        ({"kind": "refuse", "digits": ""}, "digits"),
    ],
    ids=str,
)
async def test_a_wrong_field_is_named_in_the_pages_language_and_nothing_is_repeated(
    store: Store, page: CustomersView, fields: dict[str, str], field: str
) -> None:
    token = await failed(store)
    for language in ("en", "hi", "ar"):
        shown = (await page.get(token, headers={"accept-language": language})).text
        answer = await send(page, token, shown, **fields)
        assert f"lang={language}" in answer.headers["location"]
        assert all(value not in answer.headers["location"] for value in ("9999", "7+L", "phone=12"))
        wrong = await told(page, token, answer)
        html5lib.HTMLParser(strict=True).parse(wrong)
        assert f'lang="{language}"' in wrong
        assert 'role="alert"' in wrong
        assert field == "kind" or 'aria-invalid="true"' in wrong
        assert "9999" not in wrong
        assert "7 L<" not in wrong
    assert await stored(store, "REF-1") == []


async def test_guesses_are_limited_however_many_addresses_make_them(store: Store, page: CustomersView) -> None:
    token = await failed(store)
    for n in range(5):
        assert "answer=digits" in (await send(page, token, kind="refuse", digits=f"{n:04}")).headers["location"]
    limited = await send(page, token, kind="refuse")
    assert "Please call us." in await told(page, token, limited)
    assert await stored(store, "REF-1") == []


@sqlite_only
async def test_an_address_that_guesses_at_many_parcels_is_refused_without_a_query(store: Store) -> None:
    page = CustomersView(store)
    tokens = [await failed(store, f"REF-{n}", order_id=f"O-{n}") for n in range(7)]
    pages = [(await page.get(token)).text for token in tokens]
    invalid = await send(page, tokens[6], pages[6], kind="new_phone")
    assert "answer=phone" in invalid.headers["location"], "what is no guess does not make an address trusted"
    codes = [
        (await send(page, token, shown, kind="refuse", digits=f"{n:04}")).status_code
        for token, shown in zip(tokens, pages, strict=True)
        for n in range(5)
    ]
    assert codes == [303] * 30 + [429] * 5, "the last parcel is guarded, although none of its tries is used up"
    refused = await send(page, tokens[6], pages[6], kind="refuse")
    assert int(refused.headers["retry-after"]) > 0


async def test_a_rule_sends_an_answer_at_once(store: Store) -> None:
    page = CustomersView(store, rules="4/1/refuse=send,*/*/pick_up=off")
    token = await failed(store)
    assert "pick it up" not in (await page.get(token)).text
    thanks = await told(page, token, await send(page, token, kind="refuse"))
    assert "passed your wish on to the courier." in thanks
    assert len(await fetch(store, "SELECT id FROM actions")) == 1
    assert (await the(store)).state is AnswerState.SENT


async def test_several_parcels_have_forms_of_their_own(store: Store, page: CustomersView) -> None:
    first = await failed(store)
    await failed(store, "REF-2", created_at=T0 + HOUR / 4)
    shown = (await page.get(first)).text
    html5lib.HTMLParser(strict=True).parse(shown)
    forms = re.findall(r'name="parcel" value="(\w+)"', shown)
    assert len(set(forms)) == 2
    assert "REF-2" not in shown
    await told(page, first, await send(page, first, kind="refuse", parcel=forms[1]))
    assert await stored(store, "REF-1") == []
    assert len(await stored(store, "REF-2")) == 1


async def test_a_box_has_a_form_of_its_own(store: Store, page: CustomersView) -> None:
    seen = (At(5, 2, waybill="B1"), At(9, 6, "Pune", 1, waybill="B2"))
    columns = {"status_bucket": 3, "status_code": 5, "final": False, "ndr_at": None}
    token = await add_parcel(store, "REF-1", *seen, children=("B1", "B2"), columns=columns)
    shown = (await page.get(token)).text
    assert form_of(shown)["box"] == "2"
    await told(page, token, await send(page, token, kind="refuse"))
    assert (await the(store)).waybill == "B2"
    for box in ("1", "3", "x", "-1", ""):
        answer = await send(page, token, shown, kind="refuse", box=box)
        assert "answer=closed" in answer.headers["location"], box


async def test_a_parcel_that_did_not_arrive(store: Store, page: CustomersView) -> None:
    token = await add_parcel(store, "REF-1", At(6, 2), At(8, 6))
    shown = (await page.get(token)).text
    assert shown.index("Did it not arrive?") > shown.index("<article")
    assert "I did not get it" in await told(page, token, await send(page, token, shown))
    async with store.write() as session:
        new = NewAction(kind=ActionKind.PROOF, reference_number="REF-1", body={})
        asked, _ = await actions.add(session, new, now=T0)
        await actions.done(session, asked.id, {"proof_url": 'https://pod.example/1?a="><b>'}, now=T0)
    assert "pod.example" not in (await page.get(token)).text
    assert "pod.example" not in (await send(page, token, shown, digits="0000")).text
    proof = await send(page, token, shown)
    assert proof.status_code == 200
    assert proof.headers["cache-control"] == "no-store"
    html5lib.HTMLParser(strict=True).parse(proof.text)
    assert 'href="https://pod.example/1?a=&#34;&gt;&lt;b&gt;"' in proof.text
    assert f'href="../{token}?lang=en"' in proof.text
    page.clock.forward(days=8)
    assert "Did it not arrive?" not in (await page.get(token)).text


async def test_a_form_that_is_late_changes_nothing(store: Store, page: CustomersView) -> None:
    token = await failed(store)
    shown = (await page.get(token)).text
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET status_bucket = 4, status_code = 6, ndr_at = NULL"))
    answer = await send(page, token, shown, kind="refuse")
    assert "answer=closed" in answer.headers["location"]
    shown = await told(page, token, answer)
    html5lib.HTMLParser(strict=True).parse(shown)
    assert "Nothing can be changed about this parcel at the moment." in shown
    assert await stored(store, "REF-1") == []


@sqlite_only
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin", "origin": "https://proxy.example"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 303),
        ({"origin": "https://track.shop.example"}, 303),
        ({"origin": "https://shop.example", "x-forwarded-host": "shop.example"}, 303),
        ({}, 303),
    ],
    ids=str,
)
async def test_only_another_sites_form_is_refused(
    store: Store, page: CustomersView, headers: dict[str, str], status: int
) -> None:
    token = await failed(store)
    fields = {**form_of((await page.get(token)).text), "digits": DIGITS, "kind": "refuse"}
    answer = await page.http.post(f"/track/{token}/answer", data=fields, headers=headers)
    assert answer.status_code == status
    assert len(await stored(store, "REF-1")) == (1 if status == 303 else 0)


@sqlite_only
async def test_what_is_no_form_is_refused(store: Store, page: CustomersView) -> None:
    token = await failed(store)
    path = f"/track/{token}/answer"
    assert (await page.http.get(path)).status_code == 405
    assert (await page.http.post(path, json={"kind": "refuse"})).status_code == 415
    large = {"content-type": "application/x-www-form-urlencoded"}
    assert (await page.http.post(path, content=b"a=" + b"x" * LARGEST_BODY, headers=large)).status_code == 413
    assert (await page.http.post("/track/aaaaaaaaaaaaaaaa/answer", data={"kind": "refuse"})).status_code == 404
    for body in (b"", b"\xff\xfe", b"&" * 500, b"kind=refuse&parcel=%00"):
        answer = await page.http.post(path, content=body, headers=large)
        assert "answer=closed" in answer.headers["location"]
    assert (await page.http.post(f"/t/{token}/answer", content=b"", headers=large)).status_code == 303
    assert await stored(store, "REF-1") == []


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(query=st.dictionaries(st.sampled_from(["answer", "parcel", "box", "kind", "lang"]), st.text(max_size=30)))
def test_any_query_is_read(query: dict[str, str]) -> None:
    notice = read_notice(query)
    assert notice is None or notice.told.value == query["answer"]


@sqlite_only
async def test_what_is_told_is_text_whatever_the_query_says(store: Store, page: CustomersView) -> None:
    token = await failed(store)
    hostile = "\"'--></title><script>run('x')</script>"
    for name in ("answer", "parcel", "box", "kind", "lang"):
        query = {"answer": "digits", "parcel": form_of((await page.get(token)).text)["parcel"], name: hostile}
        shown = (await page.http.get(f"/track/{token}", params=query)).text
        html5lib.HTMLParser(strict=True).parse(shown)
        assert "<script" not in shown


async def test_a_page_with_forms_shows_nobody_and_stays_small(store: Store, page: CustomersView) -> None:
    token = await failed(store)
    await told(page, token, await send(page, token, kind="new_address", address="7 Hidden Lane", landmark="temple"))
    page.clock.forward(hours=1)
    shown = await page.get(token)
    for private in ("Hidden", "temple", "9876501234", "Secret", "REF-1", "AWB-"):
        assert private not in shown.text
    packed = await page.http.get(f"/track/{token}", headers={"accept-encoding": "gzip"})
    assert int(packed.headers["content-length"]) < 8_000
    assert (await page.get(token, headers={"if-none-match": shown.headers["etag"]})).status_code == 304


async def test_a_parcel_without_an_answer_has_no_form(store: Store, page: CustomersView) -> None:
    on_its_way = await add_parcel(store, "REF-1", At(5, 2))
    assert "<form" not in (await page.get(on_its_way)).text
    coming_back = await add_parcel(store, "REF-2", At(9, 2, "Pune", 1), At(12, 3), order_id="O-2")
    assert "<form" not in (await page.get(coming_back)).text
