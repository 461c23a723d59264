"""The field of a role."""

from __future__ import annotations

from collections.abc import Mapping

from awbridge.domain.people.role import Role
from awbridge.web.pages.form import WrongField
from awbridge.web.pages.language import gettext


def read_role(values: Mapping[str, str]) -> Role:
    """The role of a form. Raises WrongField."""
    try:
        return Role(values.get("role", ""))
    except ValueError:
        raise WrongField("role", gettext("Choose a role.")) from None
