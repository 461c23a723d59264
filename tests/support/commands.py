"""Every command of `awbridge`, imported."""

from __future__ import annotations

from collections.abc import Iterator

import click

from awbridge.cli.group import Lazy


def loaded(command: click.Command) -> click.Command:
    """The command itself, where a group only knows its name."""
    return command.load() if isinstance(command, Lazy) else command


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, with its full name."""
    if isinstance(command, click.Group):
        if command.invoke_without_command:
            yield path, command
        for name, inner in command.commands.items():
            yield from commands(loaded(inner), (*path, name))
    else:
        yield path, command


def groups(command: click.Command) -> Iterator[click.Group]:
    """Every group of commands."""
    if isinstance(command, click.Group):
        yield command
        for inner in command.commands.values():
            yield from groups(loaded(inner))
