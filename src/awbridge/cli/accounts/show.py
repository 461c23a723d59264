"""`awbridge accounts list` and `show`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import click

from awbridge.app.accounts.account import Account
from awbridge.app.settings import Settings
from awbridge.app.settings.shown import shown_settings
from awbridge.cli import output
from awbridge.cli.chosen_account import admin_of, known
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import as_command, read_settings, warn
from awbridge.store.engine.store import sqlite_file

VIEW = ("name", "title", "state", "source", "database", "suspended_at", "changed_at", "problem")


def shown(account: Account) -> dict[str, Any]:
    """An account as commands print it."""
    return {
        "name": account.name,
        "title": account.title,
        "state": "broken" if account.settings is None else "suspended" if account.suspended else "active",
        "source": account.source.value,
        "database": place_of(account.settings) if account.settings else None,
        "suspended_at": account.suspended_at,
        "changed_at": account.changed_at,
        "problem": account.problem or None,
    }


def place_of(settings: Settings) -> str:
    """Where an account's data are, in words and without a password."""
    if file := sqlite_file(settings.database_url):
        return str(file)
    url = urlsplit(settings.database_url)
    hosts = url.netloc.rpartition("@")[2]
    return f"schema {settings.schema} of {url.path.strip('/')}" + (f" at {hosts}" if hosts else "")


@click.command("list")
@page_options(None)
@form_options
def list_accounts(limit: int | None, cursor: str | None, form: Form) -> None:
    """Show all accounts, with what is wrong with them.

    Exit code 1: something is wrong with an account.

    Example: awbridge accounts list
    """
    settings = read_settings()

    async def look() -> tuple[list[Account], list[str]]:
        async with admin_of(settings) as admin:
            return list((await admin.all()).values()), admin.strays()

    found, strays = as_command(look())
    for stray in strays:
        warn(stray)
    part, page = output.whole(found, limit=limit, cursor=cursor)
    values = [shown(account) for account in part]
    rows = [output.pick(value, ("name", "title", "state", "source", "database", "problem")) for value in values]
    output.show_list(values, rows, form=form, view=VIEW, empty="no accounts; there is the home alone", page=page)
    if any(account.settings is None for account in found):
        raise SystemExit(1)


@click.command("show")
@click.argument("name")
@form_options
def show_account(name: str, form: Form) -> None:
    """Show an account, and the settings of its own. Secrets are masked.

    `awbridge --account NAME config show` shows all its settings, with those that it gets from the home.

    Example: awbridge accounts show india
    """
    home = read_settings()

    async def look() -> Account:
        async with admin_of(home) as admin:
            return await known(admin, name)

    account = as_command(look())
    own = own_settings(account)
    settings = [{"setting": s.variable, "value": s.value, "source": str(s.source)} for s in own]
    if form != "text":
        output.show_one(shown(account), form=form, view=VIEW, more={"settings": settings})
        return
    output.print_fields({name: value for name, value in shown(account).items() if value is not None})
    if own:
        click.echo()
        output.print_table([{"setting": s.variable, "value": s.text, "source": str(s.source)} for s in own])


def own_settings(account: Account) -> list[Any]:
    """The settings that are set for the account itself."""
    if account.settings is None:
        return []
    of_others = ("default", "home", "account's name")
    return [s for s in shown_settings(account.settings, account.sources) if s.source.kind not in of_others]
