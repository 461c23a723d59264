"""docs/reference/library/models.md: the request models, every field with its unit and limit."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

from pydantic.fields import FieldInfo
from tools.reference.markdown import FOLDER, ROOT

from awbridge.clickpost import models
from awbridge.clickpost.models.base import RequestModel
from awbridge.clickpost.models.field_texts import field_texts
from awbridge.clickpost.models.neutral.parts import NeutralPart

PAGE = ROOT / FOLDER / "library" / "models.md"

PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", date: "day", Decimal: "number"}

HEAD = """# Request models

Made from the models in `awbridge.clickpost.models` by `python -m tools.reference`; a test holds it to them. How they
are used: [the client library](index.md#requests).
"""


def kind(annotation: Any) -> str:
    """A type as readers know it."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return kind(inner[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (typing.Union, types.UnionType):
        return _union([part for part in inner if part is not type(None)])
    if origin in (list, Sequence, tuple) or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return f"list of {kind(inner[0])}"
    if origin is dict or annotation is dict:
        return "object"
    if isinstance(annotation, type) and issubclass(annotation, (RequestModel, NeutralPart)):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    return PLAIN.get(annotation, "any")


def _union(parts: list[Any]) -> str:
    plain = {part for part in parts if isinstance(part, type)}
    if bool in plain:
        return "true or false"
    if datetime in plain:
        return "moment"
    if date in plain:
        return "day"
    if plain & {float, Decimal}:
        return "number"
    if plain == {str, int}:
        return "text"
    return " or ".join(dict.fromkeys(kind(part) for part in parts))


def row(name: str, field: FieldInfo, text: str) -> str:
    """One field as a line of the table, under the name it is sent by."""
    meaning = " ".join(text.split()).replace("|", "\\|")
    return (
        f"| `{field.alias or name}` | {kind(field.annotation)} | {'yes' if field.is_required() else ''} | {meaning} |"
    )


def section(model: type[RequestModel | NeutralPart]) -> str:
    """One model as a chapter."""
    texts = field_texts(model)
    missing = [name for name in model.model_fields if not texts.get(name)]
    if missing:
        raise ValueError(f"{model.__name__}: no text under {', '.join(missing)}")
    rows = [row(name, field, texts[name]) for name, field in model.model_fields.items()]
    table = ["| field | is | required | meaning |", "|---|---|---|---|", *rows]
    return "\n".join([f"## {model.__name__}", "", inspect.getdoc(model) or "", "", *table, ""])


def page() -> str:
    """The whole page."""
    named = [getattr(models, name) for name in sorted(models.__all__)]
    shown = [model for model in named if isinstance(model, type) and issubclass(model, (RequestModel, NeutralPart))]
    return "\n".join([HEAD, *(section(model) for model in shown)])
