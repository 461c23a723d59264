"""Watches that the database stays one that this version can work on, whoever migrates it meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from awbridge.domain.errors import SchemaTooNew
from awbridge.store import Store

log = structlog.get_logger()

LOOK_SECONDS = 5.0  # between two looks: one small read each


async def watch_schema(*, store: Store, end: Callable[[SchemaTooNew], None]) -> int:
    """Call `end` once a newer version has migrated the database to what this one cannot go on beside."""
    try:
        await store.schema_state()
    except SchemaTooNew as error:
        log.error("schema.too_new", problem=str(error))
        end(error)
    return 0
