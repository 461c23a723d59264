"""Settings of an account: the home's, overlaid with the account's own values, checked by the same rules."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from awbridge.app.settings import NO_ARCHIVE, NO_BACKUPS, Settings
from awbridge.app.settings.fields import InvalidSettings, Sharing
from awbridge.app.settings.sources import DEFAULT, Given, SettingSource
from awbridge.app.settings.values import SecretStr
from awbridge.domain.accounts.names import schema_of
from awbridge.domain.errors import SettingsError

_REPLICA = "database_read_url"
_SQLITE = "sqlite:///"
_KEY_DOMAIN = b"awbridge account, key, 1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfiguration:
    """The settings of an account, and where each comes from."""

    settings: Settings
    sources: Mapping[str, SettingSource]


def account_settings(base: Settings, name: str, given: Mapping[str, Any], *, title: str = "") -> Settings:
    """The settings of the account `name`: `given`, and for the rest what accounts get of the home's, `base`.

    Raises InvalidSettings.
    """
    own = {
        setting: getattr(base, setting)
        for setting, field in Settings.fields.items()
        if field.sharing in (Sharing.INHERITED, Sharing.PROCESS) and setting in base.__dict__
    }
    if "database_url" in given:
        own.pop(_REPLICA, None)  # that of the home's database is none of this one's
    values = own | _derived(base, name) | dict(given)
    schema = "" if str(values["database_url"]).startswith("sqlite:") else schema_of(name)
    return Settings(**values, account=name, account_title=title or name, schema=schema)


def configure(
    base: Settings, home: Mapping[str, SettingSource], name: str, parts: Sequence[Given], *, title: str = ""
) -> AccountConfiguration:
    """The same of values from several places, the later ones first in rank. `home`: where the home's come from.

    Raises SettingsError that names each wrong value, with the account and the place.
    """
    given = {setting: value for part in parts for setting, value in part.values.items()}
    sources = {setting: source for part in parts for setting, source in part.sources.items()}
    problems = [problem for part in parts for problem in part.problems]
    settings = None
    try:
        settings = account_settings(base, name, given, title=title)
    except InvalidSettings as error:
        problems += [_sentence(name, setting, problem, sources.get(setting)) for setting, problem in error.problems]
    if problems or settings is None:
        raise SettingsError("; ".join(problems))
    return AccountConfiguration(settings=settings, sources=_sources(base, home, sources))


def _sources(
    base: Settings, home: Mapping[str, SettingSource], own: Mapping[str, SettingSource]
) -> dict[str, SettingSource]:
    """Where each value comes from: the account itself, the home, the account's name, or nowhere."""
    found: dict[str, SettingSource] = {}
    for setting, field in Settings.fields.items():
        above = home.get(setting, DEFAULT)
        if setting in own:
            found[setting] = own[setting]
        elif field.sharing is Sharing.OWN or (field.sharing is Sharing.DERIVED and not _is_derived(base, setting)):
            found[setting] = DEFAULT
        elif field.sharing is Sharing.DERIVED:
            found[setting] = SettingSource("account's name")
        else:
            found[setting] = above if above == DEFAULT else SettingSource("home", str(above))
    if "database_url" in own:
        found[_REPLICA] = own.get(_REPLICA, DEFAULT)
    return found


def _sentence(name: str, setting: str, problem: str, source: SettingSource | None) -> str:
    """What is wrong with a value of an account: its name, its place, the problem, an example."""
    if not setting:
        return f"[accounts.{name}] {problem}"
    example = Settings.fields[setting].example if setting in Settings.fields else ""
    ending = f", for example {example}" if example else ""
    if source and source.kind == "environment":
        return f"{source.place} {problem}{ending}"
    place = f" ({source.place or source.kind})" if source else ""
    return f"[accounts.{name}] {setting}{place} {problem}{ending}"


def _derived(base: Settings, name: str) -> dict[str, Any]:
    """What an account has of the home's settings that two accounts must not share: with its name in it."""
    found = _every_derived(base, name)
    return {setting: value for setting, value in found if value != Settings.fields[setting].default}


def _is_derived(base: Settings, setting: str) -> bool:
    return setting in _derived(base, "x")


def _every_derived(base: Settings, name: str) -> Iterable[tuple[str, Any]]:
    yield "database_url", _database_url(base.database_url, name)
    yield "data_dir", str(Path(base.data_dir) / "accounts" / name)
    yield "archive_url", _under(base.archive_url, name, unchanged=NO_ARCHIVE)
    yield "backup_url", _under(base.backup_url, name, unchanged=NO_BACKUPS)
    yield "track_url", f"{base.track_url}/a/{name}" if base.track_url else ""
    yield "track_keys", tuple(_key(key, name) for key in base.track_keys)
    yield "privacy_key", _key(base.privacy_key, name)


def _database_url(home: str, name: str) -> str:
    """A SQLite file beside the home's; on PostgreSQL the home's database, where the account has a schema."""
    if not home.startswith(_SQLITE):
        return home
    folder, slash, file = home.removeprefix(_SQLITE).partition("?")[0].rpartition("/")
    stem = file.rpartition(".")[0] or file
    return f"{_SQLITE}{folder}{slash}{stem}-accounts/{name}.db"


def _under(url: str, name: str, *, unchanged: str) -> str:
    return url if url in ("", unchanged) else f"{url.rstrip('/')}/accounts/{name}"


def _key(home: SecretStr, name: str) -> SecretStr:
    """A key that is made of the home's, and different for each account; empty where the home has none."""
    text = home.get_secret_value()
    if not text:
        return home
    return SecretStr(hmac.new(text.encode(), _KEY_DOMAIN + name.encode(), hashlib.sha256).hexdigest())
