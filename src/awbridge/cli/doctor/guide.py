"""`awbridge doctor --guide`: every demand of ClickPost's integration guidelines, with this deployment's evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from awbridge.cli import output
from awbridge.cli.output import Form
from awbridge.cli.shared import read_settings, run
from awbridge.domain.guide.rows import DemandState, GuideRow

NOT_MET = 3  # the exit code
_SHOWN = ("number", "part", "demand", "state", "found", "do", "red_when", "feature", "settings", "docs", "test")
_STYLES = {DemandState.OK: "green", DemandState.RED: "red", DemandState.UNKNOWN: "yellow"}


def show_guide(form: Form) -> int:
    """Print the table; the exit code: 3 if a demand is not met, else 0."""
    from awbridge.app.doctor.guide.table import examine_guide

    rows = run(examine_guide(read_settings()))
    if form != "text":
        output.show_list([guide_object(row) for row in rows], form=form, view=_SHOWN)
    else:
        _print(rows)
    return NOT_MET if any(row.evidence.verdict is DemandState.RED for row in rows) else 0


def guide_object(row: GuideRow) -> dict[str, Any]:
    """A row as JSON."""
    demand, evidence = row.demand, row.evidence
    return {
        "number": demand.number,
        "part": str(demand.part),
        "demand": demand.text,
        "state": str(evidence.verdict),
        "found": evidence.found,
        "do": evidence.do,
        "feature": demand.feature,
        "red_when": demand.red,
        "settings": demand.settings,
        "docs": f"docs/{demand.page}",
        "test": demand.test,
    }


def _print(rows: Sequence[GuideRow]) -> None:
    for row in rows:
        verdict = row.evidence.verdict
        click.echo(f"{row.demand.number:2} {click.style(f'{verdict:7}', fg=_STYLES[verdict])} {row.demand.text}")
        click.echo(f"           {row.evidence.found}")
        if row.evidence.do:
            click.echo(f"           -> {row.evidence.do}")
    counts = Counter(row.evidence.verdict for row in rows)
    click.echo(", ".join(f"{counts[verdict]} {verdict}" for verdict in DemandState) + f" of {len(rows)} demands")
