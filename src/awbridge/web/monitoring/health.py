"""/healthz, /readyz and /metrics. They are asked first and most often, so they need no FastAPI."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from awbridge.web import problems
from awbridge.web.contexts import ApiContext, ProcessContext
from awbridge.web.full_path import FullPath
from awbridge.web.monitoring.metrics import metrics_text

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
HANGS_AFTER = 300.0  # seconds without a finished round after which a step counts as hanging


def healthz(api: ApiContext, process: ProcessContext) -> Response:
    """200 while every step of this process completes its rounds, else 503."""
    hanging = [loop.name for loop in process.loops if loop.silent_for > HANGS_AFTER]
    shown = {"ok": not hanging, "hanging": hanging, "database": api.store.identity or None}
    return JSONResponse(shown, 503 if hanging else 200)


async def metrics(api: ApiContext, process: ProcessContext) -> Response:
    """The metrics, in Prometheus' text format."""
    return PlainTextResponse(await metrics_text(api, process), media_type="text/plain; version=0.0.4")


def health_app(api: ApiContext, process: ProcessContext) -> Starlette:
    """What answers GET requests of `PATHS`."""

    async def answer(request: Request) -> Response:
        if request.url.path.endswith("/healthz"):
            return healthz(api, process)
        return await (process.readiness.answer() if request.url.path.endswith("/readyz") else metrics(api, process))

    app = Starlette(routes=[Route(path, answer) for path in PATHS], exception_handlers=problems.HANDLERS)
    app.add_middleware(FullPath)
    return app
