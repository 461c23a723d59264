"""One account as `serve` opens it: its database, its steps, its app and its webhook endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from awbridge.app.accounts.changes import AccountAdmin
from awbridge.app.accounts.file import AccountsFile
from awbridge.app.accounts.sites import SitesOfAccounts
from awbridge.app.accounts.tools import RegistryTools
from awbridge.app.connections import customer_channels, report_objects, templates
from awbridge.app.customer_page.page import customer_page
from awbridge.app.database import open_store
from awbridge.app.loops import START_PATIENCE, opened_world, step_loops
from awbridge.app.policies import answer_policy, notify_policy
from awbridge.app.running import RunningSteps, report_loop, running, schema_loop, stop_all
from awbridge.app.settings import Settings
from awbridge.app.setup_tools import SettingsTools
from awbridge.app.sign_in import sign_in_provider
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.sinks.addresses import read_networks
from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.handover.print_labels import FetchesLabels, OnlyStored
from awbridge.steps.polling.watch import WebhookRefusals
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.loop import Loop
from awbridge.steps.runtime.report_process import AnsweredWebhooks
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.store.engine.connections.servers import Servers
from awbridge.web.access.guess_limits import GuessLimits
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext, AuditContext
from awbridge.web.customer_page.app import CustomerPage
from awbridge.web.http.limits import Connections
from awbridge.web.monitoring.ready import Readiness
from awbridge.web.pages.messages.context import MessageContext
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint

log = structlog.get_logger()


_READS = ("GET", "HEAD", "OPTIONS")


@dataclass(slots=True, kw_only=True, eq=False)
class Site(RunningSteps):
    """An account that is open: what serves its requests, and its steps."""

    settings: Settings
    webhook: WebhookEndpoint
    readiness: Readiness
    answer: ASGIApp
    customer_page: CustomerPage | None = None
    requests: int = field(default=0, init=False)  # being answered

    @property
    def in_use(self) -> bool:
        """Whether requests are being answered, or deliveries stored."""
        return self.requests > 0 or self.webhook.is_storing

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; the account stays open meanwhile. One that may have stored work for it has it done now."""
        account = self.settings.account
        of = {"account": account} if account else {}
        self.requests += 1
        try:
            with structlog.contextvars.bound_contextvars(**of):
                await self.answer(scope, receive, send)
        finally:
            self.requests -= 1
            if (
                account
                and scope["type"] == "http"
                and scope["method"] not in _READS
                and (look := self.loops.get("look"))
            ):
                look.wake()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all accounts of one server share: client connections, database servers, and which accounts are open.

    `file`: the accounts of the file of settings. `guesses`: the limits of wrong keys and passwords.
    """

    connections: Connections
    servers: Servers
    file: AccountsFile
    guesses: GuessLimits
    sites: SitesOfAccounts = field(default_factory=SitesOfAccounts)


@asynccontextmanager
async def opened_site(settings: Settings, shared: Shared) -> AsyncGenerator[Site]:
    """The account of these settings with every step running while the block lasts."""
    async with opened_world(settings, utc_now, shared.servers) as world:
        store, refusals = world.store, WebhookRefusals()
        if store.replica:
            await store.replica.verify()
        ingest = Ingest(store)
        page = customer_page(settings, store, utc_now, shared.connections.refused)
        crowded = (lambda: page.is_crowded) if page else None
        loops = step_loops(world, refusals=refusals, arrived=lambda: ingest.arrived, crowded=crowded)
        loops["schema"] = schema_loop(store, lambda _: stop_all(loops))
        ingest.on_stored = loops["apply"].wake
        endpoint = _endpoint(settings, store, ingest, refusals)
        problem = str if settings.account else lambda: shared.file.problem
        webhooks = partial(_webhook_counts, endpoint)
        loops["report_process"] = report_loop(store, utc_now, "serve", webhooks, problem)
        context = api_context(settings, store, world.clickpost, world.labels, _account_tools(settings, store, shared))
        site = _site(settings, context, endpoint, shared, loops, page, recorder=world.recorder)
        async with _ingesting(ingest), running(loops):
            yield site


@asynccontextmanager
async def site_without_steps(settings: Settings, shared: Shared, problem: str) -> AsyncGenerator[Site]:
    """The account without its steps while the block lasts: webhooks are stored, pages lead through the set-up.

    `problem` says why, for example that ClickPost's key is not set. The API answers 503 with it.
    """
    migrate, patience = settings.migrate_on_start, START_PATIENCE
    async with open_store(settings, migrate=migrate, patience=patience, servers=shared.servers) as store:
        ingest = Ingest(store)
        endpoint = _endpoint(settings, store, ingest, WebhookRefusals())
        context = api_context(settings, store, None, OnlyStored(), _account_tools(settings, store, shared))
        page = customer_page(settings, store, utc_now, shared.connections.refused)
        site = _site(settings, context, endpoint, shared, {}, page, closed=problem)
        async with _ingesting(ingest):
            yield site


def _endpoint(settings: Settings, store: Store, ingest: Ingest, refusals: WebhookRefusals) -> WebhookEndpoint:
    keys = KeyRing(store, (k.get_secret_value() for k in settings.webhook_keys))
    return WebhookEndpoint(ingest, keys, utc_now, refusals, account=settings.account)


def _site(
    settings: Settings,
    context: ApiContext,
    webhook: WebhookEndpoint,
    shared: Shared,
    loops: Mapping[str, Loop],
    page: CustomerPage | None,
    *,
    recorder: CallRecorder | None = None,
    closed: str = "",
) -> Site:
    store, readiness = context.store, Readiness(context.store, utc_now)
    app = build_app(
        context,
        webhook=webhook,
        readiness=readiness,
        loops=list(loops.values()),
        api_keys=[k.get_secret_value() for k in settings.api_keys],
        recorder=recorder,
        host=settings.host,
        connections=shared.connections,
        limiter=shared.guesses.keys_of(settings.account),
        sign_ins=shared.guesses.sign_ins_of(settings.account),
        closed=closed,
        customer_page=page,
        sites=None if settings.account else shared.sites,
        of_account=bool(settings.account),
    )
    return Site(
        settings=settings,
        store=store,
        answer=app,
        webhook=webhook,
        readiness=readiness,
        loops=loops,
        customer_page=page,
    )


def _webhook_counts(endpoint: WebhookEndpoint) -> AnsweredWebhooks:
    return AnsweredWebhooks(
        stored=endpoint.counts.get(200, 0), unstored=endpoint.counts.get(503, 0), p99=endpoint.p99()
    )


@asynccontextmanager
async def _ingesting(ingest: Ingest) -> AsyncGenerator[None]:
    """Store deliveries while the block lasts."""
    task = asyncio.create_task(ingest.run(), name="ingest")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _account_tools(settings: Settings, store: Store, shared: Shared) -> RegistryTools | None:
    """The accounts for admins of the home; None for an account."""
    if settings.account:
        return None
    return RegistryTools(AccountAdmin(settings, store, shared.file), shared.sites.activity)


def api_context(
    settings: Settings,
    store: Store,
    clickpost: AsyncClickPost | None,
    labels: FetchesLabels,
    accounts: RegistryTools | None = None,
) -> ApiContext:
    """What the routes of the API share. `accounts`: for the home."""
    return ApiContext(
        store=store,
        clock=utc_now,
        clickpost=clickpost,
        labels=labels,
        audit=audit_context(settings),
        allocation=settings.allocation,
        zone=settings.zone,
        poll_again_after=timedelta(seconds=settings.poll_again_seconds),
        stuck_after=settings.stuck_after,
        networks=read_networks(settings.endpoint_networks),
        country=settings.notice_country,
        setup=SettingsTools(configured=settings, store=store, clickpost=clickpost, clock=utc_now),
        messages=message_context(settings),
        links=settings.track_links,
        sign_in=sign_in_provider(settings),
        answers=answer_policy(settings),
        title=settings.account_title,
        accounts=accounts,
    )


def message_context(settings: Settings) -> MessageContext:
    """The templates and rules of messages, for their pages. Raises SettingsError."""
    channels = list(customer_channels(settings))
    return MessageContext(templates=templates(settings), policy=notify_policy(settings), channels=channels)


def audit_context(settings: Settings) -> AuditContext:
    """What the HTTP API needs for reports, evidence and erasure."""
    return AuditContext(
        reports_in=report_objects(settings),
        privacy={
            "own": settings.privacy(settings.privacy_own),
            "clickpost": settings.privacy(settings.privacy_clickpost),
        },
        zone=settings.zone,
        crons=settings.crons,
        privacy_key=settings.privacy_key.get_secret_value(),
    )
