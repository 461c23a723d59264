"""Every table either has a rule by which its rows go one day, or a reason why they stay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from awbridge.store import Store
from awbridge.store.engine.queries import Statement, schema_text
from awbridge.store.privacy import retention
from tests.support.rows import sql
from tests.support.statements import statements_of

_TABLE = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
_BY_ID = (retention.CALLS, retention.ARCHIVED_CALLS, retention.INBOX, retention.SCANS, retention.NOTICES)
_DROPPED = {name for table in (*_BY_ID, retention.EVENTS) for name, _ in table.drops}
RULED = (
    _DROPPED
    | {diary.name for diary in retention.DIARIES}
    | {
        retention.AUDIT_LOG.name,
        retention.LABELS.name,
        retention.ANSWERS.name,
        *(diary.name for diary in retention.MANIFESTS),
    }
    | {"actions", "differences", "reconciliations", "archive_files", "reports"}
)
PRIVACY = Path(__file__).parents[3] / "docs" / "how-to" / "operate" / "privacy.md"


def test_every_table_has_a_rule_or_a_reason_to_stay() -> None:
    tables = set(_TABLE.findall(schema_text()))
    assert tables == RULED | retention.STAYS.keys()
    assert not RULED & retention.STAYS.keys()


def test_the_rules_and_the_reasons_are_documented() -> None:
    section = PRIVACY.read_text().partition("## How long")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", section))
    assert named >= RULED | retention.STAYS.keys()


@pytest.mark.heavy
async def test_update_sources_and_differences_are_found_by_an_index_however_many_there_are(store: Store) -> None:
    update_sources = (
        "INSERT INTO update_sources (shard, reference_number, delivery_id, delivery_shard, entries) VALUES "
    )
    differences = (
        "INSERT INTO differences (shard, reconciliation_id, kind, item, id, state, checks, found_at) VALUES "
        "($1, $2, 'missing_here', $3, $4, 'open', 0, '2026-11-02T00:00:00.000000Z')"
    )
    async with store.write() as session:
        for n in range(3000):
            await session.execute(sql(f"{update_sources} ($1, $2, $3, $1, '0')"), n % 64, f"R{n}", n)
            await session.execute(sql(differences), n % 64, n % 30, f"R{n}", n)
        await session.execute(sql("ANALYZE"))
        for name, args, index in (
            ("update_sources_drop", (1, [7]), "update_sources_of_delivery"),
            ("differences_drop", (7, 20), "differences_listed"),  # a part of the 100 that there are
        ):
            statement = getattr(statements_of("retention"), name)
            explained = Statement("plan", f"EXPLAIN {statement.postgres}", f"EXPLAIN QUERY PLAN {statement.sqlite}")
            plan = "\n".join(str(list(dict(row).values())) for row in await session.fetch(explained, *args))
            assert index in plan, plan
