"""Orders at and over every limit of the described schema, and orders that break every rule between fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from awbridge.clickpost.models.orders import place_rules
from awbridge.clickpost.models.orders.order_rules import COURIER_RULES
from awbridge.domain.json import JsonObject
from awbridge.web.described.order_bodies import order_example

Path = tuple[str | int, ...]

MISSING: Any = object()
UNCHECKED = "x-awbridge-type-unchecked"
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
FEW_OF_EACH_KIND = (None, "x", True, 1.5, [], {})
OF_EACH_KIND = (MISSING, None, "", " ", "x", True, 7, 1.5, -3, [], ["x"], {})
NUMBERS = (
    0,
    0.0,
    0.5,
    1,
    10**12,
    "0",
    "00.00",
    "1",
    "2.0",
    "1.5",
    "+3",
    "1e3",
    "1,000",
    "x1",
    "-1",
    "9" * 15,
    "9" * 16,
)
PHONES = (
    *("9000000001", "09000000001", "919000000001", "+91 90000 00001", "0091-9000000001", "91 0 9000000001"),
    *("(022) 2345-6789", "12345678901", "900000000", "+971501234567", "1" * 15, "1" * 16, "9000000001 / 9000000002"),
    *("9.87654E+09", "N/A", 9000000001, 919000000001, 900000000, 10**14, 10**15, 9000000001.5),
)
PINCODES = ("560001", " 560001 ", "060001", "56000", "5600011", "SW1A 1AA", 560001, 56000, 5600011)
DATES = ("2026-11-01", "2026-11-1", "01-11-2026", "2026-11-01T10:00:00", 20261101)
COUNTRIES = ("IN", "india", "IND", "AE", "United Arab Emirates", 91, "")
CODES = ("+91", "91", "0091", 91, "+971", "")


class Case(NamedTuple):
    """An order with one field changed, and that field's own description."""

    order: JsonObject
    path: Path
    value: Any
    shape: JsonObject


def base(form: str) -> JsonObject:
    """A valid order of this form, with a courier and every section."""
    order = order_example("uae_cross_border" if form == "WorldOrder" else "india_cod")
    del order["transporter"]
    order["shipment_details"]["courier_partner"] = 4
    if form == "FlatOrder":
        details, additional = order.pop("shipment_details"), order.pop("additional")
        order = order.pop("pickup_info") | order.pop("drop_info") | details | additional | order
    return order


def changed(order: Any, path: Path, value: Any) -> Any:
    """A copy of the order with this value at this path; MISSING leaves it out. Objects on the way are made."""
    if not path:
        return value
    if isinstance(path[0], int):
        return [changed(item, path[1:], value) if i == path[0] else item for i, item in enumerate(order or [{}])]
    copy = dict(order or {})
    inner = changed(copy.get(path[0]), path[1:], value)
    if inner is MISSING:
        copy.pop(path[0], None)
    else:
        copy[path[0]] = inner
    return copy


def fields(
    schemas: dict[str, JsonObject], shape: JsonObject, seen: set[str], path: Path = ()
) -> Iterator[tuple[Path, JsonObject]]:
    """Every described field below an object, with its path; of a list, those of its first entry.

    `seen`: the schemas that were visited already. They are left out, and new ones are added.
    """
    name, found = target(schemas, shape)
    if name in seen:
        return
    seen.add(name)
    for field, described in found.get("properties", {}).items():
        yield (*path, field), described
        inner = described.get("items", described)
        if target(schemas, inner)[0]:
            yield from fields(schemas, inner, seen, (*path, field, 0) if "items" in described else (*path, field))


def target(schemas: dict[str, JsonObject], shape: JsonObject) -> tuple[str, JsonObject]:
    """The name of the schema that a description refers to, and that schema; "" and the description if it is plain."""
    for part in (shape, *shape.get("anyOf", ())):
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            return name, schemas[name]
    return "", shape


def single_changes(schemas: dict[str, JsonObject], form: str, seen: set[str]) -> Iterator[Case]:
    """Every field of a form with values of each type, at and over its limits. `seen`: schemas to leave out."""
    for path, shape in fields(schemas, {"$ref": form}, seen):
        if path in (("transporter",), ("region",)):
            continue
        order = base(form)
        if path[0] == "additional_info":
            order["additional_info"] = order.pop("additional")
        limits = [*_at_limits(shape), *_of_name(str(path[-1]))]
        tried: set[tuple[type, str]] = set()
        for value in (*(OF_EACH_KIND if limits or not shape.get(UNCHECKED) else FEW_OF_EACH_KIND), *limits):
            key = (type(value), repr(value))
            if key not in tried:
                tried.add(key)
                yield Case(changed(order, path, value), path, value, shape)


