"""Figures of a benchmark, kept for the table of all benchmarks (`python -m bench table`)."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT_IN = "BENCH_FIGURES"  # the file that collects them; without it nothing is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. `peer`: the same of the peer in the same run. `least` or `most`: the limit that is asked for."""

    line: str
    now: float
    unit: str
    peer: float | None = None
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the figure keeps its limit; True without one."""
        return (self.least is None or self.now >= self.least) and (self.most is None or self.now <= self.most)


def keep(figure: Figure) -> None:
    """Keep a figure, if somebody collects them."""
    if path := os.environ.get(KEPT_IN):
        with Path(path).open("a") as file:
            file.write(json.dumps(asdict(figure)) + "\n")


def kept(path: Path) -> list[Figure]:
    """The figures that were kept in a file."""
    return [Figure(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
