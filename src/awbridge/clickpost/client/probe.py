"""Probes addresses from outside for `awbridge doctor`: the server's time, and what a proxy does to a header."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import httpx2

from awbridge.certificates import trusted
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


async def probe_webhook(url: str, *, header: str = "", transport: httpx2.AsyncBaseTransport | None = None) -> Probe:
    """POST an empty body with a random value in a header, if one is named, and return the answer.

    As with most clients, the header Host comes first.
    """
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, transport=transport) as http:
            answer = await http.post(url, headers={header: _value()} if header else {})
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return _without_answer(error)
    return Probe(status=answer.status_code, text=answer.text[:LARGEST_BODY])


async def probe_webhook_before_host(url: str, *, header: str) -> Probe:
    """The same with the header before Host, as Node, Java and Ruby send their own: nginx may treat it differently."""
    return await asyncio.to_thread(_post_before_host, url, header)


def _post_before_host(url: str, header: str) -> Probe:
    """By http.client, because the HTTP library always sends Host first."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            connection = HTTPSConnection(host, port, timeout=TIMEOUT, context=trusted())
        else:
            connection = HTTPConnection(host, port, timeout=TIMEOUT)
        with closing(connection):
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.putrequest("POST", target, skip_host=True, skip_accept_encoding=True)
            for name, value in ((header, _value()), ("Host", parts.netloc.rpartition("@")[2]), ("Content-Length", "0")):
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return Probe(status=answer.status, text=answer.read(LARGEST_BODY).decode("utf-8", "replace"))
    except (HTTPException, OSError, ValueError) as error:
        return _without_answer(error)


def _value() -> str:
    return f"{PROBE_PREFIX}{secrets.token_hex(8)}"


def _without_answer(error: Exception) -> Probe:
    return Probe(error=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


async def get_health(url: str, *, transport: httpx2.AsyncBaseTransport | None = None) -> Probe:
    """GET the health of a service."""
    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT, transport=transport, trust_env=False) as http:
            answer = await http.get(url)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return Probe(error=type(error).__name__)
    return Probe(status=answer.status_code, text=answer.text[:LARGEST_BODY])
