"""Where the values of settings come from: the environment, awbridge.toml, and files that hold one secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.spelling import ACCOUNT_VARIABLES, CONFIG, FILE_SUFFIX, TABLE, is_service_link
from awbridge.domain.errors import SettingsError

FILE = Path("awbridge.toml")
LARGEST_SECRET = 64 * 1024  # bytes

_KEY = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_NAME = re.compile(_KEY)
_HEADER = re.compile(rf"\s*\[\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*\]")
_VALUE = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")


@dataclass(frozen=True, slots=True)
class SettingSource:
    """Where a value comes from. `kind`: default, argument, environment, file or secret file; `place`: which one."""

    kind: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.place}" if self.place else self.kind


DEFAULT, ARGUMENT = SettingSource("default"), SettingSource("argument")


@dataclass(frozen=True, slots=True)
class Given:
    """Values by setting with their sources, and what is wrong with how they are given."""

    values: Mapping[str, Any] = field(repr=False)
    sources: Mapping[str, SettingSource]
    problems: tuple[str, ...] = ()


class FileOfSettings:
    """A file of settings that was read: its values by name, and the place of each name in it."""

    def __init__(self, path: Path, text: str, values: Mapping[str, Any]) -> None:
        self.values = values
        self.path = path
        self.text = text

    def place(self, *names: str) -> str:
        """Where the value is that these names lead to, from table to table: the file and the line."""
        wanted = names
        while wanted and wanted not in self._lines:  # in an inline table, or written in a way that is not recognised
            wanted = wanted[:-1]
        return f"{self.path}, line {self._lines[wanted]}" if wanted else str(self.path)

    def places(self) -> dict[str, str]:
        """The place of each name at the top of the file."""
        return {name: self.place(name) for name in self.values}

    @cached_property
    def _lines(self) -> dict[tuple[str, ...], int]:
        """The first line of each table and value, counted from 1."""
        found: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := _HEADER.match(line):
                table = path = _dotted(header[1])
            elif value := _VALUE.match(line):
                path = (*table, *_dotted(value[1]))
            else:
                continue
            for depth in range(1, len(path) + 1):
                found.setdefault(path[:depth], number)
        return found


@dataclass(frozen=True, slots=True)
class WrittenAccounts:
    """What is written of accounts, unchecked until one is asked for (`app/accounts/configured.py`).

    `tables`: those of the file, by the account's name. `variables`: values by setting, by what variables call the
    account. `home`: where the home's values come from. `problem`: why there are no tables.
    """

    tables: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, hash=False)
    variables: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict[str, Mapping[str, str]], repr=False, hash=False
    )
    home: Mapping[str, SettingSource] = field(
        default_factory=dict[str, SettingSource], repr=False, hash=False, compare=False
    )
    file: FileOfSettings = field(
        default_factory=lambda: FileOfSettings(FILE, "", {}), repr=False, hash=False, compare=False
    )
    problem: str = ""


def tables_of(file: FileOfSettings) -> tuple[Mapping[str, Any], str]:
    """The tables of accounts in a file of settings, by name; and why there are none, as a sentence."""
    written: object = file.values.get(TABLE, {})
    if isinstance(written, dict):
        return cast("dict[str, Any]", written), ""
    return {}, f"{TABLE} ({file.place(TABLE)}) must be tables, one for each account, such as [accounts.india]"


def written_accounts(
    environment: Mapping[str, str], file: FileOfSettings, home: Mapping[str, SettingSource]
) -> WrittenAccounts:
    """What these say of accounts. `environment`: with names in capitals."""
    tables, problem = tables_of(file)
    variables: dict[str, dict[str, str]] = {}
    for variable, value in environment.items():
        if variable.startswith(ACCOUNT_VARIABLES):
            account, _, setting = variable.removeprefix(ACCOUNT_VARIABLES).rpartition("__")
            variables.setdefault(account, {})[setting.lower()] = value
    return WrittenAccounts(tables, variables, home, file, problem)


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment with names in capitals, without what Kubernetes sets for a Service of our name."""
    named = {name.upper(): value for name, value in environment.items()}
    return {name: value for name, value in named.items() if not is_service_link(name, value)}


