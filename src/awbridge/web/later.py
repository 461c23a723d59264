"""An app that is built at its first request, in a thread: the service starts earlier and holds less until then."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send


class BuiltLater:
    """Answers as the app does that `build` returns. Other requests are answered while it is built."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._app: ASGIApp | None = None
        self._turn = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; the first one waits until the app is built."""
        app = self._app or await asyncio.to_thread(self._built)
        await app(scope, receive, send)

    def _built(self) -> ASGIApp:
        with self._turn:  # requests that came meanwhile
            if self._app is None:
                self._app = self._build()
            return self._app
