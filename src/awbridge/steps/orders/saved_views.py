"""Named filters of the list of shipments: save one, remove one. They are shared by everyone."""

from __future__ import annotations

from awbridge.domain.errors import NotFound, NotValid
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.orders import saved_views
from awbridge.store.people import audit_log

LONGEST_NAME = 40  # characters: it is a tab
MOST_VIEWS = 50


async def save_view(*, store: Store, clock: Clock, name: str, query: str) -> str:
    """Store a view in place of one of the same name; the name as stored. Raises NotValid."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise NotValid(f"a view needs a name of 1 to {LONGEST_NAME} characters")
    async with store.write() as session:
        names = {view.name for view in await saved_views.every(session)}
        if name not in names and len(names) >= MOST_VIEWS:
            raise NotValid(f"there are {MOST_VIEWS} views already; remove one first")
        await saved_views.save(session, name, query, now=clock())
        await audit_log.record(session, AuditAction.VIEW_SAVED, name, now=clock())
    return name


async def remove_view(*, store: Store, name: str) -> None:
    """Remove a view. Raises NotFound."""
    async with store.write() as session:
        if not await saved_views.remove(session, name):
            raise NotFound(f"there is no view {name}")
        await audit_log.record(session, AuditAction.VIEW_REMOVED, name)
