"""What /openapi.json says beyond what FastAPI reads off the routes: errors are problem JSON, and who may call.

FastAPI would describe errors of its own that never leave this house. Which problems an operation may answer follows
from its shape (does its path name something, has it a body, does it change anything); what does not is listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from awbridge.domain.json import JsonObject

_MEANINGS = {
    400: "The body is not what it says it is, or `cursor` is not one that this API gave.",
    401: "No API key, or a wrong one.",
    403: "No API key is configured, and the caller is on another machine, or another site's page in a browser.",
    404: "There is no such thing.",
    409: "Not possible as things stand; `detail` says why and what to do.",
    413: "Too much at once.",
    422: "Something in the request is wrong; `errors` says where, or `detail` what.",
    429: "Too many wrong API keys came from this address. Try again after `Retry-After` seconds.",
    502: "ClickPost did not do it.",
    503: "The database, or the object storage, is busy or away. Try again after `Retry-After` seconds.",
}
_MORE = {
    ("/v1/couriers/sync", "post"): (502,),
    ("/v1/opt-outs/remove", "post"): (404,),
}
_UNGUARDED = ("/healthz", "/readyz")
_SCHEME = "API key"


class ProblemField(BaseModel):
    """One thing that is wrong in a request."""

    model_config = ConfigDict(extra="allow")

    path: str = Field(description="Where, like shipment_details.weight.")
    problem: str
    clickpost_code: int | None = Field(None, description="The code that ClickPost has for this kind of mistake.")
    order: int | None = Field(None, description="Which order of a list, counted from 0.")
    differences: list[str] | None = Field(None, description="The fields in which a known order differs.")


class ProblemSchema(BaseModel):
    """An error (RFC 9457): what is wrong, and what to do."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str | None = Field(None, description="For a person.")
    errors: list[ProblemField] | None = None
    reference_number: str | None = None
    differences: list[str] | None = None


def complete(app: FastAPI) -> None:
    """Have the app's description tell of its problems and its keys."""
    read_off = app.openapi

    def openapi() -> JsonObject:
        if app.openapi_schema is None:
            _complete(read_off())
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
    described["components"]["securitySchemes"] = {_SCHEME: {"type": "http", "scheme": "bearer"}}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            if path not in _UNGUARDED:
                operation["security"] = [{_SCHEME: []}, {}]  # with no key configured, loopback needs none
            for status in sorted({*_problems(path, method, operation), *_MORE.get((path, method), ())}):
                operation["responses"][str(status)] = problem_answer(status)


def _problems(path: str, method: str, operation: JsonObject) -> Iterator[int]:
    """The problems that an operation of this shape may answer."""
    parameters: list[JsonObject] = operation.get("parameters", [])
    if path not in _UNGUARDED:
        yield from (401, 403, 429, 503)
    if path.startswith("/v1/"):  # a query parameter that is not there is refused everywhere
        yield 422
    if "requestBody" in operation:
        yield from (400, 413)
    if any(p["name"] == "cursor" for p in parameters):
        yield 400
    if any(p["in"] == "path" for p in parameters):
        yield 404
    if method != "get":
        yield 409


def problem_answer(status: int) -> dict[str, Any]:
    """An answer of this status, as the description has it."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _MEANINGS[status], "content": content}
