"""The HTTP server's ASGI app: the webhook endpoint, the pages, and FastAPI for everything else."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp

from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.runtime.loop import Loop
from awbridge.web import problem_kinds as kinds
from awbridge.web import problems
from awbridge.web.access.access_list import AccessList, Keys
from awbridge.web.access.guards import ApiGuard, PageGuard
from awbridge.web.access.sign_in_limits import SignInLimits
from awbridge.web.accounts.dispatcher import AccountDispatcher
from awbridge.web.accounts.sites import OF_THE_PROCESS, AccountSites
from awbridge.web.contexts import ApiContext, ProcessContext
from awbridge.web.customer_page.app import CustomerPage, is_customer_page
from awbridge.web.http.limits import Connections
from awbridge.web.key_limiter import WrongKeyLimiter
from awbridge.web.later import BuiltLater
from awbridge.web.monitoring.health import PATHS, health_app
from awbridge.web.monitoring.ready import Readiness
from awbridge.web.pages.accounts.refusals import Refusals
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.pages_app import build_pages, is_page
from awbridge.web.replica_reads import ReplicaReads, list_may_lag, page_may_lag
from awbridge.web.webhook.endpoint import Receive, Scope, Send, WebhookEndpoint, is_webhook

# The description of the API is public, and a browser cannot send a key for it.
_OPEN = frozenset({"/healthz", "/readyz", "/docs", "/redoc", "/openapi.json"})
_OF_THE_PROCESS = frozenset({"/metrics", "/readyz"})
_ACCOUNTS = "/v1/clickpost-accounts"
_NOT_OF_ACCOUNTS = (*OF_THE_PROCESS, _ACCOUNTS)
_OPEN_FOLDER = "/static-offline-docs/"
_NO_PAGE = problems.problem(kinds.NOT_FOUND, "There is no customer's page here: AWBRIDGE_TRACK_URL is not set.")


def build_app(
    api: ApiContext,
    *,
    webhook: WebhookEndpoint,
    loops: Sequence[Loop],
    api_keys: Sequence[str],
    recorder: CallRecorder | None = None,
    readiness: Readiness | None = None,
    host: str = "",
    connections: Connections | None = None,
    limiter: WrongKeyLimiter | None = None,
    sign_ins: SignInLimits | None = None,
    closed: str = "",
    access: AccessList | None = None,
    customer_page: CustomerPage | None = None,
    sites: AccountSites | None = None,
    of_account: bool = False,
) -> ASGIApp:
    """The app of `awbridge serve`, or of one account of it.

    `host`: a name that callers without a key may use, besides localhost. `connections`: the server's, shown in the
    metrics. `limiter`, `sign_ins`: of wrong API keys and passwords; by default this app's own. `closed`: why the API
    answers 503 (pages, webhooks, /healthz and what manages accounts do not, nor do metrics and /readyz of a process
    that has accounts); "" if it is open. `access`: the stored keys and people. `customer_page`: None where it is off;
    its addresses answer 404 then. `sites`: the accounts that are served below /a/ beside this home. `of_account`: this
    is the app of such an account; its description leaves out what only the process and its home answer.
    """
    connections = connections or Connections()
    access = access or AccessList(api.store, api.clock, sign_ins=sign_ins)
    process = ProcessContext(
        webhook=webhook,
        loops=loops,
        connections=connections,
        readiness=readiness or Readiness(api.store, api.clock),
        access=access,
        recorder=recorder,
    )

    def webhook_p99() -> float | None:
        return webhook.p99()

    keys = Keys(api_keys, access, limiter or WrongKeyLimiter(connections.refused))
    lists = ReplicaReads(_api_and_health(api, process, of_account=of_account), api.store, list_may_lag)
    guarded = ApiGuard(lists, keys, open_paths=_OPEN, open_folder=_OPEN_FOLDER, host=host)
    pages = ReplicaReads(build_pages(api, access, webhook_p99=webhook_p99), api.store, page_may_lag, browsers=True)
    guarded_pages = PageGuard(pages, keys, api.store, api.clock, host=host)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_webhook(scope["path"]):
            await webhook(scope, receive, send)
        elif scope["type"] == "http" and is_customer_page(scope["path"]):
            await (customer_page or _NO_PAGE)(scope, receive, send)
        elif scope["type"] == "http" and is_page(scope["path"]):
            await guarded_pages(scope, receive, send)
        elif closed and scope["type"] == "http" and not _is_open_without_home(scope["path"], sites):
            await problems.problem(kinds.NOT_SET_UP, closed)(scope, receive, send)
        else:
            await guarded(scope, receive, send)

    if sites is None:
        return app
    return AccountDispatcher(app, sites, webhook, Refusals(PageTemplates(api.clock, api.zone)))


def _is_open_without_home(path: str, sites: AccountSites | None) -> bool:
    """What a service for accounts alone answers although its home is not set up."""
    is_of_accounts = path == _ACCOUNTS or path.startswith(_ACCOUNTS + "/")
    if path in _OF_THE_PROCESS:
        return sites is not None and sites.exist()
    return path == "/healthz" or is_of_accounts


def _api_and_health(api: ApiContext, process: ProcessContext, *, of_account: bool) -> ASGIApp:
    """The API is imported and built at its first request; probes and scrapes are answered without it."""

    def build() -> ASGIApp:
        from awbridge.web.api_app import api_app

        return api_app(api, process, _NOT_OF_ACCOUNTS if of_account else ())

    later, health = BuiltLater(build), health_app(api, process)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_health = scope["type"] == "http" and scope["path"] in PATHS and scope["method"] == "GET"
        await (health if is_health else later)(scope, receive, send)

    return app
