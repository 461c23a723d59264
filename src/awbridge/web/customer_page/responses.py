"""Responses of the customer's page: their headers, and how they go onto the wire."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from awbridge.web.customer_page.negotiation import Headers, accepts_gzip, header, known_tag
from awbridge.web.webhook.endpoint import Scope, Send

HTML = b"text/html; charset=utf-8"
# A CDN keeps a page for a minute, a browser for half of that; by `Age` it counts the time in the CDN. Where the
# database cannot answer, an older page is better than none.
FRESH = b"public, max-age=0, s-maxage=60, stale-if-error=600"
SHORT = b"public, max-age=10, s-maxage=10"
FOR_EVER = b"public, max-age=31536000, immutable"
NEVER = b"no-store"

_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\x04\xff"  # no name, no time: the same every time
MOST_PLAIN = 12_000  # bytes of a page's own part that may go uncompressed: with its files a page stays below 30 KiB
_PACKED, _QUICK, _PLAIN = "-gz", "-gq", ("",)  # how the entity tags of a page's forms end
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
    """A response before it is encoded. `vary`: the request headers that it depends on, besides Accept-Encoding.

    `framed`: the parts of the body, where others have some of them too.
    """

    status: int
    body: bytes
    content_type: bytes = HTML
    cache: bytes = FRESH
    vary: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = PAGE_HEADERS
    framed: Framed | None = None


class Part:
    """Text that many pages have in common, compressed once. `is_last`: a page ends with it."""

    __slots__ = ("block", "plain")

    def __init__(self, text: str, *, is_last: bool = False) -> None:
        self.plain = text.encode()
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.block = packer.compress(self.plain) + packer.flush(zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH)


@dataclass(frozen=True, slots=True)
class Framed:
    """A body in three parts, of which only the middle one is compressed for each page."""

    head: Part
    main: bytes
    foot: Part

    @property
    def plain(self) -> bytes:
        """The whole body."""
        return b"".join((self.head.plain, self.main, self.foot.plain))


def compressed(response: PageResponse, *, quickly: bool = False) -> bytes:
    """The body as gzip, the same bytes every time.

    Compressed blocks may stand in one stream one after the other, where each ends at a byte and refers to none before
    it. A window of 8 KiB and small tables: setting those up takes longer than compressing a page.

    `quickly`: the part that is a page's own goes as it is, unless it is long, in blocks that say so. It makes a page
    about twice as large, and takes a tenth of the time.
    """
    body, framed = response.body, response.framed
    if framed is None:
        blocks = [_deflated(body, zlib.Z_FINISH)]
    else:
        is_plain = quickly and len(framed.main) <= MOST_PLAIN
        middle = _as_it_is(framed.main) if is_plain else _deflated(framed.main, zlib.Z_SYNC_FLUSH)
        blocks = [framed.head.block, middle, framed.foot.block]
    end = zlib.crc32(body).to_bytes(4, "little") + (len(body) & 0xFFFFFFFF).to_bytes(4, "little")
    return b"".join((_GZIP_HEAD, *blocks, end))


def _deflated(data: bytes, flush: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -13, 5)
    return packer.compress(data) + packer.flush(flush)


def _as_it_is(data: bytes) -> bytes:
    """A stored block of deflate (RFC 1951, 3.2.4), which begins at a byte: its kind, its length twice, its bytes."""
    length = len(data)
    return b"\0%b%b%b" % (length.to_bytes(2, "little"), (length ^ 0xFFFF).to_bytes(2, "little"), data)


@dataclass(frozen=True, slots=True)
class CommonHeaders:
    """Headers that many responses have in common, as pairs and as lines."""

    pairs: tuple[tuple[bytes, bytes], ...]
    lines: bytes


@dataclass(frozen=True, slots=True)
class Encoded:
    """A response with its final headers and body, compressed or not."""

    status: int
    common: CommonHeaders
    own: tuple[tuple[bytes, bytes], ...]
    body: bytes


class WireResponse(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A response as the server's protocol writes it: status, `common` header lines, and the `rest` of its bytes."""

    status: int
    common: bytes
    rest: bytes


def on_wire(sent: Encoded) -> WireResponse:
    """The response as the server's protocol writes it."""
    return WireResponse(sent.status, sent.common.lines, b"".join((header_lines(sent.own), b"\r\n", sent.body)))


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as HTTP/1.1 writes them."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def encoded(response: PageResponse, asked: Headers, *, quickly: bool = False) -> Encoded:
    """The response to a request with these headers: 304 where the browser has the page, gzip where it takes that.

    `quickly`: as `compressed` takes it. An entity tag names the exact bytes, so that it differs then.
    """
    body = response.body
    is_large = len(body) > _SMALL
    gzip = is_large and accepts_gzip(header(asked, b"accept-encoding"))
    own: tuple[tuple[bytes, bytes], ...] = ()
    status = response.status
    if status == 200:
        digest = hashlib.sha256(body).hexdigest()[:24]
        forms = (_QUICK, _PACKED) if quickly else (_PACKED, _QUICK)
        tags = [f'"{digest}{form}"' for form in (forms if gzip else _PLAIN)]
        known = known_tag(header(asked, b"if-none-match"), tags)
        own = ((b"etag", (known or tags[0]).encode()),)
        if known:
            status, body = 304, b""
    has_body = status not in (204, 304)
    if has_body:
        if gzip:
            body = compressed(response, quickly=quickly)
        own = (*own, (b"content-length", str(len(body)).encode()))
    vary = b", ".join(filter(None, (response.vary, b"accept-encoding" if is_large else b"")))
    kind = response.content_type if has_body else b""
    common = _common(response.cache, response.headers, vary, kind, gzip and has_body)
    return Encoded(status, common, own, body)


@lru_cache(maxsize=256)
def _common(
    cache: bytes, headers: tuple[tuple[bytes, bytes], ...], vary: bytes, kind: bytes, gzip: bool
) -> CommonHeaders:
    given = [(b"cache-control", cache), *headers]
    named = ((b"vary", vary), (b"content-type", kind), (b"content-encoding", b"gzip" if gzip else b""))
    pairs = (*given, *(one for one in named if one[1]))
    return CommonHeaders(pairs, header_lines(pairs))


async def send_response(response: PageResponse, scope: Scope, send: Send) -> None:
    """Answer a request; HEAD gets no body."""
    sent = encoded(response, scope["headers"])
    await send({"type": "http.response.start", "status": sent.status, "headers": [*sent.common.pairs, *sent.own]})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else sent.body})
