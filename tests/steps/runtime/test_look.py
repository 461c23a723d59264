"""The look: when each step has something to do, by what the tables say."""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from awbridge.domain.couriers.downtime import Downtime
from awbridge.steps.runtime.look import BY_ROWS, BY_TIME, look
from awbridge.store import Store
from awbridge.store.couriers import downtimes
from awbridge.store.engine.queries import schema_text
from awbridge.store.tracking import inbox
from tests.support.rows import MINUTE, T0, add, delivery, place, sql
from tests.support.statements import statement_files

HOUR, DAY, LATER, LEASE_END = timedelta(hours=1), timedelta(days=1), T0 + 10 * MINUTE, T0 + 3 * MINUTE
_NUMBER = itertools.count(1)
_REQUIRED = re.compile(r"^  (\w+) (SMALLINT|INTEGER|BIGINT|TEXT|BYTEA|BOOLEAN|TIMESTAMPTZ) NOT NULL(?! DEFAULT)", re.M)


async def row(store: Store, table: str, **values: Any) -> None:
    """A row of a table, with anything in the columns that must not be empty."""
    number = next(_NUMBER)
    anything = {"TEXT": f"x{number}", "BYTEA": b"x", "BOOLEAN": False, "TIMESTAMPTZ": T0 - DAY, "SMALLINT": number}
    [body] = re.findall(rf"^CREATE TABLE {table} \(\n(.*?)^\)", schema_text(), re.M | re.S)
    row = {name: anything.get(kind, number) for name, kind in _REQUIRED.findall(body)} | values
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    async with store.write() as session:
        await session.execute(sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"), *row.values())


async def change(store: Store, table: str, **values: Any) -> None:
    """Set columns of every row of a table."""
    assignments = ", ".join(f"{name} = ${n}" for n, name in enumerate(values, start=1))
    async with store.write() as session:
        assert await session.execute(sql(f"UPDATE {table} SET {assignments}"), *values.values())


async def due(store: Store, step: str, now: datetime = T0) -> datetime | None:
    return (await look(store, now))[step]


async def placed(store: Store, **columns: Any) -> None:
    await add(store, "R")
    await place(store, "R", "AWB")
    await change(store, "shipments", **columns)


async def to_push(store: Store, at: datetime) -> None:
    await add(store, "R")
    await change(store, "shipments", next_try_at=at)


async def to_allocate(store: Store, at: datetime) -> None:
    await add(store, "R", courier_partner_id=0)
    await change(store, "shipments", state="allocating", next_try_at=None, allocate_at=at)


async def to_cancel(store: Store, at: datetime) -> None:
    await placed(store, next_try_at=at)


def to_insert(table: str, column: str, **values: Any) -> Callable[[Store, datetime], Awaitable[None]]:
    async def insert(store: Store, at: datetime) -> None:
        await row(store, table, **{column: at}, **values)

    return insert


LEASED = {
    "push": (to_push, "shipments"),
    "allocate": (to_allocate, "shipments"),
    "cancel": (to_cancel, "shipments"),
    "act": (to_insert("actions", "next_try_at", kind="edit"), "actions"),
    "notify": (to_insert("notices", "due_at"), "notices"),
    "deliver_events": (to_insert("event_deliveries", "next_try_at"), "event_deliveries"),
    "fetch_labels": (to_insert("labels", "next_try_at"), "labels"),
}
TIMED = {
    "fallback": to_insert("shipments", "fallback_at", state="rejected"),
    "sync_couriers": to_insert("courier_comparisons", "next_at", id=1),
    "apply": to_insert("inbox", "due_at"),
    "updated_order": to_insert("catch_up_windows", "lease_ends_at", from_at=T0 - HOUR),
    "track_order": to_insert("shipments", "next_poll_at", waybill="AWB"),
    "notify": to_insert("milestones", "due_at"),
    "alarm": to_insert("alarms", "due_at"),
    "reconcile": to_insert("reconciliations", "next_try_at"),
    "differences": to_insert("differences", "next_check_at"),
    "schedule": to_insert("runs", "next_try_at"),
    "archive": to_insert("archive_files", "next_try_at"),
    "erase": to_insert("erasures", "next_try_at"),
}


@pytest.mark.parametrize("step", LEASED)
async def test_leased_rows_are_due_when_their_lease_ends(store: Store, step: str) -> None:
    insert, table = LEASED[step]
    assert await due(store, step) is None
    await insert(store, T0 - MINUTE)
    assert await due(store, step) == T0 - MINUTE
    await change(store, table, lease_owner="a worker", lease_ends_at=LEASE_END)
    assert await due(store, step) == LEASE_END
    assert await due(store, step, LEASE_END) == T0 - MINUTE, "anybody's again"


@pytest.mark.parametrize("step", LEASED)
async def test_what_waits_behind_leased_rows_is_seen(store: Store, step: str) -> None:
    insert, table = LEASED[step]
    await insert(store, T0 - MINUTE)
    await change(store, table, lease_owner="a worker", lease_ends_at=LEASE_END)
    if table == "shipments":
        columns = {"account": "4:main", "success": step == "cancel", "priority": 1}
        state = "allocating" if step == "allocate" else "ready"
        column = "allocate_at" if step == "allocate" else "next_try_at"
        await row(store, table, **columns, state=state, **{column: T0 + MINUTE})
    else:
        await insert(store, T0 + MINUTE)
    assert await due(store, step) == T0 + MINUTE


@pytest.mark.parametrize("step", TIMED)
async def test_rows_are_due_at_their_time(store: Store, step: str) -> None:
    await TIMED[step](store, LATER)
    assert await due(store, step) == LATER


async def test_nothing_waits_in_an_empty_database(store: Store) -> None:
    found = await look(store, T0 + DAY)
    assert set(found) == set(BY_ROWS)
    waits = {step: at for step, at in found.items() if at}
    assert waits == {"sync_couriers": T0 + DAY}, "they were never compared"


async def test_a_held_courier_account_is_due_when_it_is_probed(store: Store) -> None:
    await to_push(store, T0)
    await change(store, "account_states", incident="breaker", probe_at=LATER)
    assert await due(store, "push") == LATER
    await change(store, "account_states", rest_until_at=LATER + MINUTE)
    assert await due(store, "push") == LATER + MINUTE, "ClickPost requested a pause"
    await change(store, "account_states", incident="none", probe_at=None, rest_until_at=None)
    assert await due(store, "push") == T0


async def test_a_courier_account_in_a_downtime_is_due_when_that_ends(store: Store) -> None:
    await to_push(store, T0)
    window = Downtime(id=0, courier_partner_id=4, from_at=T0 - HOUR, to_at=LATER)
    async with store.write() as session:
        await downtimes.add(session, window, now=T0)
    assert await due(store, "push") == T0, "push has to note that it begins slowly afterwards"
    await change(store, "account_states", ramp=1, ramp_left=1)
    assert await due(store, "push") == LATER
    await row(store, "account_states", account="9:other")
    await row(store, "shipments", account="9:other", priority=0, success=False, next_try_at=T0)
    assert await due(store, "push") == T0, "another courier works"


async def test_an_action_behind_an_earlier_one_is_due_with_that(store: Store) -> None:
    for id_, at, requested_at in (("1", LATER, T0 - HOUR), ("2", T0, T0)):
        first = {"shard": 1, "reference_number": "R", "kind": "edit", "requested_at": requested_at}
        await row(store, "actions", id=id_, next_try_at=at, **first)
    assert await due(store, "act") == LATER


async def test_deliveries_that_were_just_received_are_due(store: Store) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery("D")])
    assert await due(store, "apply") == T0


