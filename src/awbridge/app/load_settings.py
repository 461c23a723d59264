"""Reads the settings from the environment and `awbridge.toml`. Only this module reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.fields import InvalidSettings
from awbridge.app.settings.sources import (
    ARGUMENT,
    DEFAULT,
    FILE,
    FileOfSettings,
    Given,
    SettingSource,
    find_file,
    from_environment,
    from_file,
    read_file,
    variables,
    written_accounts,
)
from awbridge.app.settings.spelling import unknown_names, unknown_variables
from awbridge.domain.errors import SettingsError

JSON = "json"  # of AWBRIDGE_LOG_FORMAT


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The settings of a process, and where they come from.

    `sources`: of every setting. `unknown`: sentences about names that look like settings and are none. `file`: the
    file of settings that was read.
    """

    settings: Settings
    sources: Mapping[str, SettingSource]
    unknown: tuple[str, ...]
    file: Path | None


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process: overrides, then the environment, then the file of settings.

    Raises SettingsError that names every invalid one and what to do.
    """
    return load_configuration(**overrides).settings


def load_configuration(*, config: Path | None = None, strict: bool = False, **overrides: Any) -> Configuration:
    """The same with the source of each value.

    `config`: the file of settings; else AWBRIDGE_CONFIG, or `awbridge.toml` in the working directory. `strict`:
    whether an unknown name is an error.
    """
    environment = variables(os.environ)
    file = find_file(config, environment)
    read = read_file(file) if file else FileOfSettings(FILE, "", {})
    places = read.places()
    unknown = (*unknown_variables(os.environ), *unknown_names(read.values, places))
    parts = (
        from_file(read.values, places),
        from_environment(environment),
        Given(overrides, dict.fromkeys(overrides, ARGUMENT)),
    )
    given = {name: value for part in parts for name, value in part.values.items()}
    sources = {name: source for part in parts for name, source in part.sources.items()}
    problems = [problem for part in parts for problem in part.problems]
    home = {name: sources.get(name, DEFAULT) for name in Settings.fields}
    accounts = written_accounts(environment, read, home)
    unknown = (*unknown, accounts.problem) if accounts.problem else unknown
    settings = None
    try:
        settings = Settings(**given, accounts=accounts)
    except InvalidSettings as error:
        problems += [_sentence(name, problem, sources.get(name, ARGUMENT)) for name, problem in error.problems]
    if problems or settings is None or (strict and unknown):
        raise SettingsError(_joined([*problems, *unknown]))
    return Configuration(
        settings=settings,
        sources=home,
        unknown=unknown,
        file=file,
    )


def asks_for_json(config: Path | None = None) -> bool:
    """Whether the log is to be JSON. Never raises: the settings may be wrong, and the log must say so."""
    environment = variables(os.environ)
    if chosen := environment.get(f"{PREFIX}LOG_FORMAT"):
        return chosen == JSON
    try:
        file = find_file(config, environment)
        return file is not None and read_file(file).values.get("log_format") == JSON
    except SettingsError:
        return False


def _sentence(name: str, problem: str, source: SettingSource) -> str:
    """What is wrong with a setting: its name, where it was set unless in its variable, the problem, an example."""
    if not name:
        return problem
    if name not in Settings.fields:
        return f"{name} {problem}"
    place = f" ({source.place})" if source.kind in ("file", "secret file") else ""
    example = Settings.fields[name].example
    return f"{PREFIX}{name.upper()}{place} {problem}" + (f", for example {example}" if example else "")


def _joined(sentences: list[str]) -> str:
    if len(sentences) == 1:
        return sentences[0]
    return f"{len(sentences)} settings are wrong:\n" + "\n".join(f"  {sentence}" for sentence in sentences)
