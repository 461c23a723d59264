"""Authorization: who calls, and whether their role covers the path.

Programs send an API key as a bearer token. People sign in, and their browser sends a session cookie. Before a person
was added, browsers send an API key with HTTP Basic (any user name, the key as password). Cookies and Basic open only
pages: credentials that a browser sends on its own must never open the API. While there are neither keys nor people,
only loopback may call, by a name of this machine.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from awbridge.domain.errors import StoreError
from awbridge.domain.people.actor import Actor, ActorKind, acting
from awbridge.domain.people.role import Role
from awbridge.steps.people.sign_in import actor_of
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web import problem_kinds as kinds
from awbridge.web import problems
from awbridge.web.access import credentials
from awbridge.web.access.access_list import Keys
from awbridge.web.access.roles import least_role

_LOCAL_NAMES_ONLY = (
    "Without an API key, awbridge accepts requests only as http://localhost, http://127.0.0.1 and the name in "
    "AWBRIDGE_HOST. Use one of these, or set AWBRIDGE_API_KEYS and send a key: any name is then accepted."
)
_TOO_MANY_WRONG_KEYS = (
    "Too many wrong API keys came from this address. Correct the key, wait for Retry-After seconds, then try again."
)
_LOOPBACK_ONLY = "No API key is configured (AWBRIDGE_API_KEYS), so only this machine may call."
_BUSY = "The database cannot be read, so the right to call cannot be checked. Try again in a moment."
_LOCAL = Actor(kind=ActorKind.LOCAL, name="", role=Role.ADMIN)
_OPEN_PAGES = ("/sign-in", "/password", "/static", "/language")


class ApiGuard:
    """Authorizes requests to the API. `open_paths`, and paths below `open_folder`, need no authorization.

    `host`: a name of this machine besides localhost.
    """

    def __init__(
        self, app: ASGIApp, keys: Keys, *, open_paths: frozenset[str], open_folder: str, host: str = ""
    ) -> None:
        self._app = app
        self._keys = keys
        self._host = host
        self._open_paths = open_paths
        self._open_folder = open_folder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            found = await self._caller(scope)
        except StoreError:
            found = problems.problem(kinds.STORE_BUSY, _BUSY)
        if isinstance(found, Actor) and (refusal := _beyond_role(scope, found)):
            found = refusal
        if isinstance(found, Response):
            await found(scope, receive, send)
            return
        with acting(found):
            await self._app(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._open_paths or path.startswith(self._open_folder)

    async def _caller(self, scope: Scope) -> Actor | Response:
        if not await self._keys.without_keys_and_people():
            return await self._holder_of_key(scope)
        if not credentials.is_loopback(scope):
            return problems.problem(kinds.LOOPBACK_ONLY, _LOOPBACK_ONLY)
        if not credentials.names_this_machine(scope, self._host):
            return problems.problem(kinds.UNKNOWN_HOST, _LOCAL_NAMES_ONLY)
        if credentials.is_of_another_site(scope) or credentials.is_of_another_account(scope):
            return problems.problem(kinds.ANOTHER_SITE, "Browsers may call the API only from awbridge's own pages.")
        return _LOCAL

    async def _holder_of_key(self, scope: Scope) -> Actor | Response:
        offered = credentials.bearer_token(scope)
        actor = await self._keys.actor(offered)
        if seconds := self._keys.wait_seconds(scope, offered, right=actor is not None):
            return problems.problem(kinds.WRONG_KEYS, _TOO_MANY_WRONG_KEYS, headers={"retry-after": str(seconds)})
        challenge = {"www-authenticate": "Bearer"}
        return actor or problems.problem(
            kinds.NOT_AUTHORISED, "Send Authorization: Bearer <API key>.", headers=challenge
        )


class PageGuard:
    """Authorizes requests to the pages. Forms are accepted only from awbridge's own pages.

    Whether the visitor's role covers the page is decided within, where the page of the refusal is made.
    """

    def __init__(self, app: ASGIApp, keys: Keys, store: Store, clock: Clock, *, host: str = "") -> None:
        self._app = app
        self._keys = keys
        self._store = store
        self._clock = clock
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            found = await self._visitor(scope)
        except StoreError:
            found = _refused(503, _BUSY, {"retry-after": "1"})
        if not isinstance(found, Response) and _is_change(scope):
            found = _refusal_of_sender(scope) or found
        if isinstance(found, Response):
            await found(scope, receive, send)
            return
        with acting(found):
            await self._app(scope, receive, send)

    async def _visitor(self, scope: Scope) -> Actor | Response | None:
        """The visitor; None on the pages that need no sign-in."""
        offered = credentials.basic_password(scope)
        if self._keys.are_configured and offered:
            return await self._holder_of_key(scope, offered)
        if await self._keys.people_exist():
            if offered:
                return await self._holder_of_key(scope, offered)
            return await self._signed_in(scope)
        if not await self._keys.without_keys_and_people():
            return await self._holder_of_key(scope, offered)
        if not credentials.is_loopback(scope):
            return _refused(403, _LOOPBACK_ONLY)
        if not credentials.names_this_machine(scope, self._host):
            return _refused(403, "Without an API key, open the pages as http://localhost or http://127.0.0.1.")
        return _LOCAL

    async def _holder_of_key(self, scope: Scope, offered: bytes) -> Actor | Response:
        actor = await self._keys.actor(offered)
        if seconds := self._keys.wait_seconds(scope, offered, right=actor is not None):
            return _refused(429, _TOO_MANY_WRONG_KEYS, {"retry-after": str(seconds)})
        # A realm of its own: a browser sends a password again to other paths with the same one.
        realm = f"awbridge{scope.get('root_path', '')}"
        challenge = {"www-authenticate": f'Basic realm="{realm}", charset="UTF-8"'}
        return actor or _refused(401, "Log in with any user name, and an API key as password.", challenge)

    async def _signed_in(self, scope: Scope) -> Actor | Response | None:
        token = credentials.cookie(scope)
        actor = await actor_of(store=self._store, clock=self._clock, token=token) if token else None
        path: str = scope["path"]
        if actor is None and not any(path == open_ or path.startswith(f"{open_}/") for open_ in _OPEN_PAGES):
            return RedirectResponse(sign_in_url(scope), 303, headers={"cache-control": "no-store"})
        return actor


def sign_in_url(scope: Scope) -> str:
    """The sign-in page, which leads back to the page that was asked for."""
    if _is_change(scope) or scope["path"] == "/":
        return "/sign-in"
    query: str = scope.get("query_string", b"").decode("latin-1")
    return f"/sign-in?next={quote(scope['path'] + (f'?{query}' if query else ''), safe='')}"


def _refusal_of_sender(scope: Scope) -> Response | None:
    """The refusal of a form that is not from a page of this very account; None for one that is."""
    if not credentials.is_same_origin(scope):
        return _refused(403, "Another site sent this. Use the button on awbridge's own page.")
    if credentials.is_of_another_account(scope):
        return _refused(403, "A page of another account sent this. Use the button on this account's own page.")
    return None


def _is_change(scope: Scope) -> bool:
    return scope["method"] not in ("GET", "HEAD")


def _beyond_role(scope: Scope, actor: Actor) -> Response | None:
    least = least_role(scope["method"], scope["path"])
    if actor.role.covers(least):
        return None
    return problems.problem(kinds.BEYOND_ROLE, f"This needs the role {least}; the key {actor.name} is {actor.role}.")


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text, status, headers={"cache-control": "no-store", **(headers or {})})
