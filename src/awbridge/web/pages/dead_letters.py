"""The page of dead letters: deliveries that could not be applied, with their bodies, and the button to retry them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.tracking import inbox
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates

SHOWN = 100  # the newest


def routes(store: Store, clock: Clock, templates: PageTemplates) -> list[PageRoute]:
    """The routes, on this store."""

    async def list_dead_letters(request: Request) -> Response:
        async with store.read() as session:
            found = await inbox.problems(session, limit=SHOWN)
        due = request.query_params.get("due", "")
        return templates.page("dead_letters", letters=found, limit=SHOWN, due=due if due.isdecimal() else "")

    async def retry_dead_letters(_request: Request) -> Response:
        async with store.write() as session:
            due = await inbox.replay(session, now=clock())
        return RedirectResponse(f"/dead-letters?due={due}", 303, headers=HEADERS)

    return [
        PageRoute("/dead-letters", list_dead_letters, parameters={"due": ANY_VALUE}),
        PageRoute("/dead-letters/retry", retry_dead_letters, method="POST"),
    ]
