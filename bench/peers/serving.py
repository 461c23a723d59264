"""Serves a peer as awbridge serves itself: the same server, loop and garbage collector settings."""

from __future__ import annotations

import gc
import socket
from typing import Any, Literal

import uvicorn
import uvloop


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)


SETTINGS: dict[str, Any] = {"log_level": "warning", "timeout_graceful_shutdown": 2}


def serve(app: Any, port: int, *, lifespan: Literal["on", "off"] = "off") -> None:
    """Serve an app other than awbridge's webhook endpoint, until the process is told to stop."""
    config = uvicorn.Config(
        app, port=port, http="httptools", lifespan=lifespan, access_log=False, server_header=False, **SETTINGS
    )
    run(config)


def run(config: uvicorn.Config) -> None:
    """Serve until the process is told to stop."""
    uvloop.run(_Server(config).serve())