def _at_limits(shape: JsonObject) -> Iterator[Any]:
    for part in (shape, *shape.get("anyOf", ())):
        if longest := part.get("maxLength"):
            yield from ("A" * longest, "A" * (longest + 1), "é" * longest)
            if longest < 20:
                yield from (10**longest - 1, 10**longest)
        if "minimum" in part or "exclusiveMinimum" in part:
            yield from NUMBERS
        yield from part.get("enum", ())


def _of_name(name: str) -> tuple[Any, ...]:
    plain = name.removeprefix("pickup_").removeprefix("drop_")
    if plain in ("pincode", "postal_code"):
        return PINCODES
    return {
        "phone": PHONES,
        "invoice_date": DATES,
        "country": COUNTRIES,
        "country_code": COUNTRIES,
        "phone_code": CODES,
        "reference_number": ("A:B", "A B-1", "Ä"),
        "rvp_reason": ("A" * 500, "A" * 501),
    }.get(plain, ())


def combinations(form: str) -> Iterator[Case]:
    """Orders that keep or break the rules between fields."""
    order = base(form)
    details: Path = () if form == "FlatOrder" else ("shipment_details",)
    additional: Path = () if form == "FlatOrder" else ("additional",)
    for kind in ("PREPAID", "COD", "EXCHANGE"):
        typed = changed(order, (*details, "order_type"), kind)
        for amount in (MISSING, None, "", 0, 0.0, "0", "0.00", 5, "5.50", -1, "-1", True, "x"):
            yield _case(typed, (*details, "cod_value"), amount)
        for direction in (MISSING, "FORWARD", "RVP"):
            for reason in (MISSING, "", "Too small", 7):
                returned = changed(typed, (*details, "delivery_type"), direction)
                returned = changed(returned, (*details, "cod_value"), 5 if kind == "COD" else 0)
                yield _case(returned, (*details, "rvp_reason"), reason)
                yield _case(returned, ("additional", "rvp_reason"), reason)
                moved = changed(changed(returned, (*details, "delivery_type"), MISSING), ("additional",), {})
                yield _case(
                    changed(moved, ("additional", "delivery_type"), direction), (*details, "rvp_reason"), reason
                )
    yield from _places(order, form)
    yield from _couriers(order, details, additional)


def _places(order: JsonObject, form: str) -> Iterator[Case]:
    """Phone numbers and postal codes of places in several countries."""
    for side in ("pickup", "drop"):
        at: Path = () if form == "FlatOrder" else (f"{side}_info",)
        prefix = "" if form == "WorldOrder" else f"{side}_"
        country, pincode = ("country_code", "postal_code") if form == "WorldOrder" else ("country", "pincode")
        for where in ("IN", "india", "AE", 91, "", None, MISSING):
            abroad = changed(order, (*at, prefix + country), where)
            for code in ("560001", "SW1A 1AA", 56000):
                yield _case(abroad, (*at, prefix + pincode), code)
            for code in CODES:
                yield _case(changed(abroad, (*at, f"{prefix}phone_code"), code), (*at, f"{prefix}phone"), "501234567")


def _couriers(order: JsonObject, details: Path, additional: Path) -> Iterator[Case]:
    """The limits of single couriers, from the tables of the checks: at each, over it, and at another courier."""
    drop: Path = () if not details else ("drop_info",)
    limits = [(details, limit) for limit in place_rules.DETAIL_LIMITS]
    limits += [(additional, limit) for limit in place_rules.ADDITIONAL_LIMITS]
    limits += [(drop, limit) for limit in place_rules.DROP_LIMITS]
    limits += [(("gst_info",), limit) for limit in place_rules.GST_LIMITS]
    for at, limit in limits:
        at_limit, over = "A" * limit.longest, "A" * (limit.longest + 1)
        for courier in (6, *limit.couriers):
            named = changed(order, (*details, "courier_partner"), courier)
            yield _case(named, (*at, limit.name), at_limit)
            yield _case(named, (*at, limit.name), over)
        yield _case(changed(order, (*details, "courier_partner"), str(courier)), (*at, limit.name), over)
    for courier, rule in COURIER_RULES.items():
        named = changed(order, (*details, "courier_partner"), courier)
        for name in ("hs_code", "manufacture_country_code"):
            named = changed(named, (*details, "items", 0, name), "1")
        for length in (rule.longest_reference, rule.longest_reference + 1):
            yield _case(named, (*details, "reference_number"), f"{courier}-".ljust(length, "A"))
        for name in rule.item_fields:
            for value in (MISSING, None, "", 7, "7"):
                yield _case(named, (*details, "items", 0, name), value)


def _case(order: JsonObject, path: Path, value: Any) -> Case:
    return Case(changed(order, path, value), path, value, {})
