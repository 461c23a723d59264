"""Whether labels are fetched before somebody prints them. Pure."""

from __future__ import annotations

from enum import StrEnum


class LabelsAhead(StrEnum):
    """When labels are fetched: only when they are printed, or soon after their shipments are placed."""

    AUTO = "auto"
    """Ahead for the courier accounts whose labels were printed here in the last seven days."""
    ALWAYS = "always"
    NEVER = "never"
