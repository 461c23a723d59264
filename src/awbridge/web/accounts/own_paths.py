"""What an account's app sends to a browser stays below the account's prefix: redirects and cookies.

The app of an account knows nothing of its prefix, so that it cannot forget it. Its redirects get it here. So do its
cookies: their names end with the account's and their path is its prefix, and the app is shown no others. A browser that
is signed in at two accounts, or at one and at the home, has two sessions.

Browsers accept a cookie whose name begins with `__Host-` only with the path `/`. For the app of an account such a name
stands for one that begins with `__Secure-`.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = Iterable[tuple[bytes, bytes]]

_LEADS = frozenset({b"location", b"content-location"})
_HOST, _SECURE = b"__Host-", b"__Secure-"


class BelowPrefix:
    """An account's app below its prefix, such as `/a/acme`. `name`: the account's."""

    def __init__(self, app: ASGIApp, prefix: str, name: str) -> None:
        self._app = app
        self._prefix = prefix.encode()
        self._suffix = f".{name}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. The scope's path is already without the prefix."""

        async def send_below(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": self._sent(message.get("headers", ()))}
            await send(message)

        await self._app({**scope, "headers": self._received(scope["headers"])}, receive, send_below)

    def _received(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        kept: list[tuple[bytes, bytes]] = []
        for name, value in headers:
            if name != b"cookie":
                kept.append((name, value))
            elif own := b"; ".join(self._own(value)):
                kept.append((name, own))
        return kept

    def _own(self, cookies: bytes) -> Iterable[bytes]:
        """The account's own cookies, as its app named them."""
        for cookie in cookies.split(b";"):
            name, equals, value = cookie.strip().partition(b"=")
            if name.endswith(self._suffix):
                name = name.removesuffix(self._suffix)
                yield (_HOST + name.removeprefix(_SECURE) if name.startswith(_SECURE) else name) + equals + value

    def _sent(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        return [(name, self._header(name.lower(), value)) for name, value in headers]

    def _header(self, name: bytes, value: bytes) -> bytes:
        if name in _LEADS and value.startswith(b"/") and not value.startswith(b"//"):
            return self._prefix + value
        return self._cookie(value) if name == b"set-cookie" else value

    def _cookie(self, value: bytes) -> bytes:
        cookie, *attributes = [part.strip() for part in value.split(b";")]
        name, equals, content = cookie.partition(b"=")
        if name.startswith(_HOST):
            name = _SECURE + name.removeprefix(_HOST)
        kept = [part for part in attributes if not part.lower().startswith((b"path=", b"domain="))]
        return b"; ".join([name + self._suffix + equals + content, *kept, b"Path=" + self._prefix])
