"""Which sites may read a parcel's JSON in a customer's browser (CORS). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

EVERY_SITE = "*"
_EXAMPLE = "write origins like https://shop.example, comma-separated"


@dataclass(frozen=True, slots=True)
class Origins:
    """The sites that may read it; none by default. `every`: any site may."""

    named: frozenset[str] = frozenset()
    every: bool = False

    def __bool__(self) -> bool:
        return self.every or bool(self.named)

    def allowed(self, origin: str) -> str:
        """The value of Access-Control-Allow-Origin for a request of this origin; "" if it may not read."""
        if self.every:
            return EVERY_SITE
        return origin if origin in self.named else ""


def read_origins(text: str) -> Origins:
    """Read exact origins, comma-separated, or a lone * for every site.

    Raises ValueError for anything else: an origin is a scheme, a host and perhaps a port. http is for this machine.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if parts == [EVERY_SITE]:
        return Origins(every=True)
    return Origins(frozenset(map(_origin, parts)))


def _origin(text: str) -> str:
    if text == EVERY_SITE:
        raise ValueError("* stands alone: it means every site")
    parts = urlsplit(text)
    host = parts.hostname or ""
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"{text!r} has no valid port; {_EXAMPLE}") from None
    if parts.scheme not in ("http", "https") or not host or "*" in host or not host.isascii():
        raise ValueError(f"{text!r} is not an origin; {_EXAMPLE}")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{text!r} has more than scheme, host and port; {_EXAMPLE}")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"{text!r} needs https; http is allowed for this machine alone")
    name = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]  # browsers leave it out
    return f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, usual) else "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
