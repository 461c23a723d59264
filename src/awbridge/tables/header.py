"""Where a table's columns are named, and what each of them means. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from awbridge.tables.cells import title_of

HEADER_WITHIN = 20  # rows; a title may stand above
_WORDS = re.compile(r"[^\W_]+")
_TOTAL = re.compile(
    r"(?:grand\s+|sub[\s-]?)?totals?"
    r"(?:\s+(?:orders|shipments|rows|records|parcels|items|awbs?|count|amount|value|cod|qty|quantity))?"
    r"(?:(?:\s*[:=]|\s+-|\s)\s*(?:rs\.?|inr|₹)?\s*[\d,.]*)?",
    re.IGNORECASE,
)

Columns = Mapping[str, int]  # what a column means -> its place


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderLayout:
    """What is looked for: `match` finds the columns among titles; a table has at least one of `needs`.

    `hint` is a sentence that tells people how columns may be called.
    """

    match: Callable[[Sequence[str]], Columns]
    needs: Sequence[str]
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The columns of a table. `last` is the place of the header's last row among the first rows."""

    last: int
    titles: Sequence[str]
    columns: Columns
    rows: Sequence[list[Any]] = field(repr=False)

    @property
    def unknown_titles(self) -> list[str]:
        """The titles that mean nothing here."""
        return [title for place, title in enumerate(self.titles) if title and place not in self.columns.values()]

    def is_again(self, cells: Sequence[Any], layout: HeaderLayout) -> bool:
        """Whether a row names the columns once more, in the same or in other words."""
        again = layout.match([title_of(cell) for cell in cells])
        same = sum(self.columns.get(meaning) == place for meaning, place in again.items())
        return same > 1 and 2 * same >= len(self.columns)


def layout_by_names(meanings: Mapping[str, Sequence[str]], needs: Sequence[str]) -> HeaderLayout:
    """A layout whose columns are found by `match_columns`. `meanings`: what a column may mean -> names for it."""
    return HeaderLayout(
        match=lambda titles: match_columns(titles, meanings),
        needs=needs,
        hint=f"Columns may be called: {', '.join(names[0] for names in meanings.values())}",
    )


def title_words(title: str) -> list[str]:
    """The words of a column's name, in small letters: signs, spaces and case count for nothing."""
    return _WORDS.findall(title.casefold())


def match_columns(titles: Sequence[str], meanings: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Meaning -> the column that has it. The exact name wins over one that only begins with it; no column means two
    things."""
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
    """The header among a table's first rows: the row of which most is understood, or two rows, of which the upper one
    names groups of columns; None where nothing is understood."""
    best: Header | None = None
    above: list[str] = []
    for place, cells in enumerate(head[:HEADER_WITHIN]):
        titles = [title_of(cell) for cell in cells]
        candidates = [(titles, [cells])]
        if any(above):
            candidates.append((_joined(above, titles, layout), [head[place - 1], cells]))
        for named, rows in candidates:
            columns = layout.match(named)
            if columns and (best is None or len(columns) > len(best.columns)):
                best = Header(last=place, titles=named, columns=columns, rows=rows)
        above = titles
    return best


def _joined(groups: Sequence[str], titles: Sequence[str], layout: HeaderLayout) -> list[str]:
    """Titles that mean nothing by themselves, with their group before them; a group holds until the next one begins."""
    known = layout.match(titles).values()
    joined: list[str] = []
    group = ""
    for place, title in enumerate(titles):
        group = (groups[place] if place < len(groups) else "") or group
        joined.append(title if place in known else f"{group} {title}".strip())
    return joined


def is_total(cells: Sequence[Any]) -> bool:
    """Whether a row sums up others: the first thing it says is Total, Grand Total or the like."""
    first = next((cell for cell in cells if cell not in ("", None)), None)
    return isinstance(first, str) and _TOTAL.fullmatch(title_of(first)) is not None
