"""`awbridge drill`: rehearse a bad day and see that no order is lost or doubled."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from awbridge.cli.shared import as_json_option, err, out, print_json, run
from awbridge.rehearsal.drill import Plan, Result, run_drill


@click.command()
@click.option("--orders", default=1000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 32))
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
@click.option(
    "--faults", default=0.2, show_default=True, type=click.FloatRange(0, 0.5), help="Part of the calls that go wrong."
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same orders and faults.")
@click.option("--database", help="An empty database to use.  [default: a SQLite file that is removed after]")
@as_json_option
def drill(
    orders: int,
    workers: int,
    kills: int,
    stumbles: int,
    jumps: float,
    faults: float,
    seed: int,
    database: str | None,
    as_json: bool,
) -> None:
    """Push orders through a simulated bad day, and compare the ledgers.

    Calls fail in every way, workers are killed, their clocks jump, and the database stumbles.

    Example: awbridge drill --orders 10000 --workers 4 --kills 10
    """
    with tempfile.TemporaryDirectory(prefix="awbridge-drill-") as folder:
        url = database or f"sqlite:///{folder}/drill.db"
        plan = Plan(
            orders=orders,
            workers=workers,
            kills=kills,
            stumbles=stumbles,
            jumps=jumps,
            faults=faults,
            seed=seed,
            database_url=url,
        )
        result = run(run_drill(plan, Path(folder)))
        log = (Path(folder) / "drill.log").read_text(errors="replace")
    if as_json:
        print_json({"verdict": "good" if result.good else "bad", "numbers": result.numbers, "faults": result.faults})
    else:
        _show(result)
    if not result.good:
        err.print(log[-3000:], markup=False)
        raise SystemExit(1)


def _show(result: Result) -> None:
    for name, number in result.numbers.items():
        out.print(f"{name:<28} {number:g}")
    for fault in result.faults[:20]:
        out.print(fault, style="red", markup=False)
    if result.good:
        out.print("[green]Good:[/green] every order placed exactly once")
    else:
        out.print(f"[red]Not good:[/red] {len(result.faults)} faults")
