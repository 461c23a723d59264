"""docs/reference/events.md: every outgoing event, when it is sent, what it holds, and an example."""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from tools.reference.event_examples import examples
from tools.reference.markdown import NOT_RUN, code, linked, table
from tools.reference.texts import member_texts, own_texts

from awbridge.domain.notify import event_data
from awbridge.domain.notify.event_data import EventData
from awbridge.domain.notify.events import KIND_OF, PIECE_KIND_OF, EventKind

_COLUMNS = ("field", "values", "meaning")
_WORDS = {str: "text", int: "whole number", bool: "true or false", dict: "object"}
# What the events of a kind hold beside the fields that all have.
DATA: Mapping[EventKind, type] = {
    EventKind.SHIPMENT_PLACED: event_data.PlacedData,
    EventKind.SHIPMENT_REJECTED: event_data.StoppedData,
    EventKind.SHIPMENT_GAVE_UP: event_data.StoppedData,
    EventKind.SHIPMENT_CANCELLED: EventData,
    EventKind.SHIPMENT_NOT_CANCELLED: event_data.NotCancelledData,
    EventKind.STATUS_CHANGED: event_data.MovedData,
    **dict.fromkeys(KIND_OF.values(), event_data.MovedData),
    EventKind.DELAYED: event_data.OverdueData,
    EventKind.STUCK: event_data.OverdueData,
    EventKind.PIECE_STATUS_CHANGED: event_data.PieceMovedData,
    **dict.fromkeys(PIECE_KIND_OF.values(), event_data.PieceMovedData),
    **{kind: event_data.ReturnedData for kind in EventKind if kind.startswith(("return.", "exchange."))},
    EventKind.CUSTOMER_ANSWERED: event_data.AnsweredData,
}


def page() -> str:
    """The list of types, the fields that all events have, and a section for each type."""
    texts = dict(member_texts(EventKind))
    shown = examples()
    rows = [(f"[`{kind}`](#{_anchor(kind)})", texts[kind]) for kind in EventKind]
    parts = [
        "## Types\n\n",
        table(("type", "sent when"), rows),
        f"## Fields of every event\n\n{_text(EventData)}\n\n",
        table(_COLUMNS, rows_of(EventData)),
    ]
    for kind in EventKind:
        parts += [
            f"## {kind}\n\n{linked(texts[kind])}\n\n",
            table(_COLUMNS, [row for row in rows_of(DATA[kind]) if row not in rows_of(EventData)]),
            f"{NOT_RUN}\n```json\n{json.dumps(shown[kind], indent=2, ensure_ascii=False)}\n```\n\n",
        ]
    return "".join(parts)


def _anchor(kind: EventKind) -> str:
    return kind.replace(".", "")


def _text(owner: type) -> str:
    return linked(" ".join(inspect.cleandoc(owner.__doc__ or "").split()))


def rows_of(owner: type, path: str = "data.") -> list[tuple[str, str, str]]:
    """A row for each field, those of inner objects under their path. Raises ValueError where one has no text."""
    rows: list[tuple[str, str, str]] = []
    texts = {**own_texts(EventData), **own_texts(owner)}
    for name, kind in typing.get_type_hints(owner).items():
        text = texts.get(name) or (_text(kind) if typing.is_typeddict(kind) else "")
        if not text:
            raise ValueError(f"{owner.__name__}.{name} has no text")
        rows.append((code(path + name), _values(kind), text))
        if typing.is_typeddict(kind):
            rows += rows_of(kind, f"{path}{name}.")
    return rows


def _values(kind: Any) -> str:
    if typing.is_typeddict(kind):
        return "object"
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return " or ".join("null" if part is type(None) else _values(part) for part in inner)
    if origin is list:
        return "list of objects"
    return _WORDS[origin or kind]
