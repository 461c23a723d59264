"""All pages as one ASGI app, with error pages."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from awbridge.domain.errors import DocumentError, NotFound, NotPossible, NotValid, PayloadRefused, StoreBusy
from awbridge.web.access.access_list import AccessList
from awbridge.web.contexts import ApiContext
from awbridge.web.full_path import FullPath
from awbridge.web.pages import language_switch, overview
from awbridge.web.pages.accounts.account_pages import AccountPages
from awbridge.web.pages.activity import ActivityReader
from awbridge.web.pages.allocation.allocation_pages import AllocationPages
from awbridge.web.pages.audit import reports
from awbridge.web.pages.couriers import couriers
from awbridge.web.pages.downtimes.downtime_pages import DowntimePages
from awbridge.web.pages.handover.labels import LabelPages
from awbridge.web.pages.handover.manifests import ManifestPages
from awbridge.web.pages.language import gettext
from awbridge.web.pages.messages import opt_out_page, sent, template_page
from awbridge.web.pages.messages.context import MessageContext
from awbridge.web.pages.notify import alarm_page
from awbridge.web.pages.notify.endpoint_form import EndpointForms
from awbridge.web.pages.notify.subscribers import SubscriberPages
from awbridge.web.pages.orders import failures
from awbridge.web.pages.orders.customer_answers import AnswerPages
from awbridge.web.pages.orders.import_page import ImportPages
from awbridge.web.pages.orders.ndr_desk import NdrDesk
from awbridge.web.pages.orders.one_shipment import OneShipmentPages
from awbridge.web.pages.orders.payloads import PayloadPages
from awbridge.web.pages.orders.shipment_list import ShipmentListPages
from awbridge.web.pages.orders.shipments import ShipmentPages
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.people import audit, keys
from awbridge.web.pages.people.identity_pages import IdentityPages
from awbridge.web.pages.people.me import MePages
from awbridge.web.pages.people.people_admin import PeoplePages
from awbridge.web.pages.people.sign_in import SignInPages
from awbridge.web.pages.reconciliation.differences import DifferencePages
from awbridge.web.pages.reconciliation.runs import ReconciliationPages
from awbridge.web.pages.role_middleware import RoleMiddleware
from awbridge.web.pages.setup import guide_page
from awbridge.web.pages.setup.setup_pages import SetupPages
from awbridge.web.pages.setup.tools import NoTools
from awbridge.web.pages.tracking import dead_letters
from awbridge.web.pages.visit_middleware import VisitMiddleware
from awbridge.web.pages.wording import sentence

log = structlog.get_logger()

# The first segment of every path that belongs to the pages; "" is the overview.
_FIRST_SEGMENTS = frozenset(
    (
        *("", "alarms", "allocation", "couriers", "dead-letters", "downtimes", "endpoints", "failures", "labels"),
        *("language", "messages", "ndr", "payload", "reconciliation", "reports", "search", "setup", "static"),
        *("shipments", "shipments.csv", "shipments.tabs", "shipments.xlsx"),
        *("accounts", "audit", "keys", "password", "people", "sign-in", "sign-out"),
    )
)


def is_page(path: str) -> bool:
    """Whether a path belongs to the pages."""
    return path.split("/")[1] in _FIRST_SEGMENTS if path.startswith("/") else False


def build_pages(
    api: ApiContext, access: AccessList | None = None, *, webhook_p99: Callable[[], float | None] = lambda: None
) -> Starlette:
    """All pages, on what the API's routes share. `access`: the stored keys and people, as the guards read them.

    `webhook_p99`: seconds in which this process commits a webhook, the 99th percentile; None before the first.
    """
    access = access or AccessList(api.store, api.clock)
    store, clock, zone = api.store, api.clock, api.zone
    templates = PageTemplates(clock, zone, title=api.title, has_accounts=api.accounts is not None)
    app = Starlette(
        routes=[
            *_work(api, templates, webhook_p99),
            *_hand_over(api, templates),
            *_records(api, templates),
            *EndpointForms(store, clock, templates, api.networks, zone).routes(),
            *SubscriberPages(store, clock, templates, zone, api.links).routes(),
            *SetupPages(store, clock, templates, api.setup or NoTools(), zone, allocation=api.allocation).routes(),
            *guide_page.routes(templates, api.setup or NoTools()),
            *_people(api, templates, access),
            *AccountPages(templates, api.accounts).routes(),
            *language_switch.routes(),
            *static_files().routes,
        ],
        middleware=[
            Middleware(VisitMiddleware),
            Middleware(RoleMiddleware, templates=templates),
            Middleware(FullPath),
        ],
    )
    _add_error_pages(app, templates)
    return app


def static_files() -> Starlette:
    """The scripts, styles and pictures of the pages, which are the same for every account."""
    return Starlette(
        routes=[Mount("/static", StaticFiles(packages=[("awbridge.web.pages", "static")]))],
        middleware=[Middleware(FullPath)],
    )


def _work(api: ApiContext, templates: PageTemplates, webhook_p99: Callable[[], float | None]) -> list[PageRoute]:
    """Overview, shipments, failures, failed deliveries."""
    store, clock, zone = api.store, api.clock, api.zone
    reader = ActivityReader(store, clock, zone, api.audit.crons)
    listed = ShipmentListPages(store, clock, templates, api.stuck_after, zone, api.links)
    return [
        *overview.routes(store, clock, templates, api.stuck_after, reader, webhook_p99, api.setup),
        *listed.routes(),
        *ImportPages(store, clock, templates, api.allocation).routes(),
        *OneShipmentPages(store, clock, templates, api.allocation, api.audit.privacy).routes(),
        *ShipmentPages(
            store, clock, templates, listed.shown, api.stuck_after, api.poll_again_after, zone, api.links
        ).routes(),
        *failures.routes(store, templates),
        *AnswerPages(store, clock, templates, api.answers).routes(),
        *NdrDesk(store, clock, templates, zone).routes(),
        *PayloadPages(store, clock, templates, api.allocation).routes(),
    ]


def _hand_over(api: ApiContext, templates: PageTemplates) -> list[PageRoute]:
    """Labels and manifests, couriers, downtimes, allocation."""
    store, clock, zone = api.store, api.clock, api.zone
    documents = (store, clock, templates, zone, api.labels, api.documents)
    return [
        *LabelPages(*documents).routes(),
        *ManifestPages(*documents).routes(),
        *couriers.routes(store, clock, templates),
        *DowntimePages(store, clock, templates, zone).routes(),
        *AllocationPages(store, clock, templates, api.allocation).routes(),
    ]


def _records(api: ApiContext, templates: PageTemplates) -> list[PageRoute]:
    """Messages, reconciliation, reports, dead letters, alarms."""
    store, clock, zone = api.store, api.clock, api.zone
    messages = api.messages or MessageContext()
    return [
        *sent.routes(store, templates, messages),
        *template_page.routes(store, clock, templates, messages),
        *opt_out_page.routes(store, clock, templates, messages),
        *ReconciliationPages(store, clock, templates, zone).routes(),
        *DifferencePages(store, clock, templates, api.audit.privacy["clickpost"]).routes(),
        *reports.routes(store, clock, templates, zone, api.audit),
        *dead_letters.routes(store, clock, templates),
        *alarm_page.routes(store, clock, templates),
    ]


def _people(api: ApiContext, templates: PageTemplates, access: AccessList) -> list[BaseRoute]:
    """Sign-in, people, API keys, the audit log."""
    store, clock, provider = api.store, api.clock, api.sign_in
    name = provider.provider.name if provider else ""
    return [
        *SignInPages(store, clock, templates, access, provider=name).routes(),
        *(IdentityPages(store, clock, templates, provider).routes() if provider else ()),
        *MePages(store, clock, templates).routes(),
        *PeoplePages(store, clock, templates, access).routes(),
        *keys.routes(store, clock, templates, access),
        *audit.routes(store, templates),
    ]


def _add_error_pages(app: Starlette, templates: PageTemplates) -> None:
    async def not_found(_request: Request, error: Exception) -> Response:
        return templates.error_page(404, gettext("Page not found"), str(error))

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, PayloadRefused)
        text = "; ".join(f"{problem.path} {problem.problem}" for problem in error.problems)
        return templates.error_page(422, gettext("Invalid URL"), gettext("Query parameters: %s.") % text)

    async def not_possible(_request: Request, error: Exception) -> Response:
        status = 422 if isinstance(error, NotValid) else 409
        return templates.error_page(status, gettext("Not possible"), sentence(str(error)))

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