async def test_fallback_is_due_for_a_while_after_what_it_may_follow(store: Store) -> None:
    await add(store, "R")
    await change(store, "shipments", state="rejected", updated_at=T0, next_try_at=None)
    assert await due(store, "fallback") is None, "no courier has a fallback"
    await row(store, "courier_accounts", fallback="other", updated_at=T0 - DAY)
    assert await due(store, "fallback") == T0
    assert await due(store, "fallback", T0 + HOUR) is None, "it was read by then"
    await change(store, "courier_accounts", updated_at=T0 + HOUR)
    assert await due(store, "fallback", T0 + HOUR) == T0 + HOUR, "another courier may take it now"


async def test_what_was_placed_after_it_was_replaced_is_cancelled(store: Store) -> None:
    await placed(store, replaced_by="R-2", updated_at=T0)
    assert await due(store, "fallback") == T0


async def test_release_is_due_while_anything_waits_and_until_its_alarm_is_cleared(store: Store) -> None:
    await add(store, "R")
    await change(store, "shipments", waits_for="OLD", next_try_at=None)
    assert await due(store, "release") is not None
    await change(store, "shipments", waits_for=None)
    assert await due(store, "release") is None
    await row(store, "alarms", cause="replacements.waiting", raised_at=T0)
    assert await due(store, "release") == T0
    await change(store, "alarms", cleared_at=T0)
    assert await due(store, "release") is None


