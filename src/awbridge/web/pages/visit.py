"""A visit to a page: what every page knows of the request. Held in a context variable; templates need no argument."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from awbridge.domain.people.actor import Actor, ActorKind
from awbridge.web.access.roles import least_role


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a browser. `path` is the path that was asked for; `language` the one to answer in.

    `prefix`: what stands in front of that path and of every other of its account, such as `/a/acme`; "" at home.
    `actor`: the visitor; None on the pages that are open without a sign-in.
    """

    path: str = "/"
    prefix: str = ""
    language: str = "en"
    actor: Actor | None = None

    @property
    def account(self) -> str:
        """The name of the account whose page this is; "" at home."""
        return self.prefix.rpartition("/")[2]

    @property
    def is_signed_in(self) -> bool:
        """Whether the visitor is a person with a session, who can sign out."""
        return self.actor is not None and self.actor.kind is ActorKind.PERSON

    def may(self, method: str, path: str) -> bool:
        """Whether the visitor's role covers this request. Pages hide what it does not cover; the server refuses it."""
        return self.actor is not None and self.actor.role.covers(least_role(method, path))


VISIT: ContextVar[Visit] = ContextVar("visit")
_OUTSIDE = Visit()


def current_visit() -> Visit:
    """The visit that is being answered; outside of one, a visit in English."""
    return VISIT.get(_OUTSIDE)
