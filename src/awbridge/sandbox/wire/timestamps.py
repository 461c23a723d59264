"""The ways in which ClickPost writes one instant. Every form of a scan names the same second."""

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


def lying_z(at: float) -> str:
    """`2022-06-14T15:03:00Z`: Indian time under a Z that is not true."""
    return _india(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def lying_z_micros(at: float) -> str:
    """`2018-08-06T14:48:57.000000Z`: Indian time as well."""
    return _india(at).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def stray_spaces(at: float) -> str:
    """`2023-04-20T14: 55: 13Z`: the same with blanks after the colons."""
    return _india(at).strftime("%Y-%m-%dT%H: %M: %SZ")


POLLED: tuple[Callable[[float], str], ...] = (spaced, spaced, with_t)
PUSHED: tuple[Callable[[float], str], ...] = (spaced, with_t, lying_z, lying_z_micros, stray_spaces)


def polled(at: float, dice: random.Random) -> str:
    """A scan's time as track-order and updated-order show it: local and naive."""
    return dice.choice(POLLED)(at)


def pushed(at: float, dice: random.Random) -> str:
    """A scan's time as webhooks show it: local, in any of the forms seen."""
    return dice.choice(PUSHED)(at)


def promised(at: float) -> tuple[str, str]:
    """The Indian day of an instant as a courier promises it: `2022-11-03`, and its midnight in UTC, the day before."""
    midnight = _india(at).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.strftime("%Y-%m-%d"), midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_naive(at: float) -> str:
    """`2022-10-31 15:30:31`, UTC: how track-order shows created_at."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def utc_spaced(at: float) -> str:
    """`2022-11-18 07:30:08.396840`, UTC without saying so: webhooks about returns."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def utc_z(at: float) -> str:
    """`2022-10-19T12:28:24.921389Z`, true UTC: created_at and updated_at of updated-order."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso_utc(at: float) -> str:
    """`2022-10-31T14:26:16+00:00`: how the sandbox itself reports a time."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def indian_day(at: float) -> date:
    """The day in India."""
    return _india(at).date()


def day_first(at: float) -> str:
    """`31-10-2022 19:56`, Indian time: how reports write a time."""
    return _india(at).strftime("%d-%m-%Y %H:%M")


def utc_minute(at: float) -> str:
    """`2022-11-04 06:06`, UTC: when a report was asked for."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def utc_t(at: float) -> str:
    """`2022-01-17T04:53:16`, UTC without saying so: the audit log, the end of a token."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def utc_of(text: str, form: str) -> float | None:
    """Epoch seconds of a time written in UTC; None where it is written in another form."""
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def day_of(text: str) -> date | None:
    """A day written as YYYY-MM-DD; None where it is not."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
