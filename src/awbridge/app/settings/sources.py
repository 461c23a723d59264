"""Where the values of settings come from: the environment, awbridge.toml, and files that hold one secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.spelling import CONFIG, FILE_SUFFIX, is_service_link
from awbridge.domain.errors import SettingsError

FILE = Path("awbridge.toml")
LARGEST_SECRET = 64 * 1024  # bytes


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

    values: Mapping[str, Any]
    sources: Mapping[str, SettingSource]
    problems: tuple[str, ...] = ()


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
    return _resolved(found, _as_variable, lambda name: SettingSource("environment", _as_variable(name)))


def from_file(values: Mapping[str, Any], lines: Mapping[str, str]) -> Given:
    """The settings of awbridge.toml: x, or the file that x_file names. `lines`: the place of each name."""
    return _resolved(values, lambda name: f"{name} ({lines[name]})", lambda name: SettingSource("file", lines[name]))


def _as_variable(name: str) -> str:
    return PREFIX + name.upper()


def _resolved(found: Mapping[str, Any], shown: Callable[[str], str], source: Callable[[str], SettingSource]) -> Given:
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


def read_file(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The values in a TOML file by name, and the place of each name. Raises SettingsError, which quotes no line."""
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
    return values, {name: _place(file, text, name) for name in values}


def _place(file: Path, text: str, name: str) -> str:
    written = re.compile(rf"""\s*(?:\[\s*)?["']?{re.escape(name)}["']?\s*[=.\]]""")
    lines = (number for number, line in enumerate(text.splitlines(), 1) if written.match(line))
    number = next(lines, None)
    return f"{file}, line {number}" if number else str(file)
