"""Identifiers that came as numbers: 560001.0 is 560001, and what a spreadsheet rounded is refused. Pure.

JSON from pandas and spreadsheets writes pincodes, phones and numbers of orders as floats. A float of at most 15 digits
is exact; beyond that, and where a number was written with an exponent, digits are lost and cannot be recovered.
"""

from __future__ import annotations

import re
from typing import Any

from awbridge.clickpost.wire.lenient_json import as_list, as_object, as_waybill
from awbridge.clickpost.wire.plain_json import DEEPEST, JsonProblem, control_problem
from awbridge.clickpost.wire.validation_codes import DATA_WRONG
from awbridge.domain.errors import FieldProblem, PayloadRefused
from awbridge.domain.json import JsonObject, Rounded
from awbridge.tables.cells import CellDamaged, read_id

IDENTIFIERS = frozenset(
    {
        *("phone", "pickup_phone", "drop_phone", "drop_alternate_phone", "transit_phone"),
        *("pincode", "pickup_pincode", "drop_pincode", "seller_pincode", "exchange_pincode", "postal_code"),
        *("reference_number", "order_id", "awb_number", "waybill", "invoice_number", "invoice_reference"),
        *("account_code", "phone_number"),
        *("exchange_rvp_awb", "ewaybill_serial_number", "booking_id", "customer_id_number", "vendor_code"),
        *("sku", "product_id", "variant_id", "imei", "serial_no", "ean", "otp_code"),
    }
)
KEYS = frozenset({"reference_number", "order_id", "awb_number", "waybill"})  # by which shipments are found
_CHECKED = IDENTIFIERS | KEYS
_ALWAYS_EXACT = frozenset({int, bool, type(None)})
_WRITTEN_AS_FLOAT = re.compile(r"(\d{1,15})\.0+", re.ASCII)
_TEXT_IS_DIGITS = frozenset(
    {
        *("phone", "pickup_phone", "drop_phone", "drop_alternate_phone"),
        *("pincode", "pickup_pincode", "drop_pincode", "awb_number", "order_id", "invoice_number"),
    }
)
_EXPONENT = re.compile(r"\d(?:\.\d+)?E\+\d+", re.ASCII | re.IGNORECASE)
_LARGEST = 10**15  # a spreadsheet keeps 15 digits

ROUNDED = "was rounded by a spreadsheet or a float, and digits are lost: give all its digits, as text"


def exact_identifier(name: str, value: Any) -> Any:
    """An identifier as it is sent: the digits of a whole float, also where text has it. Everything else as it is."""
    if type(value) is float and is_exact(value):
        return str(int(value))
    if isinstance(value, str) and name in _TEXT_IS_DIGITS and (found := _WRITTEN_AS_FLOAT.fullmatch(value.strip())):
        return found[1]
    return value


def waybill_given(value: str) -> str:
    """A waybill as a person typed or pasted it, without a spreadsheet's guard.

    Raises PayloadRefused for a text that is not a waybill, was rounded, or holds invisible characters.
    """
    try:
        number = as_waybill(read_id(value))
    except CellDamaged:
        raise PayloadRefused([FieldProblem("waybill", ROUNDED)]) from None
    if not number:
        raise PayloadRefused([FieldProblem("waybill", "is not a waybill: give it as ClickPost's dashboard shows it")])
    if problem := control_problem(number):
        raise PayloadRefused([FieldProblem("waybill", problem)])
    return number


def is_exact(value: float) -> bool:
    """Whether a float is a whole number that lost no digit."""
    return type(value) is not Rounded and value.is_integer() and 0 <= value < _LARGEST


def identifier_problems(value: Any, name: str = "", depth: int = 0) -> list[JsonProblem]:
    """Every identifier in a JSON value whose digits are uncertain, and every key with invisible characters."""
    if depth > DEEPEST:
        return []
    if isinstance(value, dict):
        return [
            JsonProblem((inner_name, *p.loc), p.problem, p.code)
            for inner_name, inner in as_object(value).items()
            if inner is not None and (inner_name in _CHECKED or isinstance(inner, dict | list))
            for p in identifier_problems(inner, inner_name, depth + 1)
        ]
    if isinstance(value, list):
        return [
            JsonProblem((index, *p.loc), p.problem, p.code)
            for index, inner in enumerate(as_list(value))
            for p in identifier_problems(inner, name, depth + 1)
        ]
    if name in IDENTIFIERS and _is_rounded(value):
        return [JsonProblem((), ROUNDED, DATA_WRONG)]
    if name in KEYS and isinstance(value, str) and (problem := control_problem(value)):
        return [JsonProblem((), problem, DATA_WRONG)]
    return []


def _is_rounded(value: Any) -> bool:
    if isinstance(value, str):
        return "+" in value and _EXPONENT.fullmatch(value.strip()) is not None
    return isinstance(value, float) and not is_exact(value)


def with_exact_identifiers(order: JsonObject) -> JsonObject:
    """A copy of an order whose identifiers are digits, not floats."""
    return _exact_fields(order, 0)


def _exact_fields(fields: JsonObject, depth: int) -> JsonObject:
    # Text without a point is by far the most common: no call for it.
    return {n: v if type(v) is str and "." not in v else _exact(n, v, depth) for n, v in fields.items()}


def _exact(name: str, value: Any, depth: int) -> Any:
    if type(value) in _ALWAYS_EXACT:
        return value
    if depth < DEEPEST and (fields := as_object(value)):
        return _exact_fields(fields, depth + 1)
    if depth < DEEPEST and (entries := as_list(value)):
        return [_exact(name, inner, depth + 1) for inner in entries]
    return exact_identifier(name, value) if name in IDENTIFIERS else value
