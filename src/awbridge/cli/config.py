"""`awbridge config`: the settings as this machine has them."""

from __future__ import annotations

import click

from awbridge.cli import output
from awbridge.cli.group import Group
from awbridge.cli.output import Form, form_options
from awbridge.cli.shared import fail, read_configuration, warn


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
    from awbridge.app.parts import missing_parts
    from awbridge.app.settings.shown import shown_settings

    found = read_configuration()
    for sentence in filter(None, [*found.unknown, missing_parts(found.settings)]):
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


@config_group.command("explain")
@click.argument("names", nargs=-1, required=True, metavar="SETTING...")
@form_options
def explain(names: tuple[str, ...], form: Form) -> None:
    """Say what settings mean, which values they take, and their defaults.

    A setting may be named by its variable or as in the file of settings.

    Example: awbridge config explain AWBRIDGE_PUSH_RATE clickpost_timeout
    """
    from awbridge.app.settings.shown import explained

    found = [explained(_name_of(name)) for name in names]
    view = ("setting", "values", "default", "example", "secret", "meaning")
    if form != "text":
        output.show_list(found, form=form, view=view)
        return
    for one in found:
        secret = ", secret" if one.secret else ""
        click.echo(f"{one.setting}: {one.values}{secret}; default: {one.default or 'none'}\n  {one.meaning}")
        if one.example:
            click.echo(f"  Example: {one.example}")


def _name_of(given: str) -> str:
    """The name of the setting that is meant; that of a variable `..._FILE` too. Ends the command if there is none."""
    from awbridge.app.settings import PREFIX, Settings
    from awbridge.app.settings.spelling import FILE_SUFFIX, unknown_variables

    name = given.upper().removeprefix(PREFIX)
    spellings = (name.lower(), name.removesuffix(FILE_SUFFIX).lower())
    if found := next((known for known in spellings if known in Settings.fields), None):
        return found
    return fail(next(iter(unknown_variables({PREFIX + name: ""})), f"{PREFIX}{name} is not a setting"))
