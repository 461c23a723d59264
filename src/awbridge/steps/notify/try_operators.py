"""Try the operators' channels: only a message that was sent proves that address and password are correct."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace

from awbridge.domain.notify.notices import Message, Sent
from awbridge.steps.notify.alarm import Operator

_TEXT = "This is a test from awbridge. Alarms and the daily digest reach you on this channel."


async def try_operators(operators: Sequence[Operator]) -> list[str]:
    """Send a test message on every channel; the problem of each, "" where it was sent."""
    message = Message(key=f"test-{secrets.token_hex(8)}", to="", subject="awbridge: test message", text=_TEXT)
    return [await _try(operator, message) for operator in operators]


async def _try(operator: Operator, message: Message) -> str:
    try:
        async with asyncio.timeout(operator.longest):
            result = await operator.channel.send(replace(message, to=operator.to))
    except TimeoutError:
        return "the channel did not answer in time"
    return "" if isinstance(result, Sent) else result.problem
