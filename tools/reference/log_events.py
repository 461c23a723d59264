"""The events that the code logs: each with its levels and fields, found in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tools.reference.log_texts import LEVELS, MEANINGS
from tools.reference.markdown import ROOT

SOURCE = ROOT / "src" / "awbridge"
_SAME = {"exception": "error"}  # methods that log at the level of another
_NO_FIELDS = {"exc_info"}


@dataclass(slots=True)
class LogEvent:
    """An event. `levels`: those at which it is logged. `fields`: those that are written where it is logged."""

    levels: set[str] = field(default_factory=set[str])
    fields: set[str] = field(default_factory=set[str])


def log_events() -> dict[str, LogEvent]:
    """Every event by name, sorted. Raises ValueError where one has no meaning, or a meaning has no event."""
    found: dict[str, LogEvent] = {name: LogEvent({level}) for name, level in LEVELS.items()}
    for file in sorted(SOURCE.rglob("*.py")):
        for call in _calls(file):
            if isinstance(call.args[0], ast.Constant):
                event = found.setdefault(str(call.args[0].value), LogEvent())
                event.levels.add(_level(call))
                event.fields |= {word.arg for word in call.keywords if word.arg} - _NO_FIELDS
    unknown, gone = sorted(set(found) - set(MEANINGS)), sorted(set(MEANINGS) - set(found))
    if unknown or gone:
        raise ValueError(f"tools/reference/log_texts.py: no meaning of {unknown}, no event for {gone}")
    return dict(sorted(found.items()))


def _calls(file: Path) -> Iterator[ast.Call]:
    """The calls of the module's logger."""
    text = file.read_text(encoding="utf-8")
    if "structlog.get_logger" not in text:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id == "log":
                yield node


def _level(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    return _SAME.get(call.func.attr, call.func.attr)
