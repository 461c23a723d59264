"""Serves a peer as awbridge serves itself: same server and loop, same settings of the garbage collector."""

from __future__ import annotations

import gc
import socket
from typing import Any

import uvicorn
import uvloop


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)


SETTINGS: dict[str, Any] = {"log_level": "warning", "timeout_graceful_shutdown": 2}


def serve(app: Any, port: int) -> None:
    """Serve an app that is no webhook endpoint of awbridge's, until the process is told to end."""
    config = uvicorn.Config(
        app, port=port, http="httptools", lifespan="off", access_log=False, server_header=False, **SETTINGS
    )
    run(config)


def run(config: uvicorn.Config) -> None:
    """Serve until the process is told to end."""
    uvloop.run(_Server(config).serve())
