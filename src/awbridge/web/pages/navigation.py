"""The menu of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from awbridge.web.pages.language import gettext_noop
from awbridge.web.pages.visit import current_visit


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEntry:
    """A page in the menu. `below`: further first segments of paths that belong to it."""

    path: str
    title: str
    below: frozenset[str] = frozenset()

    @property
    def is_current(self) -> bool:
        """Whether the visitor is on this page or below it, and not at another entry of the menu."""
        path = current_visit().path
        if path in _PATHS:
            return path == self.path
        first = path.split("/")[1]
        return first == self.path[1:] or first in self.below

    @property
    def is_open(self) -> bool:
        """Whether the visitor's role covers this page."""
        return current_visit().may("GET", self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuGroup:
    """Pages of one kind of work."""

    title: str
    entries: Sequence[MenuEntry]


MENU = (
    MenuGroup(
        title=gettext_noop("Work"),
        entries=(
            MenuEntry(path="/", title=gettext_noop("Overview")),
            MenuEntry(path="/shipments", title=gettext_noop("Shipments"), below=frozenset({"payload", "search"})),
            MenuEntry(path="/failures", title=gettext_noop("Failures")),
            MenuEntry(path="/labels", title=gettext_noop("Labels")),
            MenuEntry(path="/ndr", title=gettext_noop("NDR")),
        ),
    ),
    MenuGroup(
        title=gettext_noop("Delivery"),
        entries=(
            MenuEntry(path="/couriers", title=gettext_noop("Couriers")),
            MenuEntry(path="/downtimes", title=gettext_noop("Downtimes")),
            MenuEntry(path="/allocation", title=gettext_noop("Allocation")),
        ),
    ),
    MenuGroup(
        title=gettext_noop("Records"),
        entries=(
            MenuEntry(path="/messages", title=gettext_noop("Messages")),
            MenuEntry(path="/reconciliation", title=gettext_noop("Reconciliation")),
            MenuEntry(path="/reports", title=gettext_noop("Reports")),
            MenuEntry(path="/dead-letters", title=gettext_noop("Dead letters")),
            MenuEntry(path="/alarms", title=gettext_noop("Alarms")),
        ),
    ),
    MenuGroup(
        title=gettext_noop("Set-up"),
        entries=(
            MenuEntry(path="/setup", title=gettext_noop("First steps")),
            MenuEntry(path="/setup/guide", title=gettext_noop("Guidelines")),
            MenuEntry(path="/endpoints", title=gettext_noop("Webhook subscribers")),
        ),
    ),
    MenuGroup(
        title=gettext_noop("Access"),
        entries=(
            MenuEntry(path="/people", title=gettext_noop("People")),
            MenuEntry(path="/keys", title=gettext_noop("API keys")),
            MenuEntry(path="/accounts", title=gettext_noop("Accounts")),
            MenuEntry(path="/audit", title=gettext_noop("Audit log")),
        ),
    ),
)

MENU_OF_AN_ACCOUNT = tuple(
    replace(group, entries=[entry for entry in group.entries if entry.path != "/accounts"]) for group in MENU
)

_PATHS = frozenset(entry.path for group in MENU for entry in group.entries)
