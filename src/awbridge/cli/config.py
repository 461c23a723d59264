"""`awbridge config`: the settings as this machine has them."""

from __future__ import annotations

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import read_configuration, warn


@click.group("config", cls=Group)
def config_group() -> None:
    """The settings: what each is, and where it was set."""


@config_group.command("show")
@click.option("--changed", is_flag=True, help="Only settings that are not at their default.")
@form_options
def show(changed: bool, form: Form) -> None:
    """Show every setting with its value and where it was set. Secrets are masked.

    Sources are: default, environment, file (with its line) and secret file (named by AWBRIDGE_..._FILE).

    Example: awbridge config show --changed
    """
    from awbridge.app.settings.shown import shown_settings

    found = read_configuration()
    for sentence in found.unknown:
        warn(sentence)
    shown = shown_settings(found.settings, found.sources)
    if changed:
        shown = [setting for setting in shown if setting.source.kind != "default"]
    output.show_list(
        [
            {"setting": s.variable, "value": s.value, "source": s.source.kind, "place": s.source.place or None}
            for s in shown
        ],
        [{"setting": s.variable, "value": s.text, "source": str(s.source)} for s in shown],
        form=form,
        view=("setting", "value", "source", "place"),
        empty="every setting is at its default",
    )
