"""Whether PostgreSQL archives its write-ahead log, which a backup to a point in time needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalArchive:
    """`is_on`: whether WAL is archived. `fails`: whether the newest attempt failed. `last_at`: the newest success."""

    is_on: bool
    fails: bool
    last_at: datetime | None


async def state(session: Session) -> WalArchive | None:
    """What pg_stat_archiver says; None on SQLite."""
    rows = await session.fetch(_sql.archiver)
    if not rows:
        return None
    row = rows[0]
    done, failed = row["done_at"], row["failed_at"]
    return WalArchive(is_on=row["mode"] != "off", fails=bool(failed and (not done or failed > done)), last_at=done)
