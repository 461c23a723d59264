"""How a failed call looks over HTTP: cut, slow, HTML, empty, rate-limited. `injector` decides which calls fail."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Literal, NamedTuple, TypeAlias

from awbridge.sandbox.requests import authenticate
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import error_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, CallRejected, ConnectionCut, json_response

Handler: TypeAlias = Callable[[Sandbox, ApiCall], Awaitable[ApiResponse]]

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Route(NamedTuple):
    """An endpoint by its name under `calls` in the ledger; "" if its calls are not counted.

    A call must carry `username` and `key` in its query (account), or `key` alone. With `own`, the handler checks it.
    """

    name: str
    handler: Handler
    access: Literal["account", "key", "own"] = "account"


async def handle_call(sandbox: Sandbox, endpoint: Route, call: ApiCall) -> ApiResponse:
    """Run the handler of an endpoint, or fail the call as the fault injector decides. Counts the call in the ledger."""
    name = endpoint.name
    sandbox.calls[name] += 1
    nth = sandbox.calls[name]
    faults = sandbox.fault_injector.for_call(name, nth)
    if faults.slow:
        await asyncio.sleep(sandbox.faults.slow_seconds)
    if faults.kind == "error_code":
        return error_response(faults.code)
    if faults.kind and faults.kind != "cut_after_placing":
        return failure_response(sandbox, faults.kind, sandbox.fault_injector.rng("broken", name, nth))
    try:
        if endpoint.access != "own":
            authenticate(sandbox, call, key_only=endpoint.access == "key")
        response = await endpoint.handler(sandbox, call)
    except CallRejected as rejected:
        response = rejected.response
    if faults.kind == "cut_after_placing":
        raise ConnectionCut
    return response


def failure_response(sandbox: Sandbox, kind: str, rng: random.Random) -> ApiResponse:
    """The response of a failed call. Raises ConnectionCut for faults that send none."""
    status = rng.choice((500, 502, 504, 200))
    match kind:
        case "cut_before_placing":
            raise ConnectionCut
        case "http_500":
            return error_response(500, http=500, result=None)
        case "http_503":
            return ApiResponse(503, b"Service Unavailable", "text/plain")
        case "html_body":
            return ApiResponse(status, HTML, "text/html")
        case "empty_body":
            return ApiResponse(status, b"", "text/plain")
        case _:
            seconds = f"{sandbox.faults.retry_after_seconds:g}"
            detail = f"Request was throttled. Expected available in {seconds} seconds."
            return json_response({"detail": detail}, 429, headers=((b"retry-after", seconds.encode()),))
