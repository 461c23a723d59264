"""The look for due work reads a few entries of an index for each step, however many rows wait."""

from __future__ import annotations

import re

from awbridge.store import Store
from awbridge.store.engine.queries import Statement, columns
from tests.support.filling import filled  # noqa: F401  # a fixture
from tests.support.plans import of_whole_tables
from tests.support.rows import T0
from tests.support.statements import statements_of

# Tables whose size is that of the installation, not of its traffic. All others are read by an index.
SMALL = {"account_states", "courier_accounts", "courier_comparisons", "schema_migrations", "track_link_progress"}
ALIASES = {"a", "b", "s"}  # of actions and shipments
INDEXES = (
    *("shipments_to_push", "shipments_to_allocate", "shipments_to_cancel", "shipments_to_poll", "shipments_waiting"),
    "shipments_to_mark",
    *("shipments_to_replace", "shipments_fallback_later", "shipments_placed_twice", "shipments_placed"),
    *("shipments_newest", "shipments_unread", "actions_due", "inbox_due", "milestones_due", "notices_due"),
    *("event_deliveries_due", "alarms_due", "labels_due", "reconciliations_open", "differences_to_check"),
    *("runs_open", "erasures_open", "archive_files_open", "attempts_unfiled", "customer_answers_by_state"),
    *("catch_up_windows_open", "print_lines_newest"),
)


async def plan(store: Store, name: str, *args: object) -> str:
    statement = getattr(statements_of("due"), name)
    explained = Statement("plan", f"EXPLAIN {statement.postgres}", f"EXPLAIN QUERY PLAN {statement.sqlite}")
    async with store.read() as session:
        found = "\n".join(str(list(dict(row).values())) for row in await session.fetch(explained, *args))
        return await of_whole_tables(session, found) if store.dialect == "postgres" else found


async def test_the_look_reads_every_large_table_by_an_index(filled: Store) -> None:  # noqa: F811
    found = await plan(filled, "look", T0, T0, T0, T0)
    missing = [index for index in INDEXES if not re.search(rf"\b{index}\b", found)]
    assert not missing, found
    in_full = {name for names in re.findall(r"Seq Scan on (\w+)|SCAN (\w+)\b(?! USING)", found) for name in names}
    assert in_full & {*columns(), *ALIASES} <= SMALL, found
    assert not re.search(r"\bSort\b(?! Key)|TEMP B-TREE FOR ORDER BY", found), (
        f"it reads all to find the first:\n{found}"
    )
    if filled.dialect == "sqlite":  # else it reads every shipment that was created at the time of the last linked one
        assert "shipments_newest (created_at=? AND reference_number>?)" in found, found


async def test_whether_a_parcel_is_on_its_way_is_one_entry_of_an_index(filled: Store) -> None:  # noqa: F811
    found = await plan(filled, "on_the_way")
    assert "shipments_to_mark" in found
    assert "shipments_stuck" in found
    assert not re.search(r"\bSort\b(?! Key)|TEMP B-TREE", found), found
