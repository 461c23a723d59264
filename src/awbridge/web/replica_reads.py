"""Which requests read from the read replica: those that only show something, and need not show what was just done.

Never: claims and steps, anything that changes something, webhooks, the customer's page, sign-in and credentials, the
set-up, and one shipment or other object of the API, which a program asks for right after it sent it. For as long as the
replica may lag, a browser that changed something reads from the database itself, and so does a program that asks with
`Cache-Control: no-cache`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from awbridge.store import Store

HEADER = "awbridge-data-age"  # seconds, rounded up
COOKIE = "awbridge_changed"  # the browser changed something as long ago as the replica may lag, at most

_OWN_PAGES = frozenset(("sign-in", "sign-out", "password", "people", "keys", "setup", "payload", "static", "language"))
_OWN_LISTS = frozenset(("/v1/keys",))


def page_may_lag(path: str) -> bool:
    """Whether a page may show what the replica has."""
    return path.partition("/")[2].partition("/")[0] not in _OWN_PAGES


def list_may_lag(path: str) -> bool:
    """Whether a response of the API may show what the replica has: lists, exports and metrics, not one object."""
    is_list = path.startswith("/v1/") and path.count("/") == 2
    return path == "/metrics" or (is_list and path not in _OWN_LISTS)


class ReplicaReads:
    """Lets the app within read from the store's replica where `may_lag` says so of the path.

    `browsers`: whether a cookie remembers that the visitor changed something.
    """

    def __init__(self, app: ASGIApp, store: Store, may_lag: Callable[[str], bool], *, browsers: bool = False) -> None:
        self._app = app
        self._store = store
        self._may_lag = may_lag
        self._browsers = browsers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replica = self._store.replica
        if replica is None or scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD"):
            cookie = f"{COOKIE}=1; Max-Age={math.ceil(replica.max_age)}; Path=/; HttpOnly; SameSite=Lax"
            await self._app(scope, receive, _adding(send, "set-cookie", cookie) if self._browsers else send)
        elif not self._may_lag(_path(scope)) or self._wants_the_newest(scope):
            await self._app(scope, receive, send)
        else:
            async with replica.reading() as reading:
                age = f"{math.ceil(reading.age)}" if reading else "0"
                await self._app(scope, receive, _adding(send, HEADER, age))

    def _wants_the_newest(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if self._browsers:
            return COOKIE in cookie_parser(headers.get("cookie", ""))
        return "no-cache" in headers.get("cache-control", "").lower()


def _path(scope: Scope) -> str:
    """The path as the app within sees it: without the prefix of an account."""
    return scope["path"].removeprefix(scope.get("root_path", ""))


def _adding(send: Send, name: str, value: str) -> Send:
    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append(name, value)
        await send(message)

    return adding
