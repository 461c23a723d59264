"""The rooms of the pages, put together into one app, and what becomes of errors in them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from awbridge.domain.errors import NotFound, PayloadRefused, StoreBusy
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.pages import front, telling
from awbridge.web.pages.looks import Looks

log = structlog.get_logger()

# The first part of every path that belongs to the pages; "" is the front page.
FOLDERS = frozenset({"", "endpoints", "alarms", "static"})


def is_page(path: str) -> bool:
    """Whether a path belongs to the pages."""
    return path.split("/")[1] in FOLDERS if path.startswith("/") else False


def build_pages(
    store: Store, clock: Clock, *, zone: ZoneInfo, stuck_after: StuckAfter = DEFAULT_STUCK_AFTER
) -> Starlette:
    """All pages, on this store. `zone` is the one that times are shown in; `stuck_after` says what counts as stuck."""
    looks = Looks(clock, zone)
    static = StaticFiles(packages=[("awbridge.web.pages", "static")])
    rooms: list[BaseRoute] = [
        *front.routes(store, clock, looks, stuck_after),
        *telling.routes(store, clock, looks),
        Mount("/static", static),
    ]
    app = Starlette(routes=rooms)
    _show_errors(app, looks)
    return app


def _show_errors(app: Starlette, looks: Looks) -> None:
    async def not_found(_request: Request, error: Exception) -> Response:
        return looks.trouble(404, "Not here", str(error))

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, PayloadRefused)
        text = "; ".join(f"{problem.path} {problem.problem}" for problem in error.problems)
        return looks.trouble(422, "This address is not understood", f"In what follows the question mark: {text}.")

    async def busy(_request: Request, _error: Exception) -> Response:
        return looks.trouble(503, "The database is busy", "Nothing was changed. Try again in a moment.")

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return looks.trouble(error.status_code, "Not here" if error.status_code == 404 else error.detail, "")

    async def unforeseen(_request: Request, error: Exception) -> Response:
        log.error("page.failed", error=type(error).__name__, exc_info=error)
        return looks.trouble(500, "Something went wrong here", "The log says what.")

    app.add_exception_handler(NotFound, not_found)
    app.add_exception_handler(PayloadRefused, refused)
    app.add_exception_handler(StoreBusy, busy)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unforeseen)
