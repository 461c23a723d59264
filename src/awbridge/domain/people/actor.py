"""Who acts: the person, key or command behind what is happening now. Held in a context variable.

The guards of the web server and the commands set it. Background loops have none: what they do is not audited, and
they read everything unmasked.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from awbridge.domain.people.role import Role


class ActorKind(StrEnum):
    """person: signed in. key: an API key. command: the CLI. local: this machine, without people or keys."""

    PERSON = "person"
    KEY = "key"
    LOCAL = "local"
    COMMAND = "command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts. `name`: the login, the key's name, or the user of the operating system. `person_id`: 0 for no person.

    `session`: the SHA-256 of the session's token, by which a person recognises their present session; "" without one.
    """

    kind: ActorKind
    name: str
    role: Role
    person_id: int = 0
    session: str = ""

    @property
    def is_masked(self) -> bool:
        """Whether personal data is masked in what this actor reads."""
        return self.role is Role.VIEWER

    @property
    def label(self) -> str:
        """Kind and name as one text: `person asha@shop.example`."""
        return f"{self.kind} {self.name}".strip()


_ACTOR: ContextVar[Actor | None] = ContextVar("actor", default=None)


def current_actor() -> Actor | None:
    """Who acts; None in background loops and in the library."""
    return _ACTOR.get()


@contextmanager
def acting(actor: Actor | None) -> Generator[None]:
    """This actor acts while the block lasts."""
    token = _ACTOR.set(actor)
    try:
        yield
    finally:
        _ACTOR.reset(token)


def named_actor(otherwise: str) -> str:
    """The author of a statement or change, as it is stored: a person's login, a stored key's name, or `otherwise`."""
    actor = current_actor()
    if actor is not None and actor.kind is ActorKind.PERSON:
        return actor.name
    if actor is not None and actor.kind is ActorKind.KEY and actor.name != CONFIGURED_KEY:
        return f"{otherwise} ({actor.name})"
    return otherwise


CONFIGURED_KEY = "AWBRIDGE_API_KEYS"
"""The name of the keys in the settings, which have none of their own."""
