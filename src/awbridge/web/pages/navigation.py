"""The menu of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from awbridge.web.pages.visit import current_visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A page in the menu. `below`: further first segments of paths that belong to it."""

    path: str
    title: str
    below: frozenset[str] = frozenset()

    @property
    def is_current(self) -> bool:
        """Whether the visitor is on this page or below it."""
        first = current_visit().path.split("/")[1]
        return first == self.path[1:] or first in self.below

    @property
    def is_open(self) -> bool:
        """Whether the visitor's role covers this page."""
        return current_visit().may("GET", self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Pages of one kind of work."""

    title: str
    entries: Sequence[Entry]


MENU = (
    Group(
        title="Work",
        entries=(
            Entry(path="/", title="Overview"),
            Entry(path="/shipments", title="Shipments", below=frozenset({"payload", "search"})),
            Entry(path="/failures", title="Failures"),
            Entry(path="/ndr", title="NDR"),
        ),
    ),
    Group(
        title="Delivery",
        entries=(Entry(path="/couriers", title="Couriers"),),
    ),
    Group(
        title="Records",
        entries=(
            Entry(path="/dead-letters", title="Dead letters"),
            Entry(path="/alarms", title="Alarms"),
        ),
    ),
    Group(
        title="Set-up",
        entries=(Entry(path="/endpoints", title="Webhook subscribers"),),
    ),
    Group(
        title="Access",
        entries=(
            Entry(path="/people", title="People"),
            Entry(path="/keys", title="API keys"),
            Entry(path="/audit", title="Audit log"),
        ),
    ),
)
