"""`awbridge serve`, `work` and `migrate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from awbridge.cli import output
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import begin_log, read_settings, run

if TYPE_CHECKING:
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
    """Bring the database's schema up to date.

    Example: awbridge migrate --dry-run
    """
    from awbridge.app.progress import Progress

    async def go() -> tuple[SchemaState, list[str]]:
        from awbridge.store import Store
        from awbridge.store.engine.migrate import nothing_applied
        from awbridge.store.engine.store import sqlite_file

        url = read_settings().database_url
        if dry_run and (file := sqlite_file(url)) and not file.exists():
            return nothing_applied(), []
        store = await Store.open(url)
        try:
            state = await store.schema_state()
            if dry_run:
                return state, []
            async with Progress("migrations", len(state.missing)) as progress:
                return state, await store.migrate(progress.advance)
        finally:
            await store.close()

    state, applied = run(go())
    if form == "text":
        lines = _plan(state) if dry_run else [f"applied {name}" for name in applied]
        click.echo("\n".join(lines) or "the schema is up to date")
        return
    names = [migration.name for migration in state.missing] if dry_run else applied
    rows = [{"migration": name, "applied": not dry_run} for name in names]
    output.show_list(rows, form=form, view=("migration", "applied"))


def _plan(state: SchemaState) -> list[str]:
    """The missing migrations, one a line, and what they mean for running replicas."""
    lines = [f"to apply: {m.name} (compatible from schema {m.compatible_from:04})" for m in state.missing]
    if lines and state.schema:
        go_on = f"replicas on schema {state.schema:04} may run on meanwhile: upgrade them one by one"
        lines.append(go_on if state.older_versions_go_on else "stop all replicas of the older version first")
    return lines
