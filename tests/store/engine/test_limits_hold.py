"""A statement that changes at most so many rows changes no more, whatever plan PostgreSQL takes.

A sub-select with LIMIT and FOR UPDATE SKIP LOCKED that a nested loop runs again passes over what it chose before, and
chooses others. So the choice is made in a materialized CTE, or in an array, both of which are computed once.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import pytest

from awbridge.store import Store
from awbridge.store.engine.queries import Statement, parse
from tests.support.filling import filled_url
from tests.support.postgres import PostgresServer
from tests.support.rows import T0, sql
from tests.support.statements import statement_files

_COMMENT = re.compile(r"--[^\n]*")
_CHANGES = re.compile(r"\b(?:UPDATE\s+\w+\s+SET|DELETE\s+FROM|INSERT\s+INTO)\b")
_ONCE = re.compile(r"\b(?:AS MATERIALIZED|ARRAY)\s*$")


def _files() -> dict[str, str]:
    return {name: file.read_text() for name, file in statement_files().items()}


def _changing_with_limit() -> Iterator[tuple[str, Statement]]:
    for module, text in sorted(_files().items()):
        for statement in parse(text).values():
            bare = _COMMENT.sub("", statement.postgres)
            if "LIMIT" in bare and _CHANGES.search(bare):
                yield module, statement


def _computed_once(bare: str, place: int) -> bool:
    """Whether what stands there is within brackets that are computed once."""
    opened: list[str] = []
    for at, sign in enumerate(bare[:place]):
        if sign == "(":
            opened.append(bare[:at])
        elif sign == ")":
            opened.pop()
    return any(_ONCE.search(before) for before in opened)


def _loose(bare: str) -> list[str]:
    """The limits of a statement that a plan may apply more than once."""
    return [
        bare[found.start() :] for found in re.finditer(r"\bLIMIT\b", bare) if not _computed_once(bare, found.start())
    ]


LIMITED = {f"{module}.{statement.name}": statement for module, statement in _changing_with_limit()}


@pytest.mark.parametrize("name", LIMITED)
def test_a_change_with_a_limit_chooses_its_rows_once(name: str) -> None:
    assert not _loose(_COMMENT.sub("", LIMITED[name].postgres))


def test_a_choice_that_a_plan_may_repeat_is_noticed() -> None:
    assert _loose("UPDATE t SET a = 1 WHERE id IN (SELECT id FROM t LIMIT $1 FOR UPDATE SKIP LOCKED)")
    assert _loose("WITH c AS (SELECT id FROM t LIMIT $1) DELETE FROM t WHERE id IN (SELECT id FROM c)")
    assert not _loose("WITH c AS MATERIALIZED (SELECT id FROM t LIMIT $1) DELETE FROM t WHERE id IN (SELECT id FROM c)")


# What makes PostgreSQL run a sub-select again for each row of the table: every way of computing it once costs too much.
_BAD_PLAN = "".join(
    f"SET LOCAL enable_{what} = off;" for what in ("hashjoin", "mergejoin", "material", "memoize", "hashagg", "sort")
)
_DUE = "next_try_at = $1, lease_ends_at = NULL"
# Statement -> (what makes many rows of its table fit, its arguments, how many it may change).
_CASES: dict[str, tuple[str, tuple[object, ...], int]] = {
    "shipments.claim_cancels": (f"shipments SET {_DUE}, success = TRUE", ("o", T0, T0, 3), 3),
    "polls.claim_due_polls": (
        "shipments SET next_poll_at = $1, waybill = 'W', courier_partner_id = 4, last_polled_at = NULL",
        (T0, T0, 3, T0, 4, T0),
        3,
    ),
    "allocations.claim_allocating": (
        "shipments SET state = 'allocating', allocate_at = $1, lease_ends_at = NULL",
        ("o", T0, T0, 3),
        3,
    ),
    "polls.age_out": (
        "shipments SET next_poll_at = $1, waybill = 'W', final = FALSE, status_at = NULL, polling_resumed_at = NULL, "
        "placed_at = $1::timestamptz - interval '90 days'",
        (T0, T0, 3),
        3,
    ),
    "replacements.claim_replaceable": (
        "shipments SET state = 'rejected', updated_at = $1, success = FALSE, maybe_placed = FALSE, "
        "cancel_requested_at = NULL, fallback_at = NULL, fallback_seen_at = NULL, lease_ends_at = NULL, "
        "transporter = (SELECT MIN(transporter) FROM courier_accounts WHERE fallback IS NOT NULL)",
        ("o", T0, T0, T0, 3, 3),
        3,
    ),
    "dispatch.claim": (
        f"shipments SET {_DUE}, success = FALSE, account = '4:main', priority = 1",
        (["o"], [T0], [T0], ["4:main"], [1], [3], [True]),
        3,
    ),
    "actions.claim": (f"actions SET {_DUE}, kind = 'label'", ("o", T0, T0, 3), 3),
    "archive.claim": ("archive_files SET archived_at = NULL, next_try_at = $1", (T0, T0), 1),
    "alarms.claim": ("alarms SET due_at = $1", (T0, T0, 3), 3),
    "differences.claim": ("differences SET next_check_at = $1", (T0, T0, 3), 3),
    "erasures.claim": ("erasures SET done_at = NULL, next_try_at = $1", (T0, T0), 1),
    "events.claim": (f"event_deliveries SET {_DUE}", ("o", T0, T0, 3), 3),
    "inbox.apply_uncounted": ("inbox SET applied_at = $1, shipments_updated = NULL, due_at = NULL", (T0, 3), 3),
    "inbox.claim_batches": ("inbox_batches SET received_at = $1", (3,), 3),
    "labels.claim": (f"labels SET {_DUE}", ("o", T0, T0, 3), 3),
    "notices.take_milestones": ("milestones SET due_at = $1", (T0, 3, "not said"), 3),
    "notices.claim": ("notices SET due_at = $1, lease_ends_at = NULL", ("o", T0, T0, 3), 3),
    "reconciliations.claim": ("reconciliations SET next_try_at = $1", ("o", T0, T0, None), 1),
    "wakes.claim": ("account_wakes SET due_at = $1, not_for = NULL", (T0, "o", T0, 3), 3),
    "runs.claim": ("runs SET job = 'daily', finished_at = NULL, next_try_at = $1", ("daily", "o", T0, T0), 1),
}


@pytest.fixture
async def crowded(postgres: PostgresServer) -> AsyncIterator[Store]:
    """A store with many rows in every table."""
    opened = await Store.open(await filled_url(postgres, user="limits"))
    yield opened
    await opened.close()


@pytest.mark.parametrize("name", [name for name, statement in LIMITED.items() if "SKIP LOCKED" in statement.postgres])
async def test_no_plan_changes_more_rows_than_the_limit(crowded: Store, name: str) -> None:
    fits, args, limit = _CASES[name]
    async with crowded.write() as session:
        await session.execute(sql(f"UPDATE {fits}"), T0)
        await session.script(_BAD_PLAN)
        assert await session.execute(LIMITED[name], *args) == limit
        await session.script("ROLLBACK; BEGIN")  # the rows are as they were for the next one
