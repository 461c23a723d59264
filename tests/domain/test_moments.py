from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.moments import read_clock, read_day, read_moment

INDIA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-29", datetime(2026, 11, 28, 18, 30, tzinfo=UTC)),
        ("2026-11-29 07:06", datetime(2026, 11, 29, 1, 36, tzinfo=UTC)),
        (" 2026-11-29T7:06 ", datetime(2026, 11, 29, 1, 36, tzinfo=UTC)),
        ("2026-11-29T07:06:30", datetime(2026, 11, 29, 1, 36, 30, tzinfo=UTC)),
        ("2026-11-29 07:06:30.5z", datetime(2026, 11, 29, 7, 6, 30, 500_000, tzinfo=UTC)),
        ("2026-11-29T07:06:00+05:30", datetime(2026, 11, 29, 1, 36, tzinfo=UTC)),
        ("2026-11-29 07:06 -0100", datetime(2026, 11, 29, 8, 6, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_the_accounts_zone_unless_it_names_one(text: str, utc: datetime) -> None:
    assert read_moment(text, INDIA) == utc
    assert read_moment(text, INDIA).tzinfo in (
        INDIA,
        UTC,
        timezone(timedelta(hours=5.5)),
        timezone(timedelta(hours=-1)),
    )


@pytest.mark.parametrize(
    "text", ["", "29-11-2026", "2026-02-30", "2026-11-29 27:06", "2026-11-29 07", "1764400000", "2026-11-29T", "now"]
)
def test_an_invalid_time_is_refused_with_the_format(text: str) -> None:
    with pytest.raises(ValueError, match="2026-11-29"):
        read_moment(text, INDIA)


def test_days_and_times_of_day() -> None:
    assert (read_day("2026-11-29"), read_clock("7:05"), read_clock("22:30")) == (
        date(2026, 11, 29),
        time(7, 5),
        time(22, 30),
    )
    for read, text in (
        (read_day, "2026-11-29 07:06"),
        (read_day, "2026-13-01"),
        (read_clock, "24:00"),
        (read_clock, "7"),
    ):
        with pytest.raises(ValueError, match="like"):
            read(text)
