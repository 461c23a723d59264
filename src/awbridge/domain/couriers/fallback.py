"""Fallback: the next transporter of a refused shipment, and the reference number of its successor. Pure."""

from __future__ import annotations

from collections.abc import Mapping

LONGEST_CHAIN = 3  # fallbacks after the first transporter


def chain(transporter: str, fallbacks: Mapping[str, str | None]) -> list[str]:
    """The transporters that follow this one, in order. Stops at a loop and after LONGEST_CHAIN."""
    found: list[str] = []
    following = fallbacks.get(transporter)
    while following and following != transporter and following not in found and len(found) < LONGEST_CHAIN:
        found.append(following)
        following = fallbacks.get(following)
    return found


def chain_problem(fallbacks: Mapping[str, str | None]) -> str | None:
    """Describe what is wrong with a set of fallbacks; None if they are valid."""
    for transporter, first in sorted(fallbacks.items()):
        seen = [transporter]
        following = first
        while following:
            if following not in fallbacks:
                return f"the fallback {following!r} of {seen[-1]!r} is not known"
            if following in seen:
                return f"the fallbacks form a loop: {' -> '.join([*seen, following])}"
            seen.append(following)
            if len(seen) > LONGEST_CHAIN + 1:
                return f"more than {LONGEST_CHAIN} fallbacks in a row: {' -> '.join(seen)}"
            following = fallbacks[following]
    return None


def successor_reference(first: str, number: int, longest: int) -> str:
    """The reference number of a successor (`number` 2 is the first), cut to `longest` characters."""
    ending = f"-{number}"
    return first[: longest - len(ending)] + ending