def from_environment(environment: Mapping[str, str]) -> Given:
    """The settings of the environment: AWBRIDGE_X, or the file that AWBRIDGE_X_FILE names."""
    found = {
        name: value
        for variable, value in environment.items()
        if variable.startswith(PREFIX) and variable != CONFIG
        for name in (variable.removeprefix(PREFIX).lower(),)
    }
    return resolved(found, _as_variable, lambda name: SettingSource("environment", _as_variable(name)))


def from_file(values: Mapping[str, Any], lines: Mapping[str, str]) -> Given:
    """The settings of awbridge.toml: x, or the file that x_file names. `lines`: the place of each name."""
    return resolved(values, lambda name: f"{name} ({lines[name]})", lambda name: SettingSource("file", lines[name]))


def _as_variable(name: str) -> str:
    return PREFIX + name.upper()


def resolved(found: Mapping[str, Any], shown: Callable[[str], str], source: Callable[[str], SettingSource]) -> Given:
    """The settings among these values by name: x, or what the file holds that x_file names.

    `shown`: how a sentence calls a name. `source`: where it stands.
    """
    values: dict[str, Any] = {}
    sources: dict[str, SettingSource] = {}
    problems: list[str] = []
    for name in Settings.fields:
        twin = name + FILE_SUFFIX.lower()
        if not found.get(twin):
            if name in found:
                values[name], sources[name] = found[name], source(name)
            continue
        if found.get(name):  # an empty one is not set, as compose files pass it on
            problems.append(f"{shown(twin)} and {shown(name)} are both set; remove one of them")
            continue
        try:
            values[name] = read_secret_file(found[twin])
        except ValueError as error:
            problems.append(f"{shown(twin)} {error}, for example /run/secrets/{name}")
        else:
            sources[name] = SettingSource("secret file", str(found[twin]))
    return Given(values, sources, tuple(problems))


def read_secret_file(given: object) -> str:
    """What a file holds, without the line break at its end. Raises ValueError, to continue a sentence."""
    if not isinstance(given, str):
        raise ValueError("must be the path of a file")
    path = Path(given)
    named = _shown_path(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_SECRET + 1)
        text = content.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"names {named}, which is not text in UTF-8; it must name a file with the value") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = (getattr(error, "strerror", None) or "not a path").lower()
        raise ValueError(
            f"names {named}, which cannot be read ({reason}); it must name a file with the value"
        ) from None
    if len(content) > LARGEST_SECRET:
        raise ValueError(f"names {named}, which has more than {LARGEST_SECRET // 1024} KiB; it must hold one value")
    if not text:
        raise ValueError(f"names {named}, which is empty; it must hold the value")
    if "\n" in text or "\r" in text:
        raise ValueError(f"names {named}, which has several lines; it must hold the value on one line")
    return text


def _shown_path(path: Path) -> str:
    """The path, unless it may be the secret itself, written into the wrong variable."""
    try:
        likely = path.is_absolute() and len(path.parts) > 2 and path.parents[-2].is_dir()
        return str(path) if likely or path.exists() else "a file"
    except (OSError, ValueError):  # too long, or with a zero byte
        return "a file"


def find_file(given: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The file of settings: the given one, that of AWBRIDGE_CONFIG, or awbridge.toml of the working directory.

    None where the last does not exist. Raises SettingsError where a named one does not.
    """
    named = given or (Path(environment[CONFIG]) if environment.get(CONFIG) else None)
    if named is None:
        return FILE if FILE.is_file() else None
    if not named.is_file():
        by = "--config" if given else CONFIG
        raise SettingsError(
            f"{by} names {named}, which is not a file; write the path of a TOML file, for example "
            "/etc/awbridge/awbridge.toml"
        )
    return named


def read_file(file: Path) -> FileOfSettings:
    """Read a TOML file. Raises SettingsError, which quotes no line."""
    import tomllib

    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{file} is not text in UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}; let the user of awbridge read it") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        place = f"{file}, line {line[1]}," if line else f"{file}"
        raise SettingsError(
            f'{place} is not TOML; write one setting a line, for example log_format = "json" or port = 8000'
        ) from None
    return FileOfSettings(file, text, values)


def _dotted(text: str) -> tuple[str, ...]:
    """The names of a key such as `accounts.india."clickpost_key"`."""
    return tuple(name.strip("\"'") for name in _NAME.findall(text))
