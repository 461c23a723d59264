"""ClickPost's timestamp formats. Every format of a scan's time denotes the same second."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

INDIA = timezone(timedelta(hours=5, minutes=30), "IST")


def _format(pattern: str, zone: tzinfo = INDIA) -> Callable[[float], str]:
    return lambda at: datetime.fromtimestamp(at, zone).strftime(pattern)


# Indian time, whatever the ending.
spaced = _format("%Y-%m-%d %H:%M:%S")
with_t = _format("%Y-%m-%dT%H:%M:%S.000")
false_z = _format("%Y-%m-%dT%H:%M:%SZ")
false_z_micros = _format("%Y-%m-%dT%H:%M:%S.000000Z")
stray_spaces = _format("%Y-%m-%dT%H: %M: %SZ")
day_first = _format("%d-%m-%Y %H:%M")  # the dashboard report

# UTC, with or without a zone.
utc_naive = _format("%Y-%m-%d %H:%M:%S", UTC)  # created_at of track-order
utc_spaced = _format("%Y-%m-%d %H:%M:%S.%f", UTC)  # return webhooks
utc_z = _format("%Y-%m-%dT%H:%M:%S.%fZ", UTC)  # created_at and updated_at of updated-order
utc_minute = _format("%Y-%m-%d %H:%M", UTC)  # creation time of a report
utc_t = _format("%Y-%m-%dT%H:%M:%S", UTC)  # audit log, expiry of a token

POLL_FORMATS: tuple[Callable[[float], str], ...] = (spaced, spaced, with_t)
WEBHOOK_FORMATS: tuple[Callable[[float], str], ...] = (spaced, with_t, false_z, false_z_micros, stray_spaces)


def poll_timestamp(at: float, rng: random.Random) -> str:
    """A scan's time in track-order and updated-order: Indian time, without zone."""
    return rng.choice(POLL_FORMATS)(at)


def webhook_timestamp(at: float, rng: random.Random) -> str:
    """A scan's time in webhooks: Indian time, in any observed format."""
    return rng.choice(WEBHOOK_FORMATS)(at)


def delivery_date_formats(at: float) -> tuple[str, str]:
    """An estimated delivery date in both formats: the Indian day `2022-11-03`, and its midnight in UTC."""
    midnight = datetime.fromtimestamp(at, INDIA).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.strftime("%Y-%m-%d"), midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_utc(at: float) -> str:
    """`2022-10-31T14:26:16+00:00`: times of the ledger."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def indian_day(at: float) -> date:
    """The calendar day in India."""
    return datetime.fromtimestamp(at, INDIA).date()


def parse_utc(text: str, pattern: str) -> float | None:
    """Parse a UTC time. Returns epoch seconds, or None if the text does not match the pattern."""
    try:
        return datetime.strptime(text, pattern).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def parse_day(text: str) -> date | None:
    """Parse YYYY-MM-DD. Returns None if the text is not a valid date."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
