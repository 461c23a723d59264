"""The rules of notices, one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.notify.notices import (
    Channel,
    Facts,
    Never,
    QuietHours,
    Rules,
    Send,
    decide,
    read_channels,
    read_milestones,
    read_quiet_hours,
)
from awbridge.domain.tracking.milestones import JOURNEY, Milestone, overtaken_by
from awbridge.domain.tracking.promise import edd_day

INDIA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)  # 12:00 in India
FACTS = Facts(
    milestone=Milestone.SHIPPED,
    channel=Channel.SMS,
    status_at=NOW,
    latest_at=NOW,
    reached=frozenset({Milestone.SHIPPED}),
    address="+919000000001",
    consent=True,
)


def test_the_plain_case_is_sent_with_its_reason() -> None:
    why = "the shipment reached shipped, 0 min ago; consent: stated by the payload"
    assert decide(FACTS, Rules(), NOW) == Send(why)


@pytest.mark.parametrize("earlier", JOURNEY)
@pytest.mark.parametrize("later", JOURNEY)
def test_only_later_milestones_overtake(earlier: Milestone, later: Milestone) -> None:
    overtaken = JOURNEY.index(later) > JOURNEY.index(earlier)
    assert (overtaken_by(earlier, {earlier, later}) is not None) == overtaken


@pytest.mark.parametrize("late", [Milestone.DELAYED, Milestone.STUCK])
def test_lateness_overtakes_nothing_and_ends_with_the_delivery(late: Milestone) -> None:
    assert overtaken_by(Milestone.SHIPPED, {late}) is None
    assert overtaken_by(late, {Milestone.FAILED_DELIVERY}) is None
    assert overtaken_by(late, {Milestone.DELIVERED}) is Milestone.DELIVERED


def test_the_teams_chat_needs_no_consent() -> None:
    facts = replace(FACTS, channel=Channel.CHAT, consent=None, address=None)
    assert isinstance(decide(facts, Rules(), NOW), Send)


def test_an_old_latest_status_suppresses_a_new_milestone_too() -> None:
    facts = replace(FACTS, latest_at=NOW - timedelta(days=2))
    assert decide(facts, Rules(), NOW) == Never("the latest status is 2.0 days old, the limit is 24 h")


def test_an_unselected_milestone_is_suppressed() -> None:
    rules = Rules(milestones=frozenset({Milestone.DELIVERED}))
    assert decide(FACTS, rules, NOW) == Never("shipped is not among AWBRIDGE_NOTICE_MILESTONES")


@pytest.mark.parametrize(
    ("start", "end", "hour", "until"),
    [(21, 9, 22, (3, 9)), (21, 9, 8, (2, 9)), (21, 9, 9, None), (21, 9, 20, None), (13, 15, 14, (2, 15))],
)
def test_quiet_hours(start: int, end: int, hour: int, until: tuple[int, int] | None) -> None:
    now = datetime(2026, 11, 2, hour, 0, tzinfo=INDIA)
    found = QuietHours(start=time(start), end=time(end)).until(now.astimezone(UTC), INDIA)
    assert found == (datetime(2026, 11, until[0], until[1], tzinfo=INDIA) if until else None)


def test_settings_are_read() -> None:
    assert read_quiet_hours("sms=21:00-09:30") == {Channel.SMS: QuietHours(start=time(21), end=time(9, 30))}
    assert read_quiet_hours("") == {}
    assert read_milestones("all") == frozenset(Milestone)
    assert read_milestones("lost, delivered") == {Milestone.LOST, Milestone.DELIVERED}
    assert read_channels("") == frozenset()


@pytest.mark.parametrize("text", ["sms", "sms=21-9x", "fax=21:00-09:00", "sms=09:00-09:00"])
def test_invalid_quiet_hours_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write two different|channel=HH:MM-HH:MM"):
        read_quiet_hours(text)


def test_unknown_names_are_named() -> None:
    with pytest.raises(ValueError, match="'fax' is not known; known are mail, sms"):
        read_channels("sms,fax")


@pytest.mark.parametrize(
    ("text", "day"), [("2026-11-02", "2026-11-02"), ("02/11/2026", None), (None, None), ("", None)]
)
def test_expected_days(text: str | None, day: str | None) -> None:
    found = edd_day(text)
    assert (found.isoformat() if found else None) == day
