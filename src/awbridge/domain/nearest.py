"""What somebody who wrote an unknown name may have meant. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Why an unknown name is refused: the nearest known one, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"is not known here: is {near[0]} meant?"
    return f"is not known here; known: {', '.join(names)}" if names else "is not known here: there is none to give"
