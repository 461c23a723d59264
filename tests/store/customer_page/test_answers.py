"""The statements about customers' answers: found by an index, however many there are."""

from __future__ import annotations

import re

import pytest

from awbridge.store import Store
from awbridge.store.engine.queries import Statement
from tests.support.rows import T0, fetch, sql
from tests.support.statements import statements_of

ROWS = 3000
INDEXED = {
    "of_shipments": ("customer_answers_of_shipment", [("R7", 7)]),
    "newest": ("customer_answers_newest", (T0, "x", 50)),
    "newest_in_state": ("customer_answers_by_state", ("received", T0, "x", 50)),
    "oldest_in_state": ("customer_answers_by_state", ("received", T0, "x", 50)),
    "overtaken": ("customer_answers_by_state", ("2026-11-02", 100)),
    "acted_on": ("customer_answers_by_state", (100,)),
    "tried_again": ("customer_answers_by_state", (T0, 100)),
}


@pytest.mark.heavy
async def test_answers_are_found_by_an_index_however_many_there_are(store: Store) -> None:
    columns = (
        "shard, id, reference_number, waybill, kind, body, state, about_at, courier_partner_id, received_at, updated_at"
    )
    insert = sql(
        f"INSERT INTO customer_answers ({columns}) VALUES ($1, $2, $3, '', 'refuse', '{{}}', $4, $5, 4, $5, $5)"
    )
    async with store.write() as session:
        for n in range(ROWS):
            state = {0: "received", 1: "sent", 2: "refused"}.get(n % 100, "done")
            await session.execute(insert, n % 64, f"{n:024x}", f"R{n}", state, T0)
        await session.execute(sql("ANALYZE"))
        for name, (index, args) in INDEXED.items():
            statement: Statement = getattr(statements_of("answers"), name)
            explained = Statement("plan", f"EXPLAIN {statement.postgres}", f"EXPLAIN QUERY PLAN {statement.sqlite}")
            rows = isinstance(args, list)
            found = await session.fetch_rows(explained, args) if rows else await session.fetch(explained, *args)
            plan = "\n".join(str(dict(row)) for row in found)
            assert re.search(rf"\b{index}\b", plan), (name, plan)
    assert (await fetch(store, "SELECT COUNT(*) AS n FROM customer_answers"))[0]["n"] == ROWS
