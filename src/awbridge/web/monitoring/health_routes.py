"""/healthz, /readyz and /metrics as routes of FastAPI, which describes them."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from awbridge.web.dependencies import ApiDep, ProcessDep
from awbridge.web.described import description
from awbridge.web.monitoring import health

router = APIRouter(tags=["health"])


@router.get("/healthz", responses={503: {"description": "A step hangs."}})
async def healthz(api: ApiDep, process: ProcessDep) -> Response:
    """200 while every step of this process completes its rounds. `database` tells its database from others."""
    return health.healthz(api, process)


@router.get("/readyz", responses={503: description.problem_response(503)})
async def readyz(process: ProcessDep) -> Response:
    """200 if the database accepts writes and has the schema that this version needs."""
    return await process.readiness.answer()


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(api: ApiDep, process: ProcessDep) -> Response:
    """The metrics, in Prometheus' text format."""
    return await health.metrics(api, process)
