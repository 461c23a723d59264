"""Sends messages as JSON to a gateway of the company's own, by `json://` and `jsons://` in apprise's form.

The options are `+NAME=` (a header), `:NAME=` (a field of the body), `-NAME=` (a parameter of the query), `method=`, and
`rto=` and `cto=` (seconds for the answer and to connect). A URL with any other option is left to apprise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

import httpx2

from awbridge.domain.json import JsonObject
from awbridge.domain.notify.notices import Message, NotSent, SendResult, Sent
from awbridge.sinks.gateways import CONNECT_TIMEOUT, exchange

_SCHEMES = {"json": "http", "jsons": "https"}
_METHODS = frozenset({"POST", "PUT", "PATCH", "GET", "DELETE", "HEAD", "OPTIONS", "UPDATE"})
_OPTIONS = frozenset({"method", "rto", "cto"})
_PREFIXES = (":", "+", "-")
_SAFE = "/!$&'()*+,:;=@~"  # as apprise leaves them in a path
_NAME = "your gateway"
_NO_ADDRESS = "has no valid host or port"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonUrl:
    """The parts of a URL. Times are in seconds; None where the URL does not say."""

    address: str
    credentials: tuple[str, str] | None
    method: str
    headers: Mapping[str, str]
    fields: Mapping[str, str]
    parameters: Mapping[str, str]
    timeout: float | None
    connect_timeout: float | None


def handles(url: str) -> bool:
    """Whether a URL is called from here."""
    return url.partition(":")[0].strip().lower() in _SCHEMES and all(
        name.startswith(_PREFIXES) or name.lower() in _OPTIONS for name, _ in _options(url)
    )


def read_url(url: str) -> JsonUrl:
    """Parse a URL that `handles` accepts. Raises ValueError, which continues "the URL ..."."""
    try:
        parts = urlsplit(url.strip().partition("?")[0])
    except ValueError:
        raise ValueError(_NO_ADDRESS) from None
    if not parts.hostname:
        raise ValueError("has no host")
    path = quote(unquote(parts.path), safe=_SAFE)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    options = _options(url)
    plain = {name.lower(): value for name, value in options}
    headers = _with("+", options)
    if any(not (name + value).isprintable() for name, value in headers.items()):
        raise ValueError("has a header with a control character")
    method = plain.get("method", "POST").upper()
    if method not in _METHODS:
        raise ValueError(f"has method={method}; supported are {', '.join(sorted(_METHODS))}")
    host = parts.netloc.rpartition("@")[2]
    return JsonUrl(
        address=f"{_SCHEMES[parts.scheme]}://{host}{path}",
        credentials=(unquote(user), unquote(password)) if user else None,
        method=method,
        headers=headers,
        fields=_with(":", options),
        parameters=_with("-", options),
        timeout=_seconds(plain, "rto"),
        connect_timeout=_seconds(plain, "cto"),
    )


def _options(url: str) -> list[tuple[str, str]]:
    """The options in their order. A plus is a plus: it begins the name of a header; # does not end them."""
    pairs = (pair.partition("=") for pair in re.split("[&;]", url.strip().partition("?")[2]) if pair)
    return [(unquote(name), unquote(value).strip()) for name, _, value in pairs]


def _with(prefix: str, options: list[tuple[str, str]]) -> dict[str, str]:
    return {name[1:]: value for name, value in options if name.startswith(prefix) and name[1:]}


def _seconds(options: Mapping[str, str], name: str) -> float | None:
    if not (text := options.get(name, "")):
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 3600:
        raise ValueError(f"has {name}={text}; write seconds, such as {name}=20")
    return seconds


def check(url: str) -> None:
    """Raise ValueError, which continues "the URL ...", if a URL cannot be called."""
    address = read_url(url).address
    try:
        is_valid = httpx2.URL(address).is_absolute_url and urlsplit(address).port != 0
    except (httpx2.InvalidURL, ValueError):
        is_valid = False
    if not is_valid:
        raise ValueError(_NO_ADDRESS)


def body_of(message: Message, fields: Mapping[str, str]) -> JsonObject:
    """What is sent. A field with the name of one of ours renames that one, or leaves it out where it is empty."""
    body: JsonObject = {
        "version": "1.0",
        "title": message.subject.strip(),
        "message": message.text.rstrip(),
        "attachments": [],
        "type": "info",
    }
    for name, value in fields.items():
        if name not in body:
            body[name] = value
            continue
        content = body.pop(name)
        if value:
            body[value] = content
    return body


async def send(url: str, message: Message, *, timeout: float) -> SendResult:
    """Send one message. `timeout` is in seconds, unless the URL has `rto`. Only a status of 2xx accepts it."""
    parts = read_url(url)
    headers = {"User-Agent": "awbridge", **parts.headers}
    response = await exchange(
        _NAME,
        parts.method,
        parts.address,
        timeout=parts.timeout or timeout,
        connect_timeout=parts.connect_timeout or CONNECT_TIMEOUT,
        json=body_of(message, parts.fields),
        params=parts.parameters or None,
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        auth=parts.credentials,
    )
    if not isinstance(response, httpx2.Response):
        return response
    if response.is_success:
        return Sent()
    return NotSent(f"the service did not accept it (HTTP {response.status_code})")
