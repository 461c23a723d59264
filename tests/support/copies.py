"""Many parcels from a few: every row of parcels that went the whole way, copied under other names.

The copies have the bytes that the service wrote, and go into tables with all their indexes, in the order of the
originals. They fill a database; what the bodies say is still about the originals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw
import asyncpg

from awbridge.store.engine.queries import columns

TABLES = (
    *("shipments", "waybills", "track_links", "attempts", "inbox", "scans", "update_sources", "promises"),
    *("milestones", "events", "event_deliveries", "notices"),
)
_NUMBERS = frozenset({"id", "event_id", "link_id", "delivery_id"})
_APART = 2**40  # between the numbers of two copies, 18 minutes: ids count microseconds, times 1,024
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 4  # of the code of a copy
_CODES = len(_DIGITS) ** _LENGTH
_STEP = 1_000_003  # prime, so that each copy has a random code of its own


def _column(name: str) -> str:
    """The column of a copy: another number, another shard, a name of the same length.

    $2 grows with the copies, as references and ClickPost's ids do. $3 is random, as waybills and hashes are.
    """
    if name in _NUMBERS:
        return f"{name} + {_APART} * $1"
    if name in ("shard", "delivery_shard"):
        return f"({name} + $1) % 64"
    if name == "identity":  # "osid:" or the name of a hash, and its digits
        code = "CASE WHEN identity LIKE 'osid:%' THEN $2 ELSE $3 END"
        return f"substr(identity, 1, 5) || {code} || substr(identity, {6 + _LENGTH})"
    if name == "waybill":
        return f"$3 || substr(waybill, {1 + _LENGTH})"
    if name in ("reference_number", "order_id"):  # as tests/support/parcels.py names them
        return f"substr({name}, 1, 4) || $2 || substr({name}, {5 + _LENGTH})"
    return name


def _code(number: int) -> str:
    code = ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        code = _DIGITS[digit] + code
    return code


def statements() -> list[str]:
    """An INSERT for each table: $1 is the number of the copy, $2 and $3 its codes."""
    found: list[str] = []
    for table in TABLES:
        names = columns()[table]
        old = [_column(name) for name in names]
        found.append(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(old)} FROM originals_{table} ORDER BY place"
        )
    return found


def _keep(table: str, order: str) -> str:
    return f"CREATE TEMP TABLE originals_{table} AS SELECT *, {order} AS place FROM {table}"


async def copy_postgres(
    url: str, copies: Iterable[int], *, at_once: int = 20, on_done: Callable[[int], None] = lambda _: None
) -> None:
    """Add copies with these numbers to a PostgreSQL database that has the originals alone.

    `on_done` receives the number of the last copy that is committed.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET synchronous_commit = off")
        for table in TABLES:
            await connection.execute(_keep(table, "row_number() OVER ()"), timeout=600)
        texts = [
            t.replace("$1", "$1::bigint").replace("$2", "$2::text").replace("$3", "$3::text") for t in statements()
        ]
        prepared = [(await connection.prepare(text), text) for text in texts]
        for some in _chunks(copies, at_once):
            async with connection.transaction():
                for copy in some:
                    for statement, text in prepared:
                        await statement.fetch(*_bound(text, copy), timeout=600)
            on_done(some[-1])
    finally:
        await connection.close()


def copy_sqlite(
    path: Path, copies: Iterable[int], *, at_once: int = 20, on_done: Callable[[int], None] = lambda _: None
) -> None:
    """Add copies to a SQLite database that nobody has open, as `copy_postgres` does."""
    connection = apsw.Connection(str(path))
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        for table in TABLES:
            connection.execute(_keep(table, "rowid"))
        texts = [text.replace("$", "?") for text in statements()]
        for some in _chunks(copies, at_once):
            with connection:
                for copy in some:
                    for text in texts:
                        connection.execute(text, _bound(text, copy))
            on_done(some[-1])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()


def _bound(text: str, copy: int) -> Sequence[Any]:
    """The parameters that a statement has."""
    every = (copy, _code(copy), _code(copy * _STEP % _CODES))
    return [value for number, value in enumerate(every, 1) if f"{number}" in re.findall(r"[$?](\d)", text)]


def _chunks(copies: Iterable[int], size: int) -> Iterable[list[int]]:
    some: list[int] = []
    for copy in copies:
        some.append(copy)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
