"""`awbridge serve`, `work` and `migrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import begin_log, read_settings, run, warn

if TYPE_CHECKING:
    from awbridge.app.accounts.migrating import MigratedAccount
    from awbridge.app.settings import Settings
    from awbridge.store.engine.migrate import SchemaState


@click.command()
@click.option("--host", help="Address to listen on. [default: AWBRIDGE_HOST, 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on. [default: AWBRIDGE_PORT, 8000]")
def serve(host: str | None, port: int | None) -> None:
    """Run the service: API, webhook endpoint and all steps in one process.

    Example: awbridge serve --port 8000
    """
    as_json = begin_log()
    settings = read_settings(strict=True, host=host, port=port)  # before the long import

    from awbridge.app.serve import serve

    def say(url: str) -> None:
        click.echo(f"awbridge listens on {url}")

    run(serve(settings, on_ready=None if as_json else say))


@click.command()
def work() -> None:
    """Run the steps only, as another worker on the same database.

    With --account, for that account alone.

    Example: AWBRIDGE_DATABASE_URL=postgresql://... awbridge work
    """
    begin_log()
    settings = read_settings(strict=True)

    from awbridge.app.work import work

    run(work(settings))


@click.command()
@click.option(
    "--dry-run", is_flag=True, help="Apply nothing; show what is missing, and whether older replicas may continue."
)
@form_options
def migrate(dry_run: bool, form: Form) -> None:
    """Bring the database's schema up to date, and those of all accounts.

    Exit code 1: an account could not be migrated; the others are.

    Example: awbridge migrate --dry-run
    """
    from awbridge.app.parts import missing_parts
    from awbridge.cli.accounts.data import MIGRATED, end_with_problems, migrated_lines, migrated_rows

    settings = read_settings()
    if problem := missing_parts(settings):
        warn(f"{problem}. awbridge serve and work do not start without")
    state, applied, accounts = run(_migrate(settings, dry_run=dry_run))
    if form == "text":
        lines = _plan(state) if dry_run else [f"applied {name}" for name in applied]
        lines += migrated_lines(accounts, dry_run=dry_run)
        click.echo("\n".join(lines) or "the schema is up to date")
    else:
        names = [migration.name for migration in state.missing] if dry_run else applied
        rows = [{"account": settings.account, "migration": name, "applied": not dry_run} for name in names]
        output.show_list([*rows, *migrated_rows(accounts, dry_run=dry_run)], form=form, view=MIGRATED)
    end_with_problems(accounts)


async def _migrate(settings: Settings, *, dry_run: bool) -> tuple[SchemaState, list[str], list[MigratedAccount]]:
    """Migrate the database of the settings, and then those of the other accounts if it is the home's."""
    from awbridge.app.accounts.changes import AccountAdmin
    from awbridge.app.database import make_months_ahead
    from awbridge.app.progress import Progress
    from awbridge.cli.accounts.data import migrated
    from awbridge.steps.transfer.life import create_data
    from awbridge.store import Store
    from awbridge.store.engine.migrate import nothing_applied
    from awbridge.store.engine.store import sqlite_file

    url, schema = settings.database_url, settings.schema
    if (file := sqlite_file(url)) and not file.exists():
        if dry_run:
            found = [] if settings.account else list((await AccountAdmin(settings, None).all()).values())
            return nothing_applied(), [], await migrated(found, dry_run=True)
        if settings.account:
            return nothing_applied(), await create_data(url), []
    store = await Store.open(url, schema=schema)
    try:
        state, applied = await store.schema_state(), list[str]()
        if not dry_run:
            async with Progress("migrations", len(state.missing)) as progress:
                applied = await store.migrate(progress.advance)
            await make_months_ahead(store, settings)
        if settings.account:
            return state, applied, []
        # The table of accounts may be what is missing yet.
        admin = AccountAdmin(settings, None if dry_run and state.missing else store)
        return state, applied, await migrated(list((await admin.all()).values()), dry_run=dry_run)
    finally:
        await store.close()


def _plan(state: SchemaState) -> list[str]:
    """The missing migrations, one a line, and what they mean for running replicas."""
    lines = [f"to apply: {m.name} (compatible from schema {m.compatible_from:04})" for m in state.missing]
    if lines and state.schema:
        go_on = f"replicas on schema {state.schema:04} may run on meanwhile: upgrade them one by one"
        lines.append(go_on if state.older_versions_go_on else "stop all replicas of the older version first")
    return lines
