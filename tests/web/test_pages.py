"""The pages: what they show, and what their buttons do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from awbridge.domain.notify.events import EventKind
from awbridge.sinks.addresses import read_networks
from awbridge.sinks.outgoing import EventSender
from awbridge.steps.notify.deliver_events import DeliverPolicy, deliver_due
from awbridge.store import Store
from awbridge.store.notify import alarms, endpoints
from awbridge.store.notify.endpoints import Endpoint
from awbridge.web.contexts import ApiContext
from awbridge.web.pages.page_templates import relative_time
from awbridge.web.pages.pages_app import build_pages
from tests.steps.notify.test_notify import hear
from tests.support.app import Web
from tests.support.notices import a_customer
from tests.support.receivers import Receiver, http_server, ok
from tests.support.rows import T0, add, decided, fetch, place, sql
from tests.support.stuck import mark_stuck
from tests.support.world import SetClock, webhook

pytestmark = pytest.mark.heavy

HERE = {"host": "localhost:8000"}
OUR_FORM = {**HERE, "sec-fetch-site": "same-origin"}
PAGES = (
    *("/", "/shipments", "/search", "/failures", "/ndr", "/couriers", "/dead-letters", "/endpoints", "/alarms"),
    *("/setup", "/downtimes", "/allocation", "/messages", "/messages/templates", "/messages/opt-outs"),
    *("/reconciliation", "/reports", "/endpoints/new", "/allocation/edit"),
)
POLICY = DeliverPolicy(retry_delays=(60.0,))


async def an_endpoint(store: Store, url: str = "https://erp.example/hook", kinds: Any = ()) -> Endpoint:
    async with store.write() as session:
        return await endpoints.add(session, url, kinds=kinds, now=T0)


async def deliver(web: Web) -> int:
    async with EventSender(allowed=read_networks(["127.0.0.0/8"]), timeout=30.0) as outgoing:
        return await deliver_due(store=web.store, outgoing=outgoing, clock=web.clock, policy=POLICY)


async def page(web: Web, path: str) -> str:
    answer = await web.http.get(path, headers=HERE)
    assert answer.status_code == 200, answer.text
    return answer.text


def buttons(html: str) -> dict[str, str]:
    """The label of each button, and the action of its form."""
    found = re.findall(r'<form method="post" action="([^"]+)"><button[^>]*>([^<]+)</button></form>', html)
    return {label: action for action, label in found}


async def press(web: Web, action: str) -> str:
    """Press a button and follow the redirect."""
    answer = await web.http.post(action, headers=OUR_FORM)
    assert answer.status_code == 303, answer.text
    return await page(web, answer.headers["location"])


@asynccontextmanager
async def a_failed_delivery(web: Web, answer: bytes) -> AsyncIterator[tuple[Endpoint, Receiver]]:
    """An endpoint with one permanently failed event, and its receiver, which has recovered."""
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


async def test_deliver_again_sends_the_event_with_the_same_id(web: Web) -> None:
    async with a_failed_delivery(web, ok("500 Oops", "no room")) as (endpoint, receiver):
        shown = await page(web, f"/endpoints/{endpoint.id}")
        for text in ("R-1", "delivered", "HTTP 500: no room", "failed"):
            assert text in shown
        html = await press(web, buttons(shown)["Deliver again"])
        assert "1 event is due again, as soon as the endpoint is enabled." in html
        assert await deliver(web) == 0, "the endpoint was disabled: no other event was delivered"
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
        assert "Deliver again" in buttons(html), "a delivered event may be sent again"


async def test_one_button_delivers_every_failed_event_again(web: Web) -> None:
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


async def test_an_endpoint_disabled_by_hand_receives_everything_once_enabled(web: Web) -> None:
    async with http_server() as receiver:
        endpoint = await an_endpoint(web.store, receiver.url, kinds=[EventKind.DELIVERED])
        html = await press(web, buttons(await page(web, f"/endpoints/{endpoint.id}"))["Disable"])
        assert "disabled by hand" in html
        await a_customer(web.store, "R-1", "AWB1")
        await hear(web.store, web.clock, webhook("AWB1", 8, T0))
        assert await deliver(web) == 0
        async with web.store.read() as session:
            assert await alarms.open_now(session) == [], "disabled on purpose"
        await press(web, buttons(await page(web, "/endpoints"))["Enable"])
        assert await deliver(web) == 1
        assert len(receiver.requests) == 1


async def test_failing_since_lasts_until_a_delivery_succeeds(web: Web) -> None:
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
        assert await failing() == since, "the first failure counts"
        assert "Failing since" in await page(web, "/endpoints")
        receiver.respond = lambda _: ok()
        web.clock.forward(minutes=2)
        await deliver(web)
        assert await failing() is None


async def test_hostile_text_is_escaped(web: Web) -> None:
    evil = "<script>alert(1)</script>\"'"
    answer = ok("500 Oops", f"{evil} {{{{7*7}}}} phone 9000000001, asha@example.com")
    async with a_failed_delivery(web, answer) as (endpoint, _):
        await an_endpoint(web.store, "https://erp.example/<script>alert(2)</script>?token=s3cret&x=\"'><b>")
        async with web.store.write() as session:
            await alarms.raise_(session, "odd.<b>", f"{evil} of 9000000001", now=T0)
        for path in (*PAGES, f"/endpoints/{endpoint.id}"):
            html = await page(web, path)
            assert "<script>" not in html
            assert "<b>" not in html
            for secret in ("s3cret", "9000000001", "asha@example.com"):
                assert secret not in html
        html = await page(web, f"/endpoints/{endpoint.id}")
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "{{7*7}}" in html
    for path in ("/endpoints/7?due=<script>", "/endpoints/<script>", "/endpoints/%00", "/alarms/<script>"):
        assert "<script" not in (await web.http.get(path, headers=HERE)).text


async def test_unknown_ids_are_404_and_empty_lists_say_so(web: Web) -> None:
    endpoint = await an_endpoint(web.store)
    for unknown in ("7", "abc", "9" * 19, "9" * 40):
        assert (await web.http.get(f"/endpoints/{unknown}", headers=HERE)).status_code == 404
        for tail in ("redeliver", "enable", f"deliveries/{endpoint.id}/redeliver"):
            assert (await web.http.post(f"/endpoints/{unknown}/{tail}", headers=OUR_FORM)).status_code == 404
    one = f"/endpoints/{endpoint.id}/deliveries/7/redeliver"
    assert (await web.http.post(one, headers=OUR_FORM)).status_code == 404
    assert (await web.http.get(one, headers=HERE)).status_code == 405
    assert "No events yet" in await page(web, f"/endpoints/{endpoint.id}")
    assert "No failed deliveries" in await page(web, f"/endpoints/{endpoint.id}?state=failed")
    assert "No waiting deliveries" in await page(web, f"/endpoints/{endpoint.id}?state=due")


async def test_the_filter_shows_failed_or_waiting_deliveries_only(web: Web) -> None:
    async with a_failed_delivery(web, ok("500 Oops")) as (endpoint, _):
        await a_customer(web.store, "R-2", "AWB2")
        await hear(web.store, web.clock, webhook("AWB2", 8, T0))
        for state, shown, hidden in (("failed", "R-1", "R-2"), ("due", "R-2", "R-1")):
            html = await page(web, f"/endpoints/{endpoint.id}?state={state}")
            assert shown in html
            assert hidden not in html


async def test_the_overview_counts_problems(web: Web) -> None:
    assert "No problems" in await page(web, "/")
    assert "No subscribers yet" in await page(web, "/endpoints")
    assert "No alarms" in await page(web, "/alarms")
    endpoint = await an_endpoint(web.store)
    async with web.store.write() as session:
        await endpoints.disable(session, endpoint, problem="it answered 410", now=T0)
        await alarms.raise_(session, "disk", "the disk is full", now=T0)
        await alarms.raise_(session, "gave_up", "1 shipments exhausted their retries", now=T0)
        await alarms.clear(session, "gave_up", now=T0)
    overview = await page(web, "/")
    assert "2 things need attention" in overview
    assert "1 failing or disabled" in overview
    shown = await page(web, "/alarms")
    assert "the disk is full" in shown
    assert shown.index("Cleared in the last 24 hours") < shown.index("gave_up")
    web.clock.forward(days=2)
    assert "gave_up" not in await page(web, "/alarms")


async def test_rejected_orders_need_attention(web: Web) -> None:
    await decided(web.store, placed=53, refused=67, clock=web.clock)
    overview = await page(web, "/")
    assert "No problems" not in overview
    assert "1 thing needs attention" in overview
    assert "shipments are rejected" in overview
    assert 'href="/failures"' in overview


async def test_shipments_worth_watching_need_no_action(web: Web) -> None:
    await a_customer(web.store, "R-1", "AWB1")
    web.clock.forward(days=9)
    await mark_stuck(web.store, web.clock())
    overview = await page(web, "/")
    assert "parcel is stuck" in overview
    assert "No action needed" in overview


async def test_a_page_refuses_unknown_parameters_and_names_the_nearest(web: Web) -> None:
    async with a_failed_delivery(web, ok("500 Oops")) as (endpoint, _):
        shown = f"/endpoints/{endpoint.id}"
        for path, text in [
            ("/?stat=due", "stat is not known here"),
            ("/alarms?everything=true", "everything is not known here"),
            ("/endpoints?%3Cscript%3E&y=", "y is not known here"),
            (f"{shown}?stae=due", "stae is not known here: did you mean state?"),
            (f"{shown}?state=delivered", "state must be due or failed"),
        ]:
            answer = await web.http.get(path, headers=HERE)
            assert answer.status_code == 422, path
            assert answer.headers["content-type"].startswith("text/html")
            assert text in answer.text, path
            assert "<script>" not in answer.text
        refused = await web.http.post(f"{shown}/enable?now=1", headers=OUR_FORM)
        assert refused.status_code == 422
        assert "Enable" in buttons(await page(web, shown)), "nothing was changed"
        assert "HTTP 500" in await page(web, f"{shown}?state=failed")


def test_every_page_route_declares_its_parameters(store: Store) -> None:
    routes = build_pages(ApiContext(store=store, clock=SetClock(), clickpost=None)).routes
    assert {type(route).__name__ for route in routes} == {"PageRoute", "Mount"}


async def test_a_lost_piece_and_a_refused_cancellation_count_once_each(web: Web) -> None:
    await add(web.store, "R")
    await place(web.store, "R", "AWB1")
    async with web.store.write() as session:
        await session.execute(sql("UPDATE shipments SET piece_exception_at = $1, cancel_state = 'refused'"), T0)
        for cause in ("pieces", "not_cancelled"):
            await alarms.raise_(session, cause, "see the list", now=T0)
    overview = await page(web, "/")
    assert "2 things need attention" in overview
    assert "box that is lost, damaged or returning" in overview


async def test_every_link_of_a_page_works(web: Web) -> None:
    async with a_failed_delivery(web, ok("500 Oops")) as (endpoint, _):
        for path in (*PAGES, f"/endpoints/{endpoint.id}", "/shipments/R-1", "/payload/R-1"):
            html = await page(web, path)
            for link in set(map(unescape, re.findall(r'href="([^"]+)"', html))):
                answer: httpx2.Response = await web.http.get(link, headers=HERE)
                # The label of a shipment that is not placed: the page says why there is none.
                assert answer.status_code == (409 if link.startswith("/labels/of/") else 200), (path, link)
                assert urlsplit(link).netloc == "", "no external links"


@pytest.mark.parametrize(
    ("seconds", "text"),
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
def test_relative_times(seconds: float, text: str) -> None:
    assert relative_time(seconds) == text
