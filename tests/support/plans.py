"""Plans of PostgreSQL that name tables and their indexes, not the partitions in which they are."""

from __future__ import annotations

import re

from awbridge.store.engine.database import Session
from tests.support.rows import sql

_PARTS = sql(
    "SELECT part.relname::text AS part, whole.relname::text AS whole FROM pg_inherits "
    "JOIN pg_class part ON part.oid = inhrelid JOIN pg_class whole ON whole.oid = inhparent"
)
PARTITION = re.compile(r"_(?:default|first|\d{4}_\d\d)$")


async def of_whole_tables(session: Session, plan: str) -> str:
    """The text, with each partition, and each index of one, named as that of its table. For PostgreSQL."""
    names = {row["part"]: row["whole"] for row in await session.fetch(_PARTS)}
    return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), plan)
