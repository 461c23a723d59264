"""How commands print: text for people, JSON in the API's shapes, CSV; and notes on standard error.

A command that prints data takes `@form_options` and passes its `form` on: `show_list` prints a list, `show_one` an
object, `Results` what became of each thing that a command changes. JSON and CSV have the keys of the API's `view`: its
module in `awbridge.web.v1.views` and its class, such as `notify:AlarmView`. Views are imported only for JSON and CSV.
A list takes `@page_options` too, and prints the `Page` that `whole` or `paged` makes.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, cast
from zoneinfo import ZoneInfo

import click

from awbridge.cli.table import local, table, terminal_width
from awbridge.domain.cursors import read_cursor
from awbridge.domain.sheet import cell

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")
_ZONE = "awbridge.zone"  # in the context of the command
_UTC = ZoneInfo("UTC")


Form = Literal["text", "json", "csv"]  # in which form a command prints


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of a list is printed.

    `next`: the cursor of the following page, None on the last. `rest`: how many follow, None where it is not counted.
    `name`: the key of the list in the API's page; None where the API returns the list itself.
    """

    next: str | None
    rest: int | None = None
    name: str | None = None


def form_options(command: _F) -> _F:
    """The options --json and --csv. The command receives them as `form`."""
    as_csv = click.option("--csv", "form", flag_value="csv", default="text", help="Print CSV (RFC 4180) with a header.")
    shape = "Print JSON, in the API's shape, with times in ISO 8601."
    as_json = click.option("--json", "form", flag_value="json", default="text", help=shape)
    return as_json(as_csv(command))


def page_options(default: int | None, most: int = 10_000) -> Callable[[_F], _F]:
    """The options --limit and --cursor of a list. `default`: None where a list is printed whole without --limit."""
    text = "At most so many." if default else "At most so many.  [default: all]"

    def options(command: _F) -> _F:
        limit = click.option(
            "--limit", type=click.IntRange(1, most), default=default, help=text, show_default=bool(default)
        )
        cursor = click.option("--cursor", help="Go on where a page ended, as its last line says.")
        return limit(cursor(command))

    return options


def use_zone(zone: ZoneInfo) -> None:
    """Print times in this zone from now on."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[_ZONE] = zone


def zone() -> ZoneInfo:
    """The zone in which times are printed: the account's, once the settings are read."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_ZONE, _UTC) if context else _UTC


def in_words(at: datetime) -> str:
    """A time in a sentence."""
    return local(at, zone())


def plain(value: Any) -> Any:
    """A value as JSON can carry it: dataclasses as objects, times as ISO 8601 text with the account's offset."""
    if isinstance(value, datetime):
        return value.astimezone(zone()).isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return fields_of(value)
    return str(value)


def fields_of(value: Any) -> dict[str, Any]:
    """All fields of a dataclass, unlike `dataclasses.asdict` without going deeper."""
    return pick(value, (field.name for field in dataclasses.fields(value)))


def pick(value: Any, names: Iterable[str]) -> dict[str, Any]:
    """These attributes of an object, or these keys of a mapping, in this order."""
    if isinstance(value, Mapping):
        return {name: value[name] for name in names}
    return {name: getattr(value, name) for name in names}


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json_text(value))


def json_text(value: Any) -> str:
    """A value as JSON."""
    return json.dumps(value, default=plain, ensure_ascii=False, indent=2)


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Print rows as CSV under a header. What is not a single value is JSON; nothing can run as a formula."""
    click.echo(csv_text(columns, rows), nl=False)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV (RFC 4180) under a header."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([cell(_single(row.get(name))) for name in columns] for row in rows)
    return out.getvalue()


def _single(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (Mapping, list, tuple)) or dataclasses.is_dataclass(value):
        return json.dumps(value, default=plain, ensure_ascii=False)
    return plain(value)


def print_table(rows: Sequence[Mapping[str, Any]], *, empty: str = "") -> None:
    """Print rows as a table, or `empty` if there are none."""
    click.echo(table(rows, zone(), width=terminal_width()) if rows else empty)


def print_fields(values: Mapping[str, Any]) -> None:
    """Print one object as a table of its fields."""
    rows = [{"field": name, "value": value} for name, value in values.items()]
    click.echo(table(rows, zone(), width=None))


NOT_A_CURSOR = "not one that this list has printed; omit it to start from the first"

View = str | Sequence[str]  # `module:Class` of the API's view, or the names of the fields of what the API does not have


def as_view(view: View, values: Iterable[Any]) -> tuple[list[dict[str, Any]], Sequence[str]]:
    """Values as the API shows them, and the names of their fields."""
    if not isinstance(view, str):
        return [pick(value, view) for value in values], view
    module, _, name = view.partition(":")
    model = getattr(import_module(f"awbridge.web.v1.views.{module}"), name)
    return [model.model_validate(value).model_dump() for value in values], list(model.model_fields)


def show_list(
    values: Sequence[Any],
    rows: Sequence[Mapping[str, Any]] | None = None,
    *,
    form: Form,
    view: View,
    empty: str = "",
    page: Page | None = None,
) -> None:
    """Print a list: values as JSON or CSV, else a table of `rows`, by default of the values themselves.

    Where it goes on is printed on standard error, so that a pipe gets nothing but rows.
    """
    if form == "text":
        print_table([_row(v) for v in values] if rows is None else rows, empty=empty)
    else:
        shown, columns = as_view(view, values)
        if form == "csv":
            print_csv(columns, shown)
        elif page and page.name:
            print_json({page.name: shown, "next": page.next})
        else:
            print_json(shown)
    if page:
        print_more(page)


def print_more(page: Page) -> None:
    """Print on standard error how a list goes on, unless it ends here."""
    if page.next is not None:
        click.echo(f"{'' if page.rest is None else f'{page.rest:,} '}more: --cursor {page.next}", err=True)


def show_one(
    value: Any,
    text: Mapping[str, Any] | str | None = None,
    *,
    form: Form,
    view: View,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Print one object: as JSON, as one row of CSV, else the table of the fields `text`, or the sentence `text`.

    `more`: what JSON and CSV have beyond the view.
    """
    if form == "text":
        if isinstance(text, str):
            click.echo(text)
        else:
            print_fields(_row(value) if text is None else text)
        return
    [shown], columns = as_view(view, [value])
    shown |= more or {}
    if form == "csv":
        print_csv([*columns, *(more or ())], [shown])
    else:
        print_json(shown)


