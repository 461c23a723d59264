"""The page of the signed-in person: their password and their sessions."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotValid
from awbridge.domain.people.actor import Actor
from awbridge.domain.people.credentials import SHORTEST_PASSWORD
from awbridge.steps.people import people as steps
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.people import people, sessions
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.visit import current_visit


class MePages:
    """One's own password and sessions, on one store."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates

    def routes(self) -> list[PageRoute]:
        """The routes of the page."""
        return [
            PageRoute("/people/me", self.show_me, parameters={"done": ("password", "sessions")}),
            PageRoute("/people/me/password", self.change_password, method="POST"),
            PageRoute("/people/me/end-others", self.end_others, method="POST"),
        ]

    async def _page(self, *, done: str = "", problem: str = "", status: int = 200) -> Response:
        actor = _person()
        async with self._store.read() as session:
            found = await sessions.of_person(session, actor.person_id, now=self._clock())
            person = await people.get(session, actor.person_id)
        return self._templates.page(
            "people/me",
            status=status,
            sessions=[(one, one.token_sha256 == actor.session) for one in found],
            has_password=person is not None and person.password_hash is not None,
            problem=problem,
            done=done,
            shortest=SHORTEST_PASSWORD,
        )

    async def show_me(self, request: Request) -> Response:
        """The page."""
        return await self._page(done=request.query_params.get("done", ""))

    async def change_password(self, request: Request) -> Response:
        """Change the password; every other session ends."""
        values, actor = dict(await read_form(request)), _person()
        if values.get("password", "") != values.get("again"):
            return await self._page(problem=gettext("The two passwords differ."), status=422)
        try:
            await steps.change_own_password(
                store=self._store,
                clock=self._clock,
                person_id=actor.person_id,
                old=values.get("old", ""),
                new=values.get("password", ""),
            )
        except NotValid as problem:
            return await self._page(problem=gettext(str(problem)), status=422)
        return RedirectResponse("/people/me?done=password", 303, headers=HEADERS)

    async def end_others(self, _request: Request) -> Response:
        """End every session but this one."""
        actor = _person()
        await steps.end_sessions(store=self._store, clock=self._clock, login=actor.name, but=actor.session)
        return RedirectResponse("/people/me?done=sessions", 303, headers=HEADERS)


def _person() -> Actor:
    visit = current_visit()
    if visit.actor is None or not visit.is_signed_in:
        raise HTTPException(404, "This page is for people who signed in.")
    return visit.actor
