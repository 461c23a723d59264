"""Every benchmark in a short form, in one table: now, before, peer, limit.

    python -m bench table            # `make bench`
    python -m bench table --record   # these figures are "before" from now on

Short runs tell a factor of two, not ten percent: the long forms are in docs/explanation/performance/index.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.figures import KEPT_IN, Figure, kept

RECORDED = Path(__file__).with_name("recorded.json")
PATIENCE = 240.0  # seconds for one benchmark
RUNS = (
    ("start", "--rounds", "3"),
    ("webhook", "--rounds", "1", "--seconds", "3", "--connections", "128"),
    ("apply", "--rounds", "1", "--shipments", "500"),
    ("apply", "--rounds", "1", "--shipments", "500", "--kind", "replay"),
    ("push", "--orders", "2000", "--rounds", "1"),
    ("imports", "--orders", "20000", "--no-resume"),
    ("outage", "--shipments", "4000", "--hours", "2"),
    ("reconcile", "--rows", "200000"),
    ("customer_page", "--rounds", "1", "--seconds", "4"),
)


def _before() -> dict[str, float]:
    return json.loads(RECORDED.read_text()) if RECORDED.exists() else {}


def _run(command: tuple[str, ...], figures: Path) -> str:
    """What went wrong; "" if nothing did."""
    env = os.environ | {KEPT_IN: str(figures)}
    started = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench", *command],
            env=env,
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return f"took longer than {PATIENCE:.0f} s"
    click.echo(f"  {' '.join(command)}: {time.monotonic() - started:.0f} s", err=True)
    said = (done.stderr or done.stdout).strip().splitlines()
    return f"ended with {done.returncode}: {said[-1] if said else ''}" if done.returncode else ""


def _limit(figure: Figure) -> str:
    if figure.least is not None:
        return f"at least {figure.least:g}"
    return f"at most {figure.most:g}" if figure.most is not None else ""


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


@click.command()
@click.option("--record", is_flag=True, help="Keep these figures as those of before.")
def table(*, record: bool) -> None:
    """Every benchmark in a short form: now, before, peer, limit."""
    before, wrong = _before(), dict[str, str]()
    with tempfile.TemporaryDirectory(prefix="awbridge-bench-") as folder:
        path = Path(folder) / "figures.jsonl"
        for command in RUNS:
            if problem := _run(command, path):
                wrong[" ".join(command)] = problem
        found = kept(path)
    shown = Table("", "unit", "now", "before", "peer", "limit", "")
    for figure in found:
        state = "" if figure.least is None and figure.most is None else "met" if figure.is_met else "MISSED"
        past = _shown(before.get(figure.line))
        shown.add_row(figure.line, figure.unit, _shown(figure.now), past, _shown(figure.peer), _limit(figure), state)
    Console(width=130).print(shown)
    for command, problem in wrong.items():
        click.echo(f"{command}: {problem}")
    if record:
        RECORDED.write_text(json.dumps({figure.line: figure.now for figure in found}, indent=2) + "\n")
    sys.exit(1 if wrong else 0)
