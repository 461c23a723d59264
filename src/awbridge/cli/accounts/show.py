"""`awbridge accounts list` and `show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
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
from awbridge.store.accounts.account_figures import AccountFigures
from awbridge.store.engine.clocks.shared_time import SHARED_TIME
from awbridge.store.engine.store import sqlite_file

VIEW = (
    *("name", "title", "state", "source", "database", "suspended_at", "changed_at", "waiting", "failed", "alarms"),
    *("last_webhook_at", "counted_at", "problem"),
)
_COUNTED = ("waiting", "failed", "alarms", "counted")


def shown(account: Account, figures: AccountFigures | None = None) -> dict[str, Any]:
    """An account as commands print it, with what it had to do when it was last counted."""
    return {
        "name": account.name,
        "title": account.title,
        "state": _state(account),
        "source": account.source.value,
        "database": place_of(account.settings) if account.settings else None,
        "suspended_at": account.suspended_at,
        "changed_at": account.changed_at,
        "waiting": figures.orders + figures.deliveries if figures else None,
        "failed": figures.failed if figures else None,
        "alarms": figures.alarms if figures else None,
        "last_webhook_at": figures.last_webhook_at if figures else None,
        "counted_at": figures.counted_at if figures else None,
        "problem": account.attention or None,
    }


def _state(account: Account) -> str:
    if account.is_gone:
        return "dropped" if account.dropped_at else "dropping"
    return "broken" if account.settings is None else "suspended" if account.suspended else "active"


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
    """Show all accounts: what each has to do, and what is wrong with it.

    waiting: orders that are not placed and deliveries that are not applied. failed: orders that were rejected or given
    up. All numbers are as of the time in `counted`: each minute for an account at work, else before it went to sleep.

    Exit code 1: something is wrong with an account, or with the file of settings that a service reads again.

    Example: awbridge accounts list
    """
    settings = read_settings()

    async def look() -> tuple[list[Account], Mapping[str, AccountFigures], list[str], Sequence[str]]:
        async with admin_of(settings) as admin:
            found = list((await admin.all()).values())
            return found, await admin.figures(), admin.strays(), await admin.file_problems()

    found, figures, strays, problems = as_command(look())
    for text in (*strays, *problems):
        warn(text)
    part, page = output.whole(found, limit=limit, cursor=cursor)
    values = [shown(account, figures.get(account.name)) for account in part]
    columns = ("name", "title", "state", "source", "database", *(_COUNTED if figures else ()), "problem")
    rows = [output.pick(value | {"counted": _ago(value["counted_at"])}, columns) for value in values]
    output.show_list(values, rows, form=form, view=VIEW, empty="no accounts; there is the home alone", page=page)
    if problems or any(account.settings is None for account in found):
        raise SystemExit(1)


def _ago(at: datetime | None) -> str | None:
    """How long ago a time was, as "5 min ago"; None without one."""
    if at is None:
        return None
    minutes = round((SHARED_TIME.now() - at).total_seconds() / 60)
    for unit, size in (("days", 1440), ("h", 60), ("min", 1)):
        if minutes >= (2 if unit == "days" else 1) * size:
            return f"{minutes // size} {unit} ago"
    return "now"


@click.command("show")
@click.argument("name")
@form_options
def show_account(name: str, form: Form) -> None:
    """Show an account, and the settings of its own. Secrets are masked.

    `awbridge --account NAME config show` shows all its settings, with those that it gets from the home.

    Example: awbridge accounts show india
    """
    home = read_settings()

    async def look() -> tuple[Account, AccountFigures | None]:
        async with admin_of(home) as admin:
            return await known(admin, name), (await admin.figures()).get(name)

    account, figures = as_command(look())
    own = own_settings(account)
    settings = [{"setting": s.variable, "value": s.value, "source": str(s.source)} for s in own]
    if form != "text":
        output.show_one(shown(account, figures), form=form, view=VIEW, more={"settings": settings})
        return
    output.print_fields({name: value for name, value in shown(account, figures).items() if value is not None})
    if own:
        click.echo()
        output.print_table([{"setting": s.variable, "value": s.text, "source": str(s.source)} for s in own])


def own_settings(account: Account) -> list[Any]:
    """The settings that are set for the account itself."""
    if account.settings is None:
        return []
    of_others = ("default", "home", "account's name")
    return [s for s in shown_settings(account.settings, account.sources) if s.source.kind not in of_others]
