"""Shortens bodies that are too long to be stored whole. JSON stays JSON, so that personal data in it can be masked.

A body cut anywhere is not JSON any more, and a name in it has no field to mask it by.
"""

from __future__ import annotations

import json
from typing import Any, cast

LONGEST_KEPT = 64 * 1024  # bytes of a body that a Call keeps
LONGEST_READ = 4 * 1024 * 1024  # characters; more are not even parsed
_ROUNDS = ((2000, 1000), (2000, 100), (500, 25), (100, 10), (40, 3))  # longest text, most entries


def fits(text: str) -> bool:
    """Whether a body is kept as it is."""
    return len(text) <= LONGEST_KEPT // 4 or len(text.encode("utf-8", "replace")) <= LONGEST_KEPT


def shortened(text: str) -> str | None:
    """A JSON body in at most 64 KiB: long texts give way to their length, long lists to their first entries.

    None if it is not JSON.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return None
    if len(text) <= LONGEST_READ:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        for longest, most in _ROUNDS:
            short = json.dumps(_short(value, longest, most), ensure_ascii=False, separators=(",", ":"))
            if fits(short):
                return short
    return json.dumps({"not kept": f"a body of {len(text)} characters"})


def _short(value: Any, longest: int, most: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else f"[{len(value)} characters]"
    if isinstance(value, list):
        entries = cast("list[Any]", value)
        more = [f"[{len(entries) - most} more]"] if len(entries) > most else []
        return [*(_short(entry, longest, most) for entry in entries[:most]), *more]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        kept = {name: _short(inner, longest, most) for name, inner in list(fields.items())[:most]}
        return {**kept, "[...]": f"[{len(fields) - most} more]"} if len(fields) > most else kept
    return value
