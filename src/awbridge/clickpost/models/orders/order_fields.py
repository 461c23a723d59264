"""The field types of an order. A valid value keeps its type: text stays text, numbers stay numbers.

Static types are precise, for editors. At run time only values that ClickPost certainly refuses are refused: couriers
differ, and ClickPost's own examples hold numbers as text, text as numbers and null in most fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from awbridge.clickpost.models.base import Day, Flag, Moment, Number, Text
from awbridge.clickpost.models.orders import json_shapes
from awbridge.clickpost.models.parts import DeliveryType, OrderType, exact
from awbridge.clickpost.wire.identifiers import is_exact
from awbridge.clickpost.wire.lenient_json import as_int, as_text
from awbridge.clickpost.wire.plain_json import as_number, text_of
from awbridge.domain.json import JsonObject

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checked:
    """A field whose value `check` returns or refuses. `shape`: what it accepts, as JSON Schema."""

    check: Callable[[Any], Any]
    shape: JsonObject = field(hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check, json_schema_input_schema=handler(source))

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonObject:
        return dict(self.shape)


@dataclass(frozen=True, slots=True)
class Kept:
    """A field that takes any value: ClickPost checks it, or a rule of the order. `shape`: as JSON Schema."""

    shape: JsonObject = field(hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonObject:
        return dict(self.shape)


@dataclass(frozen=True, slots=True)
class Loose:
    """A part of an order: an object is read as that part; any other value is kept and left to ClickPost."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            _read_objects, handler(source), serialization=core_schema.simple_ser_schema("any")
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonObject:
        return {**handler(schema), json_shapes.UNCHECKED: True}


def wrong(problem: str) -> PydanticCustomError:
    """The error of a field with this problem. Its model adds ClickPost's code."""
    return PydanticCustomError("wrong", "{problem}", {"problem": problem})


def is_scalar(value: Any) -> bool:
    """Whether this is text or a number, and not a boolean."""
    return isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool)


def filled(value: Any) -> Any:
    """The value, if it is text or a number, and not empty."""
    if type(value) is str and value.strip():  # by far the most common
        return value
    if value is None or value == "":
        raise PydanticCustomError("required", "is required")
    if not is_scalar(value):
        raise wrong("must be text")
    if not text_of(value):
        raise PydanticCustomError("required", "is required")
    return str(int(value)) if isinstance(value, float) and is_exact(value) else value


def _number_given(value: Any, problem: str) -> Any:
    """The value, if it is filled. A boolean is not a number."""
    if isinstance(value, bool):
        raise wrong(problem)
    return value if isinstance(value, int | float | Decimal) else filled(value)


def number(problem: str, *, least: float = 0.0, above: bool = False, whole: bool = False) -> Checked:
    """A field that holds a number of at least `least` (or above it), a whole one if `whole`."""

    def check(value: Any) -> Any:
        found = as_number(_number_given(value, problem))
        if found is None or found < least or (above and found == least) or (whole and not found.is_integer()):
            raise wrong(problem)
        return exact(value)

    return Checked(check, json_shapes.COUNT if whole else json_shapes.POSITIVE if above else json_shapes.AMOUNT)


def _one_of(*allowed: str) -> Checked:
    def check(value: Any) -> Any:
        if filled(value) not in allowed:
            raise wrong(f"must be one of {', '.join(allowed)}")
        return value

    return Checked(check, json_shapes.one_of(allowed))


def _day(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    text = as_text(filled(value))
    try:
        if _DAY.fullmatch(text) and date.fromisoformat(text):
            return value
    except ValueError:
        pass
    raise wrong("must be a date as YYYY-MM-DD")


def _courier(value: Any) -> Any:
    problem = "must be a courier partner id, a whole number above 0"
    if (as_int(_number_given(value, problem)) or 0) <= 0:
        raise wrong(problem)
    return value


def _loose_number(value: Any) -> Any:
    if isinstance(value, bool):
        raise wrong("must be a number, not true or false")
    return exact(value)


def _read_objects(value: Any, read: Callable[[Any], Any]) -> Any:
    return read(value) if isinstance(value, (dict, BaseModel)) else value


LOOSE = Loose()

# Required fields.
Filled = Annotated[Text, Checked(filled, json_shapes.FILLED)]
Courier = Annotated[Text, Checked(_courier, json_shapes.COURIER)]
InvoiceDay = Annotated[Day, Checked(_day, json_shapes.DAY)]
Kind = Annotated[OrderType, _one_of(*get_args(OrderType))]
Money = Annotated[Number, number("must be a number of 0 or more")]
Centimetres = Annotated[Number, number("must be a number above 0, in cm", above=True)]
Grams = Annotated[Number, number("must be a number above 0, in grams", above=True)]
Count = Annotated[int | str, number("must be a whole number of 1 or more", least=1, whole=True)]

# Optional fields that the rules of an order check.
OptDirection = Annotated[DeliveryType | None, Kept(json_shapes.one_of_or_none(get_args(DeliveryType)))]
OptCod = Annotated[Number | None, Checked(_loose_number, json_shapes.OPTIONAL_AMOUNT)]
OptPriority = Annotated[str | None, Kept(json_shapes.PRIORITY)]
OptReason = Annotated[Text | None, Kept(json_shapes.REASON)]

# Optional fields, kept as given.
_NUMBER, _TEXT = json_shapes.unchecked("number", "string"), json_shapes.unchecked("string", "number")
OptText = Annotated[Text | None, Kept(_TEXT)]
OptWord = Annotated[str | None, Kept(json_shapes.unchecked("string"))]
OptNumber = Annotated[Number | None, Checked(_loose_number, _NUMBER)]
OptFlag = Annotated[Flag | None, Kept(json_shapes.unchecked("boolean", "string"))]
OptDay = Annotated[Day | None, Kept(json_shapes.unchecked("string"))]
OptMoment = Annotated[Moment | None, Kept(json_shapes.unchecked("string"))]
OptTexts = Annotated[str | list[str] | tuple[str, ...] | None, Kept(json_shapes.unchecked("string", "array"))]
OptObject = Annotated[JsonObject | None, Kept(json_shapes.unchecked("object"))]
OptObjects = Annotated[list[JsonObject] | None, Kept(json_shapes.unchecked("array"))]
