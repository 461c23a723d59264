"""Declared downtimes: once, and by the clocks of a zone, over midnight and over the days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.couriers.downtime import Down, Downtime, declare, down_now

BERLIN = ZoneInfo("Europe/Berlin")


def weekly(days: str, starts: str, ends: str, zone: str = "Asia/Kolkata", **more: Any) -> Downtime:
    return declare(
        courier_partner_id=4,
        days=days.split(","),
        starts=time.fromisoformat(starts),
        ends=time.fromisoformat(ends),
        zone=zone,
        **more,
    )


def at(text: str, zone: str = "Asia/Kolkata", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def test_a_single_downtime_includes_its_start_and_excludes_its_end() -> None:
    once = declare(
        courier_partner_id=4,
        from_at=datetime(2026, 12, 5, 22),  # noqa: DTZ001 (local to the zone)
        to_at=datetime(2026, 12, 6, 4),  # noqa: DTZ001
        zone="Asia/Kolkata",
    )
    end = at("2026-12-06T04:00")
    assert once.until(at("2026-12-05T22:00") - timedelta(microseconds=1)) is None
    assert once.until(at("2026-12-05T22:00")) == end
    assert once.until(end - timedelta(microseconds=1)) == end
    assert once.until(end) is None


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-11-01T22:59", None),  # a Sunday
        ("2026-11-01T23:00", "2026-11-02T02:30"),
        ("2026-11-02T00:00", "2026-11-02T02:30"),
        ("2026-11-02T02:29", "2026-11-02T02:30"),
        ("2026-11-02T02:30", None),
        ("2026-11-02T23:30", None),  # Monday night is not declared
        ("2026-11-01T01:00", None),  # nor is Saturday's
    ],
)
def test_a_weekly_downtime_over_midnight_belongs_to_the_day_on_which_it_begins(moment: str, until: str | None) -> None:
    assert weekly("sun", "23:00", "02:30").until(at(moment)) == (at(until) if until else None)


def test_without_days_a_downtime_is_daily_and_equal_times_mean_a_whole_day() -> None:
    daily = weekly("mon,tue,wed,thu,fri,sat,sun", "01:00", "01:00")
    assert daily.until(at("2026-11-04T00:59")) == at("2026-11-04T01:00")
    assert daily.until(at("2026-11-04T01:00")) == at("2026-11-05T01:00")


def test_a_skipped_hour_of_the_clock_change_does_not_extend_the_hold() -> None:
    night = weekly("sun", "01:30", "03:30", "Europe/Berlin")
    start, end = at("2026-03-29T01:30", "Europe/Berlin"), at("2026-03-29T03:30", "Europe/Berlin")
    assert end - start == timedelta(hours=1)
    assert night.until(start) == end
    assert night.until(end) is None


def test_a_repeated_hour_of_the_clock_change_is_held_both_times() -> None:
    night = weekly("sun", "02:00", "02:45", "Europe/Berlin")
    first, second = (at("2026-10-25T02:30", "Europe/Berlin", fold) for fold in (0, 1))
    assert second - first == timedelta(hours=1)
    assert night.until(first) == night.until(second) == at("2026-10-25T02:45", "Europe/Berlin", 1)


def test_one_account_of_a_courier_or_all_and_the_longest_window_counts() -> None:
    short = weekly("wed", "10:00", "11:00", reason="short")
    long = weekly("wed", "10:00", "12:00", account_code="main", reason="long")
    now = at("2026-11-04T10:30")
    found = down_now([short, long], {"4:main": 4, "4:second": 4, "5:main": 5}, now)
    assert found == {
        "4:main": Down(at("2026-11-04T12:00"), "long"),
        "4:second": Down(at("2026-11-04T11:00"), "short"),
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "either once"),
        ({"from_at": datetime(2026, 1, 1, tzinfo=UTC)}, "both from and to"),
        ({"starts": time(1)}, "both start and end"),
        ({"days": ["someday"], "starts": time(1), "ends": time(2)}, "not a day of the week"),
        ({"zone": "Mars/Olympus"}, "not a time zone"),
        ({"from_at": datetime(2026, 1, 2, tzinfo=UTC), "to_at": datetime(2026, 1, 1, tzinfo=UTC)}, "end after"),
        (
            {"from_at": datetime(2026, 1, 1, tzinfo=UTC), "to_at": datetime(2026, 1, 2, tzinfo=UTC), "days": ["mon"]},
            "either once",
        ),
    ],
)
def test_an_invalid_downtime_is_refused_with_the_reason(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        declare(**{"courier_partner_id": 4, "zone": "Asia/Kolkata", **given})
