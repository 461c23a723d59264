"""What the tables of a database take: rows and bytes, by the kinds of rows that the capacity model knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import apsw
import asyncpg

from awbridge.store.engine.queries import columns
from tests.support.copies import TABLES

# Tables with rows of several kinds, and what tells them.
KINDS = {
    "inbox": "CASE SUBSTR(source, 1, 1) WHEN 'w' THEN 'webhook' WHEN 'u' THEN 'updated_order' "
    "WHEN 't' THEN 'track_order' ELSE 'report' END",
    "attempts": "api",
}
# A partitioned table is its partitions.
_RELATIONS = """
SELECT c.relname AS name,
  sum(pg_relation_size(t.oid) + COALESCE(pg_total_relation_size(NULLIF(t.reltoastrelid, 0)), 0))::bigint AS rows,
  sum(pg_indexes_size(t.oid))::bigint AS indexes
FROM pg_class c LEFT JOIN LATERAL pg_partition_tree(c.oid) p ON TRUE JOIN pg_class t ON t.oid = COALESCE(p.relid, c.oid)
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
GROUP BY c.relname
"""
_PAGES = """
SELECT m.tbl_name, sum(CASE WHEN m.type = 'index' THEN 0 ELSE s.pgsize END),
  sum(CASE WHEN m.type = 'index' THEN s.pgsize ELSE 0 END)
FROM dbstat s JOIN sqlite_schema m ON m.name = s.name GROUP BY m.tbl_name
"""


@dataclass(frozen=True, slots=True)
class Size:
    """Rows of one kind: how many, and their bytes in the table and in its indexes."""

    rows: int
    table: float
    indexes: float


async def postgres_sizes(url: str) -> dict[str, Size]:
    """The sizes in a PostgreSQL database, vacuumed."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM", timeout=3600)
        relations = {r["name"]: (r["rows"], r["indexes"]) for r in await connection.fetch(_RELATIONS, timeout=600)}
        found: dict[str, Size] = {}
        for table in TABLES:
            length = f"pg_column_size({table}.*)"
            rows = await connection.fetch(_kinds(table, length), timeout=3600)
            found |= _shared(table, relations, [(row["kind"], row["number"], row["length"]) for row in rows])
        return found
    finally:
        await connection.close()


def sqlite_sizes(path: Path) -> dict[str, Size]:
    """The sizes in a SQLite database."""
    connection = apsw.Connection(str(path))
    try:
        relations = {name: (rows, indexes) for name, rows, indexes in connection.execute(_PAGES)}
        found: dict[str, Size] = {}
        for table in TABLES:
            length = " + ".join(f"COALESCE(length(CAST({name} AS BLOB)), 0) + 1" for name in columns()[table])
            found |= _shared(table, relations, connection.execute(_kinds(table, length)).fetchall())
        return found
    finally:
        connection.close()


def _kinds(table: str, length: str) -> str:
    kind = KINDS.get(table, "''")
    return f"SELECT {kind} AS kind, count(*) AS number, sum({length}) AS length FROM {table} GROUP BY 1"


def _shared(table: str, relations: Mapping[str, tuple[int, int]], kinds: list[tuple[str, int, int]]) -> dict[str, Size]:
    """The bytes of a table by kind: of the table by the lengths of the rows, of its indexes by their number."""
    of_table, of_indexes = relations[table]
    rows, length = sum(kind[1] for kind in kinds), sum(int(kind[2]) for kind in kinds)
    return {
        f"{table}.{kind}" if kind else table: Size(number, of_table * int(long) / length, of_indexes * number / rows)
        for kind, number, long in kinds
    }
