"""The pages that sign people in and out, and that set a password by a one-time link."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from awbridge.domain.errors import NotValid
from awbridge.domain.people.credentials import SHORTEST_PASSWORD, digest
from awbridge.steps.people import people as people_steps
from awbridge.steps.people import sign_in as steps
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.access import credentials
from awbridge.web.access.access_list import AccessList
from awbridge.web.access.credentials import SESSION_COOKIE
from awbridge.web.pages.form import read_form
from awbridge.web.pages.language import gettext
from awbridge.web.pages.page_route import ANY_VALUE, PageRoute
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.people.session_cookie import local_path, set_cookie, signed_in
from awbridge.web.pages.visit import current_visit

log = structlog.get_logger()


class SignInPages:
    """Sign-in, sign-out and one-time links. `provider`: the name of an identity provider; "" without one."""

    def __init__(
        self, store: Store, clock: Clock, templates: PageTemplates, access: AccessList, *, provider: str = ""
    ) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._access = access
        self._provider = provider

    def routes(self) -> list[PageRoute]:
        """The routes of these pages."""
        return [
            PageRoute("/sign-in", self.show_sign_in, parameters={"next": ANY_VALUE, "done": ("password", "out")}),
            PageRoute("/sign-in", self.sign_in, method="POST"),
            PageRoute("/sign-out", self.sign_out, method="POST"),
            PageRoute("/password/{token}", self.show_password),
            PageRoute("/password/{token}", self.set_password, method="POST"),
        ]

    def _page(
        self, *, login: str = "", path: str = "/", problem: str = "", done: str = "", status: int = 200
    ) -> Response:
        return self._templates.page(
            "people/sign_in",
            status=status,
            login=login,
            next=local_path(path),
            problem=problem,
            done=done,
            provider=self._provider,
        )

    async def show_sign_in(self, request: Request) -> Response:
        """The form. Visitors who are signed in, or need not sign in, go on to the page that they asked for."""
        path = local_path(request.query_params.get("next", "/"))
        if current_visit().actor is not None:
            return RedirectResponse(path, 303, headers=HEADERS)
        return self._page(path=path, done=request.query_params.get("done", ""))

    async def sign_in(self, request: Request) -> Response:
        """Sign in with name and password."""
        values = dict(await read_form(request))
        typed, path = values.get("login", ""), values.get("next", "/")
        login = typed.strip().casefold()[:200]
        address = credentials.client_address(request.scope)
        token, seconds = None, self._access.sign_ins.wait(address, login)
        if not seconds:
            token = await steps.sign_in(
                store=self._store,
                clock=self._clock,
                login=login.replace("\x00", ""),
                password=values.get("password", ""),
                device=request.headers.get("user-agent", ""),
            )
            seconds = self._access.sign_ins.count(address, login, right=token is not None)
        if seconds:
            log.warning("person.sign_in_limited", seconds=seconds)
            if token is not None:
                await steps.sign_out(store=self._store, clock=self._clock, token_sha256=digest(token))
            text = gettext("Too many wrong passwords. Try again in %(seconds)s seconds.") % {"seconds": seconds}
            answer = self._page(login=typed, path=path, problem=text, status=429)
            answer.headers["retry-after"] = str(seconds)
            return answer
        if token is None:
            return self._page(login=typed, path=path, problem=gettext("The name or the password is wrong."), status=401)
        return signed_in(request, token, path)

    async def sign_out(self, request: Request) -> Response:
        """Sign out of this browser."""
        actor = current_visit().actor
        if actor is not None and actor.session:
            await steps.sign_out(store=self._store, clock=self._clock, token_sha256=actor.session)
        answer = RedirectResponse("/sign-in?done=out", 303, headers=HEADERS)
        set_cookie(request, answer, SESSION_COOKIE, "", seconds=0)
        return answer

    async def show_password(self, request: Request) -> Response:
        """The form behind a one-time link."""
        token = request.path_params["token"]
        person = await people_steps.person_of_link(store=self._store, clock=self._clock, token=token)
        return self._password_page(person.login)

    def _password_page(self, login: str, problem: str = "", status: int = 200) -> Response:
        return self._templates.page(
            "people/password", status=status, login=login, problem=problem, shortest=SHORTEST_PASSWORD
        )

    async def set_password(self, request: Request) -> Response:
        """Set the password of a one-time link."""
        token, values = request.path_params["token"], dict(await read_form(request))
        person = await people_steps.person_of_link(store=self._store, clock=self._clock, token=token)
        password = values.get("password", "")
        if password != values.get("again"):
            return self._password_page(person.login, gettext("The two passwords differ."), 422)
        try:
            await people_steps.set_password_by_link(
                store=self._store, clock=self._clock, token=token, password=password
            )
        except NotValid as problem:
            return self._password_page(person.login, gettext(str(problem)), 422)
        return RedirectResponse("/sign-in?done=password", 303, headers=HEADERS)
