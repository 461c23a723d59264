"""Complete /openapi.json with what FastAPI cannot derive from the routes: problems, authorization, orders, samples.

FastAPI describes error bodies that awbridge never returns. The problems of an operation follow from its shape (path
parameters, a body, whether it changes anything); exceptions are listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from awbridge.domain.json import JsonObject
from awbridge.web.described.code_samples import add_samples
from awbridge.web.described.order_bodies import describe_orders

_MEANINGS = {
    400: "The body cannot be parsed, two lists exclude each other, or `cursor` is not one that this API returned.",
    401: "No API key, or a wrong one.",
    403: "The key's role does not cover this; or there is no key, and the caller is on another machine or is a browser "
    "page of another site.",
    404: "Not found.",
    409: "Not possible in the current state; `detail` says why and what to do.",
    413: "The request is too large.",
    422: "The request is not valid; see `errors` or `detail`.",
    429: "Too many wrong API keys came from this address. Retry after `Retry-After` seconds.",
    502: "ClickPost failed or refused.",
    503: "The database or the object storage is busy or unavailable. Retry after `Retry-After` seconds.",
}
_EXTRA_PROBLEMS = {
    ("/v1/couriers/sync", "post"): (502,),
    ("/v1/opt-outs/remove", "post"): (404,),
    ("/v1/accounts/reset", "post"): (404,),
    ("/v1/clickpost-accounts", "get"): (404,),
    ("/v1/clickpost-accounts", "post"): (404,),
    ("/v1/shipments.csv", "get"): (400,),
    ("/v1/shipments.xlsx", "get"): (400,),
    ("/v1/shipments/{reference_number}/label", "get"): (409,),
    ("/v1/labels/prints/{print_id}/pdf", "get"): (409,),
}
_UNGUARDED = ("/healthz", "/readyz")
_SCHEME = "API key"


class ProblemField(BaseModel):
    """One error in a request."""

    model_config = ConfigDict(extra="allow")

    path: str = Field(description="The field, such as shipment_details.weight.")
    problem: str
    clickpost_code: int | None = Field(None, description="ClickPost's code for this error.")
    order: int | None = Field(None, description="The position of the order in a list, from 0.")
    differences: list[str] | None = Field(None, description="The fields that differ from the known order.")


class ProblemSchema(BaseModel):
    """An error (RFC 9457): what is wrong, and what to do."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str | None = Field(None, description="An explanation for people.")
    errors: list[ProblemField] | None = None
    reference_number: str | None = None
    differences: list[str] | None = None


def complete(app: FastAPI, left_out: Iterable[str] = ()) -> None:
    """Add problems and authorization to the app's description.

    `left_out`: beginnings of paths that it does not show.
    """
    hidden = tuple(left_out)
    derived = app.openapi

    def openapi() -> JsonObject:
        if app.openapi_schema is None:
            described = derived()
            described["paths"] = {path: of for path, of in described["paths"].items() if not path.startswith(hidden)}
            _complete(described)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi


def _complete(described: JsonObject) -> None:
    schemas: JsonObject = described["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ProblemSchema.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs")
    schemas["Problem"] = problem
    describe_orders(described)
    add_samples(described)
    described["components"]["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if path not in _UNGUARDED:
                operation["security"] = [{_SCHEME: []}, {}]  # loopback needs no key if none is configured
            for status in sorted({*_problems(path, method, operation), *_EXTRA_PROBLEMS.get((path, method), ())}):
                operation["responses"][str(status)] = problem_response(status)


def _problems(path: str, method: str, operation: JsonObject) -> Iterator[int]:
    """The statuses of the problems that an operation of this shape may return."""
    parameters: list[JsonObject] = operation.get("parameters", [])
    if path not in _UNGUARDED:
        yield from (401, 403, 429, 503)
    if path.startswith("/v1/"):  # every route refuses unknown query parameters
        yield 422
    if "requestBody" in operation:
        yield from (400, 413)
    if any(p["name"] == "cursor" for p in parameters):
        yield 400
    if any(p["in"] == "path" for p in parameters):
        yield 404
    if method != "get":
        yield 409


def problem_response(status: int) -> dict[str, Any]:
    """The description of a problem response with this status."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _MEANINGS[status], "content": content}
