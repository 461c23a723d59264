"""How SIGTERM ends a command: like Ctrl-C, so that temporary files are removed and child processes stopped."""

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
    """Let SIGTERM raise Terminated, unless somebody else handles it or this is not the main thread."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _received.clear()


def end_if_terminated() -> None:
    """Raise Terminated if SIGTERM arrived where C code ignored the exception, as the import of an extension may."""
    if _received:
        raise Terminated


def _terminate(number: int, _frame: object) -> NoReturn:
    _received.append(number)
    raise Terminated
