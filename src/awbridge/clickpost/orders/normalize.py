"""Normalizes an order for sending: ClickPost's own names, identifiers and Indian phones as digits. Pure.

Uncertain values are kept, and the check of the payload reports them. Changed and doubtful values become
warnings, in the caller's own spelling.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from awbridge.clickpost.models.orders.flat import CODE_39
from awbridge.clickpost.models.orders.place_rules import DROP, PICKUP, RETURN, WORLD, PlaceForm
from awbridge.clickpost.orders.order_places import (
    SECTIONS,
    is_flat,
    placeholder_waybills,
    shipment_details,
    without_placeholder_waybills,
)
from awbridge.clickpost.orders.phone_forms import indian_digits, phone_doubt
from awbridge.clickpost.wire.identifiers import with_exact_identifiers
from awbridge.clickpost.wire.lenient_json import as_object, as_text
from awbridge.clickpost.wire.plain_json import text_of
from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region

_INFO, _REAL = "additional_info", "additional"  # the names in the integration guide and in the API
_HOLDERS = (*SECTIONS, "gst_info", "tax_info", "additional")
_OURS = ("transporter", "region")
_NOT_OURS = frozenset({*_HOLDERS, _INFO, "courier_custom_fields", "return_info"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """The caller's spelling of a section that has two names."""

    uses_additional_info: bool = False  # the section is called additional_info

    def of(self, problem: FieldProblem) -> FieldProblem:
        """The problem under the caller's name of the section, in path and text."""
        if not self.uses_additional_info:
            return problem
        path, text = problem.path, problem.problem.replace(f"{_REAL}.", f"{_INFO}.")
        if path == _REAL or path.startswith(f"{_REAL}."):
            path = _INFO + path.removeprefix(_REAL)
        return FieldProblem(path, text, problem.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizedOrder:
    """A normalized order, and its caller's spelling. `given`: before the changes that are warned about."""

    order: JsonObject = field(repr=False)
    given: JsonObject = field(repr=False)
    spelling: Spelling
    problems: list[FieldProblem]


def normalize(payload: JsonObject, region: Region) -> NormalizedOrder:
    """The order under ClickPost's own names, identifiers as digits. The input is not changed."""
    given = with_exact_identifiers(with_additional(_with_plain_names(payload)))
    order = without_placeholder_waybills(given)
    for at, form in _places(order, region):
        place = as_object(_at(order, at)) if at else order
        order = _put(order, at, _with_digits(place, form))
    problems = section_conflicts(payload)
    return NormalizedOrder(order=order, given=given, spelling=spelling_of(payload), problems=problems)


def spelling_of(payload: JsonObject) -> Spelling:
    """The caller's names of the sections of a payload."""
    return Spelling(uses_additional_info=_INFO in payload and _REAL not in payload)


def warnings_of(payload: JsonObject, region: Region) -> list[FieldProblem]:
    """Warnings about an order as given: doubtful values that are not refused."""
    if not isinstance(payload, dict):  # pyright: ignore[reportUnnecessaryIsInstance] callers hand on what came in
        return []
    return doubts_about(payload, normalize(payload, region), region)


def doubts_about(payload: JsonObject, normalized: NormalizedOrder, region: Region) -> list[FieldProblem]:
    """`warnings_of` an order that is normalized already. `payload`: the order as given."""
    found = [
        *_name_doubts(payload),
        *_phone_doubts(normalized.given, region),
        *_waybill_doubts(normalized.given),
        *_reference_doubts(normalized.order),
    ]
    return [normalized.spelling.of(problem) for problem in found]


def with_additional(payload: JsonObject) -> JsonObject:
    """The payload with `additional_info` under its real name, `additional`. The input is not changed."""
    if _INFO not in payload:
        return payload
    order = {name: value for name, value in payload.items() if name != _INFO}
    info = payload[_INFO]
    if _REAL not in order or order[_REAL] is None:
        return {**order, _REAL: info}
    if isinstance(info, dict) and isinstance(order[_REAL], dict):
        return {**order, _REAL: {**as_object(info), **as_object(order[_REAL])}}
    return payload  # the two cannot be merged: both are kept, and the check reports them


def section_conflicts(payload: JsonObject) -> list[FieldProblem]:
    """Where `additional_info` and `additional` differ: they are one section, and neither wins silently."""
    info, real = as_object(payload.get(_INFO)), as_object(payload.get(_REAL))
    return [
        FieldProblem(f"{_INFO}.{name}", f"contradicts {_REAL}.{name}: the two are one section, give one of them")
        for name, value in info.items()
        if value is not None and real.get(name) is not None and not _is_same(value, real[name])
    ]


def _is_same(value: Any, other: Any) -> bool:
    return value == other or (text_of(value) == text_of(other) != "")


def _with_plain_names(payload: JsonObject) -> JsonObject:
    """Names without spaces around them: ClickPost's own examples have `"awb_number "`."""
    return {name: _stripped(value) if name in _HOLDERS else value for name, value in _stripped(payload).items()}


def _stripped(value: Any) -> Any:
    names = as_object(value)
    if not any(isinstance(name, str) and name != name.strip() for name in names):  # pyright: ignore[reportUnnecessaryIsInstance]
        return value
    return {name.strip() if _is_padded(name, names) else name: inner for name, inner in names.items()}


def _is_padded(name: Any, fields: JsonObject) -> bool:
    return isinstance(name, str) and name != name.strip() and name.strip() not in fields


def _places(order: JsonObject, region: Region) -> Iterator[tuple[tuple[str, ...], PlaceForm]]:
    """The places of an order: where each is, and its form."""
    if is_flat(order):
        yield from (((), PICKUP), ((), DROP), (("return_info",), RETURN), (("exchange_info",), RETURN))
    elif region is Region.WORLD:
        yield from ((("pickup_info",), WORLD), (("drop_info",), WORLD))
    else:
        yield from ((("pickup_info",), PICKUP), (("drop_info",), DROP), ((_REAL, "return_info"), RETURN))


def _at(order: JsonObject, at: Iterable[str]) -> Any:
    value: Any = order
    for name in at:
        value = as_object(value).get(name)
    return value


def _put(order: JsonObject, at: tuple[str, ...], place: JsonObject) -> JsonObject:
    if not at:
        return place
    if not place:
        return order
    return {**order, at[0]: _put(as_object(order[at[0]]), at[1:], place)}


def _with_digits(place: JsonObject, form: PlaceForm) -> JsonObject:
    name = f"{form.prefix}phone"
    value = place.get(name)
    if isinstance(value, bool) or not form.has_indian_phone(place):
        return place
    digits = indian_digits(value)
    return {**place, name: digits} if digits and digits != text_of(value) else place


def _waybill_doubts(order: JsonObject) -> Iterator[FieldProblem]:
    for loc in placeholder_waybills(order):
        yield FieldProblem(".".join(map(str, loc)), "is not a waybill: it is left out, and the courier assigns one")


def _phone_doubts(order: JsonObject, region: Region) -> Iterator[FieldProblem]:
    for at, form in _places(order, region):
        place = as_object(_at(order, at))
        name, indian = f"{form.prefix}phone", form.has_indian_phone(place)
        value = place.get(name)
        sendable = not isinstance(value, bool) and (indian_digits(value) if indian else text_of(value))
        if sendable and (text := phone_doubt(value, indian=indian)):
            yield FieldProblem(".".join((*at, name)), text)


def _reference_doubts(order: JsonObject) -> Iterator[FieldProblem]:
    """Only the page of v1 requires Code 39, but couriers print the reference as a barcode in every form."""
    reference = as_text(shipment_details(order).get("reference_number"))
    if reference and "shipment_details" in order and not CODE_39.fullmatch(reference):
        text = "has characters outside Code 39: some couriers cannot print it as a barcode"
        yield FieldProblem("shipment_details.reference_number", text)


def _name_doubts(payload: JsonObject) -> Iterator[FieldProblem]:
    for at, names in (("", payload), *((name, as_object(payload.get(name))) for name in _HOLDERS)):
        for name in names:
            if _is_padded(name, names):
                path = f"{at}.{name}" if at else name
                yield FieldProblem(path, f"has spaces in its name: it is read and sent as {name.strip()}")
    for name in payload:
        if isinstance(name, str) and name not in _OURS and name not in _NOT_OURS:  # pyright: ignore[reportUnnecessaryIsInstance]
            for ours in difflib.get_close_matches(name, _OURS, n=1, cutoff=0.8):
                yield FieldProblem(name, f"is not known here and is sent to ClickPost as it is: did you mean {ours}?")
