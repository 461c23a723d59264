"""What reads the configurations of the pages: the same readers as in the product."""

from __future__ import annotations

import re
import shlex
import tomllib

from awbridge.app.accounts.configured import TITLE
from awbridge.app.accounts.overlay import account_settings
from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.spelling import ACCOUNT, ACCOUNT_VARIABLES, CONFIG, FILE_SUFFIX, TABLE
from awbridge.domain.accounts.names import is_name

_ASSIGNMENT = re.compile(rf"({PREFIX}[A-Z0-9_]+)=(.*)", re.DOTALL)


def read_settings_file(text: str) -> None:
    """A file of settings. Raises SettingsError for one that awbridge does not accept."""
    values = tomllib.loads(text)
    accounts = values.pop(TABLE, {})
    home = Settings(**values)
    for name, table in accounts.items():
        assert is_name(name)
        account_settings(home, name, {setting: value for setting, value in table.items() if setting != TITLE})


def read_variables(script: str) -> None:
    """The settings that a script assigns, each alone. Raises SettingsError for one that awbridge does not accept."""
    for line in script.splitlines():
        if PREFIX not in line or "$" in line:
            continue
        for word in shlex.split(line, comments=True):
            if found := _ASSIGNMENT.fullmatch(word):
                _read_variable(found[1], found[2])


def _read_variable(variable: str, value: str) -> None:
    if variable in (CONFIG, ACCOUNT):
        return
    if variable.startswith(ACCOUNT_VARIABLES):
        setting = variable.rpartition("__")[2].lower()
        _read_variable(PREFIX + setting.upper(), value)
        return
    name = variable.removeprefix(PREFIX).lower()
    if name in Settings.fields:
        Settings(**{name: value})
    elif variable.removesuffix(FILE_SUFFIX).removeprefix(PREFIX).lower() not in Settings.fields:
        raise ValueError(f"there is no setting {variable}")
