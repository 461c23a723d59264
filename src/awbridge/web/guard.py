"""Who may call: whoever carries an API key; with no key configured, only loopback, by a name of this machine.

Programs send the key as a bearer token. Browsers are asked for it (HTTP Basic: any user name, the key as password), and
only for pages: what a browser sends along by itself must never open the API.
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
from awbridge.web.brake import Brake

_BY_ITS_NAME = (
    "Without an API key, awbridge answers to http://localhost, http://127.0.0.1 and the name in AWBRIDGE_HOST alone. "
    "Call it so, or set AWBRIDGE_API_KEYS and send a key: then any name will do."
)
_BRAKED = (
    "Too many wrong API keys came from this address. Correct the key, wait for Retry-After seconds, then try again."
)
_ONLY_LOOPBACK = "No API key is configured (AWBRIDGE_API_KEYS), so only this machine itself may call."


class Keys:
    """The API keys of the settings. Whoever guesses is braked, by the address that the scope names."""

    def __init__(self, keys: Sequence[str], brake: Brake | None = None) -> None:
        self._keys = [key.encode() for key in keys]
        self._brake = brake or Brake()

    def __bool__(self) -> bool:
        return bool(self._keys)

    def hold(self, offered: bytes) -> bool:
        """Whether this is one of them. Takes as long for a wrong one as for a right one."""
        right = False
        for key in self._keys:
            right |= hmac.compare_digest(key, offered)
        return right

    def wait(self, scope: Scope, offered: bytes, *, right: bool) -> int:
        """Whole seconds that the caller must wait before a key of theirs counts; 0 where it does, or none was sent."""
        client = scope.get("client")
        return math.ceil(self._brake.judge(client[0] if client else "", right=right)) if offered else 0


class ApiGuard:
    """Stands before the API. `open_paths` and what lies in `open_folder` everybody may call.

    `host` is a name that this machine goes by, beside localhost.
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
        is_asked = scope["type"] == "http" and not self._is_open(scope["path"])
        refusal = self._refusal(scope) if is_asked else None
        await (refusal or self._app)(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._open_paths or path.startswith(self._open_folder)

    def _refusal(self, scope: Scope) -> Response | None:
        if self._keys:
            offered = _token(scope, b"bearer")
            right = self._keys.hold(offered)
            if seconds := self._keys.wait(scope, offered, right=right):
                return problems.problem(429, "Too many wrong keys", _BRAKED, headers={"retry-after": str(seconds)})
            if right:
                return None
            asks = {"www-authenticate": "Bearer"}
            return problems.problem(401, "Not authorised", "Send Authorization: Bearer <API key>.", headers=asks)
        if not _is_loopback(scope):
            return problems.problem(403, "Only loopback may call", _ONLY_LOOPBACK)
        if not _names_this_machine(scope, self._host):
            return problems.problem(403, "Called by a strange name", _BY_ITS_NAME)
        if _is_of_another_site(scope):
            return problems.problem(403, "Another site sent this", "A browser may call for awbridge's own pages only.")
        return None


class PageGuard:
    """Stands before the pages: who may see them, and that only they themselves press their buttons."""

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
            right = self._keys.hold(offered)
            if seconds := self._keys.wait(scope, offered, right=right):
                return _refused(429, _BRAKED, {"retry-after": str(seconds)})
            if not right:
                asks = {"www-authenticate": 'Basic realm="awbridge", charset="UTF-8"'}
                return _refused(401, "Log in with any user name, and an API key as password.", asks)
        elif not _is_loopback(scope):
            return _refused(403, _ONLY_LOOPBACK)
        elif not _names_this_machine(scope, self._host):
            return _refused(403, "Without an API key, open the pages as http://localhost or http://127.0.0.1.")
        if scope["method"] not in ("GET", "HEAD") and not _is_same_origin(scope):
            return _refused(403, "Another site sent this. Press the button on the page itself.")
        return None


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text, status, headers={"cache-control": "no-store", **(headers or {})})


def _header(scope: Scope, name: bytes) -> str:
    return next((v for n, v in scope["headers"] if n == name), b"").decode("latin-1").strip()


def _token(scope: Scope, wanted: bytes) -> bytes:
    kind, _, token = _header(scope, b"authorization").encode("latin-1").partition(b" ")
    return token.strip() if kind.lower() == wanted else b""


def _password(scope: Scope) -> bytes:
    """The password of HTTP Basic, or a bearer token: programs may look at pages too."""
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


def _names_this_machine(scope: Scope, own: str) -> bool:
    """Whether it is called by a name of this machine's, or `own`.

    A stranger's page may have the stranger's name lead here, and a browser on this machine takes the two for one site.
    """
    try:
        name = urlsplit(f"//{_header(scope, b'host')}").hostname or ""
    except ValueError:
        return False
    if name and name == own.lower():
        return True
    return name == "localhost" or name.endswith(".localhost") or _is_loopback_address(name)


def _is_same_origin(scope: Scope) -> bool:
    """Whether a page of this very host sent it. A browser that says neither is none, and programs have the API."""
    if site := _header(scope, b"sec-fetch-site"):
        return site == "same-origin"
    return _is_own(scope, _header(scope, b"origin"))


def _is_of_another_site(scope: Scope) -> bool:
    """Whether a browser says that another site's page sent it. Programs say nothing of the kind.

    Where no key is asked for, that page would else do here whatever its reader may.
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
