"""Webhooks: which delivery is which, and their registration. The identity is on the hottest path of the service."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, cast

from awbridge.clickpost.wire import Reply, as_id, as_int, as_object, read_json

# Headers in which ClickPost proves itself, as ASGI gives them. The underscore is ClickPost's: many proxies drop it.
KEY_HEADERS = (b"webhook_key", b"x-api-key")

_NO_ID = frozenset({"", "0"})


def webhook_identity(body: bytes) -> str:
    """The identity of a delivery, by which a repetition is known.

    ClickPost's `order_status_id` where it is given (its guide names it for this), with the event where one is named:
    one scan gives several events. Else a hash of the bytes. Raises ValueError for what is no JSON object or list of
    objects.
    """
    value = read_json(body)
    if isinstance(value, dict):
        item = cast("dict[str, Any]", value)
        additional = item.get("additional")
        beside = cast("dict[str, Any]", additional) if isinstance(additional, dict) else {}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What came of registering a webhook address. `webhook_key` is a secret: each delivery carries it in a header.

    Codes: 200 registered, 305 there is an address already (change it), 327 there is none yet (register it).
    """

    code: int
    message: str = ""
    webhook_key: str = field(default="", repr=False)

    @property
    def registered(self) -> bool:
        """Whether ClickPost now calls the address that was given."""
        return self.code == 200


def parse_registration(reply: Reply) -> Registration:
    """The answer to a registration or a change of address; its code is 0 where the answer names none."""
    body = as_object(reply.body)
    key = as_id(body.get("webhook_key")) or as_id(as_object(reply.result).get("webhook_key"))
    return Registration(code=reply.business_status or 0, message=reply.message, webhook_key=key)
