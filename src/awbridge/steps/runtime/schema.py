"""Checks that this version can still run on the database schema after another version migrated it."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from awbridge.domain.errors import SchemaTooNew
from awbridge.store import Store

log = structlog.get_logger()

LOOK_SECONDS = 5.0  # between two checks after a migration
LONGEST_SECONDS = 60.0  # the same where none was made of late


async def watch_schema(*, store: Store, end: Callable[[SchemaTooNew], None]) -> int:
    """Call `end` once a newer version has migrated the database to a schema that this version cannot run on."""
    try:
        await store.schema_state()
    except SchemaTooNew as error:
        log.error("version.superseded", problem=str(error))
        end(error)
    return 0
