"""Serves a peer as awbridge serves itself: same server, same loop, same settings of the garbage collector."""

from __future__ import annotations

import gc
import socket
from typing import Any

import uvicorn
import uvloop

from awbridge.web.one_write import OneWriteProtocol


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)


def serve(app: Any, port: int, *, lifespan: str = "off", http: type[OneWriteProtocol] = OneWriteProtocol) -> None:
    """Serve until the process is told to end."""
    config = uvicorn.Config(
        app,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan=lifespan,  # pyright: ignore[reportArgumentType]
        http=http,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    uvloop.run(_Server(config).serve())
