"""Which calls a piece of work made: a client hands every call to `record_call`, and `recorded_calls` keeps those of its own task.

For whoever keeps a record of all calls, also of those whose answer is all that a method returns.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from awbridge.domain.call import Call

_recording: ContextVar[list[Call] | None] = ContextVar("awbridge_calls", default=None)


def record_call(call: Call) -> None:
    """For a client's `on_call`. Does nothing where nobody listens."""
    calls = _recording.get()
    if calls is not None:
        calls.append(call)


@contextmanager
def recorded_calls() -> Generator[list[Call]]:
    """The calls that are made within the block, by this task and those it starts, as they end."""
    calls: list[Call] = []
    token = _recording.set(calls)
    try:
        yield calls
    finally:
        _recording.reset(token)
