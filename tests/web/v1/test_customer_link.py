"""The link to the customer's page in the API, in exports and on the shipment's page; revoking it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from awbridge.domain.customer_page.links import LinkKeys, TrackLinks
from awbridge.domain.people.role import Role
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from tests.support.app import Web, lent_app, problem, web_of
from tests.support.pages import open_page, send_form
from tests.support.people import a_key
from tests.support.rows import add
from tests.support.world import SetClock, an_order

KEYS = LinkKeys(["a key of the tests"])
LINKS = TrackLinks("https://shop.example", KEYS)
URL = f"https://shop.example/track/{KEYS.token('R')}"
NEXT = f"https://shop.example/track/{KEYS.token('R', 1)}"


@pytest.fixture
async def linked(store: Store) -> AsyncIterator[Web]:
    """The app with the customer's page on."""
    clock, ingest = SetClock(), Ingest(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, ()), clock)
    with lent_app(store, clock, endpoint, links=LINKS) as app:
        async with web_of(app, store, clock, endpoint, ingest) as web:
            yield web


async def test_a_shipment_shows_its_link_wherever_it_is_shown(linked: Web) -> None:
    taken = (await linked.http.post("/v1/shipments", json=an_order("R"))).json()
    one = (await linked.http.get("/v1/shipments/R")).json()
    (listed,) = (await linked.http.get("/v1/shipments")).json()["shipments"]
    assert taken["track_url"] == one["track_url"] == listed["track_url"] == URL
    plain = (await linked.http.get("/v1/shipments.csv")).text
    assert "shop.example" not in plain, "the column is chosen"
    assert f'"R","{URL}"' in (await linked.http.get("/v1/shipments.csv?columns=track_url")).text


async def test_a_revoked_link_is_replaced(linked: Web) -> None:
    await add(linked.store, "R")
    revoked = await linked.http.post("/v1/shipments/R/link/revoke")
    assert revoked.json()["track_url"] == (await linked.http.get("/v1/shipments/R")).json()["track_url"] == NEXT
    problem(await linked.http.post("/v1/shipments/NONE/link/revoke"), 404)


async def test_without_a_page_there_is_no_link(web: Web) -> None:
    assert (await web.http.post("/v1/shipments", json=an_order("R"))).json()["track_url"] is None
    assert "customer-link" not in await open_page(web, "/shipments/R")
    await web.http.post("/v1/shipments/R/link/revoke")
    assert (await web.http.get("/v1/shipments/R")).json()["track_url"] is None


async def test_a_viewer_gets_no_link_and_revokes_none(linked: Web) -> None:
    await add(linked.store, "R")
    secrets = {role: await a_key(linked.store, linked.clock, role) for role in (Role.VIEWER, Role.OPERATOR)}
    for role, url in ((Role.VIEWER, None), (Role.OPERATOR, URL)):
        key = {"authorization": f"Bearer {secrets[role]}"}
        assert (await linked.http.get("/v1/shipments/R", headers=key)).json()["track_url"] == url
        listed = await linked.http.get("/v1/shipments.csv?columns=track_url", headers=key)
        assert ("shop.example" in listed.text) is (url is not None)
        status = (await linked.http.post("/v1/shipments/R/link/revoke", headers=key)).status_code
        assert status == (200 if url else 403)


async def test_operators_copy_and_revoke_it_on_the_shipments_page(linked: Web) -> None:
    await add(linked.store, "R")
    assert f'value="{URL}" readonly' in await open_page(linked, "/shipments/R")
    assert f'href="{URL}"' in await open_page(linked, "/shipments?columns=track_url")
    await send_form(linked, "/shipments/revoke-link", [("reference", "R")], status=303)
    shown = await open_page(linked, "/shipments/R")
    assert f'value="{NEXT}" readonly' in shown
    assert URL not in shown
