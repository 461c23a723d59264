"""Suggests the nearest known name for an unknown one. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown_name(name: str, known: Iterable[str]) -> str:
    """The error text for an unknown name, with the nearest known name or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"is not known here: did you mean {near[0]}?"
    return (
        f"is not known here; known: {', '.join(names)}" if names else "is not known here: there are none to choose from"
    )
