"""Settings -> the database, opened, measured and migrated."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog

from awbridge.app.settings import Settings
from awbridge.domain.errors import SettingsError, StoreBusy
from awbridge.store import Store
from awbridge.store.engine.shared_time import SHARED_TIME

log = structlog.get_logger()


@asynccontextmanager
async def open_store(
    settings: Settings, *, migrate: bool, patience: float = 0.0, create: bool = True
) -> AsyncGenerator[Store]:
    """The database, closed when the block ends. `patience`: seconds to wait until it answers.

    `create`: whether a SQLite file that does not exist is created. Raises SettingsError when it may not be, and when
    the schema is old and `migrate` is False, StoreBusy when it does not answer.
    """
    store = await _opened(settings, migrate, patience, create)
    try:
        yield store
    finally:
        await store.close()


async def _opened(settings: Settings, migrate: bool, patience: float, create: bool) -> Store:
    if not patience:
        return await _open(settings, migrate, create)
    import stamina

    async for attempt in stamina.retry_context(on=StoreBusy, attempts=None, timeout=patience):
        with attempt:
            return await _open(settings, migrate, create)
    raise AssertionError("a retry ends with its work or its error")


async def _open(settings: Settings, migrate: bool, create: bool) -> Store:
    store = await Store.open(settings.database_url, connections=settings.database_connections, create=create)
    try:
        async with store.read() as session:
            await SHARED_TIME.measure(session)
        await _check_schema(store, migrate)
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


async def _check_schema(store: Store, migrate: bool) -> None:
    if migrate:
        for name in await store.migrate():
            log.info("migration.applied", migration=name)
    elif missing := await store.pending_migrations():
        raise SettingsError(f"the database schema is outdated (missing: {', '.join(missing)}): run awbridge migrate")
