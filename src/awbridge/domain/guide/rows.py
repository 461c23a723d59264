"""A row of the compliance table: a demand, whether this deployment meets it, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from awbridge.domain.guide.demands import Demand


class DemandState(StrEnum):
    """Whether a demand is met. `unknown`: nothing has happened yet that would show it."""

    OK = "ok"
    RED = "red"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What this deployment shows of a demand. `do`: what to do where it is not met; "" where it is."""

    verdict: DemandState
    found: str
    do: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideRow:
    """A demand with the evidence of this deployment."""

    demand: Demand
    evidence: Evidence


def some(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 order`, `2,000 orders`. `many`: the plural, by default with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def met(found: str) -> Evidence:
    """The demand is met."""
    return Evidence(verdict=DemandState.OK, found=found)


def broken(found: str, do: str) -> Evidence:
    """The demand is not met, and this is to be done."""
    return Evidence(verdict=DemandState.RED, found=found, do=do)


def not_yet(found: str, shown_by: str) -> Evidence:
    """Nothing has happened yet. `shown_by`: what will show it."""
    return Evidence(verdict=DemandState.UNKNOWN, found=found, do=shown_by)
