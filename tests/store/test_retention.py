"""Every table either has a rule by which its rows go one day, or a reason why they stay."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from awbridge.store import retention

_TABLE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
_BY_ID = (retention.CALLS, retention.ARCHIVED_CALLS, retention.INBOX, retention.SCANS, retention.NOTICES)
_DROPPED = {name for table in (*_BY_ID, retention.EVENTS) for name, _ in table.drops}
RULED = (
    _DROPPED
    | {diary.name for diary in retention.DIARIES}
    | {"actions", "differences", "reconciliations", "archive_files", "reports"}
)
PRIVACY = Path(__file__).parents[2] / "docs" / "privacy.md"


def test_every_table_has_a_rule_or_a_reason_to_stay() -> None:
    tables = set(_TABLE.findall((resources.files("awbridge.store") / "schema.sql").read_text()))
    assert tables == RULED | retention.STAYS.keys()
    assert not RULED & retention.STAYS.keys()


def test_the_rules_and_the_reasons_are_documented() -> None:
    told = PRIVACY.read_text().partition("## How long")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", told))
    assert named >= RULED | retention.STAYS.keys()
