"""Calls SMS gateways that report refusals in the body of an HTTP 200, which apprise does not read.

Each has a URL in apprise's form. Refusals are `{"type": "error"}` at MSG91, a status other than "0" for a message at
Vonage, and `{"status": "failure"}` at Textlocal, all with HTTP 200.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx2

from awbridge.certificates import trusted
from awbridge.domain.json import JsonObject
from awbridge.domain.notify.notices import MaybeSent, NotSent, SendResult, Sent
from awbridge.domain.privacy import veiled

CONNECT_TIMEOUT = 10.0  # seconds
_sending: ContextVar[bool] = ContextVar("sending", default=False)
_LONGEST_REFUSAL = 120  # characters kept of a refusal


# httpx2 logs each URL, and that of a gateway may hold the customer's number.
logging.getLogger("httpx2").addFilter(lambda _: not _sending.get())


@dataclass(frozen=True, slots=True)
class GatewayUrl:
    """The parts of a gateway's URL. Options whose names begin with a colon are fields of the template."""

    user: str
    password: str
    host: str
    to: str
    options: Mapping[str, str]

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the template, without colons."""
        return {name[1:]: value for name, value in self.options.items() if name.startswith(":")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One service. `form` is the form of its URL; `refusal` is the reason in a body with HTTP 200 (None: accepted).

    `request` returns the arguments of the POST: headers, and a body as `json` or as `data`. It raises ValueError, with
    the reason, for a text that the URL has no place for.
    """

    name: str
    address: str
    form: str
    request: Callable[[GatewayUrl, str], dict[str, Any]]
    refusal: Callable[[JsonObject], str | None]
    is_complete: Callable[[GatewayUrl], bool]


def _msg91(parts: GatewayUrl, text: str) -> dict[str, Any]:
    fields = parts.fields
    names = [name.strip() for name in fields.pop("body", "body").split(",")]
    fields.pop("type", None)
    lines = text.split("\n") if len(names) > 1 else [text]
    if len(lines) > len(names):
        raise ValueError(f"the text has {len(lines)} lines, but the URL names {len(names)} variables in :body=")
    recipient = {
        **{name: value for name, value in fields.items() if name != "mobiles"},
        **dict(zip(names, map(str.strip, lines), strict=False)),
        "mobiles": parts.to,
    }
    short = parts.options.get("short_url", "").lower() in ("1", "yes", "true")
    body: JsonObject = {"template_id": parts.user, "short_url": int(short), "recipients": [recipient]}
    return {"headers": {"authkey": parts.host}, "json": body}


def _msg91_refusal(response: JsonObject) -> str | None:
    is_refused = str(response.get("type", "")).lower() == "error" or response.get("hasError") is True
    return str(response.get("message") or response.get("errors") or "no reason") if is_refused else None


def _vonage(parts: GatewayUrl, text: str) -> dict[str, Any]:
    form = {"api_key": parts.user, "api_secret": parts.password, "from": parts.host, "to": parts.to, "text": text}
    if ttl := parts.options.get("ttl"):
        form["ttl"] = ttl
    return {"data": form if text.isascii() else {**form, "type": "unicode"}}


def _vonage_refusal(response: JsonObject) -> str | None:
    for one in _objects(response.get("messages")):
        if str(one.get("status", "0")) != "0":
            return f"status {one['status']}: {one.get('error-text', 'no reason')}"
    return None


def _textlocal(parts: GatewayUrl, text: str) -> dict[str, Any]:
    form = {"apikey": parts.user, "sender": parts.host, "numbers": parts.to, "message": text}
    return {"data": form if text.isascii() else {**form, "unicode": "true"}}


def _textlocal_refusal(response: JsonObject) -> str | None:
    if str(response.get("status", "")).lower() != "failure":
        return None
    errors = _objects(response.get("errors")) or [{}]
    return f"code {errors[0].get('code', '?')}: {errors[0].get('message', 'no reason')}"


def _objects(value: object) -> list[JsonObject]:
    found = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("JsonObject", one) for one in found if isinstance(one, dict)]


GATEWAYS: Mapping[str, Gateway] = {
    "msg91": Gateway(
        name="MSG91",
        address="https://control.msg91.com/api/v5/flow/",
        form="msg91://{dlt_template_id}@AUTHKEY/{to_digits}?:body=VAR1",
        request=_msg91,
        refusal=_msg91_refusal,
        is_complete=lambda p: bool(
            p.user and p.host.isalnum() and p.to and all(map(str.strip, p.fields.get("body", "body").split(",")))
        ),
    ),
    "vonage": Gateway(
        name="Vonage",
        address="https://rest.nexmo.com/sms/json",
        form="vonage://KEY:SECRET@FROM/{to_digits}",
        request=_vonage,
        refusal=_vonage_refusal,
        is_complete=lambda p: bool(p.user and p.password and p.host and p.to),
    ),
    "textlocal": Gateway(
        name="Textlocal",
        address="https://api.textlocal.in/send/",
        form="textlocal://APIKEY@SENDER/{to_digits}",
        request=_textlocal,
        refusal=_textlocal_refusal,
        is_complete=lambda p: bool(p.user and p.host and p.to),
    ),
}


def read_url(url: str) -> GatewayUrl:
    """Parse a gateway's URL. The host keeps its case: it may be a key. Raises ValueError."""
    parts = urlsplit(url)
    credentials, _, host = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    to = unquote(parts.path).strip("/") or options.get("to", "")
    return GatewayUrl(unquote(user), unquote(password), unquote(host), to.lstrip("+"), options)


async def call(gateway: Gateway, parts: GatewayUrl, text: str, *, timeout: float) -> SendResult:
    """Send one message. `timeout` is in seconds. Failures of the service are results, not exceptions."""
    try:
        request = gateway.request(parts, text)
    except ValueError as error:
        return NotSent(str(error), again=False)
    response = await exchange(gateway.name, "POST", gateway.address, timeout=timeout, **request)
    return _result(gateway, response, parts.to) if isinstance(response, httpx2.Response) else response


async def exchange(
    name: str, method: str, address: str, *, timeout: float, connect_timeout: float = CONNECT_TIMEOUT, **request: Any
) -> httpx2.Response | NotSent | MaybeSent:
    """The response of a service, or whether it may have got the request. Redirects are not followed.

    `name`: of the service, for an error. Times are in seconds. `request`: further arguments of httpx2's `request`.
    """
    limits = httpx2.Timeout(timeout, connect=connect_timeout)
    unlogged = _sending.set(True)
    try:
        async with httpx2.AsyncClient(verify=trusted(), timeout=limits, follow_redirects=False) as http:
            return await http.request(method, address, **request)
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol, httpx2.ProxyError) as error:
        return NotSent(f"no connection to {name}: {type(error).__name__}")
    except httpx2.HTTPError:
        return MaybeSent("the service did not answer in time")
    finally:
        _sending.reset(unlogged)


def _result(gateway: Gateway, response: httpx2.Response, to: str) -> SendResult:
    body = _json(response.content)
    if response.status_code >= 300:
        return NotSent(f"the service did not accept it (HTTP {response.status_code})")
    refusal = gateway.refusal(body) if body is not None else None
    if refusal is not None:
        reason = refusal.replace(to, "the number").replace(to[-10:], "the number")
        return NotSent(f"{gateway.name} refused it: {' '.join(veiled(reason).split())[:_LONGEST_REFUSAL]}")
    return Sent()


def _json(content: bytes) -> JsonObject | None:
    try:
        found: Any = json.loads(content)
    except ValueError:
        return None
    return cast("JsonObject", found) if isinstance(found, dict) else None
