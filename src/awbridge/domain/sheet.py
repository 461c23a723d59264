"""Spreadsheet cells: text from customers or couriers must never run as a formula."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_STARTS_FORMULA = frozenset("=+-@|%\u2212")  # also in full width; \u2212 is the minus sign
_LINE_FEEDS = ("\t", "\r", "\n")  # may start a new cell
# Invisible letters and signs: Hangul and Khmer fillers, the empty Braille pattern.
_INVISIBLE = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
LONGEST_CELL = 32_000  # characters; spreadsheets cut at 32,767


def cell(value: Any) -> str:
    """A value as text. A leading apostrophe keeps text that would start a formula from running."""
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return str(value)
    text = str(value).replace("\x00", "\ufffd")[:LONGEST_CELL]
    return f"'{text}" if starts_formula(text) else text


def starts_formula(text: str) -> bool:
    """Whether a spreadsheet may read text as a formula, also after spaces, controls and invisible signs."""
    if text.startswith(_LINE_FEEDS):
        return True
    first = next((sign for sign in text if not _is_invisible(sign)), "")
    return not first.isalnum() and unicodedata.normalize("NFKC", first)[:1] in _STARTS_FORMULA


def _is_invisible(sign: str) -> bool:
    # Separators, controls and combining marks.
    return sign in _INVISIBLE or unicodedata.category(sign)[0] in "ZCM"


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV for a spreadsheet: quoted, with a byte-order mark so that Excel reads UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return "\ufeff" + out.getvalue()
