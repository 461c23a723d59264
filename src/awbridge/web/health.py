"""/healthz, /readyz and /metrics."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from awbridge.web.dependencies import ApiDep, ProcessDep
from awbridge.web.described import description
from awbridge.web.metrics import metrics_text

HANGS_AFTER = 300.0  # seconds without a finished round after which a step counts as hanging

router = APIRouter(tags=["health"])


@router.get("/healthz", responses={503: {"description": "A step hangs."}})
async def healthz(api: ApiDep, process: ProcessDep) -> Response:
    """200 while every step of this process completes its rounds. `database` tells its database from others."""
    hanging = [loop.name for loop in process.loops if loop.silent_for > HANGS_AFTER]
    shown = {"ok": not hanging, "hanging": hanging, "database": api.store.identity or None}
    return JSONResponse(shown, 503 if hanging else 200)


@router.get("/readyz", responses={503: description.problem_response(503)})
async def readyz(process: ProcessDep) -> Response:
    """200 if the database accepts writes and has the schema that this version needs."""
    return await process.readiness.answer()


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(api: ApiDep, process: ProcessDep) -> Response:
    """The metrics, in Prometheus' text format."""
    return PlainTextResponse(await metrics_text(api, process), media_type="text/plain; version=0.0.4")
