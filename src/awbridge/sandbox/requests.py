"""The front desk: who asks, and with what. Keys, bodies, windows; every refusal is an answer in ClickPost's form."""

from collections.abc import Iterable

from awbridge.sandbox.shipments.models import Order
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import meta, refused
from awbridge.sandbox.wire.http import Answer, Call, reply
from awbridge.sandbox.wire.json import JsonObject, as_items, as_object, as_text


def auth_problem(sandbox: Sandbox, call: Call, *, key_alone: bool = False) -> Answer | None:
    """Code 301 (HTTP 200, as ClickPost does) unless `key`, and `username` where it counts, are right."""
    right_name = key_alone or call.query.get("username") == sandbox.config.username
    if right_name and call.query.get("key") == sandbox.config.key:
        return None
    return reply({"meta": meta(301), "result": None})


def body_key_problem(sandbox: Sandbox, given: JsonObject) -> Answer | None:
    """The same for endpoints that take the key in the body."""
    return None if as_text(given.get("key")) == sandbox.config.key else refused(301)


def object_in(call: Call, *, http: int = 200) -> JsonObject | Answer:
    """The body as an object, or 400."""
    try:
        given = as_object(call.json())
    except ValueError:
        given = None
    return refused(400, "The body is not a JSON object", http=http) if given is None else given


def objects_in(call: Call, *, http: int = 200) -> list[JsonObject] | Answer:
    """The body as a list of objects, at least one, or 400."""
    try:
        given = as_items(call.json())
    except ValueError:
        given = None
    found = [entry for item in given or () if (entry := as_object(item)) is not None]
    if not found or len(found) != len(given or ()):
        return refused(400, "The body is not a list of JSON objects", http=http)
    return found


def first_missing(given: JsonObject, fields: Iterable[str]) -> str:
    """The first of these fields that is missing or empty; "" if none is."""
    return next((field for field in fields if not as_text(given.get(field))), "")


def shipment_of(sandbox: Sandbox, waybill: object, cp_id: object) -> Order | None:
    """The shipment that a waybill and a courier name, if ClickPost tracks it."""
    order = sandbox.vendor.find(as_text(waybill))
    return order if order and not order.untracked and str(order.cp_id) == as_text(cp_id) else None


def epoch_window(call: Call, start: str, end: str) -> tuple[float, float] | None:
    """Two query parameters in epoch seconds; None unless both are numbers."""
    try:
        return float(call.query[start]), float(call.query[end])
    except (KeyError, ValueError):
        return None
