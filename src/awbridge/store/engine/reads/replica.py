"""Reads from a standby of PostgreSQL, for requests that only show something.

A replica is used while it is known to have everything that was committed up to a moment, and that moment is not too
long ago. It is known from the primary's log: what the primary had written when it was asked is compared with what the
replica has replayed. So clocks do not matter, and neither does a replica that lost its connection and does not say so.
Whatever fails on the replica is read from the primary.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import structlog

from awbridge.domain.errors import SettingsError, StoreError
from awbridge.store.engine.connections.server import COMMAND_TIMEOUT
from awbridge.store.engine.connections.session import PostgresSession
from awbridge.store.engine.database import Database, Row, Session
from awbridge.store.engine.detect import pooler
from awbridge.store.engine.detect.identity import identity
from awbridge.store.engine.detect.pooler import Pooling
from awbridge.store.engine.queries import Queries, Statement
from awbridge.store.engine.reads.reading import READING, Reading

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

log = structlog.get_logger()

CHECK_EVERY = 1.0  # seconds between two looks at how far the replica is, while it is read from
PATIENCE = 1.0  # seconds to wait for a connection to the replica, or for a look at it
AWAY_FOR = 5.0  # seconds without a try after the replica did not answer
UNFIT_FOR = 60.0  # the same where it is the wrong server, as after a failover that promoted it
_KEPT = 1000  # positions of the primary that are remembered: of more seconds than a replica may lag

_sql = Queries(__name__)
_FAILED = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_AWAY = (
    *(OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError),
    *(asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError),
)


class Replica:
    """The standby of one database, for the requests of this process. `counts`: statements by the server that ran them.

    `max_age`: seconds by which what is read may lag. `schema`: that of an account; "" for the role's own.
    """

    def __init__(
        self,
        url: str,
        primary: Database,
        *,
        connections: int,
        max_age: float,
        schema: str = "",
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._configured = pooler.declared(url)
        self._primary = primary
        self._connections = connections
        self._schema = schema
        self._steady = steady
        self._pool: asyncpg.Pool[Any] | None = None
        self._pooling = Pooling.NONE
        self._opening = asyncio.Lock()
        self._checking = asyncio.Lock()
        self._checked_at = self._away_until = self._known_at = float("-inf")
        self._positions: deque[tuple[float, int]] = deque(maxlen=_KEPT)  # (when, the primary's position then)
        self._unfit = ""  # why it is not used: the wrong server
        self._was_usable: bool | None = None
        self._is_away = False
        self.max_age = max_age
        self.counts: Counter[str] = Counter(replica=0, primary=0)

    @property
    def age(self) -> float:
        """Seconds since the last moment of which the replica is known to have everything; infinite before the first."""
        return self._steady() - self._known_at

    async def verify(self) -> None:
        """Look at the replica. Raises SettingsError where it is none, or another database's; not where it is away."""
        await self._look()
        if self._unfit:
            raise SettingsError(f"AWBRIDGE_DATABASE_READ_URL {self._unfit}")

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Reading | None]:
        """While the block lasts, `Store.read` of this task reads from the replica; None if the primary must be read."""
        reading = Reading(self, self.age) if await self._is_usable() else None
        token = READING.set(reading)
        try:
            yield reading
        finally:
            READING.reset(token)

    def serves_this_request(self) -> bool:
        """Whether what this request reads now comes from this replica."""
        reading = READING.get()
        return reading is not None and reading.replica is self and not reading.changed

    def note_write(self) -> None:
        """This request changes something: from now on it reads from the primary."""
        if (reading := READING.get()) and reading.replica is self:
            reading.changed = True

    async def _is_usable(self) -> bool:
        """Whether it may be read from now. Looks at it, unless somebody did a moment ago or does it now."""
        if self._steady() < self._away_until:
            return False
        if self._steady() - self._checked_at >= CHECK_EVERY and not self._checking.locked():
            async with self._checking:
                await self._look()
        usable = not self._unfit and self.age <= self.max_age
        if usable is not self._was_usable:
            self._was_usable = usable
            if usable:
                log.info("replica.used")
            else:
                log.warning("replica.left", age=_round(self.age))
        return usable

    async def _look(self) -> None:
        self._checked_at = asked_at = self._steady()
        try:
            async with asyncio.timeout(2 * PATIENCE), AsyncExitStack() as stack:
                primary = await self.primary(stack)
                self._positions.append((asked_at, (await primary.fetch(_sql.position))[0]["position"]))
                standby, _ = await self.session(stack)
                replayed = (await standby.fetch(_sql.replayed))[0]
                self._judge(replayed, is_mine=await identity(primary, None) == await identity(standby, None))
        except _FAILED as error:
            self.failed(error)
        except StoreError:
            pass  # the primary is away: what was known of the replica remains so

    def _judge(self, replayed: Row, *, is_mine: bool) -> None:
        unfit = ""
        if not replayed["standby"]:
            unfit = "leads to a server that is no standby: name a read replica, or leave it out"
        elif not is_mine:
            unfit = "leads to a replica of another database than AWBRIDGE_DATABASE_URL"
        if unfit and unfit != self._unfit:
            log.error("replica.unfit", problem=unfit)
        self._unfit = unfit
        if unfit:
            self._away_until = self._steady() + UNFIT_FOR
            return
        position, self._is_away = replayed["position"], False
        while position is not None and self._positions and self._positions[0][1] <= position:
            self._known_at = self._positions.popleft()[0]

    def failed(self, error: BaseException) -> None:
        """Leave it alone for a while, unless it only refused one statement."""
        if isinstance(error, _AWAY):
            if not self._is_away:
                log.warning("replica.away", error=type(error).__name__)
            self._is_away = True
            self._away_until = self._steady() + AWAY_FOR
            self._checked_at = float("-inf")  # it is used again once a look found it

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Session]:
        """A session that reads from the replica, and from the primary once a statement fails there."""
        async with AsyncExitStack() as stack:
            yield cast("Session", _FallingBack(self, stack))

    async def primary(self, stack: AsyncExitStack) -> Session:
        """A session of the primary until the stack is closed."""
        return await stack.enter_async_context(self._primary.read())

    async def session(self, stack: AsyncExitStack) -> tuple[Session, PoolConnectionProxy[Any]]:
        """A session of the replica until the stack is closed, and its connection. Raises what the driver raises."""
        pool = self._pool or await self._open()
        connection = await pool.acquire(timeout=PATIENCE)
        stack.push_async_callback(pool.release, connection)
        if self._pooling is Pooling.TRANSACTION:
            await stack.enter_async_context(connection.transaction(readonly=True))
            if self._schema:
                await connection.fetch(_sql.search_path.postgres, self._schema)
        return PostgresSession(connection), connection

    async def _open(self) -> asyncpg.Pool[Any]:
        async with self._opening:
            if self._pool is None:
                settings = {"application_name": "awbridge reads"}
                if self._schema:
                    settings["search_path"] = self._schema
                options: dict[str, Any] = {
                    "command_timeout": COMMAND_TIMEOUT,
                    "timeout": PATIENCE,
                    "server_settings": settings,
                }
                self._pooling = await pooler.find(self._connect, self._configured, url=self._url, **options)
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=self._connections,
                    reset=_leave_as_it_is,
                    **options,
                    **self._pooling.options,
                )
            return self._pool

    async def _connect(self, **options: Any) -> asyncpg.Connection[Any]:
        return await asyncpg.connect(self._url, **options)

    async def close(self) -> None:
        """Close every connection."""
        if self._pool:
            try:
                async with asyncio.timeout(5.0):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()


