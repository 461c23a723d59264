"""`awbridge doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Collection

import click
from rich.text import Text

from awbridge.app.doctor import ATTENTION, OK, PROBLEM, Diagnosis, examine
from awbridge.cli.shared import as_json_option, out, plain, print_json, read_settings, run

_STYLES = {OK: "green", ATTENTION: "red", PROBLEM: "red"}
_EXIT_CODES = {PROBLEM: 1, ATTENTION: 3}  # 2 is for a command that was written wrongly


@click.command()
@click.option("--url", default="", help="The webhook's public address.  [default: the one registered last]")
@as_json_option
def doctor(url: str, as_json: bool) -> None:
    """Check settings, database, ClickPost, webhooks, proxies, clock, disk, steps, and what needs a person.

    The exit code is 1 where awbridge itself is not right, 3 where it is and an order, a parcel or an alarm needs a
    person, and 0 with warnings only.

    Example: awbridge doctor --url https://ship.example.com/webhooks/clickpost
    """
    findings = run(examine(read_settings(), url=url))
    if as_json:
        print_json([plain(f) for f in findings])
    else:
        said: set[str] = set()
        for finding in findings:
            _print(finding, said)
            said.add(finding.do)
    sys.exit(exit_code(findings))


def exit_code(findings: Collection[Diagnosis]) -> int:
    """0, unless awbridge is not right (1), or something needs a person (3)."""
    levels = {finding.level for finding in findings}
    return next((code for level, code in _EXIT_CODES.items() if level in levels), 0)


def _print(finding: Diagnosis, said: Collection[str]) -> None:
    """One finding, with what to do; that which takes many lines once only."""
    level = Text(f"{finding.level:9}", style=_STYLES.get(finding.level, "yellow"))
    out.print(level, Text(f"{finding.check}: {finding.found}"), soft_wrap=True)
    if finding.level != OK and finding.do:
        lines = finding.do.splitlines()
        for line in lines if len(lines) == 1 or finding.do not in said else ["as said above"]:
            out.print(Text(f"          {line}"), soft_wrap=True)
