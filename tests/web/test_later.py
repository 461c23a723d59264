"""The API is imported and built at its first request; what is asked before it costs nothing of that."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from awbridge.web import api_app
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext
from awbridge.web.later import BuiltLater
from awbridge.web.v1.router import ROUTES
from tests.support.app import Web
from tests.support.stores import sqlite_only


async def ask(app: ASGIApp, path: str = "/", method: str = "GET") -> int:
    """The status of a response."""
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 9), "server": ("127.0.0.1", 80)}
    scope |= {"scheme": "http", "http_version": "1.1", "root_path": "", "state": {}}
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    await app(scope, receive, send)
    return statuses[0]


async def test_requests_that_come_together_build_the_app_once_and_hold_up_nothing_else() -> None:
    began, may_end, built = threading.Event(), threading.Event(), list[int]()

    def build() -> ASGIApp:
        built.append(1)
        began.set()
        assert may_end.wait(30)
        return PlainTextResponse("here")

    later = BuiltLater(build)
    asked = [asyncio.create_task(ask(later)) for _ in range(3)]
    while not began.is_set():
        await asyncio.sleep(0.001)  # the loop goes on
    assert not any(task.done() for task in asked)
    may_end.set()
    assert await asyncio.gather(*asked) == [200, 200, 200]
    assert await ask(later) == 200
    assert built == [1]


async def test_an_app_that_could_not_be_built_is_built_at_the_next_request() -> None:
    tries = iter([MemoryError("full"), PlainTextResponse("here")])

    def build() -> ASGIApp:
        found = next(tries)
        if isinstance(found, Exception):
            raise found
        return found

    later = BuiltLater(build)
    with pytest.raises(MemoryError):
        await ask(later)
    assert await ask(later) == 200


@sqlite_only
async def test_probes_scrapes_and_pages_do_not_build_the_api(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    built = list[int]()

    def api(*_: Any) -> ASGIApp:
        built.append(1)
        return PlainTextResponse("the API")

    monkeypatch.setattr(api_app, "api_app", api)
    app = build_app(ApiContext(store=web.store, clock=web.clock), webhook=web.endpoint, loops=(), api_keys=())
    assert [await ask(app, path) for path in ("/healthz", "/readyz", "/metrics", "/", "/shipments")] == [200] * 5
    assert built == []
    assert await ask(app, "/healthz", "POST") == 200
    assert built == [1]


def test_every_route_is_analysed_once() -> None:
    """FastAPI analyses the routes of a router that is included again, and once more at the first request."""
    routes = api_app.described_app().routes
    assert {id(route) for route in ROUTES} <= {id(route) for route in routes}
    assert all(isinstance(route, APIRoute | Route | Mount) for route in routes)
