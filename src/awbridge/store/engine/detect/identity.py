"""What tells one database from another: for a service to state, and for the doctor to compare. No secret."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries

_sql = Queries(__name__)

LENGTH = 16  # hexadecimal digits


async def identity(session: Session, file: Path | None, schema: str = "") -> str:
    """The identity of a migrated database; "" of an empty one.

    It is derived from when the first migration was applied, and from the database's name and the account's `schema`, or
    the file itself, which tell a restored copy from its original. It changes when the file is replaced.
    """
    rows = await session.fetch(_sql.origin)
    if not rows:
        return ""
    parts = [rows[0]["applied_at"].isoformat(), rows[0]["database"] or ""]
    if schema:
        parts.append(schema)
    if file:
        seen = os.stat(file)
        parts.append(f"{seen.st_dev}:{seen.st_ino}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:LENGTH]
