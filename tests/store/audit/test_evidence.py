"""The evidence's statements find what they need by an index, however large the tables grow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from awbridge.store import Store
from awbridge.store.engine.queries import Statement
from tests.support.plans import of_whole_tables
from tests.support.rows import T0, sql
from tests.support.statements import statements_of

_PLANS: list[tuple[str, str, tuple[object, ...], str | tuple[str, str]]] = [
    ("archive", "any_unfiled", (), "attempts_unfiled"),
    ("archive", "unfiled", (100,), "attempts_unfiled"),
    ("archive", "claim", (T0, T0), "archive_files_open"),
    ("archive", "reopen", (7, T0), "attempts_of_file"),
    ("attempts", "of_file", (7,), "attempts_of_file"),
    ("attempts", "evidence_of_shipment", (1, "R"), "attempts_of_shipment"),
    ("attempts", "failed_between", (T0, T0 + timedelta(days=1), T0, -1, 100), "attempts_by_time"),
    ("retention", "actions_page", (T0, "", T0, 100, T0), "actions_newest"),
    ("retention", "archive_files_page", (-1, T0, 50), "attempts_of_file"),
    ("retention", "ended_payloads", (T0, T0, "", 100), "shipments_newest"),
    ("personal", "events_page", (1, -1, 500), ("events_pkey", "sqlite_autoindex_events_1")),
    ("personal", "events_with", (1, [1, 2]), ("events_pkey", "sqlite_autoindex_events_1")),
    (
        "personal",
        "event_problems_with",
        (1, [1, 2]),
        ("event_deliveries_newest", "sqlite_autoindex_event_deliveries_1"),
    ),
    ("runs", "claim", ("daily", "me", T0, T0), "runs_"),
]


@pytest.mark.parametrize(("module", "name", "args", "index"), _PLANS, ids=[f"{p[0]}.{p[1]}" for p in _PLANS])
async def test_a_statement_is_planned_by_its_index(
    store: Store, module: str, name: str, args: tuple[object, ...], index: str | tuple[str, str]
) -> None:
    statement = getattr(statements_of(module), name)
    async with store.write() as session:
        if store.dialect == "postgres":
            await session.execute(sql("SET LOCAL enable_seqscan = off"))
            rows = await session.fetch(sql(f"EXPLAIN {statement.postgres}"), *args)
        else:
            rows = await session.fetch(Statement("plan", "", f"EXPLAIN QUERY PLAN {statement.sqlite}"), *args)
        plan = "\n".join(str(list(dict(row).values())) for row in rows)
        if store.dialect == "postgres":
            plan = await of_whole_tables(session, plan)
    expected = index if isinstance(index, str) else index[store.dialect == "sqlite"]
    assert expected in plan, plan
