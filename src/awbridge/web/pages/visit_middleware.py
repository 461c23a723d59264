"""Sets the visit of each request."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from awbridge.domain.people.actor import current_actor
from awbridge.web.pages import language
from awbridge.web.pages.visit import VISIT, Visit


class VisitMiddleware:
    """Sets the visit for the app within."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        chosen = language.choose(request.cookies.get(language.COOKIE, ""), request.headers.get("accept-language", ""))
        visit = Visit(path=scope["path"], prefix=scope.get("root_path", ""), language=chosen, actor=current_actor())
        token = VISIT.set(visit)
        try:
            await self._app(scope, receive, send)
        finally:
            VISIT.reset(token)
