"""Records the calls of one task: a client passes each to `record_call`, `recorded_calls` collects them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from awbridge.domain.call import Call

_recording: ContextVar[list[Call] | None] = ContextVar("awbridge_calls", default=None)


def record_call(call: Call) -> None:
    """The `on_call` hook of a client. Does nothing outside `recorded_calls`."""
    calls = _recording.get()
    if calls is not None:
        calls.append(call)


@contextmanager
def recorded_calls() -> Generator[list[Call]]:
    """Collect the calls made within the block by this task and the tasks it starts, in the order they end."""
    calls: list[Call] = []
    token = _recording.set(calls)
    try:
        yield calls
    finally:
        _recording.reset(token)
