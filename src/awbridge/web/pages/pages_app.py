"""All pages as one ASGI app, with error pages."""

from __future__ import annotations

from collections.abc import Sequence
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
from awbridge.sinks.addresses import Network
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.dependencies import AuditContext
from awbridge.web.pages import couriers, language_switch, overview
from awbridge.web.pages.allocation.allocation_pages import AllocationPages
from awbridge.web.pages.audit import reports
from awbridge.web.pages.downtimes.downtime_pages import DowntimePages
from awbridge.web.pages.language import gettext
from awbridge.web.pages.messages import opt_out_page, sent, template_page
from awbridge.web.pages.messages.context import MessageContext
from awbridge.web.pages.notify import alarm_page
from awbridge.web.pages.notify.endpoint_form import EndpointForms
from awbridge.web.pages.notify.subscribers import SubscriberPages
from awbridge.web.pages.orders import failures, ndr_desk
from awbridge.web.pages.orders.payloads import PayloadPages
from awbridge.web.pages.orders.shipments import ShipmentPages
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.reconciliation.differences import DifferencePages
from awbridge.web.pages.reconciliation.runs import ReconciliationPages
from awbridge.web.pages.setup.setup_pages import SetupPages
from awbridge.web.pages.setup.tools import NoTools, SetupTools
from awbridge.web.pages.tracking import dead_letters
from awbridge.web.pages.visit_middleware import VisitMiddleware

log = structlog.get_logger()

# The first segment of every path that belongs to the pages; "" is the overview.
_FIRST_SEGMENTS = frozenset(
    (
        *("", "alarms", "allocation", "couriers", "dead-letters", "downtimes", "endpoints", "failures"),
        *(
            "language",
            "messages",
            "ndr",
            "payload",
            "reconciliation",
            "reports",
            "search",
            "setup",
            "shipments",
            "static",
        ),
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
    setup: SetupTools | None = None,
    audit: AuditContext | None = None,
    messages: MessageContext | None = None,
    networks: Sequence[Network] = (),
) -> Starlette:
    """All pages, on this store. `zone`: the zone of displayed times. `stuck_after`: when shipments count as stuck.

    `poll_again_after`: the shortest time between two polls of one shipment. `allocation`: what chooses a courier.
    `setup`: the installation, for the set-up page. `audit`: where reports are, and what they may show.
    `messages`: the templates and rules of messages to customers. `networks`: private networks of subscribers.
    """
    templates = PageTemplates(clock, zone)
    audit, messages = audit or AuditContext(), messages or MessageContext()
    routes: list[BaseRoute] = [
        *overview.routes(store, clock, templates, stuck_after, setup),
        *ShipmentPages(store, clock, templates, stuck_after, poll_again_after).routes(),
        *failures.routes(store, templates),
        *couriers.routes(store, clock, templates),
        *dead_letters.routes(store, clock, templates),
        *ndr_desk.routes(store, clock, templates, zone),
        *PayloadPages(store, clock, templates, allocation).routes(),
        *EndpointForms(store, clock, templates, networks, zone).routes(),
        *SubscriberPages(store, clock, templates, zone).routes(),
        *alarm_page.routes(store, clock, templates),
        *SetupPages(store, clock, templates, setup or NoTools(), zone, allocation=allocation).routes(),
        *DowntimePages(store, clock, templates, zone).routes(),
        *AllocationPages(store, clock, templates, allocation).routes(),
        *ReconciliationPages(store, clock, templates, zone).routes(),
        *DifferencePages(store, clock, templates, audit.privacy["clickpost"]).routes(),
        *sent.routes(store, templates, messages),
        *template_page.routes(store, clock, templates, messages),
        *opt_out_page.routes(store, clock, templates, messages),
        *reports.routes(store, clock, templates, zone, audit),
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

    async def busy(_request: Request, _error: Exception) -> Response:
        return templates.error_page(
            503, gettext("The database is busy"), gettext("Nothing was changed. Try again in a moment.")
        )

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
    app.add_exception_handler(StoreBusy, busy)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
