"""Lets named sites read a parcel's JSON in a customer's browser (CORS): without cookies, GET and HEAD alone."""

from __future__ import annotations

from collections.abc import Iterable

from awbridge.domain.customer_page.origins import Origins

Headers = list[tuple[bytes, bytes]]

# A browser may ask with an ETag of its own; it then asks for permission first.
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, HEAD"),
    (b"access-control-allow-headers", b"if-none-match"),
    (b"access-control-max-age", b"86400"),
]
_EXPOSED = (b"access-control-expose-headers", b"etag, retry-after")


def origin_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The origin of a request; "" if it names none."""
    return next((value.decode("latin-1") for name, value in headers if name == b"origin"), "")


def allowing(origins: Origins, origin: str) -> Headers:
    """The headers by which a browser decides whether the site may read the answer. None where no site may."""
    allowed = origins.allowed(origin)
    return [(b"access-control-allow-origin", allowed.encode()), _EXPOSED] if allowed else []


def varies(origins: Origins) -> bool:
    """Whether caches must keep an answer for each origin."""
    return bool(origins.named)


def preflight(origins: Origins, origin: str) -> Headers:
    """The headers of the answer to a preflight request, which has no body."""
    allowed = allowing(origins, origin)
    return [*(allowed + _PREFLIGHT if allowed else []), *([(b"vary", b"origin")] if varies(origins) else [])]
