"""What every endpoint checks first: credentials, body, required fields, time window.

Each check raises `CallRejected` with ClickPost's error response.
"""

from collections.abc import Callable, Iterable

from awbridge.sandbox.shipments.models import SimulatedOrder
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.codes import DELIVERY_TYPES, ORDER_TYPES
from awbridge.sandbox.wire.envelope import error_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, CallRejected
from awbridge.sandbox.wire.json import JsonObject, as_list, as_object, as_objects, as_text


def authenticate(sandbox: Sandbox, call: ApiCall, *, key_only: bool = False) -> None:
    """Check `username` (unless `key_only`) and `key` of the query. A mismatch is code 301 over HTTP 200."""
    username_ok = key_only or call.query.get("username") == sandbox.config.username
    if not username_ok or call.query.get("key") != sandbox.config.key:
        raise CallRejected(error_response(301, result=None))


def read_object(call: ApiCall) -> JsonObject | None:
    """The body as a JSON object; None if it is not one."""
    try:
        return as_object(call.json())
    except ValueError:
        return None


def keyed_body(
    sandbox: Sandbox, call: ApiCall, respond: Callable[[int, str], ApiResponse] = error_response
) -> JsonObject:
    """The body of an endpoint that takes the `key` there. `respond` makes the response to a body without it."""
    body = read_object(call)
    if body is None:
        raise CallRejected(respond(400, "The body is not a JSON object"))
    if as_text(body.get("key")) != sandbox.config.key:
        raise CallRejected(respond(301, ""))
    return body


def parse_object(call: ApiCall, *, http: int = 200) -> JsonObject:
    """The body as a JSON object. Anything else is code 400 over HTTP `http`."""
    body = read_object(call)
    if body is None:
        raise CallRejected(error_response(400, "The body is not a JSON object", http=http))
    return body


def parse_objects(call: ApiCall, *, http: int = 200) -> list[JsonObject]:
    """The body as a list of at least one JSON object. Anything else is code 400 over HTTP `http`."""
    try:
        body = as_list(call.json()) or []
    except ValueError:
        body = []
    objects = as_objects(body)
    if not objects or len(objects) != len(body):
        raise CallRejected(error_response(400, "The body is not a list of JSON objects", http=http))
    return objects


def first_missing(body: JsonObject, fields: Iterable[str]) -> str:
    """The first of these fields that is missing or empty; "" if none is."""
    return next((field for field in fields if not as_text(body.get(field))), "")


def require(body: JsonObject, fields: Iterable[str]) -> None:
    """Reject a body in which one of these fields is missing or empty, with code 400."""
    if missing := first_missing(body, fields):
        raise CallRejected(error_response(400, f"{missing} is required"))


def type_problem(details: JsonObject, *, optional: bool = False) -> str:
    """The problem of `order_type` or `delivery_type`, which may be missing if `optional`; "" if both are valid."""
    for field, choices in (("order_type", ORDER_TYPES), ("delivery_type", DELIVERY_TYPES)):
        value = details.get(field)
        if value not in choices and not (optional and value in (None, "")):
            return f"{field}: {value!r} is not one of {', '.join(choices)}"
    return ""


def find_tracked_order(sandbox: Sandbox, waybill: object, cp_id: object) -> SimulatedOrder | None:
    """The order of a waybill and courier partner id, if ClickPost tracks it."""
    order = sandbox.registry.find(as_text(waybill))
    return order if order and not order.untracked and str(order.cp_id) == as_text(cp_id) else None


def epoch_window(call: ApiCall) -> tuple[float, float] | None:
    """`start_date` and `end_date` of the query in epoch seconds; None unless both are numbers."""
    try:
        return float(call.query["start_date"]), float(call.query["end_date"])
    except (KeyError, ValueError):
        return None
