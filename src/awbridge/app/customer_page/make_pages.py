"""Makes pages for customers while many wait: `python -m awbridge.app.customer_page.make_pages DESCRIPTOR`.

`awbridge serve` starts it with the descriptor of a socket, over which come first the settings, then requests
(process.py).
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import sys
from contextlib import suppress

import structlog
import uvloop

from awbridge.app.customer_page.page import customer_page
from awbridge.app.database import open_store
from awbridge.app.load_settings import JSON
from awbridge.app.logs import set_up_logs
from awbridge.app.settings import Settings
from awbridge.app.work import settle_down
from awbridge.domain.errors import SettingsError, StoreError
from awbridge.steps.runtime.clock import utc_now
from awbridge.web.customer_page.page_process import GivenTime, Messages, PageMaking

log = structlog.get_logger()

NICENESS = 10  # below the process that answers webhooks


async def _make_pages(connection: socket.socket) -> None:
    """Make pages until the other process closes the socket, or has ended."""
    loop = asyncio.get_running_loop()
    given: asyncio.Future[bytes] = loop.create_future()
    making: list[PageMaking] = []

    def received(message: bytes) -> None:
        if making:
            making[0].received(message)
        else:
            given.set_result(message)

    _, messages = await loop.create_unix_connection(lambda: Messages(received), sock=connection)
    await asyncio.wait({given, messages.closed}, return_when=asyncio.FIRST_COMPLETED)
    if not given.done():
        return
    settings: Settings = pickle.loads(given.result())  # noqa: S301 from the process that started this one
    set_up_logs(level=settings.log_level, as_json=settings.log_format == JSON)
    try:
        async with open_store(settings, migrate=False, create=False) as store:
            clock = GivenTime(utc_now())
            page = customer_page(settings, store, clock, alone=True)
            assert page, "it is started for the page alone"
            making.append(PageMaking(page, clock, messages))
            settle_down()
            messages.flush()  # says that requests may come
            await messages.closed
    except (SettingsError, StoreError) as error:
        log.warning("customer_page.process_not_started", problem=str(error))


def main() -> None:
    """Run until the other process ends this one; signals are meant for that one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(NICENESS)
    uvloop.run(_make_pages(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
