"""Accounts at an identity provider, and which role they get. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from awbridge.domain.people.credentials import clean_login
from awbridge.domain.people.role import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An account at the identity provider. `subject`: its issuer and subject. `claims`: of the ID token."""

    subject: str
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def login(self) -> str:
        """Its mail address as a login; "" if it has none, or the provider states that it is not verified."""
        mail = self.claims.get("email")
        if not isinstance(mail, str) or "@" not in mail or self.claims.get("email_verified") in (False, "false"):
            return ""
        try:
            return clean_login(mail)
        except ValueError:
            return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityPolicy:
    """Who may sign in through the provider, and as what.

    `domains`: mail domains whose people need not be added first; they become viewers. `role_claim` and `roles`: a claim
    and the role for each of its values; where they are set, the highest role among a person's values counts at every
    sign-in, and an account without one may not sign in.
    """

    domains: Sequence[str] = ()
    role_claim: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict[str, Role])

    def role_by_claim(self, claims: Mapping[str, Any]) -> Role | None:
        """The role that the claim gives; None without one."""
        value = claims.get(self.role_claim)
        values = cast("list[Any]", value) if isinstance(value, list) else [value]
        given = [self.roles[one] for one in values if isinstance(one, str) and one in self.roles]
        return next((role for role in reversed(Role) if role in given), None)

    def admits(self, login: str) -> bool:
        """Whether this mail address is in one of the domains."""
        return login.rpartition("@")[2] in {domain.casefold() for domain in self.domains}


def read_roles(text: str) -> dict[str, Role]:
    """Read `value=role,value=role`. Raises ValueError."""
    found: dict[str, Role] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        value, equals, role = (s.strip() for s in part.rpartition("="))
        if not equals or not value or role not in set(Role):
            raise ValueError(f"{part!r}: write value=role; roles are {', '.join(Role)}")
        found[value] = Role(role)
    return found
