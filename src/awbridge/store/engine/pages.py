"""Reading a long list page by page. Keys are (time, id or reference number), (shard, id) and the like."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from awbridge.store.engine.database import Row
from awbridge.store.engine.queries import Statement
from awbridge.store.engine.store import Store

PAGE = 500  # rows read at once

BEFORE_ALL = (datetime(1970, 1, 1, tzinfo=UTC), "")  # oldest first
AFTER_ALL = (datetime(9999, 12, 31, tzinfo=UTC), "")  # newest first


async def every_row(store: Store, statement: Statement, *args: object, key: Mapping[str, object]) -> AsyncIterator[Row]:
    """Every row of a statement, a page in each read. `key` are the columns that order it, with values before the first.

    The statement takes `args`, the key of the last row, and the size of a page.
    """
    size, after = PAGE, tuple(key.values())
    while True:
        async with store.read() as session:
            rows = await session.fetch(statement, *args, *after, size)
        for row in rows:
            yield row
        if len(rows) < size:
            return
        after = tuple(rows[-1][name] for name in key)
