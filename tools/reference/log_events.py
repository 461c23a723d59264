"""The events that the code logs: each with its levels and fields, found in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tools.reference.log_texts import DECIDED_LATER, MEANINGS
from tools.reference.markdown import ROOT

SOURCE = ROOT / "src" / "awbridge"
_SAME = {"exception": "error"}  # methods that log at the level of another
_NO_FIELDS = {"exc_info"}


@dataclass(slots=True)
class LogEvent:
    """An event. `levels`: those at which it is logged. `fields`: those that are named where it is logged."""

    levels: set[str] = field(default_factory=set[str])
    fields: set[str] = field(default_factory=set[str])


def log_events() -> dict[str, LogEvent]:
    """Every event by name, sorted. Raises ValueError where one has no meaning, or a meaning has no event."""
    found: dict[str, LogEvent] = {
        name: LogEvent({level}, set(fields)) for name, (level, fields) in DECIDED_LATER.items()
    }
    for file in sorted(SOURCE.rglob("*.py")):
        for function, call in _calls(file):
            if isinstance(call.args[0], ast.Constant):
                event = found.setdefault(str(call.args[0].value), LogEvent())
                event.levels.add(_level(call))
                event.fields |= {name for word in call.keywords for name in _names(word, function)} - _NO_FIELDS
    unknown, gone = sorted(set(found) - set(MEANINGS)), sorted(set(MEANINGS) - set(found))
    if unknown or gone:
        raise ValueError(f"tools/reference/log_texts.py: no meaning of {unknown}, no event for {gone}")
    return dict(sorted(found.items()))


def _calls(file: Path) -> Iterator[tuple[ast.AST, ast.Call]]:
    """The calls of the module's logger, each with the function that makes it."""
    text = file.read_text(encoding="utf-8")
    if "structlog.get_logger" not in text:
        return
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                owner = node.func.value
                if isinstance(owner, ast.Name) and owner.id == "log":
                    yield function, node


def _names(word: ast.keyword, function: ast.AST) -> set[str]:
    """The fields of a keyword: its own name, or the keys of the dictionary of that function which it unpacks."""
    if word.arg:
        return {word.arg}
    if not isinstance(word.value, ast.Name):
        return set()
    given = {
        key.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        if any(isinstance(target, ast.Name) and target.id == word.value.id for target in node.targets)
        for key in node.value.keys
        if isinstance(key, ast.Constant)
    }
    return set(map(str, given))


def _level(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    return _SAME.get(call.func.attr, call.func.attr)
