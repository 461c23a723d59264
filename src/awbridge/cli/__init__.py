"""The commands. Each has an example in its help, `--json` where it prints data, exit code 0 only on success."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import click
from pydantic import ValidationError

import awbridge
from awbridge.app.logs import set_up_logs
from awbridge.app.serve import serve as run_service
from awbridge.app.serve import work as run_steps
from awbridge.cli import accounts, downtimes
from awbridge.cli.actions import actions_group, pickups_group, waybills_group
from awbridge.cli.audit import archive_group, evidence_of_shipment, report_group, show_schedules
from awbridge.cli.couriers import couriers_group
from awbridge.cli.doctor import doctor
from awbridge.cli.drill import drill
from awbridge.cli.notify import alarms_group, endpoints_group, notices_group, opt_outs_group
from awbridge.cli.payloads import payload_command, replace_command, settle_shipments
from awbridge.cli.polling import catch_up, webhook_group
from awbridge.cli.privacy import erase
from awbridge.cli.reconciliation import reconcile_group
from awbridge.cli.shared import Group, as_json_option, fail, read_settings, run
from awbridge.cli.shipments import shipments_group
from awbridge.cli.tracking import replay
from awbridge.store import Store
from awbridge.store.engine.migrate import SchemaState


@click.group(cls=Group)
@click.version_option(awbridge.__version__, prog_name="awbridge")
def main() -> None:
    """The finished ClickPost integration.

    Settings come from AWBRIDGE_* variables and awbridge.toml. Start with: awbridge demo
    """


@main.command()
@click.option("--shipments", default=200, show_default=True, type=click.IntRange(1, 20_000), help="How many to send.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same journeys and faults.")
@click.option("--keep", is_flag=True, help="Leave the service running and its database behind.")
@as_json_option
def demo(shipments: int, seed: int, keep: bool, as_json: bool) -> None:
    """Run the whole bridge against a simulated ClickPost with faults, and check the result.

    Example: awbridge demo --shipments 500 --seed 7
    """
    from awbridge.rehearsal.demo import run_demo

    set_up_logs(level="error", as_json=False)
    if not run(run_demo(count=shipments, seed=seed, keep=keep, as_json=as_json)):
        sys.exit(1)


@main.command()
@click.option("--host", help="Address to listen on. [default: AWBRIDGE_HOST, 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on. [default: AWBRIDGE_PORT, 8000]")
def serve(host: str | None, port: int | None) -> None:
    """Run the service: API, webhook endpoint and all steps in one process.

    Example: awbridge serve --port 8000
    """
    run(run_service(read_settings(host=host, port=port), on_ready=lambda url: click.echo(f"awbridge listens on {url}")))


@main.command()
def work() -> None:
    """Run the steps only, as another worker on the same database.

    Example: AWBRIDGE_DATABASE_URL=postgresql://... awbridge work
    """
    run(run_steps(read_settings()))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8100, show_default=True)
@click.option("--seed", type=int, help="The same seed gives the same journeys and faults.  [default: 1]")
@click.option("--speed", type=float, help="How many times faster than real time parcels travel.  [default: 1]")
@click.option("--backdate-days", type=float, help="How far back parcels' time starts.  [default: 0]")
@click.option("--fault", "faults", multiple=True, metavar="NAME=VALUE", help="A fault, e.g. http_500=0.1. Repeatable.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON file of settings.")
def sandbox(
    host: str,
    port: int,
    seed: int | None,
    speed: float | None,
    backdate_days: float | None,
    faults: tuple[str, ...],
    config: Path | None,
) -> None:
    """Serve a simulated ClickPost. Its control API is under /_sandbox/.

    Example: awbridge sandbox --seed 7 --speed 3600 --backdate-days 30 --fault http_500=0.1
    """
    from awbridge.rehearsal.demo import sandbox_config
    from awbridge.sandbox import serve as serve_sandbox

    try:
        chosen = sandbox_config(
            seed=seed,
            speed=speed,
            backdate_seconds=None if backdate_days is None else backdate_days * 86400,
            faults=faults,
            file=config,
        )
    except (ValueError, OSError) as error:
        fail(_first_problem(error))
    if not _is_free(host, port):
        fail(f"{host}:{port} is in use; choose another --port")
    click.echo(f"a simulated ClickPost listens on http://{host}:{port}")
    serve_sandbox(chosen, host, port)


def _first_problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@main.command()
@click.option(
    "--dry-run", is_flag=True, help="Apply nothing; say what would be, and whether older replicas may run on."
)
def migrate(dry_run: bool) -> None:
    """Bring the database's schema up to date.

    Example: awbridge migrate --dry-run
    """

    async def go() -> list[str]:
        store = await Store.open(read_settings().database_url)
        try:
            return _plan(await store.schema_state()) if dry_run else [f"applied {n}" for n in await store.migrate()]
        finally:
            await store.close()

    click.echo("\n".join(run(go())) or "the schema is up to date")


def _plan(state: SchemaState) -> list[str]:
    """What is missing, one a line, and what that means for the replicas that run."""
    lines = [f"to apply: {m.name} (compatible from schema {m.compatible_from:04})" for m in state.missing]
    if lines and state.schema:
        go_on = f"replicas on schema {state.schema:04} may run on meanwhile: upgrade them one by one"
        lines.append(go_on if state.older_versions_go_on else "stop all replicas of the older version first")
    return lines


_ = (accounts, downtimes)  # add their commands to those of couriers

for command in (payload_command, replace_command, settle_shipments):
    shipments_group.add_command(command)
for command in (
    *(shipments_group, couriers_group, webhook_group, catch_up, replay, reconcile_group, doctor, drill),
    *(actions_group, pickups_group, waybills_group),
):
    main.add_command(command)
for command in (notices_group, endpoints_group, opt_outs_group, alarms_group):
    main.add_command(command)
for command in (report_group, archive_group, evidence_of_shipment, erase, show_schedules):
    main.add_command(command)
