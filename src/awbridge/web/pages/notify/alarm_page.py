"""The page of alarms."""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.notify import alarms
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import PageTemplates

_CLEARED_SHOWN_FOR = timedelta(days=1)


def routes(store: Store, clock: Clock, templates: PageTemplates) -> list[PageRoute]:
    """The route, on this store."""

    async def list_alarms(_request: Request) -> Response:
        async with store.read() as session:
            recent = await alarms.since(session, clock() - _CLEARED_SHOWN_FOR)
        raised = [a for a in recent if a.cleared_at is None]
        return templates.page("alarms", raised=raised, cleared=[a for a in recent if a.cleared_at])

    return [PageRoute("/alarms", list_alarms)]
