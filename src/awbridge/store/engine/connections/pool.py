"""Connections to one server that several accounts share, each of which has its tables in a schema of its own.

asyncpg's pool gives out the connection that was used last. This one gives out one whose search_path is that of the
account, if it can: another costs a round trip, and the server analyses and plans every statement anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    _Connection = asyncpg.Connection[Any]
else:
    _Connection = asyncpg.Connection

LONGEST_IDLE = 300.0  # seconds, after which a proxy may have dropped it
WARM = 1.0  # seconds; a connection that rests for longer is not missed by the account that used it
MOST_USES = 20_000  # what the server keeps for a connection grows with it
MOST_SCHEMAS = 50  # the same: the server keeps the description of every table that a connection has used
# Statements read a few rows by an index. To compile one, or to start workers for it, takes longer than to run it, and
# workers take the processors from the statements that requests wait for.
_PLANNING = "SET jit = off; SET max_parallel_workers_per_gather = 0"


class SchemaConnection(_Connection):
    """A connection that knows whose tables its search_path names."""

    schema: str | None = ""  # "" for the path with which it was opened; None while it is unknown
    schemas: frozenset[str] = frozenset()  # those that it was used for
    differs = False  # whether a statement was refused because schemas are at different migrations
    rests_since = 0.0  # by the loop's clock
    uses = 0
    generation = 0

    @property
    def is_worn(self) -> bool:
        """Whether the server keeps more for it than another connection would cost."""
        return len(self.schemas) > MOST_SCHEMAS

    async def plan_plainly(self) -> None:
        """Have statements run as they are planned, in one process of the server. For a connection without a pooler."""
        await self.execute(_PLANNING)

    async def follow(self, schema: str) -> None:
        """Set the search_path to this schema alone, for good. Outside of a transaction, whose end could undo it."""
        self.schemas |= {schema}
        self.schema = None
        if self.differs:  # statements that were prepared for another schema return other types here
            await self.reload_schema_state()
        await self.execute(f"SET search_path TO {quoted(schema)}" if schema else "RESET search_path")
        self.schema = schema

    async def follow_in_transaction(self, schema: str) -> None:
        """The same until the transaction ends, in which this is: behind a pooler the next one is another session's."""
        if schema:
            await self.execute(f"SET LOCAL search_path TO {quoted(schema)}")


def quoted(schema: str) -> str:
    """The name of a schema in a statement."""
    return '"' + schema.replace('"', '""') + '"'


class Pool:
    """Open connections that nobody uses, and how more are opened.

    It limits nothing: a caller holds a slot of `Turns` before it takes a connection, until it has given that back.
    """

    def __init__(self, connect: Callable[[], Awaitable[SchemaConnection]], size: int) -> None:
        self._connect = connect
        self._size = size
        self._resting: list[SchemaConnection] = []  # the one that rests longest first
        self._used: set[SchemaConnection] = set()
        self._unused = asyncio.Event()
        self._unused.set()
        self._opening = 0
        self._generation = 0
        self._closing = False
        self._sweep: asyncio.TimerHandle | None = None

    async def take(self, schema: str) -> SchemaConnection:
        """A connection, with the search_path of this schema if one rests that has it. Raises what asyncpg raises."""
        if self._closing:
            raise asyncpg.InterfaceError("the connections to this database were closed")
        connection = self._resting_for(schema) or await self._open()
        self._used.add(connection)
        self._unused.clear()
        return connection

    def give_back(self, connection: SchemaConnection) -> None:
        """End the use of a connection. It is closed if it may not be used again."""
        self._used.discard(connection)
        if not self._used:
            self._unused.set()
        connection.uses += 1
        if connection.is_closed():
            return
        expired = self._closing or connection.generation != self._generation
        if expired or connection.is_worn or connection.uses >= MOST_USES or connection.is_in_transaction():
            connection.terminate()
            return
        loop = asyncio.get_running_loop()
        connection.rests_since = loop.time()
        self._resting.append(connection)
        if not self._sweep:
            self._sweep = loop.call_later(LONGEST_IDLE, self._close_idle)

    def expire(self) -> None:
        """Use no connection again that is open now: what broke one broke the others, and each would cost a wait."""
        self._generation += 1
        while self._resting:
            self._resting.pop().terminate()

    async def close(self) -> None:
        """Close every connection, those in use once they are given back."""
        self._stop()
        while self._resting:
            await self._resting.pop().close()
        await self._unused.wait()

    def terminate(self) -> None:
        """Close every connection at once."""
        self._stop()
        self.expire()
        for connection in self._used:
            connection.terminate()

    def _stop(self) -> None:
        self._closing = True
        if self._sweep:
            self._sweep.cancel()

    def _resting_for(self, schema: str) -> SchemaConnection | None:
        """The one of this schema that was used last; else the one that nobody misses; None to open another."""
        self._resting = [connection for connection in self._resting if not connection.is_closed()]
        if not self._resting:
            return None
        found = next((one for one in reversed(self._resting) if one.schema == schema), self._resting[0])
        rests = asyncio.get_running_loop().time() - found.rests_since
        if found.schema != schema and rests < WARM and self._has_room:
            return None
        self._resting.remove(found)
        return found

    @property
    def _has_room(self) -> bool:
        return len(self._resting) + len(self._used) + self._opening < self._size

    async def _open(self) -> SchemaConnection:
        self._opening += 1
        try:
            generation = self._generation
            connection = await self._connect()
            connection.generation = generation
        finally:
            self._opening -= 1
        return connection

    def _close_idle(self) -> None:
        """Close what rests too long; look again when the next one will."""
        self._sweep = None
        loop = asyncio.get_running_loop()
        while self._resting and loop.time() - self._resting[0].rests_since >= LONGEST_IDLE:
            self._resting.pop(0).terminate()
        if self._resting:
            self._sweep = loop.call_at(self._resting[0].rests_since + LONGEST_IDLE, self._close_idle)
