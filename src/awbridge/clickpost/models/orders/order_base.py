"""Validation of an order and its parts: every invalid field is reported at once, with ClickPost's code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, ValidationInfo, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.orders.order_rules import FieldLayout, rule_problems
from awbridge.clickpost.models.orders.place_rules import PlaceForm, place_problems
from awbridge.clickpost.wire.lenient_json import as_object, as_text
from awbridge.clickpost.wire.plain_json import BAD_NAME, PYTHON_LEAVES, JsonProblem, not_plain
from awbridge.clickpost.wire.validation_codes import DATA_WRONG, ITEMS_MISSING, ITEMS_WRONG
from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject

AS_JSON = "as_json"
"""The validation context of JSON as it will be sent, in which dates and Decimals are invalid."""


class OrderPart(RequestModel):
    """A part of an order. An invalid field raises ValidationError; each error's ctx holds `problem` and `code`.

    `code` is ClickPost's code of that problem, None if it has none. Error texts do not quote the input, which may be a
    customer's phone or address.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    codes: ClassVar[dict[str, int]] = {}
    """The codes of fields with a code of their own, whether missing or invalid."""
    missing_code: ClassVar[int | None] = None
    wrong_code: ClassVar[int] = DATA_WRONG

    @model_validator(mode="wrap")
    @classmethod
    def _name_every_problem(cls, given: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        try:
            return read(given)
        except ValidationError as error:
            raise cls._error(cls._problems_in(error)) from None

    @classmethod
    def _problems_in(cls, error: ValidationError) -> Iterator[JsonProblem]:
        for found in error.errors(include_url=False):
            context = found.get("ctx", {})
            if "code" in context:  # reported by a nested part
                yield JsonProblem(found["loc"], context["problem"], context["code"])
            elif found["type"] == "invalid_key":
                loc = (*found["loc"][:-1], as_text(found["loc"][-1]))
                yield JsonProblem(loc, BAD_NAME, DATA_WRONG)
            else:
                yield cls._problem(found)

    @classmethod
    def _problem(cls, found: ErrorDetails) -> JsonProblem:
        missing = found["type"] in ("missing", "required") or found["input"] is None
        if missing:
            message = "is required"
        elif found["type"] == "wrong":
            message = found["msg"]
        else:
            message = "must be a list of objects" if found["type"] == "list_type" else "must be an object"
        return JsonProblem(found["loc"], message, cls._code(found["loc"], missing))

    @classmethod
    def _code(cls, loc: tuple[int | str, ...], missing: bool) -> int | None:
        name = str(loc[0]) if loc else ""
        if name == "items":
            return ITEMS_MISSING if missing and len(loc) == 1 else ITEMS_WRONG
        return cls.codes.get(name, cls.missing_code if missing else cls.wrong_code)

    @classmethod
    def _error(cls, problems: Iterable[JsonProblem]) -> ValidationError:
        """The first problem of each field, as pydantic's own error."""
        by_loc: dict[tuple[int | str, ...], JsonProblem] = {}
        for problem in problems:
            by_loc.setdefault(problem.loc, problem)
        return ValidationError.from_exception_data(cls.__name__, [*map(_detail, by_loc.values())], hide_input=True)


class PlacePart(OrderPart):
    """A place of an order, with the limits of places in every form."""

    form: ClassVar[PlaceForm]

    @model_validator(mode="wrap")
    @classmethod
    def _name_every_problem(cls, given: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(given, cls):
            return read(given)
        part, found = None, list[JsonProblem]()
        try:
            part = read(given)
        except ValidationError as error:
            found = list(cls._problems_in(error))
        found += place_problems(as_object(given), cls.form)
        if part is None or found:
            raise cls._error(found)
        return part


class Order(OrderPart):
    """A whole order, with the rules between its fields."""

    layout: ClassVar[FieldLayout]

    @model_validator(mode="wrap")
    @classmethod
    def _name_every_problem(cls, given: Any, read: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        if isinstance(given, cls):
            return read(given)
        order, wrong = None, list[JsonProblem]()
        try:
            order = read(given)
        except ValidationError as error:
            wrong = list(cls._problems_in(error))
        as_json = info.context == AS_JSON
        body = given if as_json else plain_objects(given)
        unfit = not_plain(body, () if as_json else PYTHON_LEAVES)
        broken = rule_problems(as_object(body), cls.layout)
        if order is None or unfit or broken:
            raise cls._error([*unfit, *wrong, *broken])
        return order


def plain_objects(value: Any) -> Any:
    """A value with models replaced by plain objects. Dates and Decimals stay."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True)
    if isinstance(value, dict):
        return {name: plain_objects(inner) for name, inner in as_object(value).items()}
    if isinstance(value, (list, tuple)):
        return [plain_objects(inner) for inner in cast("list[Any]", value)]
    return value


def check(model: type[Order], payload: JsonObject) -> list[FieldProblem]:
    """Every invalid field of a payload, read as that kind of order; [] if it is valid."""
    try:
        model.model_validate(payload, context=AS_JSON)
    except ValidationError as error:
        return [
            FieldProblem(path_of(found["loc"]), found["ctx"]["problem"], found["ctx"]["code"])  # pyright: ignore[reportTypedDictNotRequiredAccess]
            for found in error.errors(include_url=False, include_input=False)
        ]
    return []


def path_of(loc: tuple[int | str, ...]) -> str:
    """The path of a field, such as `shipment_details.items[0].sku`."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _detail(problem: JsonProblem) -> InitErrorDetails:
    kind = "required" if problem.problem == "is required" else "wrong"
    context = {"problem": problem.problem, "code": problem.code}
    return InitErrorDetails(type=PydanticCustomError(kind, "{problem}", context), loc=problem.loc, input=None)
