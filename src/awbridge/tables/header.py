"""The header of a table: which row it is and what its columns mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from awbridge.tables.cells import title_of

HEADER_WITHIN = 20  # rows; a title may be above
_WORDS = re.compile(r"[^\W_]+")
_TOTAL = re.compile(
    r"(?:grand\s+|sub[\s-]?)?totals?"
    r"(?:\s+(?:orders|shipments|rows|records|parcels|items|awbs?|count|amount|value|cod|qty|quantity))?"
    r"(?:(?:\s*[:=]|\s+-|\s)\s*(?:rs\.?|inr|₹)?\s*[\d,.]*)?",
    re.IGNORECASE,
)

Columns = Mapping[str, int]  # meaning -> index of the column


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderLayout:
    """The columns to find: `match` maps titles to columns; a table must have at least one of `needs`.

    `hint` is a sentence for people on the names of columns.
    """

    match: Callable[[Sequence[str]], Columns]
    needs: Sequence[str]
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The columns of a table. `last` is the index of the header's last row among the first rows."""

    last: int
    titles: Sequence[str]
    columns: Columns
    rows: Sequence[list[Any]] = field(repr=False)

    @property
    def unknown_titles(self) -> list[str]:
        return [title for index, title in enumerate(self.titles) if title and index not in self.columns.values()]

    def is_repeated_by(self, cells: Sequence[Any], layout: HeaderLayout) -> bool:
        """Whether a row names the same columns again, with the same or other titles."""
        repeated = layout.match([title_of(cell) for cell in cells])
        same = sum(self.columns.get(meaning) == index for meaning, index in repeated.items())
        return same > 1 and 2 * same >= len(self.columns)


def layout_by_names(meanings: Mapping[str, Sequence[str]], needs: Sequence[str]) -> HeaderLayout:
    """A layout that finds columns by `match_columns`. `meanings`: meaning -> names of its column."""
    return HeaderLayout(
        match=lambda titles: match_columns(titles, meanings),
        needs=needs,
        hint=f"Recognised column names: {', '.join(names[0] for names in meanings.values())}",
    )


def title_words(title: str) -> list[str]:
    """The words of a column title, in lower case. Punctuation, spaces and case are ignored."""
    return _WORDS.findall(title.casefold())


def match_columns(titles: Sequence[str], meanings: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Meaning -> index of its column. An exact title wins over one that only begins with the name; a column has one
    meaning."""
    named = [" ".join(title_words(title)) for title in titles]
    found: dict[str, int] = {}
    for is_match in (_is_exactly, _begins_with):
        for meaning, names in meanings.items():
            if meaning in found:
                continue
            for name in names:
                free = (c for c, title in enumerate(named) if c not in found.values() and is_match(title, name))
                if (column := next(free, None)) is not None:
                    found[meaning] = column
                    break
    return found


def _is_exactly(title: str, name: str) -> bool:
    return title.replace(" ", "") == name.replace(" ", "")


def _begins_with(title: str, name: str) -> bool:
    return f"{title} ".startswith(f"{name} ")


def find_header(head: Sequence[list[Any]], layout: HeaderLayout) -> Header | None:
    """The header among the first rows: the row with the most recognised columns, or two rows, of which the upper one
    names groups of columns. None if no column is recognised."""
    best: Header | None = None
    above: list[str] = []
    for index, cells in enumerate(head[:HEADER_WITHIN]):
        titles = [title_of(cell) for cell in cells]
        candidates = [(titles, [cells])]
        if any(above):
            candidates.append((_with_groups(above, titles, layout), [head[index - 1], cells]))
        for named, rows in candidates:
            columns = layout.match(named)
            if columns and (best is None or len(columns) > len(best.columns)):
                best = Header(last=index, titles=named, columns=columns, rows=rows)
        above = titles
    return best


def _with_groups(groups: Sequence[str], titles: Sequence[str], layout: HeaderLayout) -> list[str]:
    """The titles; unrecognised ones are prefixed with their group. A group extends to the next one."""
    known = layout.match(titles).values()
    joined: list[str] = []
    group = ""
    for index, title in enumerate(titles):
        group = (groups[index] if index < len(groups) else "") or group
        joined.append(title if index in known else f"{group} {title}".strip())
    return joined


def is_total(cells: Sequence[Any]) -> bool:
    """Whether a row sums up others: its first value is Total, Grand Total or similar."""
    first = next((cell for cell in cells if cell not in ("", None)), None)
    return isinstance(first, str) and _TOTAL.fullmatch(title_of(first)) is not None
