from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.clickpost.wire.times import read_day, read_scan_time

INDIA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2016-07-12T17:12:36.710", datetime(2016, 7, 12, 11, 42, 36, 710000, UTC)),
        ("2022-06-14T15:03:00Z", datetime(2022, 6, 14, 9, 33, tzinfo=UTC)),
        ("2018-08-06T14:48:57.002000Z", datetime(2018, 8, 6, 9, 18, 57, 2000, UTC)),
        ("2022-10-31 19:56:16", datetime(2022, 10, 31, 14, 26, 16, tzinfo=UTC)),
        ("2023-04-20T14: 55: 13Z", datetime(2023, 4, 20, 9, 25, 13, tzinfo=UTC)),
        (" 2022-10-31 19:56 ", datetime(2022, 10, 31, 14, 26, tzinfo=UTC)),
        ("2022-10-31", datetime(2022, 10, 30, 18, 30, tzinfo=UTC)),
        ("2022-06-14T15:03:00+05:30", datetime(2022, 6, 14, 9, 33, tzinfo=UTC)),
        ("2022-06-14T15:03:00-0800", datetime(2022, 6, 14, 23, 3, tzinfo=UTC)),
        ("2022-06-14T15:03:00+00:00", datetime(2022, 6, 14, 15, 3, tzinfo=UTC)),
    ],
)
def test_every_known_form_is_read(text: str, utc: datetime) -> None:
    assert read_scan_time(text, zone=INDIA) == utc


def test_z_means_utc_only_where_the_setting_says_so() -> None:
    assert read_scan_time("2022-06-14T15:03:00Z", zone=INDIA, z_means_utc=True) == datetime(
        2022, 6, 14, 15, 3, tzinfo=UTC
    )
    assert read_scan_time("2022-06-14T15:03:00", zone=INDIA, z_means_utc=True) == datetime(
        2022, 6, 14, 9, 33, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "null",
        1660000000,
        "yesterday",
        "2022-13-01 10:00:00",
        "2022-01-01 25:00:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "2022-01-01T10:00:00+99:00",
        [],
        {},
        "٢٠٢٢-01-01",
        "2022-01-01" * 50,
    ],
)
def test_an_unreadable_value_is_none(value: Any) -> None:
    assert read_scan_time(value, zone=INDIA) is None


@given(st.one_of(st.text(), st.integers(), st.floats(), st.datetimes().map(str), st.none(), st.binary()), st.booleans())
def test_nothing_makes_it_raise(value: Any, z_means_utc: bool) -> None:
    read = read_scan_time(value, zone=INDIA, z_means_utc=z_means_utc)
    assert read is None or read.utcoffset() == timedelta(0)


@given(st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_a_naive_time_is_read_back_as_local(moment: datetime) -> None:
    assert read_scan_time(moment.isoformat(), zone=INDIA) == moment.replace(tzinfo=INDIA)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-11-05", "2026-11-5", "2026-11-05T00:00:00Z", " 2026-11-05 23:59:59 ", "05-11-2026", "5/11/2026"),
        *("2026-11-05T23:59:59Z", "2026-11-05T00:00:00+00:00", "2026-11-05T12:00:00", "2026-11-05 by evening"),
        *("2026-11-04T18:30:00Z", "2026-11-04T18:30:00.000Z", "2026-11-04 18:30:00+00:00", "2026-11-05T18:29:59Z"),
        *("2026-11-05T00:00:00+05:30", "2026-11-04T13:30:00-0500", "1793817000", "1793817000000"),
        *("5 Nov 2026", "05-Nov-2026", "Nov 5, 2026", "Thu, 05 Nov 2026", "5th November 2026", "05.11.2026"),
    ],
)
def test_a_promised_day_is_the_day_in_the_accounts_zone(text: str) -> None:
    assert read_day(text, zone=INDIA) == date(2026, 11, 5)


def test_a_moment_is_another_day_in_another_zone() -> None:
    assert read_day("2026-11-04T18:30:00Z", zone=ZoneInfo("Europe/London")) == date(2026, 11, 4)


@pytest.mark.parametrize(
    "value",
    [None, 5, "", "soon", "2026-13-01", "0001-01-01", "2026-11-05" * 9, "31/11/2026", "5 Foo 2026", "9" * 14, "0" * 10],
)
def test_an_invalid_day_is_none(value: Any) -> None:
    assert read_day(value, zone=INDIA) is None


@given(st.text() | st.dates().map(str) | st.datetimes(timezones=st.timezones()).map(str) | st.integers(0).map(str))
def test_no_day_makes_it_raise(value: str) -> None:
    read_day(value, zone=INDIA)
