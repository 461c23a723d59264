"""`awbridge drill`: outages under load, or orders through a bad day, and a verdict from both ledgers."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from awbridge.cli import output
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import NumberRange, fail, run

if TYPE_CHECKING:
    from awbridge.rehearsal.verdict import Verdict

EVERYTHING = "all"
LOG_SHOWN = 3000  # characters


@click.command()
@click.argument("names", nargs=-1, metavar="[OUTAGE]...")
@click.option("--list", "as_list", is_flag=True, help="List the outages, and what they lack on this machine.")
@click.option(
    "--minutes",
    default=10.0,
    show_default=True,
    type=NumberRange(0, 24 * 60),
    help="Of outages: how long they follow one another; each occurs once at least.",
)
@click.option(
    "--per-second", default=6.0, show_default=True, type=NumberRange(0.1, 1000), help="Of outages: new orders."
)
@click.option(
    "--from",
    "older",
    type=click.Path(path_type=Path),
    help="Of upgrade: the older version, a wheel or a folder with its package.",
)
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
    type=NumberRange(0, 3600),
    help="By how many seconds the workers' clocks may be off; they jump every few seconds.",
)
@click.option("--faults", default=0.2, show_default=True, type=NumberRange(0, 0.5), help="Share of failing calls.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same orders and faults.")
@click.option("--database", help="An empty database to use.  [default: a temporary SQLite file]")
@form_options
def drill(
    names: tuple[str, ...],
    as_list: bool,
    minutes: float,
    per_second: float,
    older: Path | None,
    database: str | None,
    form: Form,
    **numbers: Any,
) -> None:
    """Let parts fail under load, and compare the ledgers.

    With OUTAGE: two serve and two work on a PostgreSQL of the drill's own, with each outage in turn (`all`: every one).

    Without: orders are pushed through a simulated bad day. Calls fail in every way, workers are killed, their clocks
    jump, and the database stumbles.

    Exit code 1: a promise was broken, nothing was counted, or an outage did not occur.

    Example: awbridge drill kill failover --minutes 2
    """
    from awbridge.rehearsal.outages.plan import NAMES, OutagePlan

    chosen = NAMES if EVERYTHING in names else names
    if unknown := sorted(set(chosen) - set(NAMES)):
        fail(f"no such outage: {', '.join(unknown)}. These can be drilled: {', '.join(NAMES)}, {EVERYTHING}")
    plan = OutagePlan(names=chosen, minutes=minutes, per_second=per_second, seed=numbers["seed"], older=older)
    if as_list:
        _list(form)
    elif chosen:
        _outages(plan, form, all_of_them=EVERYTHING in names)
    else:
        _orders(database, numbers, form)


def _list(form: Form) -> None:
    from awbridge.rehearsal.outages.plan import NAMES, OUTAGES, OutagePlan, lacking

    lacks = lacking(OutagePlan(names=NAMES))
    rows = [{"outage": one.name, "what": one.what, "lacks": lacks.get(one.name, "")} for one in OUTAGES]
    if form != "text":
        output.show_list(rows, form=form, view=("outage", "what", "lacks"))
        return
    for row in rows:
        click.echo(f"{row['outage']:<17} {row['what']}")
        if row["lacks"]:
            click.echo(f"{'':<17} not here: {row['lacks']}")


def _outages(plan: Any, form: Form, *, all_of_them: bool) -> None:
    """Drill them. What is lacking is an error, or with `all` left out and said."""
    from dataclasses import replace

    from awbridge.app.logs import set_up_logs
    from awbridge.rehearsal.outages.plan import lacking
    from awbridge.rehearsal.outages.run import run_outages

    set_up_logs(level="error", as_json=False)
    left_out = lacking(plan)
    names = tuple(name for name in plan.names if name not in left_out)
    if left_out and (not all_of_them or not names):
        fail("; ".join(f"{name}: {why}" for name, why in left_out.items()))
    for name, why in left_out.items():
        click.echo(f"left out: {name}: {why}", err=True)
    with tempfile.TemporaryDirectory(prefix="awbridge-drill-") as folder:
        log = Path(folder, "drill.log")
        try:
            verdict = run(
                run_outages(replace(plan, names=names), Path(folder), lambda text: click.echo(text, err=True))
            )
        except asyncio.CancelledError:
            fail("ended by SIGTERM before there was a verdict")
        except Exception:
            _show_log(log)
            raise
        _conclude(verdict, log, "every promise was kept", form, left_out=left_out)


def _orders(database: str | None, numbers: dict[str, Any], form: Form) -> None:
    from awbridge.rehearsal.drill import Plan, run_drill

    with tempfile.TemporaryDirectory(prefix="awbridge-drill-") as folder:
        plan = Plan(**numbers, database_url=database or f"sqlite:///{folder}/drill.db")
        verdict = run(run_drill(plan, Path(folder)))
        _conclude(verdict, Path(folder, "drill.log"), "every order placed exactly once", form)


def _conclude(verdict: Verdict, log: Path, proved: str, form: Form, *, left_out: dict[str, str] | None = None) -> None:
    """Print the verdict. Where it is bad, also the end of the log, and end with exit code 1."""
    if form != "text":
        promises = [output.pick(one, ("text", "counted", "kept", "broken")) for one in verdict.promises]
        more = {"promises": promises, "left_out": left_out or {}} if promises else {}
        word = {"verdict": "good" if verdict.good else "bad"}
        shown = word | output.pick(verdict, ("numbers", "faults")) | more
        output.show_one(shown, form=form, view=tuple(shown))
    else:
        verdict.show(proved)
    if not verdict.good:
        _show_log(log)
        sys.exit(1)


def _show_log(log: Path) -> None:
    if log.exists():
        click.echo(log.read_text(errors="replace")[-LOG_SHOWN:], err=True)
