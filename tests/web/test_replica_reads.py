"""Which requests read from the read replica, and what they say about it; the replica itself is played."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from awbridge.store import Store
from awbridge.store.engine.reads.reading import READING, Reading, data_age
from awbridge.web.pages.pages_app import is_page
from awbridge.web.replica_reads import ReplicaReads, list_may_lag, page_may_lag

OLD = 3.2  # seconds


class PlayedReplica:
    max_age = 10.0
    usable = True

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Reading | None]:
        reading = Reading(self, OLD) if self.usable else None
        token = READING.set(reading)
        try:
            yield reading
        finally:
            READING.reset(token)


class PlayedStore:
    def __init__(self, replica: PlayedReplica | None) -> None:
        self.replica = replica


async def _shown(_request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{data_age()}")


def client(replica: PlayedReplica | None, *, browsers: bool, prefix: str = "") -> httpx2.AsyncClient:
    inner = Starlette(routes=[Route("/{path:path}", _shown, methods=["GET", "POST"])])
    store = cast("Store", PlayedStore(replica))
    wrapped: Any = ReplicaReads(inner, store, page_may_lag if browsers else list_may_lag, browsers=browsers)
    app = Starlette(routes=[Mount(prefix, wrapped)]) if prefix else wrapped
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://bridge")


@pytest.fixture
def replica() -> Iterator[PlayedReplica]:
    yield PlayedReplica()
    assert READING.get() is None


@pytest.mark.parametrize("path", ["/", "/shipments", "/shipments.csv", "/shipments/R-1", "/couriers", "/reports"])
async def test_pages_and_exports_read_from_the_replica_and_say_how_old_it_is(replica: PlayedReplica, path: str) -> None:
    assert is_page(path)
    async with client(replica, browsers=True) as browser:
        answer = await browser.get(path)
    assert (answer.text, answer.headers["awbridge-data-age"]) == (f"{OLD}", "4")


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-in/callback", "/password", "/people", "/people/me", "/keys", "/setup", "/payload"]
)
async def test_sign_in_credentials_and_set_up_do_not(replica: PlayedReplica, path: str) -> None:
    assert is_page(path)
    async with client(replica, browsers=True) as browser:
        answer = await browser.get(path)
    assert (answer.text, "awbridge-data-age" in answer.headers) == ("None", False)


async def test_a_browser_sees_its_own_change_for_as_long_as_the_replica_may_lag(replica: PlayedReplica) -> None:
    async with client(replica, browsers=True) as browser:
        changed = await browser.post("/shipments/R-1/cancel")
        assert (changed.text, changed.headers["set-cookie"]) == (
            "None",
            "awbridge_changed=1; Max-Age=10; Path=/; HttpOnly; SameSite=Lax",
        )
        assert (await browser.get("/shipments/R-1")).text == "None"
        browser.cookies.clear()  # as after ten seconds
        assert (await browser.get("/shipments/R-1")).text == f"{OLD}"


@pytest.mark.parametrize("path", ["/v1/shipments", "/v1/shipments.csv", "/v1/coverage", "/v1/alarms", "/metrics"])
async def test_lists_exports_and_metrics_of_the_api_read_from_the_replica(replica: PlayedReplica, path: str) -> None:
    async with client(replica, browsers=False) as program:
        assert (await program.get(path)).headers["awbridge-data-age"] == "4"
        newest = await program.get(path, headers={"cache-control": "no-cache"})
        assert (newest.text, "awbridge-data-age" in newest.headers) == ("None", False)
        posted = await program.post(path)
        assert (posted.text, "set-cookie" in posted.headers) == ("None", False)


@pytest.mark.parametrize("path", ["/v1/shipments/R-1", "/v1/shipments/R-1/label", "/v1/keys", "/healthz", "/readyz"])
async def test_one_object_keys_and_health_do_not(replica: PlayedReplica, path: str) -> None:
    async with client(replica, browsers=False) as program:
        assert (await program.get(path)).text == "None"


async def test_what_an_account_shows_below_its_prefix_is_treated_alike(replica: PlayedReplica) -> None:
    async with client(replica, browsers=True, prefix="/a/gulf") as browser:
        assert (await browser.get("/a/gulf/shipments")).text == f"{OLD}"
        assert (await browser.get("/a/gulf/people")).text == "None"


async def test_an_unusable_replica_means_the_newest_data(replica: PlayedReplica) -> None:
    replica.usable = False
    async with client(replica, browsers=True) as browser:
        answer = await browser.get("/shipments")
    assert (answer.text, answer.headers["awbridge-data-age"]) == ("None", "0")


async def test_without_a_replica_nothing_is_added() -> None:
    async with client(None, browsers=True) as browser:
        answers = [await browser.get("/shipments"), await browser.post("/shipments")]
    assert [dict(a.headers) for a in answers] == [
        {"content-length": "4", "content-type": "text/plain; charset=utf-8"}
    ] * 2
