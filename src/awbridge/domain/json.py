"""Names for JSON values, so that signatures say what they carry."""

from __future__ import annotations

from typing import Any

JsonObject = dict[str, Any]
