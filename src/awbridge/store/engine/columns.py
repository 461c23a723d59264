"""Columns of many rows on their way to PostgreSQL: texts and whole numbers as one text, split by the server.

asyncpg asks two abstract classes about each element of an array before it encodes it. To join a column takes a third of
that time, and the server splits it as fast as it reads an array.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

SEPARATOR, NULL = "\x1e", "\x1d"
LEAST_ROWS = 8  # with fewer, it makes no difference

_ARRAY = re.compile(r"\$(\d+)::(text|smallint|integer|bigint)\[\]")
_Columns = list[Sequence[object]]


@lru_cache(maxsize=1024)
def _split_by_server(sql: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """The statement for joined columns, and which columns those are, from 0: of texts, of numbers."""
    kinds = {int(found[1]) - 1: found[2] for found in _ARRAY.finditer(sql)}

    def split(found: re.Match[str]) -> str:
        array = f"string_to_array(${found[1]}::text, E'\\x1e', E'\\x1d')"
        return array if found[2] == "text" else f"{array}::{found[2]}[]"

    texts = tuple(place for place, kind in kinds.items() if kind == "text")
    return _ARRAY.sub(split, sql), texts, tuple(place for place in kinds if place not in texts)


def in_columns(sql: str, rows: Sequence[Sequence[object]]) -> tuple[str, _Columns]:
    """The statement over these rows, and its arguments: a column each.

    Where a text holds a separator, all columns are arrays.
    """
    columns: _Columns = list(map(list, zip(*rows, strict=True)))
    if len(rows) < LEAST_ROWS:
        return sql, columns
    splitting, texts, numbers = _split_by_server(sql)
    joined = columns.copy()
    for place in texts:
        text = _joined(columns[place])
        if text is None:
            return sql, columns
        joined[place] = text
    for place in numbers:
        joined[place] = SEPARATOR.join([NULL if value is None else str(value) for value in columns[place]])
    return splitting, joined


def _joined(column: Sequence[object]) -> str | None:
    """A column of texts as one; None where one of them holds a separator, or is none."""
    missing = column.count(None)
    values = [NULL if value is None else value for value in column] if missing else column
    try:
        text = SEPARATOR.join(cast("Sequence[str]", values))  # raises for any other type
    except TypeError:
        return None
    is_whole = text.count(SEPARATOR) == len(column) - 1 and text.count(NULL) == missing
    return text if is_whole else None
