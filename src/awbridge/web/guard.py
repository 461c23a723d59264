"""Authorization: callers need an API key; if none is configured, only loopback may call, by a name of this machine.

Programs send the key as a bearer token. Browsers send it with HTTP Basic (any user name, the key as password), and only
for pages: credentials that a browser sends on its own must never open the API.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import math
from collections.abc import Sequence
from urllib.parse import urlsplit

from fastapi.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from awbridge.web import problems
from awbridge.web.key_limiter import WrongKeyLimiter

_LOCAL_NAMES_ONLY = (
    "Without an API key, awbridge accepts requests only as http://localhost, http://127.0.0.1 and the name in "
    "AWBRIDGE_HOST. Use one of these, or set AWBRIDGE_API_KEYS and send a key: any name is then accepted."
)
_TOO_MANY_WRONG_KEYS = (
    "Too many wrong API keys came from this address. Correct the key, wait for Retry-After seconds, then try again."
)
_LOOPBACK_ONLY = "No API key is configured (AWBRIDGE_API_KEYS), so only this machine may call."


class Keys:
    """The configured API keys. Guesses are limited per client address."""

    def __init__(self, keys: Sequence[str], limiter: WrongKeyLimiter | None = None) -> None:
        self._keys = [key.encode() for key in keys]
        self._limiter = limiter or WrongKeyLimiter()

    def __bool__(self) -> bool:
        return bool(self._keys)

    def contain(self, offered: bytes) -> bool:
        """Whether this is one of the keys. Takes the same time for right and wrong keys."""
        right = False
        for key in self._keys:
            right |= hmac.compare_digest(key, offered)
        return right

    def wait_seconds(self, scope: Scope, offered: bytes, *, right: bool) -> int:
        """Whole seconds until a key of this caller is accepted; 0 if it is now, or if none was sent."""
        client = scope.get("client")
        return math.ceil(self._limiter.count(client[0] if client else "", right=right)) if offered else 0


class ApiGuard:
    """Authorizes requests to the API. `open_paths`, and paths below `open_folder`, need no authorization.

    `host`: a name of this machine besides localhost.
    """

    def __init__(
        self, app: ASGIApp, keys: Keys, *, open_paths: frozenset[str], open_folder: str, host: str = ""
    ) -> None:
        self._app = app
        self._keys = keys
        self._host = host
        self._open_paths = open_paths
        self._open_folder = open_folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guarded = scope["type"] == "http" and not self._is_open(scope["path"])
        refusal = self._refusal(scope) if guarded else None
        await (refusal or self._app)(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._open_paths or path.startswith(self._open_folder)

    def _refusal(self, scope: Scope) -> Response | None:
        if self._keys:
            offered = _token(scope, b"bearer")
            right = self._keys.contain(offered)
            if seconds := self._keys.wait_seconds(scope, offered, right=right):
                return problems.problem(
                    429, "Too many wrong keys", _TOO_MANY_WRONG_KEYS, headers={"retry-after": str(seconds)}
                )
            if right:
                return None
            challenge = {"www-authenticate": "Bearer"}
            return problems.problem(401, "Not authorised", "Send Authorization: Bearer <API key>.", headers=challenge)
        if not _is_loopback(scope):
            return problems.problem(403, "Only loopback may call", _LOOPBACK_ONLY)
        if not _names_this_machine(scope, self._host):
            return problems.problem(403, "Unknown host name", _LOCAL_NAMES_ONLY)
        if _is_of_another_site(scope):
            return problems.problem(
                403, "Another site sent this", "Browsers may call the API only from awbridge's own pages."
            )
        return None


class PageGuard:
    """Authorizes requests to the pages. Forms are accepted only from awbridge's own pages."""

    def __init__(self, app: ASGIApp, keys: Keys, *, host: str = "") -> None:
        self._app = app
        self._keys = keys
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if self._keys:
            offered = _password(scope)
            right = self._keys.contain(offered)
            if seconds := self._keys.wait_seconds(scope, offered, right=right):
                return _refused(429, _TOO_MANY_WRONG_KEYS, {"retry-after": str(seconds)})
            if not right:
                challenge = {"www-authenticate": 'Basic realm="awbridge", charset="UTF-8"'}
                return _refused(401, "Log in with any user name, and an API key as password.", challenge)
        elif not _is_loopback(scope):
            return _refused(403, _LOOPBACK_ONLY)
        elif not _names_this_machine(scope, self._host):
            return _refused(403, "Without an API key, open the pages as http://localhost or http://127.0.0.1.")
        if scope["method"] not in ("GET", "HEAD") and not _is_same_origin(scope):
            return _refused(403, "Another site sent this. Use the button on awbridge's own page.")
        return None


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text, status, headers={"cache-control": "no-store", **(headers or {})})


def _header(scope: Scope, name: bytes) -> str:
    return next((v for n, v in scope["headers"] if n == name), b"").decode("latin-1").strip()


def _token(scope: Scope, wanted: bytes) -> bytes:
    kind, _, token = _header(scope, b"authorization").encode("latin-1").partition(b" ")
    return token.strip() if kind.lower() == wanted else b""


def _password(scope: Scope) -> bytes:
    """The password of HTTP Basic, or a bearer token: programs may read pages too."""
    try:
        pair = base64.b64decode(_token(scope, b"basic"), validate=True)
    except binascii.Error:
        pair = b""
    return pair.partition(b":")[2] or _token(scope, b"bearer")


def _is_loopback(scope: Scope) -> bool:
    client = scope.get("client")
    return bool(client) and _is_loopback_address(client[0])


def _is_loopback_address(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _names_this_machine(scope: Scope, host: str) -> bool:
    """Whether the Host header is a local name or `host`.

    This prevents DNS rebinding: another site may resolve its own name to this machine, and a browser here would treat
    awbridge as part of that site.
    """
    try:
        name = urlsplit(f"//{_header(scope, b'host')}").hostname or ""
    except ValueError:
        return False
    if name and name == host.lower():
        return True
    return name == "localhost" or name.endswith(".localhost") or _is_loopback_address(name)


def _is_same_origin(scope: Scope) -> bool:
    """Whether a page of this host sent it. Requests with neither header are refused: programs use the API."""
    if site := _header(scope, b"sec-fetch-site"):
        return site == "same-origin"
    return _is_own(scope, _header(scope, b"origin"))


def _is_of_another_site(scope: Scope) -> bool:
    """Whether a browser reports that another site's page sent it. Programs send neither header.

    Without a key, that page could otherwise do here whatever its visitor may.
    """
    if site := _header(scope, b"sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = _header(scope, b"origin")
    return bool(origin) and not _is_own(scope, origin)


def _is_own(scope: Scope, origin: str) -> bool:
    try:
        host = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    return bool(host) and host == _header(scope, b"host").lower()
