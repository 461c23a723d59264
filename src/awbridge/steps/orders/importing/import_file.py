"""Orders from files: tables (docs/reference/files.md), JSON and JSONL. Every bad row is reported, by line and field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, cast

from awbridge.clickpost.orders.columns import ORDERS, column_of, meant
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import IntakeError, PayloadRefused, TableUnreadable
from awbridge.domain.json import read_order_json
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.orders.importing.import_batch import BatchResult, import_batch
from awbridge.steps.orders.importing.order_rows import BadRow, ReadOrder, look_over, orders_of
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.people import audit_log
from awbridge.tables.table import Table, open_table

BATCH = 200  # orders of a transaction; other writers to SQLite wait for it
MOST_WARNINGS = 10_000  # that are kept
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
    """The result of an import. `known` orders were stored already.

    `warnings` are the first ones about accepted rows; there may be one about each of a million.
    """

    created: int = 0
    known: int = 0
    bad: list[BadRow] = field(default_factory=list[BadRow])
    warnings: list[BadRow] = field(default_factory=list[BadRow])
    warning_count: int = 0


def read_orders(path: Path, name: str = "") -> OrderFile:
    """The orders of a table or a .json or .jsonl file. `name`: what its sender calls it, with the ending that decides
    how it is read. Raises TableUnreadable, also for a file without any."""
    name = name or path.name
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise TableUnreadable(f"{name}: write the orders as .csv, .xlsx, .xls, .ods, .json or .jsonl")
    try:
        found = _READERS.get(ending, _from_table)(path, name)
    except OSError as error:
        raise TableUnreadable(f"{name}: {error.strerror or error}") from None
    if not found.total and not any(True for _ in found):
        raise TableUnreadable(f"{name}: holds no orders")
    return found


def _from_table(path: Path, name: str) -> OrderFile:
    table = open_table(path, name, ORDERS)
    _refuse_slips(name, table)
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


def _from_json(path: Path, name: str) -> OrderFile:
    try:
        value = read_order_json(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _not_utf8(name, error.start) from None
    except (ValueError, RecursionError) as error:
        raise TableUnreadable(f"not JSON: {error}") from None
    orders = cast("list[Any]", value) if isinstance(value, list) else [value]
    rows = [ReadOrder(line=place, order=order) for place, order in enumerate(orders, start=1)]
    return OrderFile(lambda: iter(rows), len(rows))


def _from_jsonl(path: Path, name: str) -> OrderFile:
    """Read twice, line by line: a file of any size needs no more memory."""
    total = at = 0
    with path.open("rb") as lines:
        for line in lines:
            try:
                total += bool(line.decode().strip("\ufeff \t\r\n"))
            except UnicodeDecodeError as error:
                raise _not_utf8(name, at + error.start) from None
            at += len(line)
    return OrderFile(lambda: _read_jsonl(path), total)


def _not_utf8(name: str, at: int) -> TableUnreadable:
    return TableUnreadable(f"{name}: not UTF-8 at byte {at}; save the file as UTF-8")


def _read_jsonl(path: Path) -> Iterator[ReadOrder | BadRow]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield ReadOrder(line=number, order=read_order_json(line))
            except (ValueError, RecursionError) as error:
                yield BadRow(line=number, reference_number="", field="", problem=f"not JSON: {error}")


_READERS: dict[str, Callable[[Path, str], OrderFile]] = {
    ".json": _from_json,
    ".jsonl": _from_jsonl,
    ".ndjson": _from_jsonl,
}
ENDINGS = (*TABLES, *_READERS)


async def import_orders(
    *,
    store: Store,
    clock: Clock,
    orders: Iterable[ReadOrder | BadRow],
    on_row: Callable[[int], None] | None = None,
    allocation: Allocation = Allocation.RULES,
    only_check: bool = False,
) -> Imported:
    """Store valid orders and report the others. `on_row` gets the number of orders in each finished batch.

    `only_check`: store nothing; the result is that of an import. Two orders of one reference number that are more than
    a batch apart in a JSON file are then not compared.
    """
    result = Imported()
    read = iter(orders)
    while rows := list(islice(read, BATCH)):
        result.bad += [row for row in rows if isinstance(row, BadRow)]
        batch = [row for row in rows if isinstance(row, ReadOrder)]
        done = await import_batch(
            store=store,
            clock=clock,
            orders=[row.order for row in batch],
            allocation=allocation,
            only_check=only_check,
        )
        _add(batch, done, result)
        if on_row:
            on_row(len(batch))
    result.bad.sort(key=lambda b: (b.sheet, b.line))
    if only_check:
        return result
    after = {"created": result.created, "known": result.known, "bad_rows": len(result.bad)}
    async with store.write() as session:
        await audit_log.record(session, AuditAction.ORDERS_IMPORTED, "", after=after, now=clock())
    return result


def _add(batch: list[ReadOrder], done: BatchResult, result: Imported) -> None:
    result.created += sum(done.created.values())
    result.known += len(done.created) - sum(done.created.values())
    for place, row in enumerate(batch):
        if error := done.errors.get(place):
            result.bad += _bad_rows(row, error)
        else:
            reference, found = _reference(row.order), done.warnings[place]
            result.warning_count += len(found)
            if len(result.warnings) < MOST_WARNINGS:
                result.warnings += [row.bad(reference, doubt.path, doubt.problem) for doubt in found]


def _bad_rows(row: ReadOrder, error: IntakeError) -> list[BadRow]:
    reference = _reference(row.order)
    problems = (
        [(p.path, p.problem) for p in error.problems]
        if isinstance(error, PayloadRefused)
        else [("shipment_details.reference_number", str(error))]
    )
    return [row.bad(reference, path, problem) for path, problem in problems]


def _reference(order: Any) -> str:
    details = cast("dict[str, Any]", order).get("shipment_details") if isinstance(order, dict) else None
    return str(cast("dict[str, Any]", details).get("reference_number", "")) if isinstance(details, dict) else ""
