"""/healthz, /readyz and /metrics of a process that serves nothing else, with the API's authorization."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.types import ASGIApp

from awbridge.steps.audit.keep_calls import CallRecorder
from awbridge.steps.runtime.loop import Loop
from awbridge.web import problems
from awbridge.web.access.access_list import AccessList, Keys
from awbridge.web.access.guards import ApiGuard
from awbridge.web.contexts import ApiContext, ProcessContext
from awbridge.web.dependencies import provide
from awbridge.web.monitoring import health_routes
from awbridge.web.monitoring.ready import Readiness

_OPEN = frozenset({"/healthz", "/readyz"})


def build_monitor(
    api: ApiContext,
    *,
    loops: Sequence[Loop],
    api_keys: Sequence[str],
    recorder: CallRecorder | None = None,
    host: str = "",
) -> ASGIApp:
    """The app of `awbridge work`. `host`: a name that callers without a key may use, besides localhost."""
    access = AccessList(api.store, api.clock)
    readiness = Readiness(api.store, api.clock)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, routes=health_routes.router.routes)
    for kind, handle in problems.HANDLERS.items():
        app.add_exception_handler(kind, handle)
    provide(app, api, ProcessContext(loops=loops, readiness=readiness, access=access, recorder=recorder))
    return ApiGuard(app, Keys(api_keys, access), open_paths=_OPEN, open_folder="//", host=host)
