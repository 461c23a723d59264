"""Measures the work of a database: rows that PostgreSQL reads, steps of SQLite's virtual machine. Never seconds."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import apsw

from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.engine.sqlite import KEPT_STATEMENTS
from tests.support.rows import sql

_READ = sql("SELECT COALESCE(SUM(seq_tup_read + idx_tup_fetch), 0)::bigint AS n FROM pg_stat_xact_user_tables")


class CountedStore:
    """A store that counts what its writing transactions cost."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.work = 0

    def read(self) -> Any:
        return self._store.read()

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Session]:
        async with self._store.write() as session:
            await session.execute(sql("ANALYZE"))
        async with self._store.write() as session:
            if self._store.dialect == "postgres":
                for how in ("seqscan", "hashjoin", "mergejoin"):  # what it would do with tables of any size
                    await session.execute(sql(f"SET LOCAL enable_{how} = off"))
                before = (await session.fetch(_READ))[0]["n"]  # of transactions that are not reported yet
                yield session
                self.work += (await session.fetch(_READ))[0]["n"] - before
                return
            connection: apsw.Connection = cast("Any", session)._connection
            for number in range(KEPT_STATEMENTS):  # a kept statement that ANALYZE made stale adds up its former runs
                connection.execute(f"SELECT {number}")
            connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, self._count)
            try:
                yield session
            finally:
                connection.trace_v2(0, None)

    def _count(self, event: dict[str, Any]) -> None:
        self.work += event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]

    @property
    def as_store(self) -> Store:
        return cast("Store", self)
