"""Cursors of lists in the order of a time: where a page ended, as text that callers hand back unread."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime


def make_cursor(at: datetime, name: str) -> str:
    """The cursor of a page whose last row has this time and this name."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), name]).encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """Where the page that returned this cursor ended. Raises ValueError for other text."""
    try:
        at, name = json.loads(base64.urlsafe_b64decode(cursor))
        if "\x00" in name:
            raise ValueError("no database stores a NUL")
        return datetime.fromisoformat(at).astimezone(UTC), name.encode().decode()
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise ValueError("the cursor is not one that a page ended with") from None