def _row(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else fields_of(value)


class Results:
    """What became of each thing that a command changes: a line as soon as it is done, or all at the end as JSON or CSV.

    Also if a later one fails, since the earlier ones are done.
    """

    def __init__(self, form: Form, *, view: View) -> None:
        self._form: Form = form
        self._view = view
        self._values: list[Any] = []

    def __enter__(self) -> Self:
        return self

    @property
    def is_text(self) -> bool:
        """Whether only the lines are printed."""
        return self._form == "text"

    def add(self, value: Any, line: str) -> None:
        """One is done. `line` says it in words."""
        if self._form == "text":
            click.echo(line)
        self._values.append(value)

    def __exit__(self, *_: object) -> None:
        if self._form != "text":
            show_list(self._values, form=self._form, view=self._view)


def whole(values: Sequence[_T], *, limit: int | None, cursor: str | None) -> tuple[Sequence[_T], Page]:
    """The part of a list that is read whole. The cursor is how many come before. Raises a usage error for another."""
    before = number_of(cursor) or 0
    end = len(values) if limit is None else min(before + limit, len(values))
    rest = max(len(values) - end, 0)
    return values[before:end], Page(next=str(end) if rest else None, rest=rest)


def paged(
    found: Sequence[_T], limit: int, cursor: Callable[[_T], object], name: str | None
) -> tuple[Sequence[_T], Page]:
    """The first `limit` of a list of which one more was read. `cursor`: what the next page starts after."""
    part = found[:limit]
    return part, Page(next=str(cursor(part[-1])) if len(found) > limit else None, name=name)


def number_of(cursor: str | None) -> int | None:
    """A cursor that is a number; None without one. Raises a usage error for other text."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and int(cursor) < 2**63):
        raise click.BadParameter(
            "not one that a list has printed; omit it to start from the first", param_hint="--cursor"
        )
    return int(cursor)


def position_of(cursor: str | None) -> tuple[datetime, str] | None:
    """Where the page with this cursor ended; None without one. Raises a usage error for other text."""
    if cursor is None:
        return None
    try:
        return read_cursor(cursor)
    except ValueError:
        raise click.BadParameter(NOT_A_CURSOR, param_hint="--cursor") from None


def print_notes(name: str, texts: Sequence[str]) -> None:
    """Print on standard error how a file was read and which parts of it were skipped."""
    for text in texts:
        click.echo(f"{name}: {text}", err=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file, readable by its owner only, in a folder that may not exist yet."""
    from awbridge.private_files import make_private, open_private

    make_private(path.parent)
    with open_private(path) as out:
        out.write(content)


def write_json(file: Path | None, value: Any) -> None:
    """Write a value as JSON to a file, or to standard output."""
    if file is None:
        print_json(value)
    else:
        write_file(file, (json_text(value) + "\n").encode())


def write_csv(file: Path | None, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV to a file, or to standard output."""
    if file is None:
        print_csv(columns, rows)
    else:
        write_file(file, csv_text(columns, rows).encode())


def places(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rejected rows of a file as a table to print, with sheet and column if any row has them."""
    shown: list[dict[str, Any]] = [plain(row) for row in rows]
    for name in ("sheet", "column"):
        if not any(row.get(name) for row in shown):
            for row in shown:
                row.pop(name, None)
    return shown


PLACE = ("sheet", "line", "column", "field", "reference_number", "problem")
_PLACES_SHOWN = 1000  # rows of a table on the terminal


def print_places(rows: Sequence[Any], total: int) -> None:
    """Rejected or doubtful rows of a file, at most a thousand of `total`."""
    shown = rows[:_PLACES_SHOWN]
    print_table(places(shown))
    if total > len(shown):
        click.echo(f"and {total - len(shown)} more; see --json")
