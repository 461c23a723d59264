"""`awbridge serve` with a bare page beside its own: GET /bare/5000 answers 5,000 bytes and does nothing else.

GET /yielding/5000 answers the same, and gives way as the customer's page does: after each 16 pages it rests half as
long as they took, so that webhooks get their turn.

Settings come from the environment.

python -m bench.peers.paged PORT
"""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from typing import Any

import uvicorn
import uvloop

from awbridge.app import serve
from awbridge.app.customer_page.process import pages_beside
from awbridge.app.load_settings import load_settings
from awbridge.app.logs import set_up_logs
from awbridge.app.work import settle_down
from awbridge.web.http.server import server_config

PATH = "/bare/"
YIELDING = "/yielding/"
AT_ONCE = 16  # pages between two rests, and the longest rest, as steps/customer_page/open_orders.py has them
LONGEST_REST = 0.005  # seconds


@cache
def _page(size: int) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    return b"x" * size, [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(size).encode())]


class _Rests:
    """Turns to answer a page: so many, then a rest."""

    def __init__(self) -> None:
        self._answered = 0
        self._began_at = self._rests_until = 0.0

    async def turn(self) -> None:
        """Return when a page may be answered."""
        clock = asyncio.get_running_loop().time
        while (left := self._rests_until - clock()) > 0:
            await asyncio.sleep(left)
        if self._answered == 0:
            self._began_at = clock()
        self._answered += 1
        if self._answered == AT_ONCE:
            self._answered, now = 0, clock()
            self._rests_until = now + min((now - self._began_at) / 2, LONGEST_REST)


def with_bare_page(app: Any) -> Any:
    """The app with the bare page in front."""

    rests = _Rests()

    async def paged(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith((PATH, YIELDING)):
            await app(scope, receive, send)
            return
        if scope["path"].startswith(YIELDING):
            await rests.turn()
        body, headers = _page(int(scope["path"].rpartition("/")[2]))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return paged


async def main(port: int) -> None:
    """Serve until the process is told to stop."""
    set_up_logs(level="error", as_json=False)
    settings = load_settings()
    async with (
        serve.assembled(settings) as bridge,
        pages_beside(settings, bridge.home.customer_page) as pages,
    ):
        settle_down()
        config = server_config(
            with_bare_page(bridge.app),
            bridge.webhook,
            bridge.shared.connections,
            customer_page=pages,
            port=port,
            log_level="warning",
            lifespan="off",
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
