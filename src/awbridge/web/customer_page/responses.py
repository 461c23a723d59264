"""Responses of the customer's page: their headers, and how they go onto the wire."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from awbridge.web.customer_page.negotiation import Headers, accepts_gzip, header, is_unchanged
from awbridge.web.webhook.endpoint import Scope, Send

HTML = b"text/html; charset=utf-8"
# A CDN keeps a page for a minute, a browser for half of that; by `Age` it counts the time in the CDN. Where the
# database cannot answer, an older page is better than none.
FRESH = b"public, max-age=0, s-maxage=60, stale-if-error=600"
SHORT = b"public, max-age=10, s-maxage=10"
FOR_EVER = b"public, max-age=31536000, immutable"
NEVER = b"no-store"

_SMALL = 900  # bytes; smaller bodies are not worth compressing
_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow, noarchive"),
)
PAGE_HEADERS = (*_ALWAYS, (b"content-security-policy", _POLICY), (b"x-frame-options", b"DENY"))
DATA_HEADERS = (*_ALWAYS, (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"))
FILE_HEADERS = (*_ALWAYS, (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResponse:
    """A response before it is encoded. `vary`: the request headers that it depends on, besides Accept-Encoding."""

    status: int
    body: bytes
    content_type: bytes = HTML
    cache: bytes = FRESH
    vary: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = PAGE_HEADERS


def compressed(body: bytes) -> bytes:
    """The body as gzip, the same bytes every time."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


async def send_response(response: PageResponse, scope: Scope, send: Send) -> None:
    """Answer a request: 304 where the browser has the page, gzip where it takes that, no body to HEAD."""
    asked: Headers = scope["headers"]
    body = response.body
    gzip = len(body) > _SMALL and accepts_gzip(header(asked, b"accept-encoding"))
    headers = [(b"cache-control", response.cache), *response.headers]
    vary = b"accept-encoding" if len(body) > _SMALL else b""
    if both := b", ".join(filter(None, (response.vary, vary))):
        headers.append((b"vary", both))
    status = response.status
    if status == 200:
        etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}{"-gz" if gzip else ""}"'
        headers.append((b"etag", etag.encode()))
        if is_unchanged(header(asked, b"if-none-match"), etag):
            status, body = 304, b""
    if status not in (204, 304):
        headers.append((b"content-type", response.content_type))
        if gzip:
            body = compressed(body)
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
