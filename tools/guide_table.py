"""The table of docs/reference/guide.md: `python -m tools.guide_table` writes it from the demands in the code."""

from __future__ import annotations

import posixpath
from pathlib import Path

from awbridge.domain.guide.demands import DEMANDS, Demand

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "guide.md"
HEADING = "## Demands\n\n"
_HEAD = "| | demand | met by | red when | settings | test |\n|---|---|---|---|---|---|\n"


def row(demand: Demand) -> str:
    """The line of a demand."""
    settings = ", ".join(f"`{name}`" for name in demand.settings)
    link = posixpath.relpath(demand.page, "reference")
    feature = f"{demand.feature} ([{Path(link).stem.replace('-', ' ')}]({link}))"
    return f"| {demand.number} | {demand.text} | {feature} | {demand.red} | {settings} | `{demand.test}` |\n"


def page() -> str:
    """The page as it has to be: its text up to the table, and the table of the code."""
    text, heading, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    return text + heading + _HEAD + "".join(map(row, DEMANDS))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
