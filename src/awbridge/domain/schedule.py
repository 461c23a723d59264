"""Cron expressions in the account's time zone. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = 5
LONGEST_SEARCH = 100_000  # times searched before an expression counts as one that never occurs


def check_cron(expression: str) -> str:
    """Return a valid expression unchanged. Raises ValueError for an invalid one, and unless it has five fields.

    cronsim reads the first of six fields as seconds: "30 0 * * * *" would run every hour.
    """
    fields = len(expression.split())
    if fields != FIELDS:
        raise ValueError(
            f"has {fields} fields; a cron expression here has five: minute, hour, day of the month, month, day of the "
            "week, like 30 0 * * * (at 00:30 every day). Seconds and years have none"
        )
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        raise ValueError("not a cron expression; write five fields like 30 0 * * * (at 00:30 every day)") from None
    return expression


def due_between(expression: str, zone: ZoneInfo, after: datetime, until: datetime, *, most: int) -> list[datetime]:
    """The latest `most` due times in UTC, after `after` up to and including `until`."""
    found: list[datetime] = []
    for moment in CronSim(expression, after.astimezone(zone)):
        at = moment.astimezone(UTC)
        if at > until or len(found) > LONGEST_SEARCH:
            break
        found.append(at)
    return found[-most:]


def next_due(expression: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The first due time in UTC after `after`."""
    return next(CronSim(expression, after.astimezone(zone))).astimezone(UTC)


def day_span(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The start (inclusive) and end (exclusive) of a local day in UTC; 23 or 25 hours when clocks change."""
    start = datetime.combine(day, time(), zone).astimezone(UTC)
    return start, datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def day_before(moment: datetime, zone: ZoneInfo) -> date:
    """The last complete local day at this time."""
    return moment.astimezone(zone).date() - timedelta(days=1)
