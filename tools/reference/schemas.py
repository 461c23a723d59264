"""JSON Schema in words: the values of a field with their limits, and tables of the fields of an object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools.reference.markdown import code, table

Schema = Mapping[str, Any]

_REFERENCE = "#/components/schemas/"
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
_FORMATS = {"date-time": "time (ISO 8601)", "date": "day (ISO 8601)", "uri": "URL", "binary": "bytes"}
_OF_NUMBERS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}
_LIMITS = {
    "integer": _OF_NUMBERS,
    "number": _OF_NUMBERS,
    "string": {"minLength": "at least {} characters", "maxLength": "at most {} characters"},
    "array": {"minItems": "at least {} of them", "maxItems": "at most {} of them"},
}
_ANY = "any value"
_MANY = 12  # values of an enum that are listed where it is used; more are listed once, under its name


def name_of(schema: Schema) -> str:
    """The name of the schema that is referred to; "" where none is."""
    return str(schema.get("$ref", "")).removeprefix(_REFERENCE)


def anchor(name: str) -> str:
    """The anchor of a heading with this text."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def values(schema: Schema, schemas: Mapping[str, Schema]) -> str:
    """What the values of a field are, in words."""
    if name := name_of(schema):
        inner = schemas.get(name, {})
        if "enum" in inner and len(inner["enum"]) <= _MANY:
            return values(inner, schemas)
        return f"[{name}](#{anchor(name)})"
    if "const" in schema:
        return _constant(schema["const"])
    if "enum" in schema:
        return ", ".join(_constant(value) for value in schema["enum"])
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            parts = dict.fromkeys(values(part, schemas) for part in schema[joined])
            told = [part for part in parts if part != _ANY] or [_ANY]
            return (" and " if joined == "allOf" else " or ").join(told)
    return _plain(schema, schemas)


def _constant(value: object) -> str:
    return code(value) if isinstance(value, str) and value else code(json.dumps(value))


def _plain(schema: Schema, schemas: Mapping[str, Schema]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(_plain({**schema, "type": one}, schemas) for one in kind)
    if kind == "array":
        words = f"list of {_several(values(schema.get('items', {}), schemas))}"
    elif kind == "object":
        inner = schema.get("additionalProperties")
        words = f"object with values: {values(inner, schemas)}" if isinstance(inner, dict) and inner else "object"
    elif kind == "string":
        words = _FORMATS.get(str(schema.get("format")), "text")
    else:
        words = _WORDS.get(str(kind), _ANY)
    limits = [text.format(schema[name]) for name, text in _LIMITS.get(str(kind), {}).items() if name in schema]
    return ", ".join([words, *limits])


def _several(words: str) -> str:
    return "objects" if words == "object" else words or _ANY


def meaning(schema: Schema) -> str:
    """The description of a field, with its default and an example."""
    parts = [str(schema.get("description", ""))]
    if schema.get("default") not in (None, "", [], {}):
        parts.append(f"Default: {code(json.dumps(schema['default'], ensure_ascii=False))}.")
    if examples := schema.get("examples"):
        parts.append(f"Example: {code(json.dumps(examples[0], ensure_ascii=False))}.")
    return " ".join(filter(None, parts))


def fields(schema: Schema, schemas: Mapping[str, Schema]) -> str:
    """The table of an object's fields, those of inner objects under their path; "" if it has none."""
    return table(("field", "values", "required", "meaning"), list(_rows(schema, schemas, "")))


def _rows(schema: Schema, schemas: Mapping[str, Schema], path: str) -> Iterator[tuple[str, ...]]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield code(path + name), values(field, schemas), "yes" if name in required else "", meaning(field)
        yield from _rows(field, schemas, f"{path}{name}.")
        if isinstance(field.get("items"), dict):
            yield from _rows(field["items"], schemas, f"{path}{name}[].")
    for part in schema.get("allOf", ()):
        yield from _rows(part, schemas, path)
