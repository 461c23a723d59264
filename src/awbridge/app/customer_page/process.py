"""How `awbridge serve` starts the process that makes pages for customers beside it (make_pages.py)."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from awbridge.app.settings import Settings
from awbridge.steps.runtime.clock import utc_now
from awbridge.web.customer_page.app import CustomerPage
from awbridge.web.customer_page.page_process import Messages, PagesBeside

START_SECONDS = 30.0
END_SECONDS = 5.0
MODULE = "awbridge.app.customer_page.make_pages"


@asynccontextmanager
async def pages_beside(settings: Settings, page: CustomerPage | None) -> AsyncGenerator[PagesBeside | None]:
    """What makes the pages of this server while the block lasts; None where there are none.

    One processor makes them no sooner in two processes.
    """
    if page is None:
        yield None
        return
    is_worth_it = settings.track_process and processors() > 1
    pages = PagesBeside(page, utc_now, (lambda received: _start(settings, received)) if is_worth_it else None)
    try:
        yield pages
    finally:
        await pages.close()


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Process:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def end(self) -> None:
        """Wait until it has ended, for a while; then kill it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


async def _start(settings: Settings, received: Callable[[bytes], None]) -> tuple[Messages, _Process]:
    """Start the process. Raises OSError, TimeoutError where it does not begin in time."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = (sys.executable, "-m", MODULE, str(theirs.fileno()))
        process = await asyncio.create_subprocess_exec(
            *command, pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL
        )
    begun = asyncio.get_running_loop().create_future()

    def first(message: bytes) -> None:
        if not begun.done():
            begun.set_result(None)
        received(message)

    _, messages = await asyncio.get_running_loop().create_unix_connection(lambda: Messages(first), sock=ours)
    try:
        messages.send_whole(pickle.dumps(settings))
        async with asyncio.timeout(START_SECONDS):
            await asyncio.wait({begun, messages.closed}, return_when=asyncio.FIRST_COMPLETED)
        if not begun.done():
            raise OSError("it ended before it could make pages")
    except BaseException:
        messages.close()
        await _Process(process).end()
        raise
    return messages, _Process(process)
