"""Orders and transporters from files: CSV, JSON and JSONL. Every bad row is reported with its line and field.

A CSV of orders has one row per item; rows of one reference_number make one shipment (docs/import.md).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from awbridge.clickpost.columns import add_item, column_place, first_clash, order_from_row
from awbridge.domain.allocation import Allocation
from awbridge.domain.errors import AwbridgeError, IntakeError, PayloadRefused
from awbridge.steps.clock import Clock
from awbridge.steps.intake import BatchRefused, TakenIn, take_in
from awbridge.store import Store

BATCH = 200


class FileUnreadable(AwbridgeError):
    """The file cannot be imported at all. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrder:
    """One order of a file, and the line it starts at (1 is the first; for JSON lists, the place in the list)."""

    line: int
    order: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row that did not go in."""

    line: int
    reference_number: str
    field: str
    problem: str


@dataclass(slots=True)
class Imported:
    """What came of an import. `known` were there already, unchanged."""

    created: int = 0
    known: int = 0
    bad: list[BadRow] = field(default_factory=list[BadRow])


def read_orders(path: Path) -> Iterator[ReadOrder | BadRow]:
    """The orders of a .csv, .json or .jsonl file. Raises FileUnreadable."""
    readers: dict[str, Callable[[str], Iterator[ReadOrder | BadRow]]] = {
        ".csv": _read_csv,
        ".json": _read_json,
        ".jsonl": _read_jsonl,
        ".ndjson": _read_jsonl,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise FileUnreadable(f"{path.name}: write the orders as .csv, .json or .jsonl")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileUnreadable(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise FileUnreadable(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    return reader(text)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _read_json(text: str) -> Iterator[ReadOrder | BadRow]:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FileUnreadable(f"not JSON: {error}") from None
    orders = cast("list[Any]", value) if isinstance(value, list) else [value]
    for place, order in enumerate(orders, start=1):
        yield ReadOrder(line=place, order=order)


def _read_jsonl(text: str) -> Iterator[ReadOrder | BadRow]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield ReadOrder(line=number, order=json.loads(line, parse_constant=_refuse_constant))
        except (ValueError, RecursionError) as error:
            yield BadRow(line=number, reference_number="", field="", problem=f"not JSON: {error}")


def _read_csv(text: str) -> Iterator[ReadOrder | BadRow]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, list[str]())]
        if "reference_number" not in header:
            raise FileUnreadable(
                "the first line must name the columns, reference_number among them (see docs/import.md)"
            )
        if unknown := [name for name in header if column_place(name) is None]:
            raise FileUnreadable(f"unknown columns: {', '.join(unknown)} (see docs/import.md for their names)")
        yield from _group(header, rows)
    except csv.Error as error:
        raise FileUnreadable(f"line {rows.line_num}: not CSV: {error}") from None


def _group(header: list[str], rows: Any) -> Iterator[ReadOrder | BadRow]:
    orders: dict[str, ReadOrder] = {}
    contradicted: set[str] = set()
    start = rows.line_num + 1
    for cells in rows:
        line, start = start, rows.line_num + 1
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            text = f"{len(cells)} cells, but the header names {len(header)} columns"
            yield BadRow(line=line, reference_number="", field="", problem=text)
            continue
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
        reference = row.get("reference_number", "")
        if not reference:
            yield BadRow(line=line, reference_number="", field="reference_number", problem="is empty")
        elif first := orders.get(reference):
            if clash := first_clash(first.order, row):
                text = f"differs from line {first.line} of the same reference_number; the shipment is left out"
                yield BadRow(line=line, reference_number=reference, field=clash, problem=text)
                contradicted.add(reference)
            else:
                add_item(first.order, row)
        else:
            orders[reference] = ReadOrder(line=line, order=order_from_row(row))
    yield from (order for reference, order in orders.items() if reference not in contradicted)


async def import_orders(
    *,
    store: Store,
    clock: Clock,
    orders: Iterable[ReadOrder | BadRow],
    on_row: Callable[[int], None] | None = None,
    allocation: Allocation = Allocation.RULES,
) -> Imported:
    """Take in what is good, report what is not. `on_row` is told how many orders were dealt with."""
    result = Imported()
    batch: list[ReadOrder] = []
    for row in orders:
        if isinstance(row, BadRow):
            result.bad.append(row)
            continue
        batch.append(row)
        if len(batch) == BATCH:
            await _import_batch(store, clock, batch, result, allocation)
            if on_row:
                on_row(len(batch))
            batch = []
    await _import_batch(store, clock, batch, result, allocation)
    if on_row:
        on_row(len(batch))
    result.bad.sort(key=lambda b: b.line)
    return result


async def _import_batch(
    store: Store, clock: Clock, batch: list[ReadOrder], result: Imported, allocation: Allocation
) -> None:
    while batch:
        try:
            taken: list[TakenIn] = await take_in(
                store=store, clock=clock, orders=[r.order for r in batch], allocation=allocation
            )
        except BatchRefused as refused:
            for place, error in refused.errors.items():
                result.bad.extend(_bad_rows(batch[place], error))
            batch = [row for place, row in enumerate(batch) if place not in refused.errors]
        else:
            result.created += sum(t.created for t in taken)
            result.known += sum(not t.created for t in taken)
            return


def _bad_rows(row: ReadOrder, error: IntakeError) -> list[BadRow]:
    reference = _reference(row.order)
    if isinstance(error, PayloadRefused):
        return [
            BadRow(line=row.line, reference_number=reference, field=p.path, problem=p.problem) for p in error.problems
        ]
    path = "shipment_details.reference_number"
    return [BadRow(line=row.line, reference_number=reference, field=path, problem=str(error))]


def _reference(order: Any) -> str:
    details = cast("dict[str, Any]", order).get("shipment_details") if isinstance(order, dict) else None
    return str(cast("dict[str, Any]", details).get("reference_number", "")) if isinstance(details, dict) else ""
