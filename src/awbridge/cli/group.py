"""Commands that are imported when they are called: `awbridge --help` and completion need only their names and help."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from awbridge.cli.shared import chosen_account, fail, say_stopped
from awbridge.cli.signals import Terminated, terminable

_WHOLE = 1000  # characters: more than any short help has


class Lazy(click.Command):
    """A command or group as lists show it. `target` is `module:name` within `awbridge.cli`."""

    def __init__(self, name: str, target: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self._target = target

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self._target.partition(":")
        return getattr(import_module(f"awbridge.cli.{module}"), name)


class Group(click.Group):
    """Loads lazy commands, and prints errors of awbridge as one line on standard error, with exit code 1."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments name, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, Lazy) else command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their short help, uncut: a long one continues on the next line."""
        known = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(_WHOLE)) for name, command in known if command and not command.hidden]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command. Signals end it with one line and exit code 130 (SIGINT) or 143 (SIGTERM)."""
        try:
            with terminable():
                return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            _stopped("stopped", signal.SIGTERM if isinstance(interruption, Terminated) else signal.SIGINT)
        except Exception as error:
            from awbridge.domain.errors import AwbridgeError, StoppedEarly

            if isinstance(error, StoppedEarly):
                _stopped(str(error), error.number)
            if isinstance(error, AwbridgeError):
                fail(_of_account(str(error)))
            raise


def _of_account(problem: str) -> str:
    """A problem with the name of the account that --account names."""
    name = chosen_account()
    return f"account {name}: {problem}" if name and not problem.startswith(f"account {name}: ") else problem


def _stopped(text: str, number: int) -> NoReturn:
    say_stopped(text)
    sys.exit(128 + number)
