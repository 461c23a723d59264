"""What all commands share: settings, the database, ClickPost, and printing.

It imports the rest of awbridge only in functions, so that help and completion start quickly.
"""

from __future__ import annotations

import dataclasses
import functools
import getpass
import json
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.clickpost.client.async_client import AsyncClickPost
    from awbridge.store import Store

T = TypeVar("T")
P = ParamSpec("P")

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def fail(text: str) -> NoReturn:
    """Print an error on standard error and end with exit code 1."""
    click.echo(click.style("error: ", fg="red") + text, err=True)
    sys.exit(1)


def operator() -> str:
    """The caller's name, as it is stored with what an operator states."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        user = "unknown user"
    return f"cli ({user})"


def read_settings(**overrides: Any) -> Settings:
    """The settings; overrides that are not None take precedence. Configures logging."""
    from awbridge.app.logs import set_up_logs
    from awbridge.app.settings import load_settings

    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    set_up_logs(level=settings.log_level, as_json=settings.log_format == "json")
    return settings


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    import uvloop

    return uvloop.run(main)


def with_settings(work: Callable[[Settings, Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the settings and their database."""

    async def main() -> T:
        from awbridge.app.database import open_store

        settings = read_settings()
        async with open_store(settings, migrate=settings.migrate_on_start) as store:
            return await work(settings, store)

    return run(main())


def with_store(work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the database of the settings."""
    return with_settings(lambda _, store: work(store))


def on_store(work: Callable[Concatenate[Store, P], Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a command of a coroutine function whose first argument is the database."""

    @functools.wraps(work)
    def command(*args: P.args, **options: P.kwargs) -> None:
        with_store(lambda store: work(store, *args, **options))

    return command


def on_settings(work: Callable[Concatenate[Settings, Store, P], Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a command of a coroutine function whose first arguments are the settings and their database."""

    @functools.wraps(work)
    def command(*args: P.args, **options: P.kwargs) -> None:
        with_settings(lambda settings, store: work(settings, store, *args, **options))

    return command


def with_vendor(work: Callable[[AsyncClickPost, Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on ClickPost and the database of the settings. Failed calls are recorded."""

    async def main(settings: Settings, store: Store) -> T:
        from awbridge.app import connections
        from awbridge.steps.runtime.clock import utc_now

        hook = connections.call_recorder(settings, utc_now)
        async with connections.recording(hook, store), connections.vendor(settings, on_call=hook) as clickpost:
            return await work(clickpost, store)

    return with_settings(main)


def plain(value: Any) -> Any:
    """A value as JSON can carry it: dataclasses as objects, times as text in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return pick(value, (f.name for f in dataclasses.fields(value)))
    return str(value)


def pick(value: Any, names: Iterable[str]) -> dict[str, Any]:
    """These attributes of an object, or these keys of a mapping, in this order."""
    if isinstance(value, Mapping):
        return {name: value[name] for name in names}
    return {name: getattr(value, name) for name in names}


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, default=plain, ensure_ascii=False, indent=2))


def print_table(rows: Sequence[Mapping[str, Any]], *, empty: str = "") -> None:
    """Print rows as a table, or `empty` if there are none."""
    if not rows:
        click.echo(empty)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))  # as Text: couriers' remarks are not markup
    Console().print(table)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print one object as a table of its fields."""
    print_table([{"field": name, "value": value} for name, value in fields.items()])


def show(
    values: Sequence[Any], rows: Sequence[Mapping[str, Any]] | None = None, *, as_json: bool, empty: str = ""
) -> None:
    """Print values as JSON, or as a table of `rows`, by default of the values themselves."""
    if as_json:
        print_json(values)
    else:
        print_table(values if rows is None else rows, empty=empty)


def print_notes(name: str, notes: Sequence[str]) -> None:
    """Print on standard error how a file was read and which parts of it were skipped."""
    for note in notes:
        click.echo(f"{name}: {note}", err=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file in a folder that may not exist yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def places(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rejected rows of a file as a table to print, with sheet and column if any row has them."""
    shown: list[dict[str, Any]] = [plain(row) for row in rows]
    for name in ("sheet", "column"):
        if not any(row.get(name) for row in shown):
            for row in shown:
                row.pop(name, None)
    return shown


def _cell(value: Any) -> str:
    return "" if value is None else str(plain(value) if isinstance(value, datetime) else value)
