"""How SIGTERM ends a command: like Ctrl-C, so that temporary files are removed and child processes stopped. Neither is
lost while modules are imported."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import NoReturn

_received: list[int] = []


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived."""


@contextmanager
def terminable() -> Generator[None]:
    """Let SIGTERM raise Terminated, and remember SIGINT, unless somebody else handles them or this is not the main
    thread.
    """
    is_main = threading.current_thread() is threading.main_thread()
    ours = [number for number, (usual, _) in _HANDLERS.items() if is_main and signal.getsignal(number) == usual]
    for number in ours:
        signal.signal(number, _HANDLERS[number][1])
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, _HANDLERS[number][0])
        _received.clear()


def end_if_signalled() -> None:
    """Raise if a signal arrived where C code ignored the exception, as the import of an extension may.

    Otherwise SIGINT is handled in Python's usual way from now on, so that an event loop takes it over. Raises
    KeyboardInterrupt, Terminated.
    """
    if _received:
        raise Terminated if signal.SIGTERM in _received else KeyboardInterrupt
    if signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _terminate(number: int, _frame: object) -> NoReturn:
    _received.append(number)
    raise Terminated


def _interrupt(number: int, _frame: object) -> NoReturn:
    _received.append(number)
    raise KeyboardInterrupt


# The handler that Python starts with, and ours.
_HANDLERS = {
    signal.SIGTERM: (signal.SIG_DFL, _terminate),
    signal.SIGINT: (signal.default_int_handler, _interrupt),
}
