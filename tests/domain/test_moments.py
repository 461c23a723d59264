from __future__ import annotations

from datetime import date, time

import pytest

from awbridge.domain.moments import read_clock, read_day, read_local


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-29", "2026-11-29T00:00:00"),
        ("2026-11-29 07:06", "2026-11-29T07:06:00"),
        (" 2026-11-29T7:06 ", "2026-11-29T07:06:00"),
        ("2026-11-29T07:06:30", "2026-11-29T07:06:30"),
        ("2026-11-29 07:06:30.5z", "2026-11-29T07:06:30.500000+00:00"),
        ("2026-11-29T07:06:00+05:30", "2026-11-29T07:06:00+05:30"),
        ("2026-11-29 07:06 -0100", "2026-11-29T07:06:00-01:00"),
    ],
)
def test_a_time_is_local_unless_it_names_its_zone(text: str, moment: str) -> None:
    assert read_local(text).isoformat() == moment


@pytest.mark.parametrize(
    "text", ["", "29-11-2026", "2026-02-30", "2026-11-29 27:06", "2026-11-29 07", "1764400000", "2026-11-29T", "now"]
)
def test_an_invalid_time_is_refused_with_the_format(text: str) -> None:
    with pytest.raises(ValueError, match="2026-11-29"):
        read_local(text)


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
