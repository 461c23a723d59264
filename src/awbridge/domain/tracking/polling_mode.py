"""Which open shipments are polled. Pure."""

from __future__ import annotations

from enum import StrEnum


class PollingMode(StrEnum):
    """Which open shipments are polled. `guide`: as ClickPost's integration guide demands."""

    GUIDE = "guide"  # each of them every day, regardless of webhooks, so that a lost webhook is found
    ECONOMICAL = "economical"  # those without an update for a day
