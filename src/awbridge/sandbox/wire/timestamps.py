"""ClickPost's timestamp formats. Every format of a scan's time denotes the same second."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

INDIA = timezone(timedelta(hours=5, minutes=30), "IST")


def _india(at: float) -> datetime:
    return datetime.fromtimestamp(at, INDIA)


def spaced(at: float) -> str:
    """`2022-10-31 19:56:16`, Indian time."""
    return _india(at).strftime("%Y-%m-%d %H:%M:%S")


def with_t(at: float) -> str:
    """`2016-07-12T17:12:36.000`, Indian time."""
    return _india(at).strftime("%Y-%m-%dT%H:%M:%S.000")


def false_z(at: float) -> str:
    """`2022-06-14T15:03:00Z`: Indian time with an incorrect Z."""
    return _india(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def false_z_micros(at: float) -> str:
    """`2018-08-06T14:48:57.000000Z`: also Indian time."""
    return _india(at).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def stray_spaces(at: float) -> str:
    """`2023-04-20T14: 55: 13Z`: the same with spaces after the colons."""
    return _india(at).strftime("%Y-%m-%dT%H: %M: %SZ")


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
    midnight = _india(at).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.strftime("%Y-%m-%d"), midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_naive(at: float) -> str:
    """`2022-10-31 15:30:31`, UTC: created_at of track-order."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def utc_spaced(at: float) -> str:
    """`2022-11-18 07:30:08.396840`, UTC without zone: return webhooks."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def utc_z(at: float) -> str:
    """`2022-10-19T12:28:24.921389Z`, true UTC: created_at and updated_at of updated-order."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso_utc(at: float) -> str:
    """`2022-10-31T14:26:16+00:00`: times of the ledger."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def indian_day(at: float) -> date:
    """The calendar day in India."""
    return _india(at).date()


def day_first(at: float) -> str:
    """`31-10-2022 19:56`, Indian time: times of the dashboard report."""
    return _india(at).strftime("%d-%m-%Y %H:%M")


def utc_minute(at: float) -> str:
    """`2022-11-04 06:06`, UTC: creation time of a report."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def utc_t(at: float) -> str:
    """`2022-01-17T04:53:16`, UTC without zone: audit log, expiry of a token."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


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
