"""Turn errors into RFC 9457 problem JSON: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match

from awbridge.domain.errors import (
    AwbridgeError,
    DocumentError,
    IntakeError,
    KeyTaken,
    NotFound,
    NotPossible,
    NotValid,
    ObjectsError,
    PayloadRefused,
    ReferenceTaken,
    StoreBusy,
    VendorError,
)
from awbridge.steps.orders.intake import BatchRefused
from awbridge.web import problem_kinds as kinds
from awbridge.web.problem_kinds import ProblemKind

log = structlog.get_logger()

_KINDS: tuple[tuple[type[AwbridgeError], ProblemKind], ...] = (
    (PayloadRefused, kinds.WOULD_BE_REFUSED),
    (ReferenceTaken, kinds.REFERENCE_TAKEN),
    (KeyTaken, kinds.KEY_TAKEN),
    (BatchRefused, kinds.ORDERS_REFUSED),
    (NotValid, kinds.NOT_VALID),
    (NotFound, kinds.NOT_FOUND),
    (NotPossible, kinds.NOT_POSSIBLE),
    (VendorError, kinds.VENDOR_FAILED),
    (ObjectsError, kinds.NO_STORAGE),
    (DocumentError, kinds.NO_DOCUMENT),
    (StoreBusy, kinds.STORE_BUSY),
)


_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


def problem(
    kind: ProblemKind, detail: str = "", *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A problem response."""
    body: dict[str, Any] = {"type": "about:blank", "title": kind.title, "status": kind.status}
    if detail:
        body["detail"] = detail
    sent = {**(headers or {}), **({"retry-after": "1"} if kind.status == 503 else {})}
    return JSONResponse({**body, **more}, kind.status, headers=sent, media_type="application/problem+json")


def _details(error: AwbridgeError) -> dict[str, Any]:
    if isinstance(error, PayloadRefused):
        return {"errors": [_field(p.path, p.problem, p.code) for p in error.problems]}
    if isinstance(error, ReferenceTaken):
        return {"reference_number": error.reference_number, "differences": error.differences}
    if isinstance(error, BatchRefused):
        return {"errors": [e for position, cause in error.errors.items() for e in _order_errors(position, cause)]}
    return {}


def _field(path: str, text: str, code: int | None) -> dict[str, Any]:
    field: dict[str, Any] = {"path": path, "problem": text}
    return field if code is None else {**field, "clickpost_code": code}


def _order_errors(position: int, error: IntakeError) -> list[dict[str, Any]]:
    if isinstance(error, PayloadRefused):
        return [{"order": position, **_field(p.path, p.problem, p.code)} for p in error.problems]
    if isinstance(error, ReferenceTaken):
        path = "shipment_details.reference_number"
        return [{"order": position, "path": path, "problem": str(error), "differences": error.differences}]
    return [{"order": position, "path": "", "problem": str(error)}]


def answer_to(error: AwbridgeError) -> JSONResponse:
    """The problem response to one of awbridge's errors."""
    if isinstance(error, BatchRefused) and all(isinstance(e, ReferenceTaken) for e in error.errors.values()):
        return problem(kinds.REFERENCES_TAKEN, str(error), **_details(error))
    for cause, kind in _KINDS:
        if isinstance(error, cause):
            return problem(kind, str(error), **_details(error))
    return problem(kinds.INTERNAL, str(error))


def _allowed(request: Request) -> str:
    """The methods of the request's path. Starlette lists only those of the first matching route."""
    routes: Sequence[BaseRoute] = request.app.routes
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    return ", ".join(m for m in _METHODS if any(r.matches(scopes[m])[0] is Match.FULL for r in routes))


def _message(error: Any) -> str:
    """What is wrong with a field, without pydantic's prefix for messages of our own validators."""
    return str(error["msg"]).removeprefix("Value error, ")


async def _own(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AwbridgeError)
    return answer_to(error)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = {"allow": _allowed(request)} if error.status_code == 405 else error.headers
    return problem(ProblemKind(error.status_code, str(error.detail)), headers=headers)


def invalid(errors: Sequence[Any]) -> JSONResponse:
    """The problem response to a request with these errors, as pydantic lists them."""
    shown = [{"path": ".".join(str(part) for part in e["loc"]), "problem": _message(e)} for e in errors]
    return problem(kinds.NOT_VALID, "See errors.", errors=shown)


async def _unexpected(_request: Request, error: Exception) -> JSONResponse:
    log.error("api.failed", error=type(error).__name__, exc_info=error)
    return problem(kinds.INTERNAL, "An unexpected error occurred; see the log. Nothing was stored.")


HANDLERS = {AwbridgeError: _own, HTTPException: _http, Exception: _unexpected}
"""Every error of the API is answered with a problem response; api_app.py adds those of FastAPI."""