async def test_labels_are_fetched_ahead_after_a_placement_and_a_print(store: Store) -> None:
    await placed(store, placed_at=T0)
    assert await due(store, "fetch_labels", T0 + MINUTE) == T0
    assert await due(store, "fetch_labels", T0 + HOUR) is None
    await row(store, "print_lines", printed_at=T0 + HOUR)
    assert await due(store, "fetch_labels", T0 + HOUR) == T0 + HOUR


@pytest.mark.parametrize(("state", "received", "follows"), [
    ("received", T0 - 30 * DAY, True), ("sent", T0 - 30 * DAY, True), ("refused", T0 - 30 * DAY, False),
    ("refused", T0 - DAY, True), ("done", T0 - DAY, False),
])  # fmt: skip
async def test_answers_are_followed_while_they_are_open(
    store: Store, state: str, received: datetime, follows: bool
) -> None:
    await row(store, "customer_answers", state=state, received_at=received)
    assert await due(store, "follow_answers") == (received if follows else None)


async def test_shipments_of_older_versions_are_indexed_and_linked(store: Store) -> None:
    await add(store, "R")
    assert await due(store, "index_orders") is None
    await change(store, "shipments", phone_tail=None)
    assert await due(store, "index_orders") == T0
    assert await due(store, "link_shipments") == T0 + 2 * MINUTE
    await row(store, "track_link_progress", id=1, until_at=T0, reference_number="R")
    assert await due(store, "link_shipments") == T0 + 2 * DAY, "the second pass"
    await row(store, "track_link_progress", id=2, until_at=T0, reference_number="R")
    assert await due(store, "link_shipments") is None


async def test_calls_that_no_file_holds_are_due_for_the_archive(store: Store) -> None:
    await row(store, "attempts", made_at=T0)
    assert await due(store, "archive") == T0
    await change(store, "attempts", archive_file=0)
    assert await due(store, "archive") is None


async def test_webhooks_and_migrations_of_late_are_looked_at(store: Store) -> None:
    await row(store, "arrivals", from_at=T0)
    assert await due(store, "watch", T0 + 11 * MINUTE) == T0
    assert await due(store, "watch", T0 + HOUR) is None
    async with store.write() as session:
        await session.execute(sql("UPDATE schema_migrations SET applied_at = $1"), T0)
    assert await due(store, "schema", T0 + MINUTE) == T0
    assert await due(store, "schema", T0 + HOUR) is None


def test_every_step_that_rows_drive_has_its_part_in_the_statement() -> None:
    text = statement_files()["due"].read_text()
    assert set(re.findall(r"^SELECT '(\w+)'", text, re.M)) == set(BY_ROWS)
    assert not set(BY_ROWS) & set(BY_TIME)
