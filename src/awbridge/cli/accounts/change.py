"""`awbridge accounts add`, `set`, `unset`, `suspend`, `resume` and `key`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from awbridge.app.accounts.changes import AccountAdmin
from awbridge.app.settings import Settings
from awbridge.cli import output
from awbridge.cli.accounts.show import VIEW, place_of, shown
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import at_a_terminal, fail, warn, with_settings
from awbridge.domain.errors import NotPossible, SettingsError, StoreError

if TYPE_CHECKING:
    from awbridge.app.accounts.account import Account

T = TypeVar("T")

_title_option = click.option("--title", help="What pages and reports call the account. [default: its name]")
_secret_option = click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="SETTING",
    help="A secret setting, which is asked for; without a terminal, a line of standard input. May be repeated.",
)


def with_admin(work: Callable[[AccountAdmin], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the accounts. They are stored in the home's database."""
    return with_settings(lambda settings, store: work(AccountAdmin(settings, store)))


@click.command("add")
@click.argument("name")
@_title_option
@click.option(
    "--set", "assignments", multiple=True, metavar="SETTING=VALUE", help="A setting of the account. May be repeated."
)
@_secret_option
@form_options
def add_account(
    name: str, title: str | None, assignments: tuple[str, ...], secrets: tuple[str, ...], form: Form
) -> None:
    """Add an account, and create its schema or file.

    Settings are named as in the file of settings. Services work for it within seconds. A schema or file that exists is
    used as it is, and the command says so.

    Example: awbridge accounts add india --set clickpost_username=acme --secret clickpost_key
    """
    from awbridge.steps.transfer.life import create_data
    from awbridge.store.engine.migrate import migrations

    given = {**_assigned(assignments), **_asked(secrets)}

    async def go(admin: AccountAdmin) -> tuple[Account, bool]:
        added = await admin.add(name, title=title or "", settings=given)
        settings = added.checked()
        try:
            applied = await create_data(settings.database_url, schema=settings.schema)
        except (SettingsError, StoreError) as error:
            what = "schema" if settings.schema else "file"
            do = f"Correct that, then run awbridge accounts migrate {name}"
            raise NotPossible(
                f"{name} is added, but its {what} could not be made: {str(error).rstrip('.')}. {do}"
            ) from None
        return added, migrations()[0].name in applied

    added, is_new = with_admin(go)
    text = f"added {name}; its data are in {place_of(added.checked())}"
    if not is_new:
        warn(f"{place_of(added.checked())} was there before: {name} has the data that are in it")
    output.show_one(shown(added), text, form=form, view=VIEW)


@click.command("set")
@click.argument("name")
@click.argument("assignments", nargs=-1, metavar="[SETTING=VALUE]...")
@_title_option
@_secret_option
@form_options
def set_settings(
    name: str, assignments: tuple[str, ...], title: str | None, secrets: tuple[str, ...], form: Form
) -> None:
    """Change settings of an account. Services follow within seconds.

    Example: awbridge accounts set gulf time_zone=Asia/Dubai
    """
    if not (assignments or secrets or title is not None):
        fail("name what to set, such as time_zone=Asia/Dubai, --secret clickpost_key or --title")
    given = {**_assigned(assignments), **_asked(secrets)}
    changed = with_admin(lambda admin: admin.change(name, title=title, settings=given))
    output.show_one(shown(changed), f"changed {name}", form=form, view=VIEW)


@click.command("unset")
@click.argument("name")
@click.argument("settings", nargs=-1, required=True, metavar="SETTING...")
@form_options
def unset_settings(name: str, settings: tuple[str, ...], form: Form) -> None:
    """Remove settings of an account, so that it gets the home's.

    Example: awbridge accounts unset gulf time_zone
    """
    changed = with_admin(lambda admin: admin.change(name, unset=settings))
    output.show_one(shown(changed), f"changed {name}", form=form, view=VIEW)


@click.command("suspend")
@click.argument("name")
@form_options
def suspend_account(name: str, form: Form) -> None:
    """Stop working for an account; its webhooks are still stored.

    Nothing is sent to ClickPost or to customers, and its API and pages refuse. Returns once no service works for it,
    usually after some seconds.

    Example: awbridge accounts suspend gulf
    """

    async def go(admin: AccountAdmin) -> Account:
        suspended = await admin.suspend(name)
        await admin.check_closed(suspended)
        return suspended

    changed = with_admin(go)
    output.show_one(shown(changed), f"suspended {name}", form=form, view=VIEW)


@click.command("resume")
@click.argument("name")
@form_options
def resume_account(name: str, form: Form) -> None:
    """Work for a suspended account again.

    Example: awbridge accounts resume gulf
    """
    changed = with_admin(lambda admin: admin.resume(name))
    output.show_one(shown(changed), f"resumed {name}", form=form, view=VIEW)


@click.command("key")
@click.option(
    "--encrypt-again",
    is_flag=True,
    help="Print no key; encrypt all stored secrets with the first key of AWBRIDGE_ACCOUNTS_KEY.",
)
@form_options
def print_key(encrypt_again: bool, form: Form) -> None:
    """Print a new key for AWBRIDGE_ACCOUNTS_KEY.

    Example: awbridge accounts key
    """
    if encrypt_again:
        done = with_admin(lambda admin: admin.encrypt_again())
        output.show_one({"encrypted": done}, f"{done} secrets encrypted again", form=form, view=("encrypted",))
        return
    from awbridge.app.accounts.sealed import PART, SETTING, new_key
    from awbridge.app.parts import is_installed
    from awbridge.domain.errors import MissingPart

    key = new_key()
    if not is_installed(PART):
        warn(str(MissingPart(SETTING, PART)))
    output.show_one({"key": key}, key, form=form, view=("key",))


def _assigned(assignments: tuple[str, ...]) -> dict[str, object]:
    """Settings written as name=value. Ends the command for others, and for secrets: a shell remembers them."""
    found: dict[str, object] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals:
            fail(f"{name} has no value; write {name}=VALUE")
        field = Settings.fields.get(name.strip())
        if field is not None and field.is_secret:
            fail(f"{name} is secret; write --secret {name}, or name a file that holds it: {name}_file=PATH")
        found[name.strip()] = value
    return found


def _asked(names: tuple[str, ...]) -> dict[str, object]:
    """Secrets that a person types, or that are lines of standard input."""
    if at_a_terminal():
        return {name: click.prompt(name, hide_input=True, err=True) for name in names}
    found: dict[str, object] = {}
    for name in names:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            fail(f"there is no terminal to ask for {name} at; write it to standard input, on a line of its own")
        found[name] = line
    return found
