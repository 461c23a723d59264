"""The pages: who may see them and press their buttons, what they show, and that the buttons really do it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx2
import pytest

from awbridge.domain.notify.events import EventKind
from awbridge.sinks.addresses import read_networks
from awbridge.sinks.outgoing import EventSender
from awbridge.steps.notify.deliver_events import DeliverPolicy, deliver_due
from awbridge.store import Store
from awbridge.store.notify import alarms, endpoints
from awbridge.store.notify.endpoints import Endpoint
from awbridge.web.pages.looks import in_words
from awbridge.web.pages.rooms import build_pages
from tests.steps.notify.test_notify import hear
from tests.support.app import Web, web_on
from tests.support.notices import a_customer
from tests.support.receivers import Receiver, http_server, ok
from tests.support.rows import T0, add, decided, fetch, place, sql
from tests.support.world import SetClock, webhook

PAGES = ("/", "/endpoints", "/alarms", "/static/awbridge.css")
HERE = {"host": "localhost:8000"}
OUR_FORM = {**HERE, "sec-fetch-site": "same-origin"}
POLICY = DeliverPolicy(retry_delays=(60.0,))


async def an_endpoint(store: Store, url: str = "https://erp.example/hook", kinds: Any = ()) -> Endpoint:
    async with store.write() as session:
        return await endpoints.add(session, url, kinds=kinds, now=T0)


async def deliver(web: Web) -> int:
    async with EventSender(allowed=read_networks(["127.0.0.0/8"]), timeout=2.0) as outgoing:
        return await deliver_due(store=web.store, outgoing=outgoing, clock=web.clock, policy=POLICY)


async def page(web: Web, path: str) -> str:
    answer = await web.http.get(path, headers=HERE)
    assert answer.status_code == 200, answer.text
    return answer.text


def buttons(html: str) -> dict[str, str]:
    """What each button says, and where its form goes."""
    found = re.findall(r'<form method="post" action="([^"]+)"><button[^>]*>([^<]+)</button></form>', html)
    return {label: action for action, label in found}


async def press(web: Web, action: str) -> str:
    """Press a button and follow to the page that it leads to."""
    answer = await web.http.post(action, headers=OUR_FORM)
    assert answer.status_code == 303, answer.text
    return await page(web, answer.headers["location"])


# Who may see them


@pytest.mark.parametrize("path", PAGES)
async def test_with_a_key_a_browser_is_asked_for_it(store: Store, path: str) -> None:
    async with web_on(store, api_keys=["k-1", "clé:2"]) as web:
        asked = await web.http.get(path)
        assert asked.status_code == 401
        assert asked.headers["www-authenticate"].startswith("Basic ")
        for auth in (("anybody", "k-1"), ("", "clé:2")):
            assert (await web.http.get(path, auth=auth)).status_code == 200
        for auth in (("k-1", ""), ("x", "k-2"), ("x", "")):
            assert (await web.http.get(path, auth=auth)).status_code == 401
        for header in ("Basic", "Basic !", "Basic azE=", "Digest k-1", "k-1"):
            assert (await web.http.get(path, headers={"authorization": header})).status_code == 401
        assert (await web.http.get(path, headers={"authorization": "Bearer k-1"})).status_code == 200
        async with web.client("203.0.113.7") as far:
            assert (await far.get(path, auth=("x", "k-1"))).status_code == 200


async def test_what_a_browser_sends_by_itself_never_opens_the_api(store: Store) -> None:
    async with web_on(store, api_keys=["k-1"]) as web:
        for path in ("/v1/endpoints", "/metrics"):
            assert (await web.http.get(path, auth=("x", "k-1"))).status_code == 401
            assert (await web.http.get(path, headers={"authorization": "Bearer k-1"})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost:8000"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://[::1"},
    ],
)
async def test_without_a_key_another_sites_page_may_not_call_the_api(web: Web, headers: dict[str, str]) -> None:
    body = {"url": "https://erp.example/hook"}
    refused = await web.http.post("/v1/endpoints", json=body, headers={**HERE, **headers})
    assert refused.status_code == 403
    assert refused.json()["title"] == "Another site sent this"
    assert await fetch(web.store, "SELECT id FROM endpoints") == []
    assert (await web.http.get("/v1/endpoints", headers={**HERE, **headers})).status_code == 403


@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": "http://localhost:8000"}]
)
async def test_without_a_key_programs_and_our_own_pages_may_call_the_api(web: Web, headers: dict[str, str]) -> None:
    assert (await web.http.get("/v1/endpoints", headers={**HERE, **headers})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "[::1", ""])
async def test_without_a_key_nobody_may_call_the_api_by_a_strange_name(web: Web, host: str) -> None:
    refused = await web.http.post("/v1/endpoints", json={"url": "https://erp.example/hook"}, headers={"host": host})
    assert (refused.status_code, refused.json()["title"]) == (403, "Called by a strange name")
    assert "AWBRIDGE_API_KEYS" in refused.json()["detail"]
    assert await fetch(web.store, "SELECT id FROM endpoints") == []
    assert (await web.http.get("/metrics", headers={"host": host})).status_code == 403
    for path in ("/healthz", "/readyz"):
        assert (await web.http.get(path, headers={"host": host})).status_code == 200
    hook = await web.http.post("/webhooks/clickpost", content=b"{", headers={"host": host, "webhook_key": "right"})
    assert hook.status_code == 400  # read, and no JSON: whoever holds the key may call it by any name


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "bridge.localhost", "LOCALHOST"])
async def test_without_a_key_programs_here_may_call_the_api_by_a_name_of_this_machine(web: Web, host: str) -> None:
    assert (await web.http.get("/v1/endpoints", headers={"host": host})).status_code == 200


async def test_the_name_that_awbridge_listens_on_is_its_own(store: Store) -> None:
    async with web_on(store, host="bridge.internal") as web:
        for path in ("/", "/v1/endpoints"):
            assert (await web.http.get(path, headers={"host": "Bridge.internal:8000"})).status_code == 200
            assert (await web.http.get(path, headers={"host": "other.internal"})).status_code == 403
            assert (await web.http.get(path, headers=HERE)).status_code == 200


async def test_with_a_key_any_name_will_do(store: Store) -> None:
    async with web_on(store, api_keys=["k-1"]) as web:
        header = {"host": "bridge.example", "authorization": "Bearer k-1"}
        assert (await web.http.get("/v1/endpoints", headers=header)).status_code == 200


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_key_only_this_machine_may_under_its_own_name(web: Web, path: str) -> None:
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "bridge.localhost"):
        assert (await web.http.get(path, headers={"host": host})).status_code == 200
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "[::1", ""):
        assert (await web.http.get(path, headers={"host": host})).status_code == 403
    async with web.client("203.0.113.7") as far:
        assert (await far.get(path, headers=HERE)).status_code == 403


async def test_a_page_keeps_to_itself(web: Web) -> None:
    for path in ("/", "/endpoints", "/alarms", "/endpoints/7", "/endpoints/7/nosuch"):
        headers = (await web.http.get(path, headers=HERE)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


# Who may press their buttons


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"},
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8001"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://[::1"},
    ],
)
async def test_another_sites_post_presses_nothing(web: Web, headers: dict[str, str]) -> None:
    endpoint = await an_endpoint(web.store)
    async with web.store.write() as session:
        await endpoints.disable(session, endpoint, problem="away", now=T0)
    refused = await web.http.post(f"/endpoints/{endpoint.id}/enable", headers={**HERE, **headers})
    assert refused.status_code == 403
    assert "Another site" in refused.text
    async with web.store.read() as session:
        now = await endpoints.get(session, endpoint.id)
    assert now
    assert not now.enabled


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": "http://localhost:8000"}])
async def test_a_pages_own_button_works_with_either_sign(web: Web, headers: dict[str, str]) -> None:
    endpoint = await an_endpoint(web.store)
    answer = await web.http.post(f"/endpoints/{endpoint.id}/enable", headers={**HERE, **headers})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/endpoints/{endpoint.id}?enabled")


async def test_a_button_needs_the_key_too(store: Store) -> None:
    async with web_on(store, api_keys=["k-1"]) as web:
        endpoint = await an_endpoint(store)
        path = f"/endpoints/{endpoint.id}/enable"
        assert (await web.http.post(path, headers=OUR_FORM)).status_code == 401
        assert (await web.http.post(path, headers=OUR_FORM, auth=("x", "k-1"))).status_code == 303


# What they show and do


@asynccontextmanager
async def a_failed_delivery(web: Web, answer: bytes) -> AsyncIterator[tuple[Endpoint, Receiver]]:
    """An endpoint with one event that failed for good, and its receiver, which is well again."""
    async with http_server() as receiver:
        receiver.respond = lambda _: answer
        endpoint = await an_endpoint(web.store, receiver.url, kinds=[EventKind.DELIVERED])
        await a_customer(web.store, "R-1", "AWB1")
        await hear(web.store, web.clock, webhook("AWB1", 8, T0))
        for _ in range(2):
            await deliver(web)
            web.clock.forward(minutes=2)
        assert len(receiver.requests) == 2
        receiver.respond = lambda _: ok()
        yield endpoint, receiver


async def states(store: Store) -> list[str]:
    return [row["state"] for row in await fetch(store, "SELECT state FROM event_deliveries ORDER BY event_id")]


async def test_deliver_again_really_delivers_again_under_the_same_id(web: Web) -> None:
    async with a_failed_delivery(web, ok("500 Oops", "no room")) as (endpoint, receiver):
        shown = await page(web, f"/endpoints/{endpoint.id}")
        for words in ("R-1", "delivered", "HTTP 500: no room", "failed"):
            assert words in shown
        html = await press(web, buttons(shown)["Deliver again"])
        assert "1 event is due again, as soon as the endpoint is enabled." in html
        assert await deliver(web) == 0, "it was disabled: nothing else got through"
        html = await press(web, buttons(html)["Enable"])
        assert "Enabled" in html
        assert await deliver(web) == 1
        assert len(receiver.requests) == 3
        assert len({r.headers["webhook-id"] for r in receiver.requests}) == 1
        assert await states(web.store) == ["delivered"]
        html = await page(web, f"/endpoints/{endpoint.id}")
        assert ">delivering<" in html
        assert "Enable" not in buttons(html)
        assert "Deliver all failed again" not in buttons(html)
        assert "Deliver again" in buttons(html), "what was delivered may be wanted once more"


async def test_all_that_failed_is_delivered_again_by_one_button(web: Web) -> None:
    async with a_failed_delivery(web, ok("503 Busy")) as (_, receiver):
        listed = await page(web, "/endpoints")
        assert "Failing since" in listed
        assert ">disabled<" in listed
        await press(web, buttons(listed)["Enable"])
        html = await press(web, buttons(await page(web, "/endpoints"))["Deliver all failed again"])
        assert "1 event is due again." in html
        assert await deliver(web) == 1
        assert len(receiver.requests) == 3
        assert await states(web.store) == ["delivered"]


async def test_an_endpoint_is_disabled_by_hand_and_gets_all_when_it_is_enabled(web: Web) -> None:
    async with http_server() as receiver:
        endpoint = await an_endpoint(web.store, receiver.url, kinds=[EventKind.DELIVERED])
        html = await press(web, buttons(await page(web, f"/endpoints/{endpoint.id}"))["Disable"])
        assert "disabled by hand" in html
        await a_customer(web.store, "R-1", "AWB1")
        await hear(web.store, web.clock, webhook("AWB1", 8, T0))
        assert await deliver(web) == 0
        async with web.store.read() as session:
            assert await alarms.open_now(session) == [], "it is meant"
        await press(web, buttons(await page(web, "/endpoints"))["Enable"])
        assert await deliver(web) == 1
        assert len(receiver.requests) == 1


async def test_since_when_an_endpoint_fails_is_kept_until_it_takes_something(web: Web) -> None:
    async def failing() -> Any:
        (row,) = (await web.http.get("/v1/endpoints")).json()
        return row["failing_since_at"]

    async with http_server() as receiver:
        await an_endpoint(web.store, receiver.url, kinds=[EventKind.STATUS_CHANGED])
        await a_customer(web.store, "R-1", "AWB1")
        receiver.respond = lambda _: ok("500 Oops")
        await hear(web.store, web.clock, webhook("AWB1", 4, T0))
        assert await failing() is None
        await deliver(web)
        since = await failing()
        assert since is not None
        web.clock.forward(seconds=30)
        await hear(web.store, web.clock, webhook("AWB1", 5, T0 + timedelta(seconds=20)))
        await deliver(web)
        assert await failing() == since, "the first time counts"
        assert "Failing since" in await page(web, "/endpoints")
        receiver.respond = lambda _: ok()
        web.clock.forward(minutes=2)
        await deliver(web)
        assert await failing() is None


async def test_hostile_words_are_words(web: Web) -> None:
    evil = "<script>alert(1)</script>\"'"
    answer = ok("500 Oops", f"{evil} {{{{7*7}}}} phone 9000000001, asha@example.com")
    async with a_failed_delivery(web, answer) as (endpoint, _):
        await an_endpoint(web.store, "https://erp.example/<script>alert(2)</script>?token=s3cret&x=\"'><b>")
        async with web.store.write() as session:
            await alarms.raise_(session, "odd.<b>", f"{evil} of 9000000001", now=T0)
        for path in ("/", "/endpoints", f"/endpoints/{endpoint.id}", "/alarms"):
            html = await page(web, path)
            assert "<script" not in html
            assert "<b>" not in html
            for secret in ("s3cret", "9000000001", "asha@example.com"):
                assert secret not in html
        html = await page(web, f"/endpoints/{endpoint.id}")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "{{7*7}}" in html
    for path in ("/endpoints/7?due=<script>", "/endpoints/<script>", "/endpoints/%00", "/alarms/<script>"):
        assert "<script" not in (await web.http.get(path, headers=HERE)).text


async def test_a_page_asks_for_what_it_says_and_no_more(web: Web) -> None:
    endpoint = await an_endpoint(web.store)
    for odd in ("7", "abc", "9" * 19, "9" * 40):
        assert (await web.http.get(f"/endpoints/{odd}", headers=HERE)).status_code == 404
        for tail in ("redeliver", "enable", f"deliveries/{endpoint.id}/redeliver"):
            assert (await web.http.post(f"/endpoints/{odd}/{tail}", headers=OUR_FORM)).status_code == 404
    one = f"/endpoints/{endpoint.id}/deliveries/7/redeliver"
    assert (await web.http.post(one, headers=OUR_FORM)).status_code == 404
    assert (await web.http.get(one, headers=HERE)).status_code == 405
    assert "No event was meant for it yet" in await page(web, f"/endpoints/{endpoint.id}")
    assert "None failed" in await page(web, f"/endpoints/{endpoint.id}?state=failed")
    assert "None waits" in await page(web, f"/endpoints/{endpoint.id}?state=due")


async def test_the_filter_shows_failed_or_waiting_deliveries_only(web: Web) -> None:
    async with a_failed_delivery(web, ok("500 Oops")) as (endpoint, _):
        await a_customer(web.store, "R-2", "AWB2")
        await hear(web.store, web.clock, webhook("AWB2", 8, T0))
        for state, shown, hidden in (("failed", "R-1", "R-2"), ("due", "R-2", "R-1")):
            html = await page(web, f"/endpoints/{endpoint.id}?state={state}")
            assert shown in html
            assert hidden not in html


async def test_the_front_page_counts_and_leads_on(web: Web) -> None:
    assert "All is well" in await page(web, "/")
    assert "There is none yet" in await page(web, "/endpoints")
    assert "Nothing is wrong" in await page(web, "/alarms")
    endpoint = await an_endpoint(web.store)
    async with web.store.write() as session:
        await endpoints.disable(session, endpoint, problem="it answered 410", now=T0)
        await alarms.raise_(session, "disk", "the disk is full", now=T0)
        await alarms.raise_(session, "gave_up", "1 shipments exhausted their retries", now=T0)
        await alarms.clear(session, "gave_up", now=T0)
    front = await page(web, "/")
    assert "2 things need attention" in front
    assert "1 failing or disabled" in front
    shown = await page(web, "/alarms")
    assert "the disk is full" in shown
    assert shown.index("Over within the last day") < shown.index("gave_up")
    web.clock.forward(days=2)
    assert "gave_up" not in await page(web, "/alarms")


async def test_all_is_not_well_while_orders_are_rejected(web: Web) -> None:
    await decided(web.store, placed=53, refused=67, clock=web.clock)
    front = await page(web, "/")
    assert "All is well" not in front
    assert "1 thing needs attention" in front
    assert "shipments are rejected" in front
    assert "awbridge shipments list --state rejected" in front


async def test_what_is_only_worth_watching_is_no_reason_for_a_person(web: Web) -> None:
    await a_customer(web.store, "R-1", "AWB1")
    web.clock.forward(days=9)
    front = await page(web, "/")
    assert "parcel is stuck" in front
    assert "Nothing needs a person now" in front


async def test_a_page_refuses_what_it_does_not_know_and_names_the_nearest(web: Web) -> None:
    async with a_failed_delivery(web, ok("500 Oops")) as (endpoint, _):
        shown = f"/endpoints/{endpoint.id}"
        for path, words in [
            ("/?stat=due", "stat is not known here"),
            ("/alarms?everything=true", "everything is not known here"),
            ("/endpoints?%3Cscript%3E&y=", "y is not known here"),
            (f"{shown}?stae=due", "stae is not known here: did you mean state?"),
            (f"{shown}?state=delivered", "state must be due or failed"),
        ]:
            answer = await web.http.get(path, headers=HERE)
            assert answer.status_code == 422, path
            assert answer.headers["content-type"].startswith("text/html")
            assert words in answer.text, path
            assert "<script" not in answer.text
        refused = await web.http.post(f"{shown}/enable?now=1", headers=OUR_FORM)
        assert refused.status_code == 422
        assert "Enable" in buttons(await page(web, shown)), "nothing was done"
        assert "HTTP 500" in await page(web, f"{shown}?state=failed")


def test_every_route_of_the_pages_says_what_it_takes(store: Store) -> None:
    rooms = build_pages(store, SetClock(), zone=ZoneInfo("Asia/Kolkata")).routes
    assert {type(route).__name__ for route in rooms} == {"PageRoute", "Mount"}


async def test_a_lost_box_and_a_refused_cancellation_are_one_thing_each(web: Web) -> None:
    await add(web.store, "R")
    await place(web.store, "R", "AWB1")
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET piece_exception_at = $1, cancel_state = 'refused'"), T0)
        for cause in ("pieces", "not_cancelled"):
            await alarms.raise_(session, cause, "see the list", now=T0)
    front = await page(web, "/")
    assert "2 things need attention" in front
    assert "box that is lost, damaged or going back" in front


async def test_every_link_of_a_page_leads_somewhere(web: Web) -> None:
    async with a_failed_delivery(web, ok("500 Oops")) as (endpoint, _):
        for path in ("/", "/endpoints", f"/endpoints/{endpoint.id}", "/alarms"):
            html = await page(web, path)
            for link in set(re.findall(r'href="([^"]+)"', html)):
                answer: httpx2.Response = await web.http.get(link, headers=HERE)
                assert answer.status_code == 200, (path, link)
                assert urlsplit(link).netloc == "", "nothing from anywhere else"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3600, "60 min ago"),
        (7200, "2 h ago"),
        (3 * 86400, "3 days ago"),
        (-30, "in a moment"),
        (-600, "in 10 min"),
    ],
)
def test_spans_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
