"""A visit to a page: what every page knows of the request. Held in a context variable; templates need no argument."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a browser. `path` is the path that was asked for; `language` the one to answer in."""

    path: str = "/"
    language: str = "en"


VISIT: ContextVar[Visit] = ContextVar("visit")
_OUTSIDE = Visit()


def current_visit() -> Visit:
    """The visit that is being answered; outside of one, a visit in English."""
    return VISIT.get(_OUTSIDE)
