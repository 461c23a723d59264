"""What is configured of accounts: tables `[accounts.NAME]` of the file, variables AWBRIDGE_ACCOUNTS__NAME__SETTING."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.fields import Sharing
from awbridge.app.settings.sources import Given, SettingSource, WrittenAccounts, resolved
from awbridge.app.settings.spelling import ACCOUNT_VARIABLES, FILE_SUFFIX, TABLE, is_known, sentence
from awbridge.domain.accounts.names import variable_of

TITLE = "title"
LONGEST_TITLE = 60  # characters
_SUFFIX = FILE_SUFFIX.lower()


class ConfiguredAccounts:
    """What the file of settings and the environment say of each account."""

    def __init__(self, written: WrittenAccounts) -> None:
        self.tables = written.tables
        self.home = written.home
        self._variables = written.variables
        self._file = written.file

    def title(self, name: str) -> str:
        """What the file calls an account in words; "" if nothing."""
        table = self.tables.get(name)
        found = cast("Mapping[str, Any]", table).get(TITLE) if isinstance(table, dict) else None
        return found[:LONGEST_TITLE] if isinstance(found, str) else ""

    def place(self, name: str) -> str:
        """Where an account's table is."""
        return self._file.place(TABLE, name)

    def given(self, name: str) -> tuple[Given, Given]:
        """What the file says of an account, and the environment."""
        return self._of_file(name), self._of_variables(name)

    def strays(self, names: Iterable[str]) -> list[str]:
        """The variables of accounts that are none of these."""
        known = {variable_of(name) for name in names}
        return [
            f"{ACCOUNT_VARIABLES}{account}__{setting.upper()}"
            for account, found in self._variables.items()
            if account not in known
            for setting in found
        ]

    def _of_file(self, name: str) -> Given:
        table = self.tables.get(name)
        if table is None:
            return Given({}, {})
        if not isinstance(table, dict):
            return Given({}, {}, (f"[accounts.{name}] ({self.place(name)}) must be a table",))
        values = cast("dict[str, Any]", table)
        places = {key: self._file.place(TABLE, name, key) for key in values}

        def shown(setting: str) -> str:
            return f"[accounts.{name}] {setting} ({places[setting]})"

        found = resolved(values, shown, lambda setting: SettingSource("file", places[setting]))
        problems = [*name_problems((key for key in values if key != TITLE), shown)]
        if not isinstance(title := values.get(TITLE, ""), str) or len(title) > LONGEST_TITLE:
            problems.append(f"{shown(TITLE)} must be a text of at most {LONGEST_TITLE} characters")
        return Given(found.values, found.sources, (*found.problems, *problems))

    def _of_variables(self, name: str) -> Given:
        variable = variable_of(name)
        values = self._variables.get(variable, {})

        def shown(setting: str) -> str:
            return f"{ACCOUNT_VARIABLES}{variable}__{setting.upper()}"

        found = resolved(values, shown, lambda setting: SettingSource("environment", shown(setting)))
        return Given(found.values, found.sources, (*found.problems, *name_problems(values, shown, as_variable=True)))


def name_problems(names: Iterable[str], shown: Callable[[str], str], *, as_variable: bool = False) -> list[str]:
    """Sentences about names that cannot be set for an account: unknown ones, and settings of the process."""
    found: list[str] = []
    for name in names:
        if not is_known(name):
            found.append(sentence(shown(name), PREFIX + name.upper(), as_variable=False))
        elif Settings.fields[_setting_of(name)].sharing is Sharing.PROCESS:
            where = f"{PREFIX}{name.upper()}" if as_variable else f"{name} at the top of awbridge.toml"
            found.append(f"{shown(name)} is a setting of the process, which all accounts share; set {where} instead")
    return found


def _setting_of(name: str) -> str:
    return name if name in Settings.fields else name.removesuffix(_SUFFIX)
