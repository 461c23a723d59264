"""The tables of PostgreSQL whose rows go by age: partitions of a month, made ahead and dropped whole.

Their keys hold an id that grows with time (ids.py), which is what a partition is bounded by. Rows without a month of
their own are in the default partition: all of a small table, those of an id far ahead, those that came before the month
was made. Statements name the table alone. SQLite has no partitions.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

from awbridge.domain.errors import StoreError
from awbridge.store.engine.database import Database, Row, Session
from awbridge.store.engine.ids import STEP, first_id
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

KEYS = {"attempts": "id", "events": "id", "event_deliveries": "event_id"}
"""The partitioned tables, and the column that bounds their partitions."""

FAMILIES = (("attempts",), ("events", "event_deliveries"))
"""Tables that have the same months, as the rows of one belong to those of the other."""

WORTH_MONTHS = 64 << 20  # bytes of a family's largest table, without indexes: a smaller one is its default partition
SCANNED = 64 << 20  # bytes of a default partition that may be read under a lock
MOVED = 1000  # rows of a month that are moved out of the default partition; where there are more, they stay in it

_BOUNDS = re.compile(r"FROM \((?:MINVALUE|'?(?P<first>-?\d+)'?)\) TO \((?:MAXVALUE|'?(?P<end>-?\d+)'?)\)")
_LEAST, _MOST = -(2**63), 2**63 - 1


class Made(Enum):
    """What became of a month that a table should have."""

    MADE = "made"
    THERE = "there"  # a partition has it already
    LEFT = "left"  # the default partition keeps it, as too many rows of it are there


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A calendar month in UTC, by the ids that are given within it: from `first` up to, and without, `end`."""

    name: str
    begins_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, at: datetime) -> Month:
        """The month of a moment."""
        begins = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        ends = (begins + timedelta(days=31)).replace(day=1)
        return cls(name=f"{begins:%Y_%m}", begins_at=begins, ends_at=ends)

    @property
    def next(self) -> Month:
        """The month after it."""
        return Month.of(self.ends_at)

    @property
    def first(self) -> int:
        """The least id of the month."""
        return first_id(self.begins_at)

    @property
    def end(self) -> int:
        """The least id after the month."""
        return first_id(self.ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition of a table. `first`, `end`: its ids, as in Month; of the default partition, all that there are.

    `rows`: about how many, as of the last VACUUM or ANALYZE. `bytes`: without indexes and long values. `owner`: of the
    table.
    """

    table: str
    name: str
    is_default: bool
    first: int
    end: int
    rows: int
    bytes: int
    space: str
    owner: str
    options: str

    @property
    def is_month(self) -> bool:
        """Whether it holds a month, or less; not what came before the first month."""
        return not self.is_default and self.first > _LEAST

    def is_of(self, month: Month) -> bool:
        """Whether it holds this month and no other."""
        return (self.first, self.end) == (month.first, month.end)

    @property
    def begins_at(self) -> datetime:
        """The moment of its first id, if it is a month."""
        return _time_of(self.first)

    @property
    def ends_at(self) -> datetime:
        """The moment after its last id, if it is a month."""
        return _time_of(self.end)

    @property
    def quoted(self) -> str:
        """Its name in a statement, with the schema."""
        return f'{self.space}."{self.name}"'


def _time_of(number: int) -> datetime:
    return datetime.fromtimestamp(number // STEP / 1_000_000, UTC)


async def listed(session: Session, tables: Sequence[str]) -> dict[str, list[Partition]]:
    """The partitions of each table, the oldest first, the default one last. For PostgreSQL."""
    rows = [_partition(row) for row in await session.fetch(_sql.listed, list(tables))]
    rows.sort(key=lambda part: (part.is_default, part.first))
    return {table: [part for part in rows if part.table == table] for table in tables}


def _partition(row: Row) -> Partition:
    found = _BOUNDS.search(row["bounds"])
    return Partition(
        table=row["table_name"],
        name=row["name"],
        is_default=not found,
        first=int((found and found["first"]) or _LEAST),
        end=int((found and found["end"]) or _MOST),
        rows=row["table_rows"],
        bytes=row["bytes"],
        space=row["space"],
        owner=row["owner"],
        options=row["options"] or "",
    )


async def make_ahead(
    database: Database, family: Sequence[str], *, now: datetime, worth: int = WORTH_MONTHS
) -> dict[str, Made]:
    """Make the partitions of this month and of the next, if a table of the family has `worth` bytes.

    What became of each, by the partition's name; nothing on SQLite. Raises StoreBusy where a table was in use,
    StoreError where the role may not make tables. Either way, rows of that month go to the default partition.
    """
    if database.dialect != "postgres":
        return {}
    async with database.read() as session:
        found = await listed(session, family)
    if max(sum(part.bytes for part in found[table]) for table in family) < worth:
        return {}
    made: dict[str, Made] = {}
    this = Month.of(now)
    for table in family:
        await _tidy(database, table)
        for month in (this, this.next):
            made[f"{table}_{month.name}"] = await make(database, table, month, ahead=month.begins_at > now)
    return made


async def make(database: Database, table: str, month: Month, *, ahead: bool) -> Made:
    """Make the partition of a month, and move into it what the default partition has of it.

    `ahead`: whether no row of it is written yet. Then a default partition of any size is read without a lock. Raises as
    `make_ahead` does.
    """
    async with database.write() as session:
        await session.fetch(_sql.wait_briefly)
        found = (await listed(session, [table]))[table]
        if any(not part.is_default and _overlap(part, month) for part in found):
            return Made.THERE
        default = found[-1]
        rows = (await session.fetch(getattr(_sql, f"{table}_within"), month.first, month.end, MOVED + 1))[0][
            "table_rows"
        ]
        if rows > MOVED:
            return Made.LEFT
        if default.bytes <= SCANNED:
            await session.script(f"LOCK TABLE {default.quoted} IN ACCESS EXCLUSIVE MODE;" + _attach(default, month))
            return Made.MADE
    if rows or not ahead:
        return Made.LEFT
    await _make_beside(database, default, month)
    return Made.MADE


def _overlap(part: Partition, month: Month) -> bool:
    return part.first < month.end and month.first < part.end


def _attach(default: Partition, month: Month) -> str:
    """What makes the partition of a month, while the default one is locked."""
    table, key = default.table, KEYS[default.table]
    whole, part = f'{default.space}."{table}"', f'{default.space}."{table}_{month.name}"'
    options = f" WITH ({default.options})" if default.options else ""
    return f"""
        CREATE TABLE {part} (LIKE {whole} INCLUDING DEFAULTS INCLUDING STORAGE){options};
        ALTER TABLE {part} OWNER TO {default.owner};
        WITH gone AS (
          DELETE FROM {default.quoted} WHERE {key} >= {month.first} AND {key} < {month.end} RETURNING *
        )
        INSERT INTO {part} SELECT * FROM gone;
        ALTER TABLE {whole} ATTACH PARTITION {part} FOR VALUES FROM ({month.first}) TO ({month.end});
    """  # noqa: S608 names out of the catalogue


async def _make_beside(database: Database, default: Partition, month: Month) -> None:
    """Make a month that the default partition has no row of. That is checked while others read and write."""
    key, name = KEYS[default.table], _without(default.table, month.name)
    alter, drop = f"ALTER TABLE {default.quoted}", f'DROP CONSTRAINT IF EXISTS "{name}"'
    outside = f"{key} < {month.first} OR {key} >= {month.end}"
    try:
        await _briefly(database, f'{alter} {drop}, ADD CONSTRAINT "{name}" CHECK ({outside}) NOT VALID')
        async with database.write() as session:
            await session.script(f'{alter} VALIDATE CONSTRAINT "{name}"')
        lock = f"LOCK TABLE {default.quoted} IN ACCESS EXCLUSIVE MODE;"
        await _briefly(database, f"{lock}{_attach_empty(default, month)}{alter} {drop}")
    except BaseException:
        with suppress(StoreError):  # else the next round does
            await _briefly(database, f"{alter} {drop}")
        raise


def _attach_empty(default: Partition, month: Month) -> str:
    """As `_attach`, where the default partition has nothing of the month, without reading it."""
    return re.sub(r"WITH gone AS.*?FROM gone;", "", _attach(default, month), flags=re.DOTALL)


async def _briefly(database: Database, script: str) -> None:
    async with database.write() as session:
        await session.fetch(_sql.wait_briefly)
        await session.script(script)


def _without(table: str, month: str) -> str:
    """The constraint that keeps a month out of a default partition while its own is made."""
    return f"{table}_without_{month}"


async def _tidy(database: Database, table: str) -> None:
    """Let the default partition take every row again, where a try to make a month was interrupted."""
    async with database.read() as session:
        left = await session.fetch(_sql.leftovers, table, _without(table, "%").replace("_", r"\_"))
    for one in left:
        await _briefly(database, f'ALTER TABLE {one["part"]} DROP CONSTRAINT IF EXISTS "{one["name"]}"')


async def drop(
    database: Database, parts: Sequence[Partition], *, is_needed: Callable[[Session], Awaitable[bool]]
) -> bool:
    """Drop the partitions of one span, of each table of a family; False where a row is still needed, or one is gone.

    `is_needed` is asked before, and again while nobody can write. Raises as `make_ahead` does.
    """
    async with database.read() as session:
        if await is_needed(session):
            return False
    async with database.write() as session:
        await session.fetch(_sql.wait_briefly)
        await session.script("".join(f'LOCK TABLE ONLY {p.space}."{p.table}" IN ACCESS EXCLUSIVE MODE;' for p in parts))
        found = await listed(session, [part.table for part in parts])
        there = {(part.name, part.first, part.end) for some in found.values() for part in some}
        if not there >= {(part.name, part.first, part.end) for part in parts} or await is_needed(session):
            return False
        await session.script("DROP TABLE " + ", ".join(part.quoted for part in parts))
    return True


async def analyze(database: Database, tables: Sequence[str]) -> None:
    """Take the statistics of whole tables, which autovacuum takes of their partitions alone."""
    for table in tables:
        async with database.write() as session:
            await session.script(f'ANALYZE "{table}"')


@dataclass(frozen=True, slots=True)
class Rights:
    """Whether `role` may make and drop partitions: it `creates` tables in the schema `space`, and `owns` the table."""

    role: str
    space: str
    owner: str
    creates: bool
    owns: bool


async def rights(session: Session, table: str) -> Rights:
    """What the role of this connection may do to a table. For PostgreSQL."""
    [row] = await session.fetch(_sql.rights, table)
    return Rights(**row)
