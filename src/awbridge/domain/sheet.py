"""Values for a spreadsheet: nothing that a customer or courier wrote may run there as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")
LONGEST_CELL = 32_000  # characters; spreadsheets cut at 32,767


def cell(value: Any) -> str:
    """A value as text. One that would start a formula is led by an apostrophe, which spreadsheets show as text."""
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return str(value)
    text = str(value).replace("\x00", "\ufffd")[:LONGEST_CELL]
    return f"'{text}" if text.lstrip(" \u00a0\ufeff").startswith(_STARTS_FORMULA) else text


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV for a spreadsheet: quoted, with a byte-order mark so that Excel reads UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return "\ufeff" + out.getvalue()
