"""The span of time whose records a restore took from the database. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSpan:
    """After a restore: what happened up to `point_at` is in the database; after that, until `until_at`, it may not be.

    `restored_at`: when the database was corrected for it. What is written later is complete.
    """

    point_at: datetime
    until_at: datetime
    restored_at: datetime
