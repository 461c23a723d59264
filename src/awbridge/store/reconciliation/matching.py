# apsw names its buffer type by a Python 3.12 name, which the type checker does not know when it checks for 3.11.
# pyright: reportUnknownMemberType=false
"""A workbench on which two lists of shipments are laid side by side: a SQLite file that is thrown away afterwards.

It takes the same memory for a thousand rows and for ten million. Nothing here waits for the network: call it in a
thread, one call at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import apsw

from awbridge.domain.orders.shipment import State, WaybillKind
from awbridge.domain.reconciliation.differences import Ours
from awbridge.store.engine.database import Row, row_as
from awbridge.store.engine.queries import Queries, Statement

_sql = Queries(__name__)

CACHE_KIB = 48 * 1024


class LaidRow(NamedTuple):
    """One row of ClickPost's side. `seen` is its time as written."""

    line: int
    waybill: str
    reference_number: str
    courier_partner_id: int | None
    status_code: int | None
    seen: str
    gaps: int = 0


class OursAs(NamedTuple):
    """A shipment of ours, and what theirs may call it."""

    waybill: str
    reference_number: str
    ours: Ours


class Matching:
    """The bench. Lay theirs and ours on it, `pair` them, then read what is alone and what is unequal."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path))
        for setting in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "temp_store = FILE"):
            self._connection.execute(f"PRAGMA {setting}").fetchall()
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._run(_sql.make)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def add_theirs(self, rows: Iterable[tuple[object, ...]], limit: int) -> int:
        """Lay up to `limit` rows of theirs (the fields of LaidRow); how many there were."""
        before = self._connection.total_changes()
        with self._connection:
            self._connection.executemany(_sql.add_theirs.sqlite, islice(rows, limit))
        return self._connection.total_changes() - before

    def add_day(self, rows: Iterable[Row]) -> None:
        """Lay the shipments of the day, as `reconciliations.placed_between` reads them."""
        with self._connection:
            self._connection.executemany(_sql.add_ours.sqlite, map(_day_row, rows))

    def add_named(self, shipments: Iterable[OursAs]) -> None:
        """Lay shipments that theirs names, under what theirs calls them."""
        named = list(shipments)
        with self._connection:
            self._connection.executemany(_sql.add_ours.sqlite, map(_named_row, named))
            self._connection.executemany(_sql.name_else.sqlite, [(one.ours.reference_number,) for one in named])

    def pair(self) -> None:
        """Pair what is not paired yet: by waybill, else by reference number."""
        with self._connection:
            self._run(_sql.index_ours)
            self._run(_sql.pair_by_waybill)
            self._run(_sql.pair_by_reference)

    def alone(self, size: int) -> Iterator[list[LaidRow]]:
        """Rows of theirs without a shipment of ours, in slices. Ours may be laid meanwhile."""
        for rows in self._slices(_sql.unpaired, size):
            yield [LaidRow(*row) for row in rows]

    def repeated(self) -> Iterator[list[LaidRow]]:
        """Rows of theirs that are about one shipment, together."""
        self._run(_sql.index_pairs)
        group: list[LaidRow] = []
        last = None
        for number, *row in self._connection.execute(_sql.several.sqlite):
            if number != last and group:
                yield group
                group = []
            last = number
            group.append(LaidRow(*row))
        if group:
            yield group

    def drop(self, lines: Iterable[int]) -> None:
        """These rows of theirs count no more."""
        with self._connection:
            for line in lines:
                self._connection.execute(_sql.drop_pair.sqlite, (line,))
                self._connection.execute(_sql.drop_line.sqlite, (line,))

    def unequal(self, size: int, *, every: bool) -> Iterator[list[tuple[LaidRow, Ours]]]:
        """Pairs that are not the same in waybill, courier and status, in slices; with `every`, all pairs."""
        for rows in self._slices(_sql.unequal, size, every):
            yield [(LaidRow(*row[:7]), _as_ours(*row[7:])) for row in rows]

    def missing(self, size: int) -> Iterator[list[Ours]]:
        """Shipments of the day that are in no row of ClickPost's, in slices."""
        for rows in self._slices(_sql.ours_unpaired, size):
            yield [_as_ours(*row) for row in rows]

    def pairs(self) -> int:
        """How many rows of theirs have a shipment of ours."""
        ((count,),) = self._connection.execute(_sql.count_pairs.sqlite)
        return cast("int", count)

    def partly(self) -> int:
        """How many pairs have something that could not be compared."""
        ((count,),) = self._connection.execute(_sql.count_partly.sqlite)
        return cast("int", count)

    def _run(self, statement: Statement) -> None:
        self._connection.execute(statement.sqlite).fetchall()

    def _slices(self, statement: Statement, size: int, *values: object) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._connection.cursor()
        rows = iter(cursor.execute(statement.sqlite, tuple(int(bool(value)) for value in values)))
        while found := list(islice(rows, size)):
            yield found


def _day_row(row: Row) -> tuple[object, ...]:
    ours = row_as(Ours, row, waybill=row["waybill"] or "")
    return ours.waybill, ours.reference_number, 1, *_columns(ours)


def _named_row(named: OursAs) -> tuple[object, ...]:
    return named.waybill, named.reference_number, 0, *_columns(named.ours)


def _columns(ours: Ours) -> tuple[object, ...]:
    return (
        ours.reference_number,
        ours.waybill,
        ours.courier_partner_id,
        ours.state.value,
        ours.status_code,
        ours.status_at and ours.status_at.isoformat(),
        ours.last_tracked_at and ours.last_tracked_at.isoformat(),
        ours.kind.value,
    )


def _as_ours(
    reference: str,
    waybill: str,
    courier: int,
    state: str,
    code: int | None,
    status_at: str | None,
    last_tracked_at: str | None,
    kind: str,
) -> Ours:
    return Ours(
        reference_number=reference,
        waybill=waybill,
        courier_partner_id=courier,
        state=State(state),
        status_code=code,
        status_at=datetime.fromisoformat(status_at) if status_at else None,
        last_tracked_at=datetime.fromisoformat(last_tracked_at) if last_tracked_at else None,
        kind=WaybillKind(kind),
    )
