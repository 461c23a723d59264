"""One account: what the file, the environment and its row make of it, or what is wrong with that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, cast

from awbridge.app.accounts.configured import ConfiguredAccounts, name_problems
from awbridge.app.accounts.overlay import configure
from awbridge.app.accounts.sealed import NoKey, Seal
from awbridge.app.parts import missing_parts
from awbridge.app.settings import NO_ARCHIVE, Settings
from awbridge.app.settings.sources import Given, SettingSource, resolved
from awbridge.domain.accounts.names import name_problem, schema_of
from awbridge.domain.errors import SettingsError
from awbridge.store.accounts.accounts import StoredAccount
from awbridge.store.engine.store import sqlite_file

DATABASE = SettingSource("database", "table accounts")
FILE_URL = "file://"


class AccountSource(StrEnum):
    """What defines an account."""

    FILE = "file"  # a table of awbridge.toml; the row only holds its state, or more settings
    DATABASE = "database"  # a row, by command or page
    BOTH = "file and database"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account of the service. `settings` is None where something is wrong with it, and `problem` says what.

    `sources`: where each setting comes from. `suspended_at`: since when nothing is done for it; None while it works.
    `changed_at`: when a command or a page last changed it. `places`: where it has its data. `drop_begun_at`: since when
    they are being deleted; `dropped_at`: when they were, of an account that the file still defines. `urls`: where it
    has files and objects, also if its places are another one's.
    """

    name: str
    title: str
    settings: Settings | None
    sources: Mapping[str, SettingSource] = field(repr=False)
    suspended_at: datetime | None
    changed_at: datetime | None
    source: AccountSource
    problem: str
    places: tuple[str, ...] = field(repr=False)
    drop_begun_at: datetime | None = None
    dropped_at: datetime | None = None
    urls: tuple[str, ...] = field(default=(), repr=False)

    @property
    def suspended(self) -> bool:
        """Whether nothing is done for it."""
        return self.suspended_at is not None

    @property
    def is_gone(self) -> bool:
        """Whether its data are dropped, or being dropped: nobody may open them, which would make them again."""
        return self.drop_begun_at is not None or self.dropped_at is not None

    @property
    def gone(self) -> str:
        """What to do about an account whose data are dropped, or being dropped; "" for others."""
        if self.drop_begun_at:
            return f"it is being dropped. If that was interrupted, go on: awbridge accounts drop {self.name}"
        if self.dropped_at:
            return (
                f"its data are dropped. Remove [accounts.{self.name}] from the file of settings, or begin anew with "
                f"awbridge accounts resume {self.name}"
            )
        return ""

    @property
    def attention(self) -> str:
        """What an admin has to do so that the account is worked for; "" if nothing."""
        if self.gone or self.problem:
            return self.gone or self.problem
        if self.settings is None or self.suspended:
            return ""
        try:
            self.settings.check_vendor()
        except SettingsError as error:
            return f"not worked for: {error}"
        return f"not worked for: {self.missing_parts}" if self.missing_parts else ""

    @property
    def missing_parts(self) -> str:
        """Which settings of it need an optional part that is not installed; "" if none."""
        return missing_parts(self.settings) if self.settings else ""

    @property
    def works(self) -> bool:
        """Whether it is to be served and worked for."""
        return self.settings is not None and not self.suspended and not self.is_gone

    def checked(self) -> Settings:
        """Its settings, to open its data. Raises SettingsError with its problem, or if they are dropped."""
        if self.is_gone:
            raise SettingsError(f"account {self.name}: {self.gone}")
        if self.settings is None:
            raise SettingsError(f"account {self.name}: {self.problem}")
        return self.settings


def account_of(
    home: Settings, configured: ConfiguredAccounts, seal: Seal, name: str, row: StoredAccount | None
) -> Account:
    """The account of this name, whatever is wrong with it."""
    in_file = name in configured.tables
    parts = (of_row(row, seal), *configured.given(name)) if row else configured.given(name)
    title = configured.title(name) or (row.title if row else "") or name
    settings: Settings | None = None
    sources: Mapping[str, SettingSource] = {}
    problem = f"{name} {wrong}" if (wrong := name_problem(name)) else ""
    if row and not row.defined and not in_file:
        problem = (
            f"[accounts.{name}] is gone from the file of settings. Put it back, or forget the account: "
            f"awbridge accounts drop {name}"
        )
    if not problem:
        try:
            found = configure(home, configured.home, name, parts, title=title)
            settings, sources = found.settings, found.sources
        except SettingsError as error:
            problem = str(error)
    return Account(
        name=name,
        title=title,
        settings=settings,
        sources=sources,
        suspended_at=row.suspended_at if row else None,
        changed_at=row.updated_at if row else None,
        source=_source(in_file, row),
        problem=problem,
        places=places_of(settings) if settings else (_schema_place(name),),
        drop_begun_at=row.drop_begun_at if row else None,
        dropped_at=row.dropped_at if row else None,
        urls=urls_of(settings) if settings else (),
    )


def _source(in_file: bool, row: StoredAccount | None) -> AccountSource:
    if not in_file:
        return AccountSource.DATABASE
    return AccountSource.BOTH if row and row.defined else AccountSource.FILE


def places_of(settings: Settings) -> tuple[str, ...]:
    """Where an account has its data, as a person is told; no two accounts may have one of them in common."""
    found = [url.removeprefix(FILE_URL) for url in urls_of(settings)]
    if settings.account:
        found.append(_schema_place(settings.account))  # also where it has a file, so that it may move
    return tuple(found)


def urls_of(settings: Settings) -> tuple[str, ...]:
    """Where an account has files and objects: its data folder, SQLite file, archive and backups, as URLs."""
    found = [f"{FILE_URL}{Path(settings.data_dir).resolve()}"]
    with suppress(SettingsError):
        if file := sqlite_file(settings.database_url):
            found.append(f"{FILE_URL}{file.resolve()}")
    found += [url.rstrip("/") for url in (settings.archive_url, settings.backup_url) if url not in ("", NO_ARCHIVE)]
    return tuple(dict.fromkeys(found))


def of_row(row: StoredAccount, seal: Seal) -> Given:
    """The settings in a row, secrets opened."""
    try:
        values, sealed = read_json(row.settings), read_json(row.secrets)
    except ValueError:
        return Given({}, {}, (f"the row of {row.name} in the table accounts cannot be read: set its settings again",))
    problems: list[str] = []
    for setting, text in sealed.items():
        try:
            values[setting] = seal.open(str(text), sealed_for(row.name, setting))
        except NoKey as error:
            problems.append(f"{_shown(row.name, setting)} {error}")
    shown = partial(_shown, row.name)
    found = resolved(values, shown, lambda _: DATABASE)
    unknown = name_problems(values, shown)
    return Given(found.values, found.sources, (*found.problems, *problems, *unknown))


def sealed_for(name: str, setting: str) -> str:
    """What a secret is sealed for."""
    return f"{name}/{setting}"


def read_json(text: str) -> dict[str, Any]:
    """A JSON object. Raises ValueError for anything else."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return cast("dict[str, Any]", found)


def _schema_place(name: str) -> str:
    return f"the schema {schema_of(name)}"


def _shown(name: str, setting: str) -> str:
    return f"[accounts.{name}] {setting} (table accounts)"
