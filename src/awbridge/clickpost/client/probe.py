"""Probes addresses from outside for `awbridge doctor`: the server's time, and what a proxy does to a header."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2

from awbridge.clickpost.wire.lenient_json import read_http_date

TIMEOUT = 10.0  # seconds
LARGEST_BODY = 64 * 1024  # bytes of an answer that are read
PROBE_PREFIX = "doctor-"  # prefix of the probe's value


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """An answer to a probe; `error` if there was none."""

    status: int | None = None
    text: str = ""
    error: str = ""


async def server_time(
    url: str, *, transport: httpx2.AsyncBaseTransport | None = None
) -> tuple[datetime, datetime] | None:
    """(the server's time by its Date header, ours at that moment); None if it has no readable one. No key is sent."""
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, transport=transport) as http:
            before = datetime.now(UTC)
            answer = await http.head(url)
            ours = before + (datetime.now(UTC) - before) / 2
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError):
        return None
    theirs = read_http_date(answer.headers.get("date"))
    return (theirs, ours) if theirs else None


async def probe_webhook(url: str, *, header: str, transport: httpx2.AsyncBaseTransport | None = None) -> Probe:
    """POST an empty body with a random value in a header, and return the answer."""
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, transport=transport) as http:
            answer = await http.post(url, headers={header: f"{PROBE_PREFIX}{secrets.token_hex(8)}"})
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return Probe(error=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    return Probe(status=answer.status_code, text=answer.text[:LARGEST_BODY])


async def get_health(url: str, *, transport: httpx2.AsyncBaseTransport | None = None) -> Probe:
    """GET the health of a service."""
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, transport=transport, trust_env=False) as http:
            answer = await http.get(url)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return Probe(error=type(error).__name__)
    return Probe(status=answer.status_code, text=answer.text[:LARGEST_BODY])
