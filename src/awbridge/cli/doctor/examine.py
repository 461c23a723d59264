"""`awbridge doctor`: what is wrong and how to fix it."""

from __future__ import annotations

import sys
from collections.abc import Collection

import click

from awbridge.app.doctor.diagnosis import ATTENTION, OK, PROBLEM, Diagnosis
from awbridge.cli import output
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import read_configuration, run

_STYLES = {OK: "green", ATTENTION: "red", PROBLEM: "red"}
_EXIT_CODES = {PROBLEM: 1, ATTENTION: 3}  # 2 is a usage error


@click.command()
@click.option("--url", default="", help="The webhook's public URL.  [default: the one registered last]")
@click.option("--guide", is_flag=True, help="Show every demand of ClickPost's integration guidelines instead.")
@form_options
def doctor(url: str, guide: bool, form: Form) -> None:
    """Check the installation, ClickPost and webhooks, and list what needs a person.

    The installation is settings, database, clock, disk, steps, archive and channels. Webhooks include proxies.

    Exit code 0: ok, or warnings only.

    Exit code 1: awbridge itself is broken.

    Exit code 3: an order, a parcel or an alarm needs a person, or with --guide a demand is not met.

    Example: awbridge doctor --url https://ship.example.com/webhooks/clickpost
    """
    if guide:
        from awbridge.cli.doctor.guide import show_guide

        sys.exit(show_guide(form))
    from awbridge.app.doctor.examine import examine
    from awbridge.app.logs import set_up_logs
    from awbridge.app.progress import Progress

    found = read_configuration()

    async def look() -> list[Diagnosis]:
        set_up_logs(level=found.settings.log_level, as_json=found.settings.log_format == "json")
        async with Progress("examining"):
            return await examine(found.settings, url=url, unknown=found.unknown)

    findings = run(look())
    if form != "text":
        output.show_list(findings, form=form, view=("check", "level", "found", "do"))
    else:
        printed: set[str] = set()
        for finding in findings:
            _print(finding, printed)
            printed.add(finding.do)
    sys.exit(exit_code(findings))


def exit_code(findings: Collection[Diagnosis]) -> int:
    """1 when awbridge itself is broken, 3 when something needs a person, else 0."""
    levels = {finding.level for finding in findings}
    return next((code for level, code in _EXIT_CODES.items() if level in levels), 0)


def _print(finding: Diagnosis, printed: Collection[str]) -> None:
    """Print one finding and what to do; print long instructions once only."""
    level = click.style(f"{finding.level:9}", fg=_STYLES.get(finding.level, "yellow"))
    click.echo(f"{level} {finding.check}: {finding.found}")
    if finding.level != OK and finding.do:
        lines = finding.do.splitlines()
        for line in lines if len(lines) == 1 or finding.do not in printed else ["see above"]:
            click.echo(f"          {line}")
