"""`awbridge accounts drop`: the data of an account are deleted, with its files."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from awbridge.app.accounts.account import Account
from awbridge.app.settings import Settings
from awbridge.cli import output
from awbridge.cli.accounts.change import with_admin
from awbridge.cli.accounts.show import place_of
from awbridge.cli.chosen_account import known
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import at_a_terminal, fail, read_settings, yes_option
from awbridge.domain.errors import AwbridgeError, BackupError, NotPossible, StoreBusy

if TYPE_CHECKING:
    from awbridge.app.accounts.changes import AccountAdmin
    from awbridge.app.accounts.leavings import Leavings

VIEW = ("account", "dropped", "deletes", "keeps")
SEEN_WITHIN = 6.0  # seconds after which every service knows that an account is gone
CLOSED_WITHIN = 40.0  # seconds after which every service has closed it, the last requests included
_AGAIN = 0.5  # seconds between tries meanwhile


@dataclass(frozen=True, kw_only=True)
class _Drop:
    """A drop. `deletes`, `keeps`: what goes and what stays, in words. `settings`: None where they are wrong."""

    account: Account
    settings: Settings | None
    leavings: Leavings | None = None
    with_files: bool = True
    with_objects: bool = False
    deletes: list[str] = field(default_factory=list[str])
    keeps: list[str] = field(default_factory=list[str])


@click.command("drop")
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Delete nothing; show what would go, and what would stay.")
@click.option("--keep-files", is_flag=True, help="Keep its data folder, and an archive and backups in folders.")
@click.option("--objects", is_flag=True, help="Delete its calls, reports and backups in object storage too.")
@yes_option
@form_options
def drop_account(name: str, dry_run: bool, keep_files: bool, objects: bool, yes: bool, form: Form) -> None:
    """Delete a suspended account with all its data, for good.

    Its schema or file is deleted, its data folder, and what a command or a page set of it. What it has in object
    storage stays and is named, unless --objects. Nothing is deleted where another account has its data too.

    A drop that was interrupted goes on when the command is run again.

    Example: awbridge accounts drop gulf --dry-run
    """
    home = read_settings()

    async def look(admin: AccountAdmin) -> _Drop:
        return await _planned(admin, home, name, with_files=not keep_files, with_objects=objects)

    async def go(admin: AccountAdmin) -> _Drop:
        planned = await look(admin)
        await _drop(admin, home, planned)
        return planned

    planned = with_admin(look)
    if not dry_run:
        _confirm(planned, yes=yes)
        planned = with_admin(go)
    text = [f"would drop {name}" if dry_run else f"dropped {name}"]
    text += [f"would delete {what}" if dry_run else f"deleted {what}" for what in planned.deletes]
    text += [f"{'would stay' if dry_run else 'left for you to delete'}: {what}" for what in planned.keeps]
    shown = {"account": name, "dropped": not dry_run, "deletes": planned.deletes, "keeps": planned.keeps}
    output.show_one(shown, "\n".join(text), form=form, view=VIEW)


async def _planned(admin: AccountAdmin, home: Settings, name: str, *, with_files: bool, with_objects: bool) -> _Drop:
    from awbridge.app.accounts.leavings import counted, leavings_of

    account = await known(admin, name)
    settings = account.settings
    if settings is None:
        keeps = [f"{place}, as its settings are wrong: {account.problem}" for place in account.places]
        return _Drop(account=account, settings=None, keeps=keeps)
    if not account.suspended:
        raise NotPossible(f"{name} is not suspended: awbridge accounts suspend {name}")
    found = leavings_of(account, settings, home, (await admin.all()).values())
    planned = _Drop(
        account=account, settings=settings, leavings=found, with_files=with_files, with_objects=with_objects
    )
    planned.deletes.append(place_of(settings))
    numbers = await counted(found, settings)
    for places, goes, what in (
        ([str(folder.path) for folder in found.folders], with_files, "files"),
        ([own.url for own in found.objects], with_objects, "objects"),
    ):
        for place in places:
            if place in numbers:
                (planned.deletes if goes else planned.keeps).append(_counted(place, numbers, what))
    planned.keeps.extend(found.shared)
    return planned


def _counted(place: str, numbers: Mapping[str, int | str], what: str) -> str:
    number = numbers[place]
    if isinstance(number, str):
        return f"{place}, which cannot be read: {number}"
    return f"{place} ({number:,} {what if number != 1 else what.removesuffix('s')})"


async def _drop(admin: AccountAdmin, home: Settings, planned: _Drop) -> None:
    """Delete what is planned. What is done already is done again, so that an interrupted drop can go on."""
    from awbridge.app.accounts.leavings import delete_folder, delete_objects, keys_of

    name, settings, found = planned.account.name, planned.settings, planned.leavings
    if settings is not None and found is not None:
        await admin.begin_drop(name)
        await _delete_database(admin, home, settings)
        for folder in found.folders if planned.with_files else ():
            try:
                await delete_folder(folder)
            except OSError as error:
                raise _Undone(name, f"{folder.path} cannot be deleted: {error.strerror}") from error
        for own in found.objects if planned.with_objects else ():
            from awbridge.app.progress import Progress

            try:
                keys = await keys_of(own, settings)
                async with Progress("objects deleted", len(keys)) as progress:
                    await delete_objects(own, keys, settings, progress.advance)
            except AwbridgeError as error:
                raise _Undone(name, f"{own.url}: {error}") from error
    await admin.forget(name)


class _Undone(AwbridgeError):
    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{problem}. Correct that, and run awbridge accounts drop {name} again: it goes on")


async def _delete_database(admin: AccountAdmin, home: Settings, settings: Settings) -> None:
    """Delete the schema or file once every service has closed it."""
    from awbridge.app.progress import Progress
    from awbridge.steps.transfer.life import drop_data

    ends_at = time.monotonic() + CLOSED_WITHIN
    if await admin.services_run():
        await asyncio.sleep(SEEN_WITHIN)
    async with Progress("tables dropped") as progress:
        while True:
            try:
                await drop_data(
                    settings.database_url,
                    home_url=home.database_url,
                    schema=settings.schema,
                    on_done=progress.advance,
                )
            except (BackupError, StoreBusy) as error:
                if time.monotonic() > ends_at:
                    raise _Undone(settings.account, str(error)) from error
                await asyncio.sleep(_AGAIN)
            else:
                return


def _confirm(planned: _Drop, *, yes: bool) -> None:
    """Ask for the name of the account, unless `yes`. Ends with exit code 1 without it."""
    if yes:
        return
    name = planned.account.name
    what = f"delete the account {name} for good"
    if not at_a_terminal():
        fail(f"this would {what}, and there is no terminal to confirm it at; add --yes")
    for text in (*(f"goes: {text}" for text in planned.deletes), *(f"stays: {text}" for text in planned.keeps)):
        click.echo(text, err=True)
    question = f"This will {what}. Type its name to go on"
    if click.prompt(question, default="", show_default=False, err=True) != name:
        fail("nothing was changed")
