"""Tables as text: a row is a line that is never wrapped or cut in a pipe; a terminal gets what fits its width."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

# Free text, which a narrow terminal may cut. Everything else identifies or counts something and is never cut.
_PROSE = frozenset(
    {
        *("ClickPost's", "cause", "do", "found", "ours", "problem", "reason", "remark", "result", "status", "text"),
        *("unmet", "verdict", "warning", "why"),
    }
)
_AFTER_HEADER = 2  # columns that are left free after a header
_GAP = "  "  # between two columns
_SHORTEST = 16  # what is left of a text that is cut, in columns of the terminal


def table(rows: Sequence[Mapping[str, Any]], zone: ZoneInfo, *, width: int | None) -> str:
    """Rows as lines under a header. `width`: of the terminal, None where nothing limits a line.

    Where the lines are too wide for the terminal, free text is cut; where that is not enough, each row becomes a block
    of lines, one for each field.
    """
    names = [name.replace("_", " ") for name in rows[0]]
    cells = [[_cell(value, zone) for value in row.values()] for row in rows]
    if width is not None and _width(names, cells) > width:
        cut = _cut(list(rows[0]), names, cells, width)
        if cut is None:
            return _blocks(names, cells)
        cells = cut
    widths = _widths(names, cells)
    return "\n".join(_GAP.join(map(_padded, row, widths)).rstrip() for row in [names, *cells])


def terminal_width() -> int | None:
    """The columns of the terminal on standard output; None if that is a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def local(at: datetime, zone: ZoneInfo) -> str:
    """A time for people: in the account's zone, to the second."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def _cell(value: Any, zone: ZoneInfo) -> str:
    """The value on one line. Control characters, as in a courier's remark, would change the terminal's state."""
    if isinstance(value, datetime):
        return local(value, zone)
    text = "" if value is None else str(value)
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text).strip()


def _width(names: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    return sum(_widths(names, cells)) + len(_GAP) * (len(names) - 1)


def _widths(names: Sequence[str], cells: Sequence[Sequence[str]]) -> list[int]:
    return [
        max(_columns(name) + _AFTER_HEADER, *map(_columns, column)) for name, *column in zip(names, *cells, strict=True)
    ]


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from apsw.unicode import text_width  # of SQLite's package, which is there anyway

    width = text_width(text)
    return width if width >= 0 else len(text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))


def _cut(
    keys: Sequence[str], names: Sequence[str], cells: Sequence[Sequence[str]], width: int
) -> list[list[str]] | None:
    """The cells with free text cut so that a row fits; None if that does not suffice."""
    widths = _widths(names, cells)
    excess = sum(widths) + len(_GAP) * (len(names) - 1) - width
    for place in sorted((i for i, key in enumerate(keys) if key in _PROSE), key=lambda i: -widths[i]):
        less = min(excess, widths[place] - max(_SHORTEST, _columns(names[place]) + _AFTER_HEADER))
        if less > 0:
            widths[place] -= less
            excess -= less
    if excess > 0:
        return None
    return [[_shortened(text, most) for text, most in zip(row, widths, strict=True)] for row in cells]


def _shortened(text: str, most: int) -> str:
    if _columns(text) <= most:
        return text
    while _columns(text) > most - 1:
        text = text[:-1]
    return text + "…"


def _blocks(names: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    longest = max(map(_columns, names))
    rows = (zip(names, row, strict=True) for row in cells)
    return "\n\n".join("\n".join(f"{name:<{longest}}  {text}".rstrip() for name, text in row) for row in rows)
