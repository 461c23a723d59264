"""Settings -> the database, opened, measured and migrated."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from awbridge.app.settings import Settings
from awbridge.domain.errors import SettingsError, StoreBusy
from awbridge.store import Store
from awbridge.store.engine.clocks.shared_time import SHARED_TIME

if TYPE_CHECKING:
    from awbridge.store.engine.connections.servers import Servers

log = structlog.get_logger()


@asynccontextmanager
async def shared_servers() -> AsyncGenerator[Servers]:
    """What the stores of one process share of PostgreSQL servers; closed when the block ends."""
    from awbridge.store.engine.connections.servers import Servers  # most commands share none

    servers = Servers()
    try:
        yield servers
    finally:
        await servers.close()


@asynccontextmanager
async def open_store(
    settings: Settings, *, migrate: bool, patience: float = 0.0, create: bool = True, servers: Servers | None = None
) -> AsyncGenerator[Store]:
    """The database of the home or of an account, closed when the block ends.

    `patience`: seconds to wait until it answers. `create`: whether a SQLite file that does not exist is created.
    `servers`: where the stores of a process share their connections to PostgreSQL; the first one decides how many.

    The home's database says what time it is. An account's is not asked, so the home is opened before it.

    Raises SettingsError when a file may not be created, and when the schema is old and `migrate` is False, StoreBusy
    when the database does not answer.
    """
    store = await _opened(settings, migrate, patience, create, servers)
    try:
        yield store
    finally:
        await store.close()


async def _opened(settings: Settings, migrate: bool, patience: float, create: bool, servers: Servers | None) -> Store:
    if not patience:
        return await _open(settings, migrate, create, servers)
    import stamina

    async for attempt in stamina.retry_context(on=StoreBusy, attempts=None, timeout=patience):
        with attempt:
            return await _open(settings, migrate, create, servers)
    raise AssertionError("a retry ends with its work or its error")


async def _open(settings: Settings, migrate: bool, create: bool, servers: Servers | None) -> Store:
    if settings.account and create:
        from awbridge.steps.transfer.life import make_folder  # which the home, and most commands, do not need

        await make_folder(settings.database_url)
    store = await Store.open(
        settings.database_url,
        connections=settings.database_connections,
        create=create,
        schema=settings.schema,
        servers=servers,
    )
    try:
        if not settings.account or SHARED_TIME.base is None:
            async with store.read() as session:
                await SHARED_TIME.measure(session)
        await _check_schema(store, migrate)
        if migrate:
            await make_months_ahead(store, settings)
        await store.identify()
        if settings.database_read_url:
            store.read_from(
                settings.database_read_url,
                connections=settings.database_connections,
                max_age=settings.database_read_max_age_seconds,
            )
    except BaseException:
        await store.close()
        raise
    return store


async def make_months_ahead(store: Store, settings: Settings) -> None:
    """Make the months of large tables of PostgreSQL that are not there yet. What fails is logged."""
    if store.dialect == "postgres":
        from awbridge.app.policies import retain_policy  # which most commands do not need
        from awbridge.steps.privacy.retain import make_all_months

        await make_all_months(store, retain_policy(settings), now=SHARED_TIME.now(), tries=1)


async def _check_schema(store: Store, migrate: bool) -> None:
    if migrate:
        for name in await store.migrate():
            log.info("migration.applied", migration=name)
    elif missing := await store.pending_migrations():
        raise SettingsError(f"the database schema is outdated (missing: {', '.join(missing)}): run awbridge migrate")
