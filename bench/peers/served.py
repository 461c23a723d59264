"""awbridge with all its steps under another server, webhooks as an ordinary ASGI callable.

Settings come from the environment.

python -m bench.peers.served uvicorn|granian PORT
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
import uvloop

from awbridge.app import serve
from awbridge.app.load_settings import load_settings
from awbridge.app.work import settle_down


class App:
    """The bridge; its steps run for the lifespan."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or run the lifespan."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        await receive()
        async with serve.assembled(load_settings()) as bridge:
            self._app = bridge.app
            settle_down()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


app = App()


def _under_uvicorn(port: int) -> None:
    config = uvicorn.Config(
        app, port=port, log_level="warning", access_log=False, http="httptools", server_header=False
    )
    uvloop.run(uvicorn.Server(config).serve())


def _under_granian(port: int) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.log import LogLevels

    Granian(
        "bench.peers.served:app",
        port=port,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
    ).serve()


if __name__ == "__main__":
    {"uvicorn": _under_uvicorn, "granian": _under_granian}[sys.argv[1]](int(sys.argv[2]))
