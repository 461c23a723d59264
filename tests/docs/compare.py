"""Whether an output is the one that a page shows, but for what varies from run to run."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

# What an output may vary in, by the name that a page gives it: the text that is replaced on both sides.
VARIES = {
    "time": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|[+-]\d\d:?\d\d|[A-Z]{3,4}))?",
    "day": r"\d{4}-\d\d-\d\d",
    "duration": r"\d+(\.\d+)? ?(ms|s|min|h|d)\b",
    "id": r"\b([0-9a-f]{24}|\d{17,20})\b",
    "waybill": r"\b\d{10,16}\b",
    "token": r"\b[a-z2-7]{16}\b",
    "number": r"\b\d+(\.\d+)?\b",
    "version": r"\b\d+\.\d+\.\d+(\.dev\d+|[ab]\d+)?\b",
    "spaces": r" +",
}


def difference(shown: str, printed: str, varies: str = "") -> str:
    """How the printed output differs from the one shown; "" if it does not.

    `varies` names what is not compared, after commas. A line of the page that is `...` stands for any lines.
    """
    names = [name.strip() for name in varies.split(",") if name.strip()]
    if unknown := [name for name in names if name not in VARIES]:
        return f"an output does not vary in {', '.join(unknown)}, but in {', '.join(VARIES)}"
    ours, theirs = _same(shown, names), _same(printed, names)
    if _matches(ours, theirs):
        return ""
    return "\n".join(difflib.unified_diff(ours, theirs, "the page", "printed", lineterm=""))


def shape(value: Any) -> Any:
    """The names of all fields of a JSON value, nested, with those of the first item of each list."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def _same(text: str, varies: list[str]) -> list[str]:
    value = _as_json(text)
    if value is not None:
        text = json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True)
    for name in varies:
        text = re.sub(VARIES[name], f"<{name}>" if name != "spaces" else " ", text)
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def _as_json(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None


def _matches(shown: list[str], printed: list[str]) -> bool:
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def differing_prints(source: str, printed: str) -> str:
    """How what a program printed differs from the `# -> value` beside its calls of print; "" if it does not."""
    said = re.findall(r"# -> (.*)$", source, re.MULTILINE)
    return difference("\n".join(said), printed) if said else ""
