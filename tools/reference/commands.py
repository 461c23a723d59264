"""docs/reference/commands.md: every command with its arguments, options, exit codes and an example."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Iterator

import click
from tools.reference.markdown import code, codes, table

from awbridge.cli import main
from awbridge.cli.group import Lazy

_EXAMPLE = re.compile(r"^Example: (?P<line>.+)$")
_EXIT_CODE = re.compile(r"^Exit code (?P<code>\d+): (?P<when>.+)$")
_FORM = "form"  # the options --json and --csv, which the page describes once


def page() -> str:
    """The list of commands, the options of `awbridge` itself, and a section for each command."""
    found = list(all_commands(main))
    context = click.Context(main, info_name="awbridge")
    return "".join(
        [
            "## All commands\n\n",
            table(("command", "does"), [(_link(path), command.get_short_help_str(1000)) for path, command in found]),
            "## Options of awbridge\n\nThey stand before the command.\n\n",
            _options(main, context),
            *(_section(path, command) for path, command in found),
        ]
    )


def all_commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its full name, sorted; a group that is also a command stands before those in it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    if command.invoke_without_command:
        yield path, command
    for name, inner in sorted(command.commands.items()):
        yield from all_commands(inner.load() if isinstance(inner, Lazy) else inner, (*path, name))


def _name(path: tuple[str, ...]) -> str:
    return " ".join(("awbridge", *path))


def _link(path: tuple[str, ...]) -> str:
    return f"[`{_name(path)}`](#{'-'.join(('awbridge', *path))})"


def paragraphs(command: click.Command) -> list[str]:
    """The paragraphs of a command's help, each on one line."""
    text = inspect.cleandoc(command.help or "")
    return [" ".join(part.split()) for part in text.replace("\b\n", "").split("\n\n")]


def example_of(command: click.Command) -> str:
    """The example in a command's help; "" if it has none."""
    return next((found["line"] for part in paragraphs(command) if (found := _EXAMPLE.match(part))), "")


def _section(path: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=_name(path))
    parts = paragraphs(command)
    exits = [
        (found["code"], f"{found['when'][0].upper()}{found['when'][1:]}")
        for part in parts
        if (found := _EXIT_CODE.match(part))
    ]
    text = [part for part in parts if not _EXAMPLE.match(part) and not _EXIT_CODE.match(part)]
    # A group that is also a command: its own help names the commands in it, which have sections of their own.
    pieces = command.collect_usage_pieces(context)
    if isinstance(command, click.Group):
        pieces = [piece for piece in pieces if not piece.startswith(("COMMAND", "[COMMAND", "[ARGS"))]
    usage = " ".join((_name(path), *pieces))
    return "".join(
        [
            f"## {_name(path)}\n\n{(chr(10) * 2).join(map(_escaped, text))}\n\nUsage: {code(usage)}\n\n",
            _options(command, context),
            table(("exit code", "when"), exits),
            f"Example: {code(example_of(command))}\n\n",
        ]
    )


def _escaped(text: str) -> str:
    """A paragraph of help as Markdown: what Markdown would read as markup stays as it is."""
    return re.sub(r"(?<!`)([*_<])(?!`)", r"\\\1", text) if "`" not in text else text


def _options(command: click.Command, context: click.Context) -> str:
    options = [p for p in command.get_params(context) if isinstance(p, click.Option) and p.name != _FORM]
    shown = [
        (codes([*option.opts, *option.secondary_opts]), _values(option, context), _meaning(option, context))
        for option in options
        if not option.hidden and option.opts != ["--help"]
    ]
    if any(p.name == _FORM for p in command.params):
        shown.append((codes(["--json", "--csv"]), "", "Print [JSON or CSV](#output)."))
    return table(("option", "values", "meaning"), shown)


def _values(option: click.Option, context: click.Context) -> str:
    if option.is_flag or option.count:
        return ""
    kind = option.type
    if isinstance(kind, click.Choice):
        return codes(map(str, kind.choices))
    if isinstance(kind, click.IntRange | click.FloatRange):
        words = "whole number" if isinstance(kind, click.IntRange) else "number"
        return f"{words}{_range(kind.min, kind.max)}"
    return code(option.make_metavar(context))


def _range(least: float | None, most: float | None) -> str:
    if least is None and most is None:
        return ""
    if most is None:
        return f", {least} or more"
    return f", at most {most}" if least is None else f" from {least} to {most}"


def _meaning(option: click.Option, context: click.Context) -> str:
    """Its help, with the default that the help shows, and whether it is needed or may be repeated."""
    extra = option.get_help_extra(context)
    parts = [(option.help or "").strip()]
    if default := extra.get("default"):
        parts.append(f"Default: {code(str(default))}.")
    if option.required:
        parts.append("Required.")
    if option.multiple and "epeatable" not in parts[0]:
        parts.append("Repeatable.")
    return re.sub(r"\s*\[default: (.+?)\]", r" Default: \1.", " ".join(parts))


def words_of(example: str) -> list[str]:
    """The words of an example after `awbridge`, without settings before it."""
    words = shlex.split(example)
    return words[words.index("awbridge") + 1 :]
