"""The menu of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from awbridge.web.pages.language import gettext_noop
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
        title=gettext_noop("Work"),
        entries=(
            Entry(path="/", title=gettext_noop("Overview")),
            Entry(path="/shipments", title=gettext_noop("Shipments"), below=frozenset({"payload", "search"})),
            Entry(path="/failures", title=gettext_noop("Failures")),
            Entry(path="/labels", title=gettext_noop("Labels")),
            Entry(path="/ndr", title=gettext_noop("NDR")),
        ),
    ),
    Group(
        title=gettext_noop("Delivery"),
        entries=(
            Entry(path="/couriers", title=gettext_noop("Couriers")),
            Entry(path="/downtimes", title=gettext_noop("Downtimes")),
            Entry(path="/allocation", title=gettext_noop("Allocation")),
        ),
    ),
    Group(
        title=gettext_noop("Records"),
        entries=(
            Entry(path="/messages", title=gettext_noop("Messages")),
            Entry(path="/reconciliation", title=gettext_noop("Reconciliation")),
            Entry(path="/reports", title=gettext_noop("Reports")),
            Entry(path="/dead-letters", title=gettext_noop("Dead letters")),
            Entry(path="/alarms", title=gettext_noop("Alarms")),
        ),
    ),
    Group(
        title=gettext_noop("Set-up"),
        entries=(
            Entry(path="/setup", title=gettext_noop("First steps")),
            Entry(path="/endpoints", title=gettext_noop("Webhook subscribers")),
        ),
    ),
    Group(
        title=gettext_noop("Access"),
        entries=(
            Entry(path="/people", title=gettext_noop("People")),
            Entry(path="/keys", title=gettext_noop("API keys")),
            Entry(path="/audit", title=gettext_noop("Audit log")),
        ),
    ),
)
