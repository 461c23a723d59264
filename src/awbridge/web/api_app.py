"""FastAPI with the routes of the API and its description. Importing it takes long, so web/app.py does it when asked."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.responses import JSONResponse

import awbridge
from awbridge.web import problems
from awbridge.web.contexts import ApiContext, ProcessContext
from awbridge.web.dependencies import provide
from awbridge.web.described import description, parameters
from awbridge.web.described.docs_pages import OwnHostOnly
from awbridge.web.full_path import FullPath
from awbridge.web.monitoring import health_routes
from awbridge.web.v1.router import ROUTES


async def _not_valid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return problems.invalid(error.errors())


def api_app(api: ApiContext, process: ProcessContext, left_out: Sequence[str] = ()) -> FastAPI:
    """The API with what it works on. `left_out`: as of `described_app`."""
    app = described_app(left_out)
    provide(app, api, process)
    return app


def described_app(left_out: Sequence[str] = ()) -> FastAPI:
    """The API, its description, health and metrics. Without `provide` it can only be described.

    `left_out`: beginnings of paths that the description does not show.
    """
    app: FastAPI = FastAPIOffline(  # /docs from the package itself, not from a CDN
        title="awbridge",
        version=awbridge.__version__,
        summary="Registers shipments with ClickPost, keeps what its webhooks say, catches up what they missed.",
        exception_handlers={**problems.HANDLERS, RequestValidationError: _not_valid},
        routes=[*ROUTES, *health_routes.router.routes],
    )
    description.complete(app, left_out)
    parameters.complete(app)
    app.add_middleware(FullPath)  # innermost
    app.add_middleware(OwnHostOnly)
    return app
