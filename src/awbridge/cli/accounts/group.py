"""`awbridge accounts`: the names of its commands, each imported when it is called."""

from __future__ import annotations

import click

from awbridge.cli.group import Group, Lazy

_COMMANDS = (
    Lazy("add", "accounts.change:add_account", "Add an account, and create its schema or file."),
    Lazy("drop", "accounts.drop:drop_account", "Delete a suspended account with all its data, for good."),
    Lazy("export", "accounts.data:export_data", "Write all data of an account to a file, such as to move it."),
    Lazy("import", "accounts.data:import_data", "Fill an empty account from a file that `export` wrote."),
    Lazy("key", "accounts.change:print_key", "Print a new key for AWBRIDGE_ACCOUNTS_KEY."),
    Lazy("list", "accounts.show:list_accounts", "Show all accounts: what each has to do, and what is wrong with it."),
    Lazy("migrate", "accounts.data:migrate_all", "Bring the schemas of all accounts up to date."),
    Lazy("resume", "accounts.change:resume_account", "Work for a suspended account again."),
    Lazy("set", "accounts.change:set_settings", "Change settings of an account."),
    Lazy("show", "accounts.show:show_account", "Show an account, and the settings of its own."),
    Lazy("suspend", "accounts.change:suspend_account", "Stop working for an account; its webhooks are still stored."),
    Lazy("unset", "accounts.change:unset_settings", "Remove settings of an account, so that it gets the home's."),
)


@click.group("accounts", cls=Group, commands=_COMMANDS)
def accounts_group() -> None:
    """Several accounts at ClickPost in one service."""
