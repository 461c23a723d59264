"""How commands print: JSON, tables, notes on files."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click


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
    from tabulate import tabulate

    cells = [list(map(_cell, row.values())) for row in rows]
    names = [name.replace("_", " ") for name in rows[0]]
    table = tabulate(cells, names, tablefmt="plain", disable_numparse=True)
    click.echo("\n".join(line.rstrip() for line in table.splitlines()))


def print_fields(values: Mapping[str, Any]) -> None:
    """Print one object as a table of its fields."""
    print_table([{"field": name, "value": value} for name, value in values.items()])


def show(
    values: Sequence[Any], rows: Sequence[Mapping[str, Any]] | None = None, *, as_json: bool, empty: str = ""
) -> None:
    """Print values as JSON, or as a table of `rows`, by default of the values themselves."""
    if as_json:
        print_json(values)
    else:
        print_table(values if rows is None else rows, empty=empty)


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


def write_csv(file: Path | None, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV to a file, or to standard output."""
    from awbridge.private_files import open_private

    with io.TextIOWrapper(open_private(file), encoding="utf-8", newline="") if file else sys.stdout as out:
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def places(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Rejected rows of a file as a table to print, with sheet and column if any row has them."""
    shown: list[dict[str, Any]] = [plain(row) for row in rows]
    for name in ("sheet", "column"):
        if not any(row.get(name) for row in shown):
            for row in shown:
                row.pop(name, None)
    return shown


def _cell(value: Any) -> str:
    """The value on one line. Control characters, as in a courier's remark, would change the terminal's state."""
    text = "" if value is None else str(plain(value) if isinstance(value, datetime) else value)
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
