"""`awbridge demo` and `sandbox`: the bridge, or only ClickPost, simulated."""

from __future__ import annotations

import functools
import json
import sys
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

    Exit code 1: the bridge's records differ from the simulator's.

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
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8100, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
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
    from awbridge.app.starting import check_address
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
    check_address(host, port)
    click.echo(f"a simulated ClickPost listens on http://{host}:{port}")
    serve_sandbox(chosen, host, port)


def _first_problem(error: Exception) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(error)
