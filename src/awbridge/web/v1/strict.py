"""Routers below /v1: they refuse unknown query parameters, and unknown fields of awbridge's own bodies."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Self, cast

from fastapi import APIRouter, Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from awbridge.domain.nearest import unknown_name

_LOOKED_UP_FIRST = ("show_shipment",)
"""Routes that match every remaining path: a 404 takes precedence over an unknown parameter."""


class OwnBody(BaseModel):
    """A body of awbridge's own API. Unknown fields are refused with the nearest known one, and booleans as numbers."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _refuse_unknown(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(given, dict):
            return validate(given)
        fields = cast("dict[str, Any]", given)
        known = {field.alias or name: field.annotation for name, field in cls.model_fields.items()}
        wrong = [
            *((name, unknown_name(str(name), known)) for name in fields if name not in known),
            *(
                (name, "must be a number")
                for name, value in fields.items()
                if _is_boolean_for_number(known.get(name), value)
            ),
        ]
        try:
            body = validate({name: value for name, value in fields.items() if name in known})
        except ValidationError as error:
            raise _error(cls, wrong, _kept(error, {name for name, _ in wrong})) from None
        if wrong:
            raise _error(cls, wrong, ())
        return body


def _is_boolean_for_number(annotation: Any, value: Any) -> bool:
    return isinstance(value, bool) and any(kind in _kinds(annotation) for kind in (int, float))


def _kinds(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", (annotation,))


def _kept(error: ValidationError, named: set[str]) -> Iterator[InitErrorDetails]:
    for found in error.errors(include_url=False):
        if not found["loc"] or found["loc"][0] not in named:
            custom = PydanticCustomError("wrong", "{problem}", {"problem": found["msg"]})
            yield InitErrorDetails(type=custom, loc=found["loc"], input=None)


def _error(cls: type[BaseModel], wrong: list[tuple[str, str]], more: Any) -> ValidationError:
    own = [
        InitErrorDetails(type=PydanticCustomError("wrong", "{problem}", {"problem": text}), loc=(name,), input=None)
        for name, text in wrong
    ]
    return ValidationError.from_exception_data(cls.__name__, [*own, *more], hide_input=True)


def v1_router(prefix: str = "", *, tags: list[str | Enum] | None = None) -> APIRouter:
    """A router whose routes are complete: below /v1, with known query parameters only.

    FastAPI would analyse each route again for every router that includes it, and once more at the first request.
    """
    return APIRouter(prefix=f"/v1{prefix}", tags=tags, dependencies=[Depends(known_parameters_only)])


async def known_parameters_only(request: Request) -> None:
    """Refuse query parameters that the route does not have: a misspelt filter would list everything."""
    route = request.scope.get("route")
    if isinstance(route, APIRoute) and route.name not in _LOOKED_UP_FIRST:
        refuse_unknown_parameters(request, route)


def refuse_unknown_parameters(request: Request, route: APIRoute | None = None) -> None:
    """Raises RequestValidationError, naming each unknown query parameter and the nearest known one."""
    route = route or request.scope["route"]
    assert isinstance(route, APIRoute)
    known = set(_query_names(route.dependant))
    wrong = [
        {"type": "unknown", "loc": ("query", name), "msg": unknown_name(name, known), "input": None}
        for name in dict.fromkeys(request.query_params)
        if name not in known
    ]
    if wrong:
        raise RequestValidationError(wrong)


def _query_names(dependant: Dependant) -> Iterator[str]:
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from model.model_fields
        else:
            yield parameter.alias
    for inner in dependant.dependencies:
        yield from _query_names(inner)
