"""What reads the configurations of the pages: the same readers as in the product."""

from __future__ import annotations

import re
import shlex
import tomllib

from awbridge.app.settings import PREFIX, Settings

_ASSIGNMENT = re.compile(rf"\b({PREFIX}[A-Z0-9_]+)=(\S*)")


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
                name = found[1].removeprefix(PREFIX).lower()
                if name in Settings.fields:
                    Settings(**{name: word.partition("=")[2]})
