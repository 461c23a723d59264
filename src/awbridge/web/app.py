"""The whole HTTP face as one ASGI app: the bare webhook endpoint, the pages, and FastAPI for everything else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi_offline import FastAPIOffline
from starlette.types import ASGIApp

import awbridge
from awbridge.domain.couriers.allocation import Allocation
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.sinks.addresses import Network
from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.couriers.sync_couriers import ListsAccounts
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.web import description, pages, problems
from awbridge.web.brake import Brake
from awbridge.web.guard import ApiGuard, Keys, PageGuard
from awbridge.web.http.limits import Connections
from awbridge.web.metrics import metrics_text
from awbridge.web.ready import Readiness
from awbridge.web.v1 import api, couriers
from awbridge.web.v1.evidence import AuditContext
from awbridge.web.webhook.endpoint import PATH, Receive, Scope, Send, WebhookEndpoint

HANGS_AFTER = 300.0  # seconds without a finished round after which a step counts as hanging

# The description of the API is no secret, and a browser cannot send a key for it.
_OPEN = frozenset({"/healthz", "/readyz", "/docs", "/redoc", "/openapi.json"})
_OPEN_FOLDER = "/static-offline-docs/"


def build_app(
    *,
    store: Store,
    clock: Clock,
    webhook: WebhookEndpoint,
    loops: Sequence[Loop],
    api_keys: Sequence[str],
    networks: Sequence[Network] = (),
    country: str = "IN",
    zone: str = "Asia/Kolkata",
    clickpost: ListsAccounts | None = None,
    allocation: Allocation = Allocation.RULES,
    desk: AuditContext | None = None,
    hook: CallRecorder | None = None,
    ask_again: timedelta = api.ASK_AGAIN,
    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER,
    host: str = "",
    connections: Connections | None = None,
    brake: Brake | None = None,
) -> ASGIApp:
    """The app of `awbridge serve`. Without `clickpost`, what calls it is refused.

    `host`: a name that callers without a key may call it by, beside this machine's own. `connections`: those of the
    server, whose numbers the metrics show. `brake`: in place of one that counts there.
    """
    inner = FastAPIOffline(  # /docs from the package itself, not from a CDN
        title="awbridge",
        version=awbridge.__version__,
        summary="Registers shipments with ClickPost, keeps what its webhooks say, catches up what they missed.",
    )
    problems.install(inner)
    inner.include_router(
        api.router(
            store,
            clock,
            allocation=allocation,
            zone=zone,
            desk=desk,
            ask_again=ask_again,
            stuck_after=stuck_after,
            networks=networks,
            country=country,
        )
    )
    inner.include_router(couriers.router(store, clock, clickpost=clickpost))
    connections = connections or Connections()
    _add_health(inner, store, clock, webhook, loops, hook, stuck_after, connections)
    description.complete(inner)
    keys = Keys(api_keys, brake or Brake(connections.refused))
    guarded = ApiGuard(inner, keys, open_paths=_OPEN, open_folder=_OPEN_FOLDER, host=host)
    shown = PageGuard(pages.build_pages(store, clock, zone=ZoneInfo(zone), stuck_after=stuck_after), keys, host=host)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_webhook(scope["path"]):
            await webhook(scope, receive, send)
        elif scope["type"] == "http" and pages.is_page(scope["path"]):
            await shown(scope, receive, send)
        else:
            await guarded(scope, receive, send)

    return app


def _is_webhook(path: str) -> bool:
    return path == PATH or path.startswith(PATH + "/")


def _add_health(
    app: FastAPI,
    store: Store,
    clock: Clock,
    webhook: WebhookEndpoint,
    loops: Sequence[Loop],
    hook: CallRecorder | None,
    stuck_after: StuckAfter,
    connections: Connections,
) -> None:
    readiness = Readiness(store, clock)

    @app.get("/healthz", tags=["health"], responses={503: {"description": "A step hangs."}})
    async def healthz() -> Response:
        """200 while every step of this process still makes its rounds."""
        hanging = [loop.name for loop in loops if loop.silent_for > HANGS_AFTER]
        return JSONResponse({"ok": not hanging, "hanging": hanging}, 503 if hanging else 200)

    @app.get("/readyz", tags=["health"], responses={503: description.problem_answer(503)})
    async def readyz() -> Response:
        """200 when the database takes writes and has the schema that this version needs."""
        return await readiness.answer()

    @app.get("/metrics", tags=["health"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        """What the tables and the steps say now, in Prometheus' text format."""
        text = await metrics_text(
            store, clock, webhook, loops, hook=hook, stuck_after=stuck_after, connections=connections
        )
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    _ = (healthz, readyz, metrics)
