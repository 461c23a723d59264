"""What a request offers as proof: a bearer token, an HTTP Basic password, a session cookie; and where it comes from."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.types import Scope

SESSION_COOKIE = "awbridge_session"
_ACCOUNT = re.compile(r"/a/[^/]+")


def header(scope: Scope, name: bytes) -> str:
    """A header of the request; "" without it. `name` is in lower case."""
    return next((v for n, v in scope["headers"] if n == name), b"").decode("latin-1").strip()


def bearer_token(scope: Scope) -> bytes:
    """The token of `Authorization: Bearer`; empty without one."""
    return _token(scope, b"bearer")


def basic_password(scope: Scope) -> bytes:
    """The password of HTTP Basic, or a bearer token: programs may read pages too."""
    try:
        pair = base64.b64decode(_token(scope, b"basic"), validate=True)
    except binascii.Error:
        pair = b""
    return pair.partition(b":")[2] or bearer_token(scope)


def _token(scope: Scope, wanted: bytes) -> bytes:
    kind, _, token = header(scope, b"authorization").encode("latin-1").partition(b" ")
    return token.strip() if kind.lower() == wanted else b""


def is_https(scope: Scope) -> bool:
    """Whether the browser uses https, as far as awbridge or a trusted proxy knows."""
    return scope.get("scheme") == "https"


def own_url(scope: Scope, path: str) -> str:
    """The address of a path as the visitor's browser sees it. `path`: without the prefix of the account."""
    scheme = "https" if is_https(scope) else "http"
    return f"{scheme}://{header(scope, b'host')}{scope.get('root_path', '')}{path}"


def cookie_name(scope: Scope, name: str = SESSION_COOKIE) -> str:
    """The name of a cookie: over https with the prefix for which browsers accept it only from this very host."""
    return f"__Host-{name}" if is_https(scope) else name


def cookie(scope: Scope, name: str = SESSION_COOKIE) -> str:
    """The value of a cookie; "" without it."""
    try:
        found = SimpleCookie(header(scope, b"cookie")).get(cookie_name(scope, name))
    except CookieError:
        return ""
    return found.value if found else ""


def client_address(scope: Scope) -> str:
    """The address of the caller; "" if it is not known."""
    client = scope.get("client")
    return client[0] if client else ""


def is_loopback(scope: Scope) -> bool:
    """Whether the caller is on this machine."""
    return is_loopback_address(client_address(scope))


def is_loopback_address(text: str) -> bool:
    """Whether this is an address of this machine."""
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def names_this_machine(scope: Scope, host: str) -> bool:
    """Whether the Host header is a local name or `host`.

    This prevents DNS rebinding: another site may resolve its own name to this machine, and a browser here would treat
    awbridge as part of that site.
    """
    try:
        name = urlsplit(f"//{header(scope, b'host')}").hostname or ""
    except ValueError:
        return False
    if name and name == host.lower():
        return True
    return name == "localhost" or name.endswith(".localhost") or is_loopback_address(name)


def is_same_origin(scope: Scope) -> bool:
    """Whether a page of this host sent it. Requests with neither header are refused: programs use the API."""
    if site := header(scope, b"sec-fetch-site"):
        return site == "same-origin"
    return _is_own(scope, header(scope, b"origin"))


def is_of_another_account(scope: Scope) -> bool:
    """Whether a page of another account, or of the home, sent it. All have one origin, so that only the path tells.

    Our pages always send it along (Referrer-Policy: same-origin). Without it, or if it is no address, nothing is known.
    """
    try:
        path = urlsplit(header(scope, b"referer")).path
    except ValueError:
        return False
    return bool(path) and prefix_of(path) != scope.get("root_path", "")


def prefix_of(path: str) -> str:
    """The prefix of an account in a path that a browser sees, such as `/a/acme`; "" for a path of the home."""
    found = _ACCOUNT.match(path)
    return found[0] if found else ""


def is_of_another_site(scope: Scope) -> bool:
    """Whether a browser reports that another site's page sent it. Programs send neither header.

    Without a key, that page could otherwise do here whatever its visitor may.
    """
    if site := header(scope, b"sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = header(scope, b"origin")
    return bool(origin) and not _is_own(scope, origin)


def _is_own(scope: Scope, origin: str) -> bool:
    try:
        host = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    return bool(host) and host == header(scope, b"host").lower()
