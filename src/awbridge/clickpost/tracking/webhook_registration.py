"""Identity, keys and registration of webhooks. The identity is on the hottest path of the service."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from pydantic_core import SchemaValidator, core_schema

from awbridge.clickpost.wire.lenient_json import Reply, as_id, as_int, as_object, read_json

# Headers in which ClickPost proves itself, as ASGI gives them. The underscore is ClickPost's: many proxies drop such a
# header, and some pass it with a hyphen instead.
USUAL_HEADERS = (b"webhook_key", b"webhook-key")
KEY_HEADERS = (*USUAL_HEADERS, b"x-api-key")
_AUTHORIZATION = b"authorization"
_SCHEMES = ("basic", "bearer", "token")
_MOST_PARAMETERS = 20  # of an address; no real one has more

_LARGEST_PLAIN = 2**63
_NO_ID = frozenset({"", "0"})

WEBHOOK_EXISTS, WEBHOOK_MISSING = 305, 327


def _ids_of() -> SchemaValidator:
    """A validator that reads only the ids of a delivery, in a third of the time that all of it takes."""
    names = ("order_status_id", "notification_event_id")
    ids = {name: core_schema.typed_dict_field(core_schema.any_schema(), required=False) for name in names}
    beside = core_schema.typed_dict_schema(ids, extra_behavior="ignore")
    beside = core_schema.with_default_schema(beside, default=None, on_error="default")
    additional = core_schema.typed_dict_field(beside, required=False)
    return SchemaValidator(core_schema.typed_dict_schema({**ids, "additional": additional}, extra_behavior="ignore"))


_IDS = _ids_of()


def offered_keys(path: str, query: str, headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Keys as ClickPost sends them; `path` follows the endpoint's own, `query` still encoded.

    Header `webhook_key` (also as `webhook-key`), `X-Api-Key` or `Authorization` (raw, Basic or Bearer), the last part
    of the path, or `secret` in the query. Header names come in small letters.
    """
    offered: list[str] = []
    for name, value in headers:
        if name in KEY_HEADERS:
            offered.append(value.decode("latin-1"))
        elif name == _AUTHORIZATION:
            offered += _of_authorization(value.decode("latin-1").strip())
    if token := path.strip("/"):
        offered.append(token)
    return offered + _secrets(query) if query else offered


def secret_in(webhook_url: str) -> str:
    """The key given as `secret` in the query of an address; "" where there is none."""
    return next(iter(_secrets(urlsplit(webhook_url).query)), "")


def _secrets(query: str) -> list[str]:
    try:
        given = parse_qsl(query, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return []
    return [value for name, value in given if name == "secret"]


def _of_authorization(value: str) -> list[str]:
    """The keys in an Authorization header: the value, its part after the scheme, and for Basic user and password."""
    scheme, _, given = value.partition(" ")
    found = [value, given.strip()] if scheme.lower() in _SCHEMES else [value]
    if scheme.lower() == "basic":
        try:
            plain = base64.b64decode(given.strip(), validate=True).decode()
        except ValueError:
            plain = ""
        user, _, password = plain.partition(":")
        found += [plain, password, user]
    return [one for one in found if one]


def webhook_identity(body: bytes) -> str:
    """The identity of a delivery, by which a repetition is known.

    ClickPost's `order_status_id` where it is given (its guide names it for this), with the event where one is named:
    one scan gives several events. Else a hash of the bytes. Raises ValueError for what is no JSON object or list of
    objects.
    """
    value = _read(body)
    if isinstance(value, dict):
        item = cast("dict[str, Any]", value)
        if (plain := _plain(item)) is not None:
            return plain
        beside = as_object(item.get("additional"))
        status_id = as_id(item.get("order_status_id"))
        if status_id in _NO_ID:
            status_id = as_id(beside.get("order_status_id"))
        if status_id not in _NO_ID:
            event = as_int(item.get("notification_event_id"))
            if event is None:
                event = as_int(beside.get("notification_event_id"))
            return f"osid:{status_id}" if event is None else f"osid:{status_id}:event:{event}"
    elif not (isinstance(value, list) and value and all(isinstance(entry, dict) for entry in cast("list[Any]", value))):
        raise ValueError("a delivery is a JSON object or a list of objects")
    return f"sha:{hashlib.blake2b(body, digest_size=16).hexdigest()}"


def _plain(item: dict[str, Any]) -> str | None:
    """The identity of nearly every delivery, without the detours that the others need."""
    status_id, beside = item.get("order_status_id"), item.get("additional")
    if type(status_id) is not int or not 0 < status_id < _LARGEST_PLAIN or "notification_event_id" in item:
        return None
    return None if type(beside) is dict and "notification_event_id" in beside else f"osid:{status_id}"


def _read(body: bytes) -> Any:
    try:
        return _IDS.validate_json(body)
    except ValueError:
        return read_json(body)  # a list, or no JSON, or JSON that only the standard parser takes


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The result of registering a webhook address. `webhook_key` is a secret: each delivery carries it in a header.

    Codes: 200 registered, 305 there is an address already (change it), 327 there is none yet (register it).
    """

    code: int
    message: str = ""
    webhook_key: str = field(default="", repr=False)

    @property
    def registered(self) -> bool:
        """Whether ClickPost now calls the address that was given."""
        return self.code == 200

    @property
    def already(self) -> bool:
        """Whether an address is registered already, which has to be changed instead."""
        return self.code == WEBHOOK_EXISTS


def parse_registration(reply: Reply) -> Registration:
    """The answer to a registration or a change of address; its code is 0 where the answer names none."""
    body = as_object(reply.body)
    key = as_id(body.get("webhook_key")) or as_id(as_object(reply.result).get("webhook_key"))
    return Registration(code=reply.business_status or 0, message=reply.message, webhook_key=key)
