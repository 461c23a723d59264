"""Reads the languages of the customer's page: one TOML file each, shipped or in the configured folder.

A file of the folder is laid over the shipped one of the same name, key by key. What a language lacks is taken from
English. `en.toml` is therefore the list of all keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, cast

import msgspec
import structlog

from awbridge.domain.customer_page.words import DateWords, Words, placeholders
from awbridge.domain.errors import SettingsError

log = structlog.get_logger()

FALLBACK = "en"
FOLDER = "customer_page"  # of the templates, shipped and own
LONGEST_TEXT = 600

_CODE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.ASCII)
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ks", "ps", "sd", "ur", "yi"})
_LISTS = {"weekdays": 7, "months": 12}
_DATE_PARTS = frozenset({"weekday", "day", "month", "year", "hour", "minute", "time"})
_HEAD = ("name", "direction")

_Raw = Mapping[str, Any]


def load_languages(folder: Path | None = None) -> dict[str, Words]:
    """All languages by code: the shipped ones and those of `folder`/customer_page. Raises SettingsError."""
    shipped = _shipped()
    own = {code: _read(path) for code, path in _own_files(folder).items()}
    english = _laid_over(
        shipped[FALLBACK], own.get(FALLBACK, {}), path=_path(folder, FALLBACK), known=shipped[FALLBACK]
    )
    found: dict[str, Words] = {}
    for code in sorted({*shipped, *own}):
        path = _path(folder, code)
        ground = english if code == FALLBACK else _laid_over(english, shipped.get(code, {}), path=path, known=english)
        found[code] = _words(code, _laid_over(ground, own.get(code, {}), path=path, known=english), own.get(code), path)
    return found


@cache
def _shipped() -> dict[str, _Raw]:
    folder = resources.files("awbridge") / "templates" / FOLDER
    files = sorted(file.name for file in folder.iterdir() if file.name.endswith(".toml"))
    return {name.removesuffix(".toml"): tomllib.loads((folder / name).read_text(encoding="utf-8")) for name in files}


def _own_files(folder: Path | None) -> dict[str, Path]:
    if folder is None or not (folder / FOLDER).is_dir():
        return {}
    found = {path.stem: path for path in sorted((folder / FOLDER).glob("*.toml"))}
    for code, path in found.items():
        if not _CODE.fullmatch(code):
            raise SettingsError(f"{path} is not named after a language. Name it ta.toml, with the language's code.")
    return found


def _path(folder: Path | None, code: str) -> Path:
    return (folder or Path("awbridge/templates")) / FOLDER / f"{code}.toml"


def _read(path: Path) -> _Raw:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # not TOML, or not UTF-8
        raise SettingsError(f"{path} is not a TOML file in UTF-8: {error}") from None


def _laid_over(ground: _Raw, upper: _Raw, *, path: Path, known: _Raw) -> _Raw:
    """`ground` with the values of `upper` that English has too. Raises SettingsError for values of the wrong form."""
    result = {key: dict(cast("_Raw", value)) if isinstance(value, dict) else value for key, value in ground.items()}
    for table, value in upper.items():
        if table in _HEAD:
            result[table] = _checked(table, value, path)
        elif table not in known or not isinstance(value, dict):
            log.warning("page_languages.unknown_key", file=str(path), key=table)
        else:
            for key, text in cast("_Raw", value).items():
                if key not in known[table]:
                    log.warning("page_languages.unknown_key", file=str(path), key=f"{table}.{key}")
                else:
                    result[table][key] = _checked(f"{table}.{key}", text, path, like=known[table][key])
    return result


def _checked(key: str, value: object, path: Path, like: object = "") -> object:
    if isinstance(like, list):
        return _checked_list(key, value, path)
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
        raise SettingsError(f"{path}: {key} must be a text of 1 to {LONGEST_TEXT} characters")
    if key == "direction" and value not in ("ltr", "rtl"):
        raise SettingsError(f'{path}: direction must be "ltr" or "rtl"')
    if key == "dates.digits" and len(value) != 10:
        raise SettingsError(f"{path}: dates.digits must be ten characters, beginning with zero")
    allowed = _DATE_PARTS if key.startswith("dates.") else placeholders(str(like))
    if wrong := placeholders(value) - allowed:
        raise SettingsError(f"{path}: {key} contains {{{min(wrong)}}}, which has no value there")
    return value


def _checked_list(key: str, value: object, path: Path) -> object:
    length = _LISTS[key.partition(".")[2]]
    items = cast("list[object]", value) if isinstance(value, list) else []
    if len(items) != length or not all(isinstance(item, str) and item.strip() for item in items):
        raise SettingsError(f"{path}: {key} must be a list of {length} texts")
    return items


def _words(code: str, raw: _Raw, own: _Raw | None, path: Path) -> Words:
    shipped = _shipped().get(code, {})
    given = {**shipped, **(own or {})}
    texts = {
        f"{table}.{key}": text
        for table, value in raw.items()
        if isinstance(value, dict) and table != "dates"
        for key, text in cast("Mapping[str, str]", value).items()
    }
    usual = "rtl" if code.partition("-")[0] in _RIGHT_TO_LEFT else "ltr"
    return Words(
        code=code,
        name=raw["name"] if "name" in given else code,
        direction=raw["direction"] if "direction" in given else usual,
        dates=msgspec.convert(raw["dates"], DateWords),
        texts=texts,
    )
