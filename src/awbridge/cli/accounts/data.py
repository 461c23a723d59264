"""`awbridge accounts migrate`, `export` and `import`: the data of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from awbridge.app.accounts.account import Account
from awbridge.cli import output
from awbridge.cli.accounts.change import with_admin
from awbridge.cli.chosen_account import admin_of, known
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import as_command, fail, read_settings
from awbridge.domain.errors import NotPossible
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.runtime.clock import utc_now

if TYPE_CHECKING:
    from awbridge.app.accounts.changes import AccountAdmin
    from awbridge.app.accounts.migrating import MigratedAccount
    from awbridge.domain.transfer.manifest import ExportManifest

MIGRATED = ("account", "migration", "applied")
_TRANSFERRED = ("account", "file", "exported_at", "schema", "rows")
_FEW = 3  # migrations that are named one by one


@click.command("migrate")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--dry-run", is_flag=True, help="Apply nothing; show what is missing.")
@form_options
def migrate_all(names: tuple[str, ...], dry_run: bool, form: Form) -> None:
    """Bring the schemas of all accounts up to date.

    Missing ones are created. `awbridge migrate` does so too, after the home's.

    Exit code 1: an account could not be migrated; the others are.

    Example: awbridge accounts migrate --dry-run
    """
    home = read_settings()

    async def go() -> list[MigratedAccount]:
        async with admin_of(home) as admin:
            found = await admin.all()
            chosen = [await known(admin, name) for name in names] or list(found.values())
        return await migrated(chosen, dry_run=dry_run)

    done = as_command(go())
    if form == "text":
        lines = migrated_lines(done, dry_run=dry_run)
        if not (lines or any(one.problem for one in done)):
            lines = ["the schemas are up to date"]
        click.echo("\n".join(lines), nl=bool(lines))
    else:
        output.show_list(migrated_rows(done, dry_run=dry_run), form=form, view=MIGRATED)
    end_with_problems(done)


async def migrated(accounts: Sequence[Account], *, dry_run: bool) -> list[MigratedAccount]:
    """Migrate accounts, with progress."""
    from awbridge.app.accounts.migrating import migrate_accounts
    from awbridge.app.progress import Progress

    done: list[MigratedAccount] = []
    async with Progress("accounts migrated", len(accounts)) as progress:
        async for one in migrate_accounts(accounts, dry_run=dry_run):
            done.append(one)
            progress.advance(1)
    return done


def migrated_lines(done: Iterable[MigratedAccount], *, dry_run: bool) -> list[str]:
    """What became of each account, unless there was nothing to do."""
    lines: list[str] = []
    for one in done:
        names = _names(one, dry_run=dry_run)
        if names:
            verb = "to apply" if dry_run else "applied"
            what = ", ".join(names) if len(names) <= _FEW else f"{len(names)} migrations"
            lines.append(f"{one.account}: {verb} {what}")
    return lines


def migrated_rows(done: Iterable[MigratedAccount], *, dry_run: bool) -> list[dict[str, Any]]:
    """The same as rows."""
    return [
        {"account": one.account, "migration": name, "applied": not dry_run}
        for one in done
        for name in _names(one, dry_run=dry_run)
    ]


def end_with_problems(done: Iterable[MigratedAccount]) -> None:
    """End with exit code 1 where an account could not be migrated."""
    if problems := [f"account {one.account}: {one.problem}" for one in done if one.problem]:
        fail("\n".join(problems))


def _names(one: MigratedAccount, *, dry_run: bool) -> list[str]:
    if one.problem:
        return []
    return [migration.name for migration in one.state.missing] if dry_run else list(one.applied)


@click.command("export")
@click.argument("name")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@form_options
def export_data(name: str, file: Path, form: Form) -> None:
    """Write all data of an account to a file, such as to move it.

    The file holds names, addresses and phone numbers. Only you may read it. To move an account, suspend it first.

    Example: awbridge accounts export india india.zip
    """
    from awbridge.app.database import open_store
    from awbridge.app.progress import Progress
    from awbridge.steps.transfer.export import export_account

    async def go(admin: AccountAdmin) -> ExportManifest:
        account = await known(admin, name)
        settings = account.checked()
        if account.suspended:
            await admin.check_closed(account)
        async with open_store(settings, migrate=False, create=False) as store, Progress("rows exported") as progress:
            made = await export_account(store=store, file=file, account=name, clock=utc_now, on_rows=progress.advance)
        await admin.record(AuditAction.ACCOUNT_EXPORTED, name, {"rows": made.rows, "schema": made.schema})
        return made

    made = with_admin(go)
    output.show_one(
        _transferred(made, name, file), f"exported {made.rows:,} rows of {name} to {file}", form=form, view=_TRANSFERRED
    )


@click.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@form_options
def import_data(name: str, file: Path, form: Form) -> None:
    """Fill an empty account from a file that `export` wrote.

    The account is added first, then suspended until the import is done: awbridge accounts add, suspend, import, resume.

    Example: awbridge accounts import india india.zip
    """
    from awbridge.app.progress import Progress
    from awbridge.steps.transfer.load import import_account, manifest_of
    from awbridge.store import Store

    async def go(admin: AccountAdmin) -> ExportManifest:
        account = await known(admin, name)
        settings = account.checked()
        if not account.suspended:
            raise NotPossible(f"{name} is not suspended, so services may use it: awbridge accounts suspend {name}")
        await admin.check_closed(account)
        total = manifest_of(file).rows
        store = await Store.open(settings.database_url, connections=2, schema=settings.schema)
        try:
            async with Progress("rows imported", total) as progress:
                done = await import_account(store=store, file=file, on_rows=progress.advance)
        finally:
            await store.close()
        await admin.record(AuditAction.ACCOUNT_IMPORTED, name, {"rows": done.rows, "of": done.account})
        return done

    done = with_admin(go)
    text = f"imported {done.rows:,} rows into {name}; awbridge accounts resume {name} lets services work for it"
    output.show_one(_transferred(done, name, file), text, form=form, view=_TRANSFERRED)


def _transferred(manifest: ExportManifest, name: str, file: Path) -> dict[str, Any]:
    found = {"exported_at": manifest.exported_at, "schema": manifest.schema, "rows": manifest.rows}
    return {"account": name, "file": str(file), **found}
