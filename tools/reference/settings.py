"""docs/reference/settings.md: every setting with what it accepts, its default and what it means."""

from __future__ import annotations

from itertools import groupby

from tools.reference.markdown import code, linked, table

from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.fields import Setting
from awbridge.app.settings.values import as_text

_COLUMNS = ("variable", "values", "default", "accounts", "meaning")


def page() -> str:
    """One section a group."""
    groups = groupby(Settings.fields.items(), key=lambda item: item[1].group)
    return "".join(
        f"## {group.title}\n\n{linked(group.text)}\n\n" + table(_COLUMNS, [_row(*item) for item in items])
        for group, items in groups
    )


def _row(name: str, setting: Setting) -> tuple[str, ...]:
    values = f"{setting.kind}; secret" if setting.is_secret else setting.kind
    meaning = setting.description
    if setting.own_example:
        meaning += f" Example: {code(setting.own_example)}."
    return code(PREFIX + name.upper()), values, _default(setting), setting.sharing.value, meaning


def _default(setting: Setting) -> str:
    if setting.default == ():
        return "none"
    return code(as_text(setting.default)) or "empty"
