"""SMS gateways that say in the body of an HTTP 200 that they refused: called from here, because apprise reads no body.

Each takes a URL in apprise's form. MSG91 answers `{"type": "error"}`, Vonage a status other than "0" for each message,
Textlocal `{"status": "failure"}`, all of them with HTTP 200.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx2

from awbridge.certificates import trusted
from awbridge.domain.json import JsonObject
from awbridge.domain.notify.notices import MaybeSent, NotSent, SendResult, Sent
from awbridge.domain.privacy import veiled

CONNECT_TIMEOUT = 10.0  # seconds
_LONGEST_WORDS = 120  # characters of a refusal that are kept


@dataclass(frozen=True, slots=True)
class Parts:
    """A gateway's URL, taken apart. Fields whose names begin with a colon are the template's own."""

    user: str
    password: str
    host: str
    to: str
    options: Mapping[str, str]

    @property
    def fields(self) -> dict[str, str]:
        """The template's own fields, without their colons."""
        return {name[1:]: value for name, value in self.options.items() if name.startswith(":")}


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """What a gateway is asked: a JSON body or a form, never both."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: JsonObject | None = None
    form: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One service: its address, its request, and what of a body with HTTP 200 is a refusal (None: it is none)."""

    name: str
    address: str
    form: str
    request: Callable[[Parts, str], GatewayRequest]
    refusal: Callable[[JsonObject], str | None]
    is_complete: Callable[[Parts], bool]


def _msg91(parts: Parts, text: str) -> GatewayRequest:
    fields = parts.fields
    words = fields.pop("body", "body")
    fields.pop("type", None)
    recipient = {
        **{name: value for name, value in fields.items() if name != "mobiles"},
        words: text,
        "mobiles": parts.to,
    }
    short = parts.options.get("short_url", "").lower() in ("1", "yes", "true")
    body: JsonObject = {"template_id": parts.user, "short_url": int(short), "recipients": [recipient]}
    return GatewayRequest(headers={"authkey": parts.host}, body=body)


def _msg91_refusal(answer: JsonObject) -> str | None:
    wrong = str(answer.get("type", "")).lower() == "error" or answer.get("hasError") is True
    return str(answer.get("message") or answer.get("errors") or "no reason") if wrong else None


def _vonage(parts: Parts, text: str) -> GatewayRequest:
    form = {"api_key": parts.user, "api_secret": parts.password, "from": parts.host, "to": parts.to, "text": text}
    if ttl := parts.options.get("ttl"):
        form["ttl"] = ttl
    return GatewayRequest(form=form if text.isascii() else {**form, "type": "unicode"})


def _vonage_refusal(answer: JsonObject) -> str | None:
    for one in _objects(answer.get("messages")):
        if str(one.get("status", "0")) != "0":
            return f"status {one['status']}: {one.get('error-text', 'no reason')}"
    return None


def _textlocal(parts: Parts, text: str) -> GatewayRequest:
    form = {"apikey": parts.user, "sender": parts.host, "numbers": parts.to, "message": text}
    return GatewayRequest(form=form if text.isascii() else {**form, "unicode": "true"})


def _textlocal_refusal(answer: JsonObject) -> str | None:
    if str(answer.get("status", "")).lower() != "failure":
        return None
    errors = _objects(answer.get("errors")) or [{}]
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
        is_complete=lambda p: bool(p.user and p.host.isalnum() and p.to and p.fields.get("body", "body")),
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


def read_url(url: str) -> Parts:
    """A gateway's URL, taken apart. A host keeps its capitals: it may be a key. Raises ValueError."""
    parts = urlsplit(url)
    credentials, _, host = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    to = unquote(parts.path).strip("/") or options.get("to", "")
    return Parts(unquote(user), unquote(password), unquote(host), to.lstrip("+"), options)


async def call(gateway: Gateway, parts: Parts, text: str, *, timeout: float) -> SendResult:
    """Send one message by a gateway, waiting so many seconds for its answer. Never raises for what the service does."""
    request = gateway.request(parts, text)
    limits = httpx2.Timeout(timeout, connect=CONNECT_TIMEOUT)
    try:
        async with httpx2.AsyncClient(verify=trusted(), timeout=limits, follow_redirects=False) as http:
            answer = await http.post(
                gateway.address, headers=dict(request.headers), json=request.body, data=request.form
            )
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol, httpx2.ProxyError) as error:
        return NotSent(f"no connection to {gateway.name}: {type(error).__name__}")
    except httpx2.HTTPError:
        return MaybeSent("the service did not answer in time")
    return _meaning(gateway, answer, parts.to)


def _meaning(gateway: Gateway, answer: httpx2.Response, to: str) -> SendResult:
    body = _json(answer.content)
    if answer.status_code >= 300:
        return NotSent(f"the service did not take it (HTTP {answer.status_code})")
    refusal = gateway.refusal(body) if body is not None else None
    if refusal is not None:
        words = refusal.replace(to, "the number").replace(to[-10:], "the number")
        return NotSent(f"{gateway.name} refused it: {' '.join(veiled(words).split())[:_LONGEST_WORDS]}")
    return Sent()


def _json(content: bytes) -> JsonObject | None:
    try:
        found: Any = json.loads(content)
    except ValueError:
        return None
    return cast("JsonObject", found) if isinstance(found, dict) else None
