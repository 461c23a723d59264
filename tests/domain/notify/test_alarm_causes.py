"""Every cause of an alarm is documented, and recognised from its stored name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from awbridge.domain.notify.alarm_causes import AlarmCause, cause_kind

ROOT = Path(__file__).parents[3]


def test_the_docs_list_each_cause() -> None:
    page = (ROOT / "docs" / "how-to" / "operate" / "alarms.md").read_text()
    listed = re.findall(r"^\| \[`([a-z_.]+?)(?:\.[A-Z]+)?`\]", page, flags=re.MULTILINE)
    assert sorted(listed) == sorted(AlarmCause)


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("clock", AlarmCause.CLOCK),
        ("clock.was_ahead", AlarmCause.CLOCK_WAS_AHEAD),
        (AlarmCause.ENDPOINT.of(17), AlarmCause.ENDPOINT),
        (AlarmCause.STEP.of("report_files"), AlarmCause.STEP),
        ("account.4:main.north", AlarmCause.ACCOUNT),
        ("of.another.version", None),
    ],
)
def test_the_kind_of_a_stored_cause(cause: str, kind: AlarmCause | None) -> None:
    assert cause_kind(cause) is kind
