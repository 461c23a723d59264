"""How a call goes wrong over HTTP: cut, slow, HTML, empty, too many. Which call does, the fault desk decides."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import meta
from awbridge.sandbox.wire.http import Answer, Call, Cut, reply

Handler: TypeAlias = Callable[[Sandbox, Call], Awaitable[Answer]]

HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


async def handled(sandbox: Sandbox, name: str, call: Call, handler: Handler) -> Answer:
    """What the endpoint of this name answers, unless a fault spoils the call. Counts it in the ledger's calls."""
    sandbox.calls[name] += 1
    nth = sandbox.calls[name]
    fate = sandbox.fault_desk.call(name, nth)
    if fate.slow:
        await asyncio.sleep(sandbox.faults.slow_seconds)
    if fate.kind == "error_code":
        return reply({"meta": meta(fate.code, success=False)})
    if fate.kind and fate.kind != "cut_after_placing":
        return broken(sandbox, fate.kind, sandbox.fault_desk.dice("broken", name, nth))
    answer = await handler(sandbox, call)
    if fate.kind == "cut_after_placing":
        raise Cut
    return answer


def broken(sandbox: Sandbox, kind: str, dice: random.Random) -> Answer:
    """The answer of a call that went wrong. Raises Cut where there is none."""
    status = dice.choice((500, 502, 504, 200))
    match kind:
        case "cut_before_placing":
            raise Cut
        case "http_500":
            return reply({"meta": meta(500), "result": None}, 500)
        case "http_503":
            return Answer(503, b"Service Unavailable", "text/plain")
        case "html_body":
            return Answer(status, HTML, "text/html")
        case "empty_body":
            return Answer(status, b"", "text/plain")
        case _:
            return rate_limited(sandbox)


def rate_limited(sandbox: Sandbox) -> Answer:
    """HTTP 429 with Retry-After in seconds."""
    seconds = f"{sandbox.faults.retry_after_seconds:g}"
    limited = reply({"detail": f"Request was throttled. Expected available in {seconds} seconds."}, 429)
    return Answer(429, limited.body, headers=((b"retry-after", seconds.encode()),))
