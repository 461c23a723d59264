"""Account settings: customer messages, services, login by password. Source: ClickPost's API reference."""

from __future__ import annotations

from dataclasses import dataclass, field

from awbridge.clickpost.wire.endpoints import SERVICE_ALL_STATUSES, ApiRequest, Endpoints
from awbridge.clickpost.wire.fields import first_object, raw_of
from awbridge.clickpost.wire.lenient_json import Reply, as_object, as_text
from awbridge.domain.json import JsonObject

TRACKING_SERVICE = SERVICE_ALL_STATUSES
ALREADY_SUBSCRIBED = 304


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token that identifies a user. It is a secret, also inside `raw`. `expires_at` is as ClickPost writes it."""

    token: str = field(repr=False)
    expires_at: str
    raw: JsonObject = field(repr=False)


def whatsapp_request(endpoints: Endpoints, waybill: str, enabled: bool) -> ApiRequest:
    """Switch WhatsApp messages about one shipment on or off."""
    body: JsonObject = {"awb": waybill, "whatsapp_disable": not enabled}
    url = endpoints.url + "/api/v1/enable_shipment_notification/"
    return endpoints.post("set-whatsapp", url, {"key": endpoints.key}, body)


def login_request(endpoints: Endpoints, password: str, username: str) -> ApiRequest:
    """Exchange a password for a token. Neither password nor key is in the URL."""
    body: JsonObject = {"username": username or endpoints.username, "password": password}
    return endpoints.post("login", endpoints.url + "/api/v1/user/token/", {}, body, secrets=(password,))


def parse_token(reply: Reply) -> Token:
    """The token in an answer of user/token, next to the message or inside `result`."""
    answer = as_object(reply.body)
    entry = answer if answer.get("token") else first_object(reply.result)
    return Token(token=as_text(entry.get("token")), expires_at=as_text(entry.get("expires_at")), raw=raw_of(reply))


def service_request(endpoints: Endpoints, service_id: int) -> ApiRequest:
    """Subscribe the account to a service. The key goes in the body."""
    body: JsonObject = {"key": endpoints.key, "service_id": service_id}
    return endpoints.post("register-service", endpoints.url + "/api/v1/register-service/", {}, body)
