"""All pages as one ASGI app, with error pages."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from awbridge.domain.couriers.allocation import Allocation
from awbridge.domain.errors import NotFound, PayloadRefused, StoreBusy
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.access.access_list import AccessList
from awbridge.web.pages import couriers, dead_letters, language_switch, overview
from awbridge.web.pages.notify import subscribers
from awbridge.web.pages.orders import failures, ndr_desk
from awbridge.web.pages.orders.payloads import PayloadPages
from awbridge.web.pages.orders.shipments import ShipmentPages
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.people import audit, keys
from awbridge.web.pages.people.identity_pages import IdentityPages, SignInProvider
from awbridge.web.pages.people.me import MePages
from awbridge.web.pages.people.people_admin import PeoplePages
from awbridge.web.pages.people.sign_in import SignInPages
from awbridge.web.pages.role_middleware import RoleMiddleware
from awbridge.web.pages.visit_middleware import VisitMiddleware

log = structlog.get_logger()

# The first segment of every path that belongs to the pages; "" is the overview.
_FIRST_SEGMENTS = frozenset(
    (
        *("", "alarms", "couriers", "dead-letters", "endpoints", "failures"),
        *("language", "ndr", "payload", "search", "shipments", "static"),
        *("audit", "keys", "password", "people", "sign-in", "sign-out"),
    )
)


def is_page(path: str) -> bool:
    """Whether a path belongs to the pages."""
    return path.split("/")[1] in _FIRST_SEGMENTS if path.startswith("/") else False


def build_pages(
    store: Store,
    clock: Clock,
    *,
    zone: ZoneInfo,
    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER,
    poll_again_after: timedelta = timedelta(hours=2),
    allocation: Allocation = Allocation.RULES,
    access: AccessList | None = None,
    sign_in: SignInProvider | None = None,
) -> Starlette:
    """All pages, on this store. `zone`: the zone of displayed times. `stuck_after`: when shipments count as stuck.

    `poll_again_after`: the shortest time between two polls of one shipment. `allocation`: what chooses a courier.
    `access`: the stored keys and people, as the guards read them. `sign_in`: an identity provider.
    """
    access = access or AccessList(store, clock)
    templates = PageTemplates(clock, zone)
    routes: list[BaseRoute] = [
        *overview.routes(store, clock, templates, stuck_after),
        *ShipmentPages(store, clock, templates, stuck_after, poll_again_after).routes(),
        *failures.routes(store, templates),
        *couriers.routes(store, clock, templates),
        *dead_letters.routes(store, clock, templates),
        *ndr_desk.routes(store, clock, templates, zone),
        *PayloadPages(store, clock, templates, allocation).routes(),
        *subscribers.routes(store, clock, templates),
        *language_switch.routes(),
        *SignInPages(store, clock, templates, access, provider=sign_in.provider.name if sign_in else "").routes(),
        *(IdentityPages(store, clock, templates, sign_in).routes() if sign_in else ()),
        *MePages(store, clock, templates).routes(),
        *PeoplePages(store, clock, templates, access).routes(),
        *keys.routes(store, clock, templates, access),
        *audit.routes(store, templates),
        Mount("/static", StaticFiles(packages=[("awbridge.web.pages", "static")])),
    ]
    app = Starlette(
        routes=routes, middleware=[Middleware(VisitMiddleware), Middleware(RoleMiddleware, templates=templates)]
    )
    _add_error_pages(app, templates)
    return app


def _add_error_pages(app: Starlette, templates: PageTemplates) -> None:
    async def not_found(_request: Request, error: Exception) -> Response:
        return templates.error_page(404, "Page not found", str(error))

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, PayloadRefused)
        text = "; ".join(f"{problem.path} {problem.problem}" for problem in error.problems)
        return templates.error_page(422, "Invalid URL", f"Query parameters: {text}.")

    async def busy(_request: Request, _error: Exception) -> Response:
        return templates.error_page(503, "The database is busy", "Nothing was changed. Try again in a moment.")

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return templates.error_page(
            error.status_code, "Page not found" if error.status_code == 404 else error.detail, ""
        )

    async def unexpected(_request: Request, error: Exception) -> Response:
        log.error("page.failed", error=type(error).__name__, exc_info=error)
        return templates.error_page(500, "Internal error", "See the log for details.")

    app.add_exception_handler(NotFound, not_found)
    app.add_exception_handler(PayloadRefused, refused)
    app.add_exception_handler(StoreBusy, busy)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
