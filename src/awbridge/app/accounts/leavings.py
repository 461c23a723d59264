"""What an account has beside its database, files in folders and objects in buckets, and what a drop deletes of it.

Only what awbridge writes is deleted, and only below a folder or prefix that is the account's own: where another account
or the home has its own at the same place or within it, everything stays.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from awbridge.app.accounts.account import FILE_URL, Account, urls_of
from awbridge.app.backups import BACKUP_SETTING, objects_of
from awbridge.app.settings import NO_ARCHIVE, Settings
from awbridge.domain.errors import ObjectsError, SettingsError
from awbridge.sinks.objects import ARCHIVE_SETTING, KINDS

WRITTEN = (*KINDS, "archive", "unrecorded")  # the folders that awbridge makes in a data folder
_AT_ONCE = 16  # objects that are deleted at the same time


@dataclass(frozen=True, slots=True)
class OwnFolder:
    """A folder of an account. `whole`: it was made for the account, so that it goes with everything in it."""

    path: Path
    whole: bool

    def parts(self) -> list[Path]:
        """What of it is deleted."""
        names = [self.path] if self.whole else [self.path / name for name in WRITTEN]
        return [path for path in names if path.is_dir() and not path.is_symlink()]

    def files(self) -> int:
        """How many files that are."""
        return sum(1 for part in self.parts() for file in part.rglob("*") if file.is_file() or file.is_symlink())


@dataclass(frozen=True, slots=True)
class OwnObjects:
    """The objects of an account below a URL of object storage, from this setting."""

    url: str
    setting: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leavings:
    """What an account has beside its database. `shared`: sentences about places that another one uses too."""

    folders: Sequence[OwnFolder]
    objects: Sequence[OwnObjects]
    shared: Sequence[str]


def leavings_of(account: Account, settings: Settings, home: Settings, others: Iterable[Account]) -> Leavings:
    """What this account has. `settings`: its own; `others`: the accounts beside it, whatever is wrong with them."""
    taken = dict.fromkeys((*urls_of(home), *_named(home)), "the home")
    for other in others:
        if other.name != account.name:
            taken |= {place: other.name for place in _places_of_other(other) if place not in taken}
    folders: list[OwnFolder] = []
    objects: list[OwnObjects] = []
    shared: list[str] = []
    for setting, place in _own(settings):
        whose = next((name for at, name in taken.items() if _is_within(at, place)), "")
        if whose:
            shared.append(f"{place}: {whose} has its files there too")
        elif place.startswith(FILE_URL):
            derived = account.sources.get(setting.lower().removeprefix("awbridge_"))
            whole = derived is not None and derived.kind == "account's name"
            folders.append(OwnFolder(Path(place.removeprefix(FILE_URL)), whole))
        else:
            objects.append(OwnObjects(place, setting))
    return Leavings(folders=folders, objects=objects, shared=shared)


def _own(settings: Settings) -> list[tuple[str, str]]:
    """The places that an account writes to, as URLs, by the setting."""
    found = [("AWBRIDGE_DATA_DIR", f"{FILE_URL}{Path(settings.data_dir).absolute()}")]
    for setting, url in ((ARCHIVE_SETTING, settings.archive_url), (BACKUP_SETTING, settings.backup_url)):
        if url not in ("", NO_ARCHIVE) and url.rstrip("/") not in {place for _, place in found}:
            found.append((setting, url.rstrip("/")))
    return found


def _places_of_other(other: Account) -> list[str]:
    """Where an account has anything, also one that has a problem: nothing of it may be deleted there."""
    return [*other.urls, *(_named(other.settings) if other.settings else ())]


def _named(settings: Settings) -> list[str]:
    """Files and folders that a person made and named in the settings."""
    named = (settings.reconcile_dir, settings.templates_dir, settings.track_logo, settings.track_css)
    return [f"{FILE_URL}{Path(path).absolute()}" for path in named if path]


def _is_within(place: str, folder: str) -> bool:
    """Whether a place is this folder, or lies in it; links in the file system are followed."""
    if place.startswith(FILE_URL) and folder.startswith(FILE_URL):
        paths = [Path(text.removeprefix(FILE_URL)).resolve() for text in (place, folder)]
        return paths[0].is_relative_to(paths[1])
    return place == folder or place.startswith(f"{folder}/")


async def delete_folder(folder: OwnFolder) -> None:
    """Delete what awbridge wrote into a folder, and the folder if it is empty then. Repeatable. Raises OSError."""

    def delete() -> None:
        for part in folder.parts():
            shutil.rmtree(part)
        if folder.path.is_dir() and not any(folder.path.iterdir()):
            folder.path.rmdir()

    await asyncio.to_thread(delete)


async def keys_of(own: OwnObjects, settings: Settings) -> list[str]:
    """The keys of the objects that awbridge stored below a URL. Raises ObjectsError, SettingsError."""
    objects = objects_of(settings, own.url, own.setting)
    return [key for kind in KINDS for key in await objects.keys(f"{kind}/")]


async def delete_objects(
    own: OwnObjects, keys: Sequence[str], settings: Settings, on_done: Callable[[int], None]
) -> None:
    """Delete objects. Repeatable. `on_done` receives how many more are deleted. Raises ObjectsError."""
    objects = objects_of(settings, own.url, own.setting)
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        for result in await asyncio.gather(*map(objects.delete, part), return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        on_done(len(part))


async def counted(found: Leavings, settings: Settings) -> Mapping[str, int | str]:
    """How many files or objects there are at each place, or why they cannot be counted."""
    numbers: dict[str, int | str] = {}
    for folder in found.folders:
        if files := await asyncio.to_thread(folder.files):
            numbers[str(folder.path)] = files
    for own in found.objects:
        try:
            if keys := await keys_of(own, settings):
                numbers[own.url] = len(keys)
        except (ObjectsError, SettingsError) as error:
            numbers[own.url] = str(error)
    return numbers
