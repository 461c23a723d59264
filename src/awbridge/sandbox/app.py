"""The sandbox as an ASGI application: a table of endpoints, and the cutting of connections."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from awbridge.sandbox import control, orders, tracking
from awbridge.sandbox.wire import Answer, Call, Cut, query_of, reply
from awbridge.sandbox.world import Sandbox

Handler: TypeAlias = Callable[[Sandbox, Call], Awaitable[Answer]]


async def _create_india(sandbox: Sandbox, call: Call) -> Answer:
    return await orders.create_order(sandbox, call, "india")


async def _create_world(sandbox: Sandbox, call: Call) -> Answer:
    return await orders.create_order(sandbox, call, "world")


ENDPOINTS: Final[dict[str, dict[str, tuple[str, Handler]]]] = {
    "/api/v3/create-order": {
        "POST": ("create_order", _create_india),
        "GET": ("fetch_order", orders.fetch_order),
    },
    "/api/v4/create-order": {
        "POST": ("create_order", _create_world),
        "GET": ("fetch_order", orders.fetch_order),
    },
    "/api/v1/recommendation_api": {"POST": ("recommend", orders.recommend)},
    "/api/v2/recommendation": {"POST": ("recommend", orders.recommend_world)},
    "/api/v1/cancel-order": {"GET": ("cancel_order", orders.cancel_order)},
    "/api/v2/track-order": {"GET": ("track_order", tracking.track_order)},
    "/api/v1/updated-order": {"GET": ("updated_order", tracking.updated_order)},
    "/api/v1/tracking/register-webhook": {
        "POST": ("register_webhook", tracking.register_webhook),
        "PUT": ("register_webhook", tracking.register_webhook),
    },
    "/api/v1/test_webhook": {"POST": ("test_webhook", tracking.test_webhook)},
    "/api/v1/fetch-accounts": {"GET": ("fetch_accounts", tracking.fetch_accounts)},
    "/_sandbox/ledger": {"GET": ("", control.show_ledger)},
    "/_sandbox/faults": {"GET": ("", control.show_faults), "PUT": ("", control.put_faults)},
    "/_sandbox/faults/once": {"POST": ("", control.fault_once)},
    "/_sandbox/advance": {"POST": ("", control.advance)},
    "/_sandbox/finish": {"POST": ("", control.finish)},
    "/_sandbox/state": {"GET": ("", control.show_state)},
    "/_sandbox/webhook": {"POST": ("", control.send_webhook)},
    "/_sandbox/redeliver": {"POST": ("", control.redeliver)},
    "/_sandbox/reset": {"POST": ("", control.reset)},
    "/_sandbox/bodies": {"GET": ("", control.show_bodies)},
    "/healthz": {"GET": ("", control.healthz)},
}
"""Path without the slash at the end -> method -> name in the ledger's calls (empty: not counted), handler."""


class App:
    """The ASGI callable. Needs the server of this package, whose scope carries the connection's transport."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox speaks HTTP only, not {scope['type']}")
        transport: asyncio.Transport = scope["state"]["transport"]
        try:
            answer = await self._answer(await _read(scope, receive))
        except Cut:
            await _cut(transport, receive)
        except asyncio.CancelledError:
            if not transport.is_closing():
                raise
        else:
            await _send(answer, send)

    async def _answer(self, call: Call) -> Answer:
        methods = ENDPOINTS.get(call.path.rstrip("/"))
        if methods is None:
            return Answer(404, b"<h1>Not Found</h1>", "text/html")
        if call.method not in methods:
            return reply({"detail": f'Method "{call.method}" not allowed.'}, 405)
        name, handler = methods[call.method]
        if name:
            self._sandbox.calls[name] += 1
        try:
            return await handler(self._sandbox, call)
        except ValidationError as error:
            return control.wrong_body(error)


async def _read(scope: Scope, receive: Receive) -> Call:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    host = next((value for name, value in scope["headers"] if name == b"host"), b"127.0.0.1")
    return Call(
        method=scope["method"],
        path=scope["path"],
        query=query_of(scope["query_string"]),
        body=body,
        base_url=f"{scope['scheme']}://{host.decode('latin-1')}",
    )


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _cut(transport: asyncio.Transport, receive: Receive) -> None:
    """Close the connection with nothing sent, and leave only when the server knows it: then nothing is logged."""
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
