"""Checks a create-order payload before it is stored: every field that ClickPost would surely refuse, all at once.

Unknown fields pass: couriers have extras of their own. Numbers may be numeric text, as in ClickPost's own examples.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from awbridge.clickpost.plain import DATA_WRONG, not_plain
from awbridge.clickpost.wire import as_int, as_object, as_text
from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject
from awbridge.domain.shipment import Region

ORDER_TYPES = ("PREPAID", "COD", "EXCHANGE")
DELIVERY_TYPES = ("FORWARD", "RVP")
LONGEST_RVP_REASON = 500  # characters
LONGEST_REFERENCE = 200  # characters; ours: it is an indexed key
LONGEST_BLUEDART_REFERENCE = 20  # characters
BLUEDART = 5

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INDIAN_PINCODE = re.compile(r"[1-9]\d{5}", re.ASCII)
_INDIA = ("", "IN", "IND", "INDIA")


def as_number(value: Any) -> float | None:
    """A finite number, also out of text like "200.00"; None for everything else."""
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _wrong(problem: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", "{problem}", {"problem": problem})


def _filled(value: Any) -> Any:
    if value is None or value == "":
        raise PydanticCustomError("required", "is required")
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _wrong("must be text")
    if not as_text(value):
        raise PydanticCustomError("required", "is required")
    return value


def _number(problem: str, *, least: float = 0.0, above: bool = False, whole: bool = False) -> AfterValidator:
    def check(value: Any) -> Any:
        number = as_number(_filled(value))
        if number is None or number < least or (above and number == least) or (whole and not number.is_integer()):
            raise _wrong(problem)
        return value

    return AfterValidator(check)


def _one_of(*allowed: str) -> AfterValidator:
    def check(value: Any) -> Any:
        if _filled(value) not in allowed:
            raise _wrong(f"must be one of {', '.join(allowed)}")
        return value

    return AfterValidator(check)


def _day(value: Any) -> Any:
    text = as_text(_filled(value))
    try:
        if _DATE.fullmatch(text) and date.fromisoformat(text):
            return value
    except ValueError:
        pass
    raise _wrong("must be a date as YYYY-MM-DD")


def _courier(value: Any) -> Any:
    if (as_int(_filled(value)) or 0) <= 0:
        raise _wrong("must be a courier partner id, a whole number above 0")
    return value


def _object_or_null(value: Any) -> Any:
    if value is not None and not isinstance(value, dict):
        raise _wrong("must be an object")
    return cast("Any", value)


Filled = Annotated[Any, AfterValidator(_filled)]
Day = Annotated[Any, AfterValidator(_day)]
CourierId = Annotated[Any, AfterValidator(_courier)]
Money = Annotated[Any, _number("must be a number of 0 or more")]
Centimetres = Annotated[Any, _number("must be a number above 0, in cm", above=True)]
Grams = Annotated[Any, _number("must be a number above 0, in grams", above=True)]
Count = Annotated[Any, _number("must be a whole number of 1 or more", least=1, whole=True)]
Extra = Annotated[Any, AfterValidator(_object_or_null)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class _IndianPlace(_Open):
    name: Filled
    address: Filled
    city: Filled
    state: Filled
    pincode: Filled
    phone: Filled


class _IndianPickup(_IndianPlace):
    model_config = ConfigDict(alias_generator=lambda name: f"pickup_{name}")


class _IndianDrop(_IndianPlace):
    model_config = ConfigDict(alias_generator=lambda name: f"drop_{name}")


class _WorldPlace(_Open):
    """State and postal code may be empty: not every country has them (seen in ClickPost's own examples)."""

    name: Filled
    address: Filled
    city: Filled
    phone: Filled
    country_code: Filled


class _Item(_Open):
    sku: Filled
    description: Filled
    quantity: Count
    price: Money


class _Details(_Open):
    courier_partner: CourierId
    reference_number: Filled
    order_type: Annotated[Any, _one_of(*ORDER_TYPES)]
    delivery_type: Annotated[Any, _one_of(*DELIVERY_TYPES)]
    invoice_value: Money
    invoice_number: Filled
    invoice_date: Day
    length: Centimetres
    breadth: Centimetres
    height: Centimetres
    weight: Grams
    items: list[_Item]


class _IndianOrder(_Open):
    """create-order v3."""

    pickup_info: _IndianPickup
    drop_info: _IndianDrop
    shipment_details: _Details
    gst_info: Extra = None
    additional: Extra = None


class _WorldOrder(_Open):
    """create-order v4."""

    pickup_info: _WorldPlace
    drop_info: _WorldPlace
    shipment_details: _Details
    tax_info: Extra = None
    gst_info: Extra = None
    additional: Extra = None


_MODELS: dict[Region, type[_Open]] = {Region.INDIA: _IndianOrder, Region.WORLD: _WorldOrder}

_CODES = {
    "shipment_details.courier_partner": 302,
    "shipment_details.order_type": 307,
    "shipment_details.delivery_type": 309,
}
_ITEMS_MISSING, _ITEMS_WRONG = 312, 313


def check_payload(payload: JsonObject, region: Region) -> list[FieldProblem]:
    """Every field of a create-order payload that is wrong, with ClickPost's own code where it has one; [] is good.

    `additional_info`, as ClickPost's integration guide calls it, is taken for `additional`.
    """
    if not isinstance(payload, dict):  # pyright: ignore[reportUnnecessaryIsInstance] callers hand on what came in
        return [FieldProblem("", "must be an object", DATA_WRONG)]
    order = with_additional(payload)
    problems: dict[str, FieldProblem] = {}
    for problem in (*not_plain(order), *_field_problems(order, region), *_rule_problems(order, region)):
        problems.setdefault(problem.path, problem)
    return list(problems.values())


def with_additional(payload: JsonObject) -> JsonObject:
    """The payload with `additional_info` under its real name, `additional`. The input stays as it is."""
    if "additional_info" not in payload:
        return payload
    order = {name: value for name, value in payload.items() if name != "additional_info"}
    info = payload["additional_info"]
    if "additional" not in order or order["additional"] is None:
        return {**order, "additional": info}
    if isinstance(info, dict) and isinstance(order["additional"], dict):
        return {**order, "additional": {**as_object(info), **as_object(order["additional"])}}
    return payload  # two that cannot be joined: both stay, and the check names what is wrong


def _field_problems(order: JsonObject, region: Region) -> list[FieldProblem]:
    try:
        _MODELS[region].model_validate(order)
    except ValidationError as error:
        return [
            _field_problem(found["loc"], found["type"], found["msg"], found["input"])
            for found in error.errors(include_url=False, include_context=False)
        ]
    return []


def _field_problem(loc: tuple[int | str, ...], kind: str, message: str, given: Any) -> FieldProblem:
    path = _path(loc)
    missing = kind in ("missing", "required") or given is None
    if missing:
        message = "is required"
    elif kind == "list_type":
        message = "must be a list of objects"
    elif kind != "wrong":
        message = "must be an object"
    return FieldProblem(path, message, _code(path, missing))


def _code(path: str, missing: bool) -> int | None:
    if path.startswith("shipment_details.items"):
        return _ITEMS_MISSING if missing and path.endswith(".items") else _ITEMS_WRONG
    return _CODES.get(path, None if missing else DATA_WRONG)


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _rule_problems(order: JsonObject, region: Region) -> Iterator[FieldProblem]:
    """Rules that look at several fields. Each holds by itself, so that one wrong field does not hide another."""
    details = as_object(order.get("shipment_details"))
    additional = as_object(order.get("additional"))
    if details:
        yield from _cod_problems(details)
        yield from _return_problems(details, additional)
        yield from _reference_problems(details)
        if details.get("items") == []:
            yield FieldProblem("shipment_details.items", "must hold at least one item", _ITEMS_MISSING)
    for path, place, name in (
        ("shipment_details", details, "order_priority"),
        ("additional", additional, "order_priority"),
        ("additional", additional, "priority"),
    ):
        if place.get(name) is not None and not (isinstance(place[name], str) and as_text(place[name])):
            yield FieldProblem(f"{path}.{name}", "must be text, like NORMAL", 308)
    if region is Region.INDIA:
        yield from _pincode_problems(order)


def _cod_problems(details: JsonObject) -> Iterator[FieldProblem]:
    path, given = "shipment_details.cod_value", details.get("cod_value")
    absent = given is None or given == ""
    value = 0.0 if absent else as_number(given)
    order_type = details.get("order_type")
    if value is None or value < 0:
        yield FieldProblem(path, "must be a number of 0 or more", 315)
    elif order_type == "PREPAID" and value != 0:
        yield FieldProblem(path, "must be 0 when order_type is PREPAID", 315)
    elif order_type == "COD" and value == 0:
        yield FieldProblem(path, "is required and must be above 0 when order_type is COD", 315)


def _return_problems(details: JsonObject, additional: JsonObject) -> Iterator[FieldProblem]:
    reasons = {"shipment_details": details.get("rvp_reason"), "additional": additional.get("rvp_reason")}
    for place, reason in reasons.items():
        if reason is not None and not isinstance(reason, (str, int)):
            yield FieldProblem(f"{place}.rvp_reason", "must be text", 310)
        elif len(as_text(reason)) > LONGEST_RVP_REASON:
            yield FieldProblem(f"{place}.rvp_reason", f"may have at most {LONGEST_RVP_REASON} characters", 310)
    # An exchange is a return without a reason of its own (seen in ClickPost's own examples).
    needed = details.get("delivery_type") == "RVP" and details.get("order_type") != "EXCHANGE"
    if needed and not any(as_text(reason) for reason in reasons.values()):
        yield FieldProblem("shipment_details.rvp_reason", "is required when delivery_type is RVP", 310)


def longest_reference(courier_partner_id: int | None) -> int:
    """How many characters a reference number may have with this courier."""
    return LONGEST_BLUEDART_REFERENCE if courier_partner_id == BLUEDART else LONGEST_REFERENCE


def _reference_problems(details: JsonObject) -> Iterator[FieldProblem]:
    reference = as_text(details.get("reference_number"))
    longest = longest_reference(as_int(details.get("courier_partner")))
    if len(reference) > longest:
        courier = " for Bluedart" if longest == LONGEST_BLUEDART_REFERENCE else ""
        yield FieldProblem("shipment_details.reference_number", f"may have at most {longest} characters{courier}", 314)


def _pincode_problems(order: JsonObject) -> Iterator[FieldProblem]:
    for side in ("pickup", "drop"):
        place = as_object(order.get(f"{side}_info"))
        country = as_text(place.get(f"{side}_country")).upper()
        pincode = as_text(place.get(f"{side}_pincode"))
        if pincode and country in _INDIA and not _INDIAN_PINCODE.fullmatch(pincode):
            yield FieldProblem(f"{side}_info.{side}_pincode", "must have 6 digits", DATA_WRONG)