class _FallingBack:
    """A session for reading: on the replica until a statement fails there. That one is repeated on the primary."""

    def __init__(self, replica: Replica, stack: AsyncExitStack) -> None:
        self._replica = replica
        self._stack = stack
        self._standby: tuple[Session, PoolConnectionProxy[Any]] | None = None
        self._primary: Session | None = None

    async def fetch(self, statement: Statement, *args: object) -> list[Row]:
        return await self._read("fetch", statement, *args)

    async def fetch_rows(self, statement: Statement, rows: Sequence[Sequence[object]]) -> list[Row]:
        return await self._read("fetch_rows", statement, rows)

    async def _read(self, call: str, *args: Any) -> list[Row]:
        if self._primary is None:
            try:
                return await self._read_replica(call, *args)
            except _FAILED:
                self._primary = await self._replica.primary(self._stack)
        self._replica.counts["primary"] += 1
        return await getattr(self._primary, call)(*args)

    async def _read_replica(self, call: str, *args: Any) -> list[Row]:
        if self._standby is None:
            try:
                self._standby = await self._replica.session(self._stack)
            except TimeoutError:
                raise  # all its connections are in use; if it is away, the next look says so
            except _FAILED as error:
                self._replica.failed(error)
                raise
        session, connection = self._standby
        try:
            rows = await getattr(session, call)(*args)
        except (*_FAILED, asyncio.CancelledError) as error:
            self._replica.failed(error)
            if isinstance(error, (*_AWAY, asyncio.CancelledError)):
                with suppress(asyncpg.InterfaceError):  # it was cut: the pool has taken it back
                    connection.terminate()  # else the pool would wait for a server that may be frozen
            raise
        self._replica.counts["replica"] += 1
        return rows


async def _leave_as_it_is(connection: object) -> None:
    """Nothing here outlives its statement."""
    del connection


def _round(age: float) -> float | None:
    return None if age == float("inf") else round(age, 1)
