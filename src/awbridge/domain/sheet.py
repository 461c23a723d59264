"""Values for a spreadsheet: nothing that a customer or courier wrote may run there as a formula."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

_STARTS_FORMULA = frozenset("=+-@|%\u2212")  # or what is one of them in another width; \u2212 is the minus sign
_LINE_FEEDS = ("\t", "\r", "\n")  # with which a cell may begin another one
# Letters and signs that show nothing: Hangul and Khmer fillers, the empty Braille pattern.
_EMPTY_SIGNS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
LONGEST_CELL = 32_000  # characters; spreadsheets cut at 32,767


def cell(value: Any) -> str:
    """A value as text. One that would start a formula is led by an apostrophe, which spreadsheets show as text."""
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return str(value)
    text = str(value).replace("\x00", "\ufffd")[:LONGEST_CELL]
    return f"'{text}" if starts_formula(text) else text


def starts_formula(text: str) -> bool:
    """Whether a spreadsheet may take text for a formula, also behind spaces, controls and signs that show nothing."""
    if text.startswith(_LINE_FEEDS):
        return True
    first = next((sign for sign in text if not _shows_nothing(sign)), "")
    return not first.isalnum() and unicodedata.normalize("NFKC", first)[:1] in _STARTS_FORMULA


def _shows_nothing(sign: str) -> bool:
    # Separators, controls and marks that belong to a letter before them.
    return sign in _EMPTY_SIGNS or unicodedata.category(sign)[0] in "ZCM"


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV for a spreadsheet: quoted, with a byte-order mark so that Excel reads UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return "\ufeff" + out.getvalue()
