"""Markdown of the generated parts: tables, links from the repository's root, and the mark under which they begin."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "docs/reference"
MARK = "[//]: # (Below this line: python -m tools.reference)\n"

# For the harness that runs the blocks of the pages.
NOT_RUN = "<!-- not run: an example of data, made from the code; tests/test_reference.py compares it -->"

_LINK = re.compile(r"\]\((docs/[^)\s]+)\)")


def head_of(name: str) -> str:
    """What people wrote of a page: everything up to the mark. Raises ValueError where the page has none."""
    text, mark, _ = (ROOT / FOLDER / f"{name}.md").read_text(encoding="utf-8").partition(MARK)
    if not mark:
        raise ValueError(f"{FOLDER}/{name}.md has no line {MARK.strip()}")
    return text + mark


def linked(text: str) -> str:
    """A text with links from the repository's root, as a page of the reference has it."""
    return _LINK.sub(lambda found: f"]({posixpath.relpath(found[1], FOLDER)})", text)


def cell(text: str) -> str:
    """A text as a cell of a table: on one line, its links relative to the page."""
    return linked(" ".join(text.split())).replace("|", "\\|")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, with an empty line after it; "" without rows. A column that is empty in every row is left out."""
    filled = [[cell(text) for text in row] for row in rows]
    kept = [place for place in range(len(columns)) if any(row[place] for row in filled)]
    lines = [f"| {' | '.join(row[place] for place in kept)} |\n" for row in (columns, *filled)]
    lines.insert(1, "|" + "---|" * len(kept) + "\n")
    return "".join(lines) + "\n" if filled else ""


def code(text: str) -> str:
    """A text as code; "" stays empty."""
    return f"`{text}`" if text else ""


def codes(texts: Iterable[str]) -> str:
    """Texts as code, separated by commas."""
    return ", ".join(code(text) for text in texts)
