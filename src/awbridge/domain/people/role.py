"""Roles of people and API keys: what each may do at least. The table of paths is in web/access/roles.py. Pure."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """viewer: reads, with personal data masked. operator: the daily work. admin: people, keys and set-up too."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, least: Role) -> bool:
        """Whether this role may do what `least` may."""
        return _RANKS[self] >= _RANKS[least]


_RANKS = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}
