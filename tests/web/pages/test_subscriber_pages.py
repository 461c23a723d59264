"""The pages that add, change and remove webhook subscribers, show event bodies, and replay since a time."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from awbridge.domain.notify.events import EventKind
from awbridge.steps.notify import endpoints as subscribers
from awbridge.store.notify import endpoints
from awbridge.store.notify.endpoints import Endpoint
from awbridge.web.pages.notify import subscribers as pages
from tests.support.app import Web
from tests.support.pages import hidden_fields, next_page, open_page, send_form
from tests.support.rows import T0, fetch, sql
from tests.support.world import INDIA

URL = "https://93.184.215.14/hooks?token=s3cret"  # an address needs no look-up


async def an_endpoint(web: Web, **changes: Any) -> Endpoint:
    async with web.store.write() as session:
        return await endpoints.add(session, URL, now=T0, **changes)


async def events_of(web: Web, endpoint: Endpoint, count: int) -> None:
    """Delivered events, one a minute, each with an id of its time."""
    async with web.store.write() as session:
        for number in range(count):
            at = T0 + timedelta(minutes=number)
            event = int(at.timestamp() * 1_000_000) << 10
            add = (
                "INSERT INTO events (shard, id, reference_number, kind, body, created_at) "
                "VALUES (1, $1, $2, 'delivered', $3, $4)"
            )
            await session.execute(sql(add), event, f"R-{number}", '{"type": "delivered", "x": "<b>"}', at)
            add = (
                "INSERT INTO event_deliveries (shard, event_id, endpoint_id, state, tries, updated_at) "
                "VALUES (1, $1, $2, 'delivered', 1, $3)"
            )
            await session.execute(sql(add), event, endpoint.id, at)


async def test_a_subscriber_is_added_and_its_secret_shown_once(web: Web) -> None:
    assert "No subscribers yet." in await open_page(web, "/endpoints")
    assert 'value="piece.lost"' in await open_page(web, "/endpoints/new")
    shown = await send_form(web, "/endpoints/new", [("url", URL), ("kind", "delivered"), ("kind", "lost")])
    async with web.store.read() as session:
        (added,) = await endpoints.every(session)
    assert added.secret in shown
    assert (added.url, added.kinds) == (URL, ("delivered", "lost"))
    listed = await open_page(web, "/endpoints") + await open_page(web, f"/endpoints/{added.id}")
    assert added.secret not in listed
    assert "s3cret" not in listed


@pytest.mark.parametrize("url", ["ftp://x", "https://127.0.0.1/x", "", "https://[::1]/"])
async def test_an_address_that_is_not_allowed_is_refused_and_kept_in_the_form(web: Web, url: str) -> None:
    shown = await send_form(web, "/endpoints/new", {"url": url, "kind": "delivered"}, status=422)
    assert 'role="alert"' in shown
    assert 'value="delivered" checked' in shown
    endpoint = await an_endpoint(web)
    await send_form(web, f"/endpoints/{endpoint.id}/change", {"url": url}, status=422)
    async with web.store.read() as session:
        assert [e.url for e in await endpoints.every(session)] == [URL]


async def test_a_subscriber_is_changed_and_keeps_its_secret(web: Web) -> None:
    endpoint = await an_endpoint(web, kinds=[EventKind.DELIVERED])
    assert 'value="delivered" checked' in await open_page(web, f"/endpoints/{endpoint.id}/change")
    new = {"url": "https://93.184.215.14/new", "kind": "lost"}
    await send_form(web, f"/endpoints/{endpoint.id}/change", new, status=303)
    async with web.store.read() as session:
        changed = await endpoints.get(session, endpoint.id)
    assert changed
    assert (changed.url, changed.kinds, changed.secret) == (new["url"], ("lost",), endpoint.secret)
    assert "Changed." in await open_page(web, f"/endpoints/{endpoint.id}?changed")


async def test_a_new_secret_is_shown_and_the_old_one_signs_for_a_day(web: Web) -> None:
    endpoint = await an_endpoint(web)
    shown = await send_form(web, f"/endpoints/{endpoint.id}/rotate", {})
    async with web.store.read() as session:
        rotated = await endpoints.get(session, endpoint.id)
    assert rotated
    assert rotated.secret in shown
    assert "24 hours" in shown
    assert rotated.old_secret == endpoint.secret


async def test_a_subscriber_is_removed_after_a_question(web: Web) -> None:
    endpoint = await an_endpoint(web)
    assert "cannot be undone" in await open_page(web, f"/endpoints/{endpoint.id}/remove")
    assert await fetch(web.store, "SELECT id FROM endpoints") != []
    await send_form(web, f"/endpoints/{endpoint.id}/remove", {}, status=303)
    assert await fetch(web.store, "SELECT id FROM endpoints") == []
    assert "was removed" in await open_page(web, "/endpoints?removed")
    for path in ("", "/change", "/remove", "/deliveries/1"):
        assert (await web.http.get(f"/endpoints/{endpoint.id}{path}")).status_code == 404, path
    for path in ("change", "remove", "rotate", "replay"):
        await send_form(web, f"/endpoints/{endpoint.id}/{path}", {"url": URL, "since": "2026-11-01"}, status=404)


async def test_deliveries_follow_each_other_over_pages_and_show_their_bodies(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    endpoint = await an_endpoint(web)
    await events_of(web, endpoint, 3)
    first = await open_page(web, f"/endpoints/{endpoint.id}")
    second = await open_page(web, next_page(first))
    assert [re.findall(r">(R-\d)<", shown) for shown in (first, second)] == [["R-2", "R-1"], ["R-0"]]
    assert next_page(second) == ""
    link = re.search(rf'href="(/endpoints/{endpoint.id}/deliveries/\d+)"', first)
    assert link
    body = await open_page(web, link[1])
    assert "&#34;x&#34;: &#34;&lt;b&gt;&#34;" in body
    assert (await web.http.get(f"/endpoints/{endpoint.id}/deliveries/1")).status_code == 404


@pytest.mark.parametrize("enabled", [True, False])
async def test_events_since_a_time_are_previewed_and_sent_again_in_batches(
    web: Web, monkeypatch: pytest.MonkeyPatch, enabled: bool
) -> None:
    monkeypatch.setattr(subscribers, "REPLAY_BATCH", 2)
    endpoint = await an_endpoint(web)
    await events_of(web, endpoint, 6)
    if not enabled:
        await subscribers.disable(store=web.store, clock=web.clock, endpoint_id=endpoint.id)
    web.clock.forward(hours=1)
    since = (T0 + timedelta(minutes=1)).astimezone(INDIA).strftime("%Y-%m-%dT%H:%M")
    path = f"/endpoints/{endpoint.id}/replay"
    preview = await send_form(web, path, {"since": since})
    assert "5 events are sent again" in preview
    assert await fetch(web.store, "SELECT event_id FROM event_deliveries WHERE state = 'due'") == []
    await send_form(web, path, hidden_fields(preview), status=303)
    rows = await fetch(web.store, "SELECT next_try_at FROM event_deliveries WHERE state = 'due'")
    assert [row["next_try_at"] for row in rows] == [web.clock.now if enabled else None] * 5


async def test_a_replay_of_nothing_or_of_the_future_sends_nothing(web: Web) -> None:
    endpoint = await an_endpoint(web)
    path = f"/endpoints/{endpoint.id}/replay"
    assert "No event was addressed" in await send_form(web, path, {"since": "2026-11-02T00:00"})
    for since, text in (("2999-01-01", "has not come yet"), ("soon", "write it like"), ("", "write it like")):
        assert text in await send_form(web, path, {"since": since, "confirmed": "yes"}, status=422)
