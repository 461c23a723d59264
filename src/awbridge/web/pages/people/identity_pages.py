"""The sign-in through an identity provider: to the provider, and back with a code."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import Protocol

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from awbridge.domain.errors import IdentityError, NotPossible
from awbridge.domain.people.identity import Identity, IdentityPolicy
from awbridge.steps.people.identities import sign_in_identity
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.access import credentials
from awbridge.web.pages.language import gettext
from awbridge.web.pages.page_templates import HEADERS, PageTemplates
from awbridge.web.pages.people.session_cookie import local_path, set_cookie, signed_in

log = structlog.get_logger()

COOKIE = "awbridge_sign_in"
CALLBACK = "/sign-in/oidc/callback"
_LASTS = 600  # seconds in which the sign-in at the provider must be done


class IdentityProvider(Protocol):
    """What the pages need of a provider. All methods raise IdentityError."""

    @property
    def name(self) -> str:
        """What people call it by."""
        ...

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent to sign in."""
        ...

    async def identity(self, code: str, *, redirect_uri: str, nonce: str, verifier: str) -> Identity:
        """The identity that signed in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInProvider:
    """A provider, and whom it may sign in."""

    provider: IdentityProvider
    policy: IdentityPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A sign-in that is under way, kept in a cookie of the browser that began it."""

    state: str
    nonce: str
    verifier: str
    next: str

    def as_cookie(self) -> str:
        """Its text for a cookie."""
        values = [self.state, self.nonce, self.verifier, self.next]
        return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")

    @classmethod
    def of_cookie(cls, text: str) -> _Begun | None:
        """The sign-in of a cookie; None if it is none."""
        try:
            values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            state, nonce, verifier, path = values
        except (ValueError, TypeError):
            return None
        if not all(isinstance(value, str) and value for value in (state, nonce, verifier, path)):
            return None
        return cls(state=state, nonce=nonce, verifier=verifier, next=path)


class IdentityPages:
    """To the provider and back, on one store."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, sign_in: SignInProvider) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._sign_in = sign_in

    def routes(self) -> list[Route]:
        """The routes. Providers add query parameters of their own, so that unknown ones are accepted."""
        return [Route("/sign-in/oidc", self.begin, methods=["GET"]), Route(CALLBACK, self.finish, methods=["GET"])]

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider."""
        begun = _Begun(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            next=local_path(request.query_params.get("next", "/")),
        )
        try:
            url = await self._sign_in.provider.authorization_url(
                redirect_uri=_redirect_uri(request), state=begun.state, nonce=begun.nonce, verifier=begun.verifier
            )
        except IdentityError as error:
            return self._refused(str(error), 502)
        answer = RedirectResponse(url, 303, headers=HEADERS)
        set_cookie(request, answer, COOKIE, begun.as_cookie(), seconds=_LASTS)
        return answer

    async def finish(self, request: Request) -> Response:
        """Verify what the provider sends back, and open a session."""
        given, begun = request.query_params, _Begun.of_cookie(credentials.cookie(request.scope, COOKIE))
        if begun is None or not hmac.compare_digest(begun.state.encode(), given.get("state", "").encode()):
            return self._refused(
                gettext("This sign-in was not begun in this browser, or took too long. Try again."), 400
            )
        if "error" in given or not given.get("code"):
            log.warning("person.identity_refused", problem=given.get("error", "no code")[:100])
            return self._refused(gettext("The identity provider did not sign you in."), 401)
        try:
            identity = await self._sign_in.provider.identity(
                given["code"], redirect_uri=_redirect_uri(request), nonce=begun.nonce, verifier=begun.verifier
            )
        except IdentityError as error:
            log.warning("person.identity_refused", problem=str(error))
            return self._refused(gettext("The identity provider did not sign you in."), 502)
        try:
            token = await sign_in_identity(
                store=self._store,
                clock=self._clock,
                identity=identity,
                policy=self._sign_in.policy,
                device=request.headers.get("user-agent", ""),
            )
        except NotPossible as problem:
            return self._refused(str(problem), 403)
        answer = signed_in(request, token, begun.next)
        set_cookie(request, answer, COOKIE, "", seconds=0)
        return answer

    def _refused(self, problem: str, status: int) -> Response:
        return self._templates.page(
            "people/sign_in",
            status=status,
            login="",
            next="/",
            problem=problem,
            done="",
            provider=self._sign_in.provider.name,
        )


def _redirect_uri(request: Request) -> str:
    """The address that the provider sends the browser back to; it must be registered there."""
    return credentials.own_url(request.scope, CALLBACK)
