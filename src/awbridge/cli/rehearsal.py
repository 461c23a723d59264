"""`awbridge demo`, `drill` and `sandbox`: the bridge, or only ClickPost, simulated."""

from __future__ import annotations

import functools
import json
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from awbridge.cli import output
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import fail, run


@click.command()
@click.option("--shipments", default=200, show_default=True, type=click.IntRange(1, 20_000), help="How many to send.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same journeys and faults.")
@click.option("--keep", is_flag=True, help="Leave the service running and its database behind.")
@form_options
def demo(shipments: int, seed: int, keep: bool, form: Form) -> None:
    """Run the bridge against a simulated ClickPost with faults, and check the result.

    Example: awbridge demo --shipments 500 --seed 7
    """
    from awbridge.app.logs import set_up_logs
    from awbridge.rehearsal.demo import run_demo

    set_up_logs(level="error", as_json=False)
    report = None if form == "text" else functools.partial(_print_result, form)
    good = run(run_demo(count=shipments, seed=seed, keep=keep, report=report))
    if not keep:
        click.echo(f"To look at such a day in a browser: {sys.argv[0]} demo --keep", err=True)
    if not good:
        sys.exit(1)


def _print_result(form: Form, result: dict[str, Any]) -> None:
    output.show_one(result, form=form, view=tuple(result))


@click.command()
@click.option("--orders", default=1000, show_default=True, type=click.IntRange(1, 1_000_000), help="How many to push.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 32), help="Processes that push.")
@click.option("--kills", default=4, show_default=True, type=click.IntRange(0, 1000), help="Workers killed (SIGKILL).")
@click.option(
    "--stumbles",
    default=4,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="How often the database drops its connections (PostgreSQL) or is locked for a second (SQLite).",
)
@click.option(
    "--jumps",
    default=20.0,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="By how many seconds the workers' clocks may be off; they jump every few seconds.",
)
@click.option("--faults", default=0.2, show_default=True, type=click.FloatRange(0, 0.5), help="Share of failing calls.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same orders and faults.")
@click.option("--database", help="An empty database to use.  [default: a temporary SQLite file]")
@form_options
def drill(database: str | None, form: Form, **numbers: Any) -> None:
    """Push orders through a simulated bad day, and compare the ledgers.

    Calls fail in every way, workers are killed, their clocks jump, and the database stumbles.

    Example: awbridge drill --orders 10000 --workers 4 --kills 10
    """
    from awbridge.rehearsal.drill import Plan, run_drill

    with tempfile.TemporaryDirectory(prefix="awbridge-drill-") as folder:
        plan = Plan(**numbers, database_url=database or f"sqlite:///{folder}/drill.db")
        verdict = run(run_drill(plan, Path(folder)))
        log = (Path(folder) / "drill.log").read_text(errors="replace")
    if form != "text":
        word = {"verdict": "good" if verdict.good else "bad"}
        _print_result(form, word | output.pick(verdict, ("numbers", "faults")))
    else:
        verdict.show("every order placed exactly once")
    if not verdict.good:
        click.echo(log[-3000:], err=True)
        sys.exit(1)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8100, show_default=True, help="Port to listen on.")
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
    from awbridge.sandbox import Faults, SandboxConfig
    from awbridge.sandbox import serve as serve_sandbox

    backdate_seconds = None if backdate_days is None else backdate_days * 86400
    options = {"seed": seed, "speed": speed, "backdate_seconds": backdate_seconds}
    try:
        given: dict[str, Any] = json.loads(config.read_text()) if config else {}
        given |= {name: value for name, value in options.items() if value is not None}
        if faults:
            given["faults"] = given.get("faults", {}) | Faults.from_pairs(faults).model_dump(exclude_unset=True)
        chosen = SandboxConfig.model_validate(given)
    except (ValueError, OSError) as error:
        fail(_first_problem(error))
    if not _is_free(host, port):
        fail(f"{host}:{port} is in use; choose another --port")
    click.echo(f"a simulated ClickPost listens on http://{host}:{port}")
    serve_sandbox(chosen, host, port)


def _first_problem(error: Exception) -> str:
    from pydantic import ValidationError

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
