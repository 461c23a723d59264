"""The limits of places as JSON Schema: lengths, and phone numbers and postal codes that depend on the country."""

from __future__ import annotations

from awbridge.clickpost.models.orders.place_rules import LONGEST, PlaceForm
from awbridge.domain.json import JsonObject

_S = r"[\s()-]*"  # separators, which are left out of the number
_COUNTRY_CODE = rf"((\+{_S}|0{_S}0{_S})?9{_S}1{_S})?"
_INDIAN_PHONE: JsonObject = {
    "pattern": rf"^\s*$|^{_S}{_COUNTRY_CODE}(0{_S})?([0-9]{_S}){{10}}$|^{_S}([0-9]{_S}){{11}}$",
    # As a number: 10 or 11 digits, alone or after 91 or 910.
    "anyOf": [
        {"minimum": 10**9, "maximum": 10**11 - 1},
        {"minimum": 91 * 10**10, "maximum": 92 * 10**10 - 1},
        {"minimum": 910 * 10**10, "maximum": 911 * 10**10 - 1},
    ],
}
_ANY_PHONE: JsonObject = {
    "pattern": rf"^{_S}(\+{_S}|0{_S}0{_S})?([0-9]{_S}){{1,15}}$",
    "minimum": 0,
    "maximum": 10**15 - 1,
}
_INDIAN_PINCODE: JsonObject = {"pattern": r"^\s*([1-9][0-9]{5})?\s*$", "minimum": 100_000, "maximum": 999_999}
_INDIA = "[Ii][Nn]([Dd]([Ii][Aa])?)?"
_INDIAN_CODE: JsonObject = {
    "pattern": r"^\s*((\+|00)?91)?\s*$",
    "anyOf": [{"not": {"type": "number"}}, {"const": 91}],
}


def with_place_limits(described: JsonObject, form: PlaceForm) -> None:
    """Add the limits of a place to the description of the object that holds its fields."""
    fields: JsonObject = described["properties"]
    for name, longest in LONGEST.items():
        if (field := form.prefix + name) in fields:
            fields[field]["maxLength"] = longest
    phone, pincode = f"{form.prefix}phone", form.prefix + form.pincode
    fields[phone] |= _ANY_PHONE
    if phone not in described.get("required", ()):
        fields[phone]["pattern"] += r"|^\s*$"
    rules: list[JsonObject] = described.setdefault("allOf", [])
    is_indian = _is_indian(form)
    rules.append({"if": is_indian, "then": {"properties": {pincode: _INDIAN_PINCODE}}})
    if form.names_phones:
        with_code = {f"{form.prefix}phone_code": _INDIAN_CODE}
        condition = {**is_indian, "properties": is_indian["properties"] | with_code}
        rules.append({"if": condition, "then": {"properties": {phone: _INDIAN_PHONE}}})


def _is_indian(form: PlaceForm) -> JsonObject:
    """The condition that a place is in India: by its country, or because it names none."""
    country = form.prefix + form.country
    if form.default_country == "IN":
        return {"properties": {country: {"pattern": rf"^\s*({_INDIA})?\s*$", "not": {"type": "number"}}}}
    return {"properties": {country: {"type": "string", "pattern": rf"^\s*{_INDIA}\s*$"}}, "required": [country]}
