"""The table `restores`: to which point this database was restored, and what is missing from it since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from awbridge.domain.backup.lost_span import LostSpan
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """A restore: what may be missing since, and how many rows of each kind were changed for it."""

    lost: LostSpan
    last_manifest: int
    counts: Mapping[str, int]


async def add(session: Session, restore: Restore) -> None:
    """Record a restore."""
    lost, counts = restore.lost, json.dumps(dict(restore.counts))
    await session.execute(_sql.add, lost.restored_at, lost.point_at, lost.until_at, restore.last_manifest, counts)


async def newest(session: Session, *, limit: int = 20) -> list[Restore]:
    """The restores, newest first."""
    return [
        Restore(
            lost=LostSpan(point_at=row["point_at"], until_at=row["until_at"], restored_at=row["restored_at"]),
            last_manifest=row["last_manifest"],
            counts=json.loads(row["counts"]),
        )
        for row in await session.fetch(_sql.newest, limit)
    ]


async def lost_spans(session: Session) -> list[LostSpan]:
    """What restores took from the database, the last one first; empty in nearly every database."""
    return [restore.lost for restore in await newest(session)]
