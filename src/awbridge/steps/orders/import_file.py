"""Orders from files: tables (docs/files.md), JSON and JSONL. Every bad row is reported with its line and field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, cast

from awbridge.clickpost.orders.columns import ORDERS, column_of, meant
from awbridge.domain.couriers.allocation import Allocation
from awbridge.domain.errors import IntakeError, PayloadRefused, TableUnreadable
from awbridge.domain.json import read_order_json
from awbridge.steps.orders.intake import BatchRefused, IntakeResult, take_in
from awbridge.steps.orders.order_rows import BadRow, ReadOrder, look_over, orders_of
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.tables.table import Table, open_table

BATCH = 200
JSON = (".json", ".jsonl", ".ndjson")
TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".ods", ".xlsb")


@dataclass(slots=True)
class OrderFile:
    """A file of orders; iterating reads them. `total` is how many there are, `passed_over` the ignored columns,
    `notes` how the file was read."""

    read: Callable[[], Iterator[ReadOrder | BadRow]] = field(repr=False)
    total: int
    passed_over: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    def __iter__(self) -> Iterator[ReadOrder | BadRow]:
        return self.read()


@dataclass(slots=True)
class Imported:
    """The result of an import. `known` orders were stored already. `warnings` belong to accepted rows."""

    created: int = 0
    known: int = 0
    bad: list[BadRow] = field(default_factory=list[BadRow])
    warnings: list[BadRow] = field(default_factory=list[BadRow])


def read_orders(path: Path) -> OrderFile:
    """The orders of a table or a .json or .jsonl file. Raises TableUnreadable, also for a file without any."""
    ending = path.suffix.lower()
    if ending not in (*JSON, *TABLES):
        raise TableUnreadable(f"{path.name}: write the orders as .csv, .xlsx, .xls, .ods, .json or .jsonl")
    try:
        found = _from_json(path, ending) if ending in JSON else _from_table(path)
    except OSError as error:
        raise TableUnreadable(f"{path}: {error.strerror or error}") from None
    if not found.total and not any(True for _ in found):
        raise TableUnreadable(f"{path.name}: holds no orders")
    return found


def _from_table(path: Path) -> OrderFile:
    table = open_table(path, path.name, ORDERS)
    _refuse_slips(path.name, table)
    seen = look_over(table)
    return OrderFile(lambda: orders_of(table, seen), seen.orders, table.unknown_columns, table.notes)


def _refuse_slips(name: str, table: Table) -> None:
    """Refuse a column that is a known one misspelt, or a second one for the same: ignoring it would lose its values."""
    for title in table.unknown_columns:
        column = column_of(title)
        if column in table.understood:
            other = table.understood[column]
            raise TableUnreadable(f"{name}: both {other} and {title} mean {column}; remove one")
        if slip := meant(title):
            raise TableUnreadable(f"{name}: unknown columns: {title}; is it {slip}? Rename it, or take it out")


def _from_json(path: Path, ending: str) -> OrderFile:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableUnreadable(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    rows = list(_read_json(text) if ending == ".json" else _read_jsonl(text))
    return OrderFile(lambda: iter(rows), sum(isinstance(row, ReadOrder) for row in rows))


def _read_json(text: str) -> Iterator[ReadOrder | BadRow]:
    try:
        value = read_order_json(text)
    except (ValueError, RecursionError) as error:
        raise TableUnreadable(f"not JSON: {error}") from None
    orders = cast("list[Any]", value) if isinstance(value, list) else [value]
    for place, order in enumerate(orders, start=1):
        yield ReadOrder(line=place, order=order)


def _read_jsonl(text: str) -> Iterator[ReadOrder | BadRow]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield ReadOrder(line=number, order=read_order_json(line))
        except (ValueError, RecursionError) as error:
            yield BadRow(line=number, reference_number="", field="", problem=f"not JSON: {error}")


async def import_orders(
    *,
    store: Store,
    clock: Clock,
    orders: Iterable[ReadOrder | BadRow],
    on_row: Callable[[int], None] | None = None,
    allocation: Allocation = Allocation.RULES,
) -> Imported:
    """Store valid orders and report the others. `on_row` gets the number of orders in each finished batch."""
    result = Imported()
    read = iter(orders)
    while rows := list(islice(read, BATCH)):
        result.bad += [row for row in rows if isinstance(row, BadRow)]
        batch = [row for row in rows if isinstance(row, ReadOrder)]
        await _import_batch(store, clock, batch, result, allocation)
        if on_row:
            on_row(len(batch))
    result.bad.sort(key=lambda b: (b.sheet, b.line))
    return result


async def _import_batch(
    store: Store, clock: Clock, batch: list[ReadOrder], result: Imported, allocation: Allocation
) -> None:
    while batch:
        try:
            taken: list[IntakeResult] = await take_in(
                store=store, clock=clock, orders=[r.order for r in batch], allocation=allocation
            )
        except BatchRefused as refused:
            for place, error in refused.errors.items():
                result.bad.extend(_bad_rows(batch[place], error))
            batch = [row for place, row in enumerate(batch) if place not in refused.errors]
        else:
            result.created += sum(t.created for t in taken)
            result.known += sum(not t.created for t in taken)
            result.warnings.extend(w for row, t in zip(batch, taken, strict=True) for w in _warnings(row, t))
            return


def _bad_rows(row: ReadOrder, error: IntakeError) -> list[BadRow]:
    reference = _reference(row.order)
    problems = (
        [(p.path, p.problem) for p in error.problems]
        if isinstance(error, PayloadRefused)
        else [("shipment_details.reference_number", str(error))]
    )
    return [row.bad(reference, path, problem) for path, problem in problems]


def _warnings(row: ReadOrder, taken: IntakeResult) -> Iterator[BadRow]:
    for found in taken.warnings:
        yield row.bad(taken.shipment.reference_number, found.path, found.problem)


def _reference(order: Any) -> str:
    details = cast("dict[str, Any]", order).get("shipment_details") if isinstance(order, dict) else None
    return str(cast("dict[str, Any]", details).get("reference_number", "")) if isinstance(details, dict) else ""
