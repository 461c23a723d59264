"""What reads the configurations of the pages: the same readers as in the product."""

from __future__ import annotations

import re
import shlex
import tomllib

from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.spelling import CONFIG, FILE_SUFFIX

_ASSIGNMENT = re.compile(rf"({PREFIX}[A-Z0-9_]+)=(.*)", re.DOTALL)


def read_settings_file(text: str) -> None:
    """A file of settings. Raises SettingsError for one that awbridge does not accept."""
    Settings(**tomllib.loads(text))


def read_variables(script: str) -> None:
    """The settings that a script assigns, each alone. Raises SettingsError for one that awbridge does not accept."""
    for line in script.splitlines():
        if PREFIX not in line or "$" in line:
            continue
        for word in shlex.split(line, comments=True):
            if found := _ASSIGNMENT.fullmatch(word):
                _read_variable(found[1], found[2])


def _read_variable(variable: str, value: str) -> None:
    name = variable.removeprefix(PREFIX).lower()
    if name in Settings.fields:
        Settings(**{name: value})
    elif variable != CONFIG and variable.removesuffix(FILE_SUFFIX).removeprefix(PREFIX).lower() not in Settings.fields:
        raise ValueError(f"there is no setting {variable}")
