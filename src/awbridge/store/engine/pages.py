"""Where a list begins when no page came before it. Keys are (time, id or reference number)."""

from __future__ import annotations

from datetime import UTC, datetime

BEFORE_ALL = (datetime(1970, 1, 1, tzinfo=UTC), "")  # oldest first
AFTER_ALL = (datetime(9999, 12, 31, tzinfo=UTC), "")  # newest first
