"""The pages on which admins add people, change roles, disable people, end sessions and make one-time links."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.domain.people.role import Role
from awbridge.steps.people import people as steps
from awbridge.steps.people.people import Invited
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.people import people, sessions
from awbridge.web.access import credentials
from awbridge.web.access.access_list import AccessList
from awbridge.web.pages.form import WrongField, read_form
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.people.roles import read_role
from awbridge.web.pages.wording import sentence

_DONE = ("role", "disabled", "enabled", "sessions")


class PeoplePages:
    """The pages of people, on one store."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, access: AccessList) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._access = access

    def routes(self) -> list[PageRoute]:
        """The routes of these pages."""
        return [
            PageRoute("/people", self.list_people),
            PageRoute("/people/add", self.add_person, method="POST"),
            PageRoute("/people/person", self.show_person, parameters={"login": ANY_VALUE, "done": _DONE}),
            PageRoute("/people/role", self.set_role, method="POST"),
            PageRoute("/people/disable", self.disable, method="POST"),
            PageRoute("/people/enable", self.enable, method="POST"),
            PageRoute("/people/end-sessions", self.end_sessions, method="POST"),
            PageRoute("/people/link", self.make_link, method="POST"),
        ]

    async def list_people(self, _request: Request) -> Response:
        """Everybody, with role and sessions."""
        return await self._list()

    async def _list(
        self, *, problems: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None
    ) -> Response:
        async with self._store.read() as session:
            everyone = await people.every(session)
            counts = await sessions.counts(session, now=self._clock())
        return self._templates.page(
            "people/people",
            status=422 if problems else 200,
            people=[(person, counts.get(person.id, 0), _url(person.login)) for person in everyone],
            roles=[role.value for role in Role],
            typed=typed or {},
            problems=problems or {},
        )

    async def add_person(self, request: Request) -> Response:
        """Add a person, and show the one-time link."""
        values = dict(await read_form(request))
        login = values.get("login", "")
        try:
            role = read_role(values)
            invited = await steps.add_person(store=self._store, clock=self._clock, login=login, role=role)
        except WrongField as error:
            return await self._list(problems={error.field: str(error)}, typed=values)
        except (NotValid, NotPossible) as error:
            return await self._list(problems={"login": sentence(str(error))}, typed=values)
        self._access.forget()
        return self._link(request, invited)

    def _link(self, request: Request, invited: Invited) -> Response:
        url = credentials.own_url(request.scope, invited.path)
        return self._templates.page("people/link", person=invited.person, url=url, back=_url(invited.person.login))

    async def show_person(self, request: Request) -> Response:
        """One person, with what an admin can do."""
        login = request.query_params.get("login", "").replace("\x00", "")
        return await self._person(login, done=request.query_params.get("done", ""))

    async def _person(
        self,
        login: str,
        *,
        done: str = "",
        problem: str = "",
        problems: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        async with self._store.read() as session:
            person = await people.by_login(session, login)
            if person is None:
                raise NotFound(f"There is no person {login}.")
            open_now = await sessions.of_person(session, person.id, now=self._clock())
        return self._templates.page(
            "people/person",
            status=status,
            person=person,
            sessions=open_now,
            roles=[role.value for role in Role],
            done=done,
            problem=problem,
            problems=problems or {},
        )

    async def set_role(self, request: Request) -> Response:
        """Change a person's role."""
        values = dict(await read_form(request))
        try:
            role = read_role(values)
        except WrongField as error:
            login = values.get("login", "")
            return await self._person(login, problems={error.field: str(error)}, status=422)
        return await self._change(
            values, "role", lambda login: steps.set_role(store=self._store, clock=self._clock, login=login, role=role)
        )

    async def disable(self, request: Request) -> Response:
        """Let a person sign in no more."""
        values = dict(await read_form(request))
        return await self._change(
            values, "disabled", lambda login: steps.disable(store=self._store, clock=self._clock, login=login)
        )

    async def enable(self, request: Request) -> Response:
        """Let a person sign in again."""
        values = dict(await read_form(request))
        return await self._change(
            values, "enabled", lambda login: steps.enable(store=self._store, clock=self._clock, login=login)
        )

    async def end_sessions(self, request: Request) -> Response:
        """End every session of a person."""
        values = dict(await read_form(request))
        return await self._change(
            values, "sessions", lambda login: steps.end_sessions(store=self._store, clock=self._clock, login=login)
        )

    async def make_link(self, request: Request) -> Response:
        """A one-time link for a new password, shown once."""
        login = dict(await read_form(request)).get("login", "").replace("\x00", "")
        try:
            invited = await steps.make_link(store=self._store, clock=self._clock, login=login)
        except NotPossible as problem:
            return await self._person(login, problem=str(problem), status=409)
        return self._link(request, invited)

    async def _change(self, values: dict[str, str], done: str, change: Callable[[str], Awaitable[object]]) -> Response:
        login = values.get("login", "").replace("\x00", "")
        try:
            await change(login)
        except NotPossible as problem:
            return await self._person(login, problem=str(problem), status=409)
        return RedirectResponse(f"{_url(login)}&done={done}", 303, headers=HEADERS)


def _url(login: str) -> str:
    return f"/people/person?{urlencode({'login': login})}"
