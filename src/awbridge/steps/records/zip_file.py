"""Zip files with reproducible bytes, and records as JSONL."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from datetime import date

from awbridge.domain.json import JsonObject


class Archive:
    """A zip file. The same content yields the same bytes."""

    def __init__(self, day: date) -> None:
        self._when = (max(day.year, 1980), day.month, day.day, 0, 0, 0)
        self._out = io.BytesIO()
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED)

    def add(self, name: str, content: str | bytes) -> None:
        """Add a file."""
        info = zipfile.ZipInfo(name, self._when)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        self._zip.writestr(info, content)

    def content(self) -> bytes:
        """The zip; nothing can be added after."""
        self._zip.close()
        return self._out.getvalue()


def as_lines(records: Iterable[JsonObject]) -> str:
    """Records as JSONL."""
    return "".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in records)
