"""Reads the settings from the environment and `awbridge.toml`. Only this module reads the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from awbridge.app.setting_fields import InvalidSettings
from awbridge.app.setting_types import RENAMED
from awbridge.app.settings import PREFIX, Settings
from awbridge.domain.errors import SettingsError

FILE = Path("awbridge.toml")


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process: overrides, then the environment, then `awbridge.toml` in the working directory.

    Raises SettingsError that names every invalid one and what to do.
    """
    variables = {name.upper(): value for name, value in os.environ.items()}
    names = {PREFIX + name.upper(): name for name in Settings.fields}
    environment = {name: variables[variable] for variable, name in names.items() if variable in variables}
    try:
        file = _read(FILE) if FILE.is_file() else {}
        return Settings(**file | environment | overrides)
    except InvalidSettings as error:
        problems = [(PREFIX + name.upper() if name else "settings", problem) for name, problem in error.problems]
        lines = [f"{name}: {f'renamed to {RENAMED[name]}' if name in RENAMED else text}" for name, text in problems]
        raise SettingsError("; ".join(lines)) from None
    except ValueError as error:
        raise SettingsError(f"{FILE}: {error}") from None


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    return tomllib.loads(file.read_text(encoding="utf-8"))
