"""What an order and its parts do when they are built: name every wrong field at once, each with ClickPost's code."""

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
"""The validation context that says: this is the JSON as it will be sent, so dates and Decimals are wrong in it."""


class OrderPart(RequestModel):
    """A part of an order. A wrong field raises ValidationError; each error's ctx holds `problem` and `code`.

    `code` is ClickPost's own for that kind of mistake, None where it has none. What was given is not quoted in the
    text of the error: it may be a customer's phone or address.
    """

    model_config = ConfigDict(hide_input_in_errors=True, serialize_by_alias=True)

    codes: ClassVar[dict[str, int]] = {}
    """The codes of fields that have their own, be they missing or wrong."""
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
            if "code" in context:  # already named by its own part
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
        return ValidationError.from_exception_data(cls.__name__, [*map(_line, by_loc.values())], hide_input=True)


class PlacePart(OrderPart):
    """A place of an order, with the limits that hold for places in every form."""

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
    """A whole order, which knows the rules between its fields too."""

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
        body = given if as_json else bare(given)
        unfit = not_plain(body, () if as_json else PYTHON_LEAVES)
        broken = rule_problems(as_object(body), cls.layout)
        if order is None or unfit or broken:
            raise cls._error([*unfit, *wrong, *broken])
        return order


def bare(value: Any) -> Any:
    """A value with plain objects in the place of models. Dates and Decimals stay."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True)
    if isinstance(value, dict):
        return {name: bare(inner) for name, inner in as_object(value).items()}
    if isinstance(value, (list, tuple)):
        return [bare(inner) for inner in cast("list[Any]", value)]
    return value


def check(model: type[Order], payload: JsonObject) -> list[FieldProblem]:
    """Every wrong field of a payload, read as that kind of order; [] is good."""
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


def _line(problem: JsonProblem) -> InitErrorDetails:
    kind = "required" if problem.problem == "is required" else "wrong"
    context = {"problem": problem.problem, "code": problem.code}
    return InitErrorDetails(type=PydanticCustomError(kind, "{problem}", context), loc=problem.loc, input=None)
