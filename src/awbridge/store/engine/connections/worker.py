"""A thread that does pieces of work for the event loop, one after the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_Work = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Worker:
    """One thread; work is handed to it in order.

    An executor would do the same with two futures, two locks and a condition for each piece of work.
    """

    def __init__(self, name: str) -> None:
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=_serve, args=(self._work,), name=name, daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """What this work returns in the thread, or raises. Work whose task is cancelled meanwhile is not begun."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._work.put((work, loop, done))
        return await done

    def end(self) -> None:
        """End the thread, after what it was handed."""
        self._work.put(None)
        self._thread.join()


def _serve(queue: SimpleQueue[_Work | None]) -> None:
    """Do one piece of work after the other, until None arrives. Cancelled work is not begun."""
    while piece := queue.get():
        work, loop, done = piece
        if done.cancelled():
            continue
        try:
            notify, result = asyncio.Future[Any].set_result, work()
        except BaseException as error:
            notify, result = asyncio.Future[Any].set_exception, error
        with suppress(RuntimeError):  # the loop was closed meanwhile: no task waits
            loop.call_soon_threadsafe(_unless_cancelled, done, notify, result)
        del piece, work, done, result  # the next one may be long in coming


def _unless_cancelled(
    done: asyncio.Future[Any], notify: Callable[[asyncio.Future[Any], Any], None], result: Any
) -> None:
    if not done.done():
        notify(done, result)
