"""Opening a database by its URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

from awbridge.domain.errors import SettingsError
from awbridge.store.engine import migrate
from awbridge.store.engine.database import Database, Session
from awbridge.store.engine.migrate import SchemaState
from awbridge.store.engine.queries import Statement
from awbridge.store.engine.sqlite import SqliteDatabase
from awbridge.store.privacy.masked_reads import masked_for_actor

if TYPE_CHECKING:
    from awbridge.store.engine.connections.servers import Servers
    from awbridge.store.engine.reads.replica import Replica

T = TypeVar("T")

_SCHEMA = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")  # what PostgreSQL takes as a name, in its usual form


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for another one. Raises SettingsError when the URL names no file."""
    parts = urlsplit(url)
    if parts.scheme != "sqlite":
        return None
    path = unquote(parts.path.removeprefix("/"))
    if not path or path == ":memory:" or parts.netloc:
        raise SettingsError(
            "AWBRIDGE_DATABASE_URL: write sqlite:///awbridge.db (a relative path) or "
            "sqlite:////var/lib/awbridge/awbridge.db (an absolute one)."
        )
    return Path(path)


class Store:
    """The database of the service. Table modules (`shipments`, `inbox`, ...) work on its sessions."""

    def __init__(self, database: Database, *, file: Path | None = None) -> None:
        """`file`: that of a SQLite database."""
        self.database = database
        self.identity = ""  # what tells it from other databases, once `identify` was called
        self.replica: Replica | None = None  # what requests that only show something may read from
        self._file = file

    @classmethod
    async def open(
        cls, url: str, *, connections: int = 10, create: bool = True, schema: str = "", servers: Servers | None = None
    ) -> Store:
        """Open `sqlite:///file.db`, `sqlite:////absolute/file.db` or `postgresql://user:password@host/database`.

        `create`: whether a SQLite file that does not exist is created. `schema`: the schema of PostgreSQL in which
        every statement runs; "" for the one that the URL or the role leads to. `migrate` creates it. A SQLite file has
        none. `servers`: where several stores share the connections to their server, of which there are then at most
        `connections` of the first one, whatever the number of stores.

        Raises SettingsError for any other URL, for a name that is no schema's and where the file may not be created,
        StoreError when the database cannot be opened.
        """
        if file := sqlite_file(url):
            if not create and not file.exists():
                raise SettingsError(
                    f"there is no database at {file.absolute()} yet: awbridge serve or awbridge migrate creates it. "
                    "AWBRIDGE_DATABASE_URL names another one"
                )
            return cls(SqliteDatabase(file), file=file)
        parts = urlsplit(url)
        if parts.scheme in ("postgresql", "postgres"):
            from awbridge.store.engine.postgres import PostgresDatabase  # asyncpg, which SQLite does not need

            if schema and not _SCHEMA.fullmatch(schema):
                raise SettingsError(f"{schema!r} is no schema's name: use a-z, 0-9 and _, and a letter first.")
            if not servers:
                return cls(await PostgresDatabase.connect(url, connections=connections, schema=schema))
            server = await servers.server(url, connections=connections)
            return cls(PostgresDatabase(server, schema=schema, shared=True))
        raise SettingsError(
            f"AWBRIDGE_DATABASE_URL: {parts.scheme or 'no scheme'!r} is not supported. "
            "Use sqlite:///file.db or postgresql://user:password@host/database."
        )

    def read_from(self, url: str, *, connections: int, max_age: float) -> None:
        """Let requests that only show something read the same schema of a replica. Nothing is connected yet.

        `max_age`: seconds by which what they show may lag. Raises SettingsError where this is no PostgreSQL database.
        """
        if self.dialect != "postgres":
            raise SettingsError("AWBRIDGE_DATABASE_READ_URL needs PostgreSQL: SQLite has no read replica")
        from awbridge.store.engine.reads.replica import Replica

        self.replica = Replica(url, self.database, connections=connections, max_age=max_age, schema=self.schema)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgres`."""
        return self.database.dialect

    @property
    def schema(self) -> str:
        """The schema of PostgreSQL that holds the tables; "" for the one that the URL or the role leads to."""
        return self.database.schema

    def read(self) -> AbstractAsyncContextManager[Session]:
        """A session for reading. Its rows are masked for actors who may not see personal data."""
        replica = self.replica
        return masked_for_actor(replica.read() if replica and replica.serves_this_request() else self.database.read())

    def snapshot(self) -> AbstractAsyncContextManager[Session]:
        """A session for reading, at one moment, however long it takes. Its rows are not masked: it is for copies.

        Meanwhile PostgreSQL removes no row that was deleted, and the log of a SQLite file grows.
        """
        return self.database.snapshot()

    def write(self) -> AbstractAsyncContextManager[Session]:
        """A transaction: commits when the block ends, rolls back when it raises."""
        if self.replica:
            self.replica.note_write()
        return self.database.write()

    async def transact(self, work: Callable[[Session], Coroutine[Any, Any, T]], *, lasts: bool = True) -> T:
        """What `work` returns: a transaction of its own that awaits nothing but its session (`Database.transact`)."""
        if self.replica:
            self.replica.note_write()
        return await self.database.transact(work, lasts=lasts)

    async def write_at_once(
        self,
        statements: Sequence[Statement],
        rows: Sequence[Sequence[object]],
        *,
        on_written: Callable[[], None] | None = None,
    ) -> None:
        """Statements over the same rows, committed on return, in one go."""
        await self.database.write_at_once(statements, rows, on_written=on_written)

    async def migrate(self, on_done: Callable[[int], None] = migrate.unwatched) -> list[str]:
        """Bring the schema up to date; the names of the migrations that ran.

        `on_done` receives how many ran, after each transaction. In PostgreSQL the schema is created if need be.
        """
        return await migrate.migrate(self.database, on_done)

    async def schema_state(self) -> SchemaState:
        """What of the schema the database lacks, and what it has of a newer version. Writes nothing.

        Raises SchemaTooNew where this version cannot go on beside that, MigrationError where a migration was edited.
        """
        return await migrate.look(self.database)

    async def pending_migrations(self) -> list[str]:
        """The migrations that this version needs and the database lacks. Raises as `schema_state` does."""
        return [migration.name for migration in (await self.schema_state()).missing]

    async def identify(self) -> None:
        """Learn the identity of the database, which must be migrated."""
        from awbridge.store.engine.detect.identity import identity  # most commands need none

        async with self.database.read() as session:
            self.identity = await identity(session, self._file, self.schema)

    async def close(self) -> None:
        """Close every connection that is not shared. Raises nothing if it was closed before."""
        if self.replica:
            await self.replica.close()
        await self.database.close()
