"""What all commands share: settings, the database, the vendor, and how things are printed."""

from __future__ import annotations

import dataclasses
import getpass
import json
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import click
import uvloop
from rich.console import Console
from rich.table import Table
from rich.text import Text

from awbridge.app import connections
from awbridge.app.logs import set_up_logs
from awbridge.app.settings import Settings, load_settings
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.domain.errors import AwbridgeError
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store

T = TypeVar("T")


out = Console()
err = Console(stderr=True)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def fail(text: str) -> NoReturn:
    """Say what is wrong on standard error and end with exit code 1. Lines stay whole: some are there to be copied."""
    err.print(Text("error: ", style="red") + Text(text), soft_wrap=True)
    sys.exit(1)


def operator() -> str:
    """Who calls, as it is kept with what a person says."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        user = "unknown user"
    return f"cli ({user})"


def read_settings(**overrides: Any) -> Settings:
    """The settings, with these over them where not None; logs are set up by them."""
    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    set_up_logs(level=settings.log_level, as_json=settings.log_format == "json")
    return settings


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return uvloop.run(main)


def with_store(work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the database of the settings."""

    async def main() -> T:
        settings = read_settings()
        async with connections.open_store(settings, migrate=settings.migrate_on_start) as store:
            return await work(store)

    return run(main())


def with_settings(work: Callable[[Settings, Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the settings and their database."""

    async def main() -> T:
        settings = read_settings()
        async with connections.open_store(settings, migrate=settings.migrate_on_start) as store:
            return await work(settings, store)

    return run(main())


def with_vendor(work: Callable[[AsyncClickPost, Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on ClickPost and the database of the settings."""

    async def main() -> T:
        settings = read_settings()
        hook = connections.call_recorder(settings, utc_now)
        async with (
            connections.open_store(settings, migrate=settings.migrate_on_start) as store,
            connections.recording(hook, store),
            connections.vendor(settings, on_call=hook) as clickpost,
        ):
            return await work(clickpost, store)

    return run(main())


def plain(value: Any) -> Any:
    """A value as JSON can carry it: dataclasses as objects, times as text in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return str(value)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, default=plain, ensure_ascii=False, indent=2))


def print_table(rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Print rows as a table, or `empty` where there are none."""
    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))  # as Text: what couriers write is no markup
    out.print(table)


def print_notes(name: str, notes: Sequence[str]) -> None:
    """Say on standard error how a file was read and what was left out of it."""
    for note in notes:
        err.print(Text(f"{name}: {note}"), soft_wrap=True)


def places(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rows of a file that did not go in, as a table to print; their sheet and column where that is known."""
    shown: list[dict[str, Any]] = [plain(row) for row in rows]
    for name in ("sheet", "column"):
        if not any(row.get(name) for row in shown):
            for row in shown:
                row.pop(name, None)
    return shown


def _cell(value: Any) -> str:
    return "" if value is None else str(plain(value) if isinstance(value, datetime) else value)


class Group(click.Group):
    """Our own errors are one clear line on standard error and exit code 1; never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except AwbridgeError as error:
            fail(str(error))
