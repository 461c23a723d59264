"""All pages as one ASGI app, with error pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

from awbridge.documents.making import DocumentMaker
from awbridge.domain.couriers.allocation import Allocation
from awbridge.domain.errors import DocumentError, NotFound, NotPossible, NotValid, PayloadRefused, StoreBusy
from awbridge.domain.privacy import Privacy
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.steps.handover.print_labels import FetchesLabels, OnlyStored
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.dependencies import Audience, AuditContext
from awbridge.web.pages import dead_letters, language_switch, overview
from awbridge.web.pages.activity import ActivityReader
from awbridge.web.pages.couriers import couriers
from awbridge.web.pages.handover.labels import LabelPages
from awbridge.web.pages.handover.manifests import ManifestPages
from awbridge.web.pages.language import gettext
from awbridge.web.pages.notify import subscribers
from awbridge.web.pages.orders import failures, ndr_desk
from awbridge.web.pages.orders.one_shipment import OneShipmentPages
from awbridge.web.pages.orders.payloads import PayloadPages
from awbridge.web.pages.orders.shipment_list import ShipmentListPages
from awbridge.web.pages.orders.shipments import ShipmentPages
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.visit_middleware import VisitMiddleware

log = structlog.get_logger()

# The first segment of every path that belongs to the pages; "" is the overview.
_FIRST_SEGMENTS = frozenset(
    (
        *("", "alarms", "couriers", "dead-letters", "endpoints", "failures", "labels"),
        *("language", "ndr", "payload", "search", "static"),
        *("shipments", "shipments.csv", "shipments.tabs", "shipments.xlsx"),
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
    crons: Sequence[tuple[str, str]] = (),
    labels: FetchesLabels | None = None,
    documents: DocumentMaker | None = None,
    privacy: Mapping[Audience, Privacy] | None = None,
) -> Starlette:
    """All pages, on this store. `zone`: the zone of displayed times. `stuck_after`: when shipments count as stuck.

    `poll_again_after`: the shortest time between two polls of one shipment. `allocation`: what chooses a courier.
    `crons`: the scheduled jobs, each with its cron expression.
    `labels` fetches labels (None: only those that are stored are printed), `documents` makes PDFs, `privacy` is that of
    evidence, by reader (None: all personal data are masked).
    """
    templates = PageTemplates(clock, zone)
    hand_over = (store, clock, templates, zone, labels or OnlyStored(), documents or DocumentMaker())
    routes: list[BaseRoute] = [
        *overview.routes(store, clock, templates, stuck_after, ActivityReader(store, clock, zone, crons)),
        *ShipmentListPages(store, clock, templates, stuck_after, zone).routes(),
        *OneShipmentPages(store, clock, templates, allocation, privacy or AuditContext().privacy).routes(),
        *ShipmentPages(store, clock, templates, stuck_after, poll_again_after, zone).routes(),
        *failures.routes(store, templates),
        *couriers.routes(store, clock, templates),
        *dead_letters.routes(store, clock, templates),
        *ndr_desk.routes(store, clock, templates, zone),
        *PayloadPages(store, clock, templates, allocation).routes(),
        *LabelPages(*hand_over).routes(),
        *ManifestPages(*hand_over).routes(),
        *subscribers.routes(store, clock, templates),
        *language_switch.routes(),
        Mount("/static", StaticFiles(packages=[("awbridge.web.pages", "static")])),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(VisitMiddleware)])
    _add_error_pages(app, templates)
    return app


def _add_error_pages(app: Starlette, templates: PageTemplates) -> None:
    async def not_found(_request: Request, error: Exception) -> Response:
        return templates.error_page(404, gettext("Page not found"), str(error))

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, PayloadRefused)
        text = "; ".join(f"{problem.path} {problem.problem}" for problem in error.problems)
        return templates.error_page(422, gettext("Invalid URL"), gettext("Query parameters: %s.") % text)

    async def not_possible(_request: Request, error: Exception) -> Response:
        status = 422 if isinstance(error, NotValid) else 409
        text = str(error)
        return templates.error_page(status, gettext("Not possible"), f"{text[:1].upper()}{text[1:]}.")

    async def busy(_request: Request, _error: Exception) -> Response:
        return templates.error_page(
            503, gettext("The database is busy"), gettext("Nothing was changed. Try again in a moment.")
        )

    async def not_made(_request: Request, error: Exception) -> Response:
        return templates.error_page(503, gettext("The PDF could not be made"), str(error))

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return templates.error_page(
            error.status_code, gettext("Page not found") if error.status_code == 404 else error.detail, ""
        )

    async def unexpected(_request: Request, error: Exception) -> Response:
        log.error("page.failed", error=type(error).__name__, exc_info=error)
        return templates.error_page(500, gettext("Internal error"), gettext("See the log for details."))

    app.add_exception_handler(NotFound, not_found)
    app.add_exception_handler(PayloadRefused, refused)
    app.add_exception_handler(NotPossible, not_possible)
    app.add_exception_handler(NotValid, not_possible)
    app.add_exception_handler(StoreBusy, busy)
    app.add_exception_handler(DocumentError, not_made)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
