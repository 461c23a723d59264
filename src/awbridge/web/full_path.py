"""The path of a request as ASGI defines it, for frameworks: with the prefix that the app is mounted at.

Our own code looks at paths without the prefix of an account. FastAPI and Starlette expect `path` to contain
`root_path`, and compute links to themselves from both.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class FullPath:
    """Middleware that puts `root_path` in front of the path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does."""
        if prefix := scope.get("root_path", ""):
            scope = {**scope, "path": prefix + scope["path"]}
        await self._app(scope, receive, send)
