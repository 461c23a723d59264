"""`awbridge doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Collection

import click
from rich.text import Text

from awbridge.cli.shared import as_json_option, out, plain, print_json, read_settings, run
from awbridge.doctor import OK, PROBLEM, Finding, examine

_STYLES = {OK: "green", PROBLEM: "red"}


@click.command()
@click.option("--url", default="", help="The webhook's public address.  [default: the one registered last]")
@as_json_option
def doctor(url: str, as_json: bool) -> None:
    """Check settings, database, ClickPost, webhooks, proxies, clock, disk and steps. Exit code 1 where one is wrong.

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
    if any(f.level == PROBLEM for f in findings):
        sys.exit(1)


def _print(finding: Finding, said: Collection[str]) -> None:
    """One finding, with what to do; that which takes many lines once only."""
    level = Text(f"{finding.level:8}", style=_STYLES.get(finding.level, "yellow"))
    out.print(level, Text(f"{finding.check}: {finding.found}"), soft_wrap=True)
    if finding.level != OK and finding.do:
        lines = finding.do.splitlines()
        for line in lines if len(lines) == 1 or finding.do not in said else ["as said above"]:
            out.print(Text(f"         {line}"), soft_wrap=True)
