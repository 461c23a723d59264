"""Reads the measured constants, `measured.toml` beside this module, and the settings that an estimate starts from."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from awbridge.app.settings import Settings
from awbridge.domain.capacity.measured import Engine, Measured, read_measured
from awbridge.domain.capacity.workload import Workload
from awbridge.steps.privacy.months import WHOLE_FROM
from awbridge.store.engine.partitions import KEYS

LONGEST_MONTH = 31  # days
FILE = Path(__file__).with_name("measured.toml")


def measured() -> Measured:
    """The constants of this version."""
    return read_measured(tomllib.loads(FILE.read_text(encoding="utf-8")))


def engine_of(settings: Settings) -> Engine:
    """The database that the settings name."""
    return Engine.SQLITE if settings.database_url.startswith("sqlite:") else Engine.POSTGRES


def days_kept(settings: Settings, days_instead: float | None = None) -> dict[str, float]:
    """Days that the rows of each table are kept; a table that is kept for ever is missing.

    `days_instead`: for every table whose rows can be deleted by their age.
    """
    days: dict[str, float] = {
        "attempts": settings.retain_attempts_days,
        "inbox": settings.retain_inbox_days,
        "update_sources": settings.retain_inbox_days,
        "scans": settings.retain_scans_days,
        "promises": settings.retain_scans_days,
        "events": settings.retain_events_days,
        "event_deliveries": settings.retain_events_days,
        "notices": settings.retain_notices_days,
    }
    if days_instead:
        return dict.fromkeys(days, days_instead)
    return {table: float(kept) for table, kept in days.items() if kept}


def messages_of_a_parcel(settings: Settings, found: Measured) -> float:
    """Messages to a customer: one for each milestone and each channel that is set up."""
    urls = (settings.notice_sms_url, settings.notice_whatsapp_url)
    channels = (settings.notice_mail, settings.notice_chat_urls, *(url.get_secret_value() for url in urls))
    return sum(map(bool, channels)) * found.milestones


def workload_of(settings: Settings, given: Mapping[str, Any]) -> Workload:
    """The workload of these settings, with what is given instead."""
    values: dict[str, Any] = {
        "engine": engine_of(settings),
        "kept": days_kept(settings),
        "polling": settings.polling,
        "poll_every": timedelta(seconds=settings.poll_after_seconds),
        "polling_pace": settings.polling_calls_per_second,
    }
    values |= given
    if values["engine"] is Engine.POSTGRES and settings.retain_whole_months:
        values["kept"] = {table: _with_its_month(table, days) for table, days in values["kept"].items()}
    return Workload(**values)


def _with_its_month(table: str, days: float) -> float:
    """The days that the oldest row of a table is kept, where a row waits for the rest of its month."""
    return days + LONGEST_MONTH if table in KEYS and days >= WHOLE_FROM / timedelta(days=1) else days
