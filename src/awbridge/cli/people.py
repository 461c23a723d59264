"""`awbridge people` and `keys`: who may sign in, and the API keys of programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options, page_options
from awbridge.cli.shared import confirm, fail, on_store, yes_option
from awbridge.domain.people.credentials import password_problem
from awbridge.domain.people.role import Role
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.people import people

if TYPE_CHECKING:
    from awbridge.steps.people.people import Invited
    from awbridge.store import Store

_PERSON = ("login", "role", "disabled_at", "created_at")
_KEY = ("id", "name", "role", "created_by", "created_at", "last_used_at", "revoked_at")

_role_option = click.option(
    "--role", required=True, type=click.Choice([r.value for r in Role]), help="What they may do."
)
_login_argument = click.argument("login")


@click.group("people", cls=Group)
def people_group() -> None:
    """Who may sign in to the pages."""


@people_group.command("add")
@_login_argument
@_role_option
@click.option("--password", "ask_password", is_flag=True, help="Ask for a password instead of making a one-time link.")
@form_options
@on_store
async def add_person(store: Store, login: str, role: str, ask_password: bool, form: Form) -> None:
    """Add a person by name or mail address. Prints a one-time link with which they set their password.

    As soon as the first person, an admin, is added, the pages ask for a sign-in.

    Example: awbridge people add asha@shop.example --role admin
    """
    from awbridge.steps.people import people as steps

    password = click.prompt("Password", hide_input=True, confirmation_prompt=True) if ask_password else None
    if password is not None and (problem := password_problem(password, login.strip().casefold())):
        fail(problem)
    invited = await steps.add_person(store=store, clock=utc_now, login=login, role=Role(role))
    if password is None:
        _show_link(invited, form)
        return
    await steps.set_password(store=store, clock=utc_now, login=invited.person.login, password=password)
    output.show_one(invited.person, f"{invited.person.login} can sign in", form=form, view=_PERSON)


def _show_link(invited: Invited, form: Form) -> None:
    login, path = invited.person.login, invited.path
    text = f"{login} sets a password within 24 hours on your awbridge's address at:\n{path}"
    output.show_one(invited.person, text, form=form, view=_PERSON, more={"path": path})


@people_group.command("list")
@page_options(None)
@form_options
@on_store
async def list_people(store: Store, limit: int | None, cursor: str | None, form: Form) -> None:
    """Show the people, disabled ones too.

    Example: awbridge people list
    """
    async with store.read() as session:
        found = await people.every(session)
    part, page = output.whole(found, limit=limit, cursor=cursor)
    rows = [output.pick(person, _PERSON) for person in part]
    output.show_list(part, rows, form=form, view=_PERSON, empty="no people; the pages ask for no sign-in", page=page)


@people_group.command("role")
@_login_argument
@_role_option
@form_options
@on_store
async def set_role(store: Store, login: str, role: str, form: Form) -> None:
    """Give a person another role. It counts from their next request on.

    Example: awbridge people role asha@shop.example --role operator
    """
    from awbridge.steps.people import people as steps

    changed = await steps.set_role(store=store, clock=utc_now, login=login, role=Role(role))
    output.show_one(changed, f"{changed.login} is {changed.role}", form=form, view=_PERSON)


@people_group.command("disable")
@_login_argument
@form_options
@on_store
async def disable(store: Store, login: str, form: Form) -> None:
    """Let a person sign in no more, and end their sessions.

    Example: awbridge people disable asha@shop.example
    """
    from awbridge.steps.people import people as steps

    changed = await steps.disable(store=store, clock=utc_now, login=login)
    output.show_one(changed, "disabled", form=form, view=_PERSON)


@people_group.command("enable")
@_login_argument
@form_options
@on_store
async def enable(store: Store, login: str, form: Form) -> None:
    """Let a disabled person sign in again.

    Example: awbridge people enable asha@shop.example
    """
    from awbridge.steps.people import people as steps

    changed = await steps.enable(store=store, clock=utc_now, login=login)
    output.show_one(changed, "enabled", form=form, view=_PERSON)


@people_group.command("link")
@_login_argument
@form_options
@on_store
async def make_link(store: Store, login: str, form: Form) -> None:
    """Print a one-time link with which a person sets a new password.

    Example: awbridge people link asha@shop.example
    """
    from awbridge.steps.people import people as steps

    _show_link(await steps.make_link(store=store, clock=utc_now, login=login), form)


@people_group.command("end-sessions")
@_login_argument
@form_options
@on_store
async def end_sessions(store: Store, login: str, form: Form) -> None:
    """End every session of a person: they must sign in again.

    Example: awbridge people end-sessions asha@shop.example
    """
    from awbridge.steps.people import people as steps

    ended = await steps.end_sessions(store=store, clock=utc_now, login=login)
    output.show_one({"ended": ended}, f"{ended} sessions ended", form=form, view=("ended",))


@click.group("keys", cls=Group)
def keys_group() -> None:
    """API keys of programs, each with a role."""


@keys_group.command("add")
@click.argument("name")
@_role_option
@form_options
@on_store
async def add_key(store: Store, name: str, role: str, form: Form) -> None:
    """Make an API key and print it. Only its SHA-256 is stored: it cannot be shown again.

    Example: awbridge keys add "order system" --role operator
    """
    from awbridge.steps.people import keys as steps

    made = await steps.add_key(store=store, clock=utc_now, name=name, role=Role(role))
    text = f"key {made.key.id} of {made.key.name}, {made.key.role}\n{made.secret}"
    output.show_one(made.key, text, form=form, view="people:KeyView", more={"secret": made.secret})


@keys_group.command("list")
@page_options(None)
@form_options
@on_store
async def list_keys(store: Store, limit: int | None, cursor: str | None, form: Form) -> None:
    """Show the stored API keys, revoked ones too. Those in AWBRIDGE_API_KEYS are not stored.

    Example: awbridge keys list
    """
    from awbridge.steps.people import keys as steps

    part, page = output.whole(await steps.every_key(store), limit=limit, cursor=cursor)
    rows = [output.pick(key, _KEY) for key in part]
    empty = "no keys stored; AWBRIDGE_API_KEYS may hold some"
    output.show_list(part, rows, form=form, view="people:KeyView", empty=empty, page=page)


@keys_group.command("revoke")
@click.argument("key_id", type=int)
@yes_option
@form_options
@on_store
async def revoke_key(store: Store, key_id: int, yes: bool, form: Form) -> None:
    """Accept a key no more. Every process follows within 5 seconds.

    Example: awbridge keys revoke 1790000000000000000
    """
    from awbridge.steps.people import keys as steps

    named = next((key.name for key in await steps.every_key(store) if key.id == key_id), "")
    if named:
        confirm(f"revoke the key of {named} for good", yes=yes)
    revoked = await steps.revoke_key(store=store, clock=utc_now, key_id=key_id)
    output.show_one(revoked, f"revoked the key of {revoked.name}", form=form, view="people:KeyView")
