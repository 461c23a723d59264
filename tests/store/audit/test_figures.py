"""The figures that operators watch count what is open; what is over counts only in the size of a table."""

from __future__ import annotations

import pytest

from awbridge.domain.orders.shipment import State
from awbridge.store import Store
from awbridge.store.audit import figures
from awbridge.store.audit.figures import Figures
from awbridge.store.tracking import inbox
from tests.support.rows import MINUTE, T0, add, delivery, place, sql


async def read(store: Store) -> Figures:
    async with store.read() as session:
        return await figures.read(session, now=T0)


async def change(store: Store, text: str, *args: object) -> None:
    async with store.write() as session:
        await session.execute(sql(text), *args)


async def test_of_an_empty_database_every_count_is_empty(store: Store) -> None:
    now = await read(store)
    assert (now.shipments, now.on_their_way, now.actions, now.notices) == ({}, 0, {}, {})
    assert now.inbox == {"waiting": 0, "due": 0, "ambiguous": 0, "dead_lettered": 0, "not_json": 0}
    assert now.cancels == {"asked": 0, "refused": 0, "gave_up": 0, "unsettled": 0}


async def test_every_state_of_a_shipment_is_counted_but_those_of_the_register(store: Store) -> None:
    for state in State:
        await add(store, state.value)
        await change(store, "UPDATE shipments SET state = $1 WHERE reference_number = $1", state.value)
    assert set((await read(store)).shipments) == {state.value for state in State} - {"placed", "cancelled"}


async def test_what_waits_in_an_account_that_is_held_counts_as_held(store: Store) -> None:
    await add(store, "A", "B")
    await add(store, "C", account_code="other")
    incident = "UPDATE account_states SET incident = 'breaker', probe_at = $1 WHERE account = '4:main'"
    await change(store, incident, T0)
    now = await read(store)
    assert (now.shipments, now.waiting) == ({"held": 2, "ready": 1}, {"4:main": 2})


async def test_a_shipment_is_on_its_way_from_its_placing_to_its_end(store: Store) -> None:
    await add(store, "A", "B")
    assert (await read(store)).on_their_way == 0
    await place(store, "A", "AWB-A")
    await place(store, "B", "AWB-B")
    assert (await read(store)).on_their_way == 2
    await change(store, "UPDATE shipments SET final = $1 WHERE reference_number = 'B'", True)
    assert (await read(store)).on_their_way == 1


@pytest.mark.parametrize("state", [state for state in State if state is not State.CANCELLED])
async def test_a_cancellation_is_asked_in_every_state_that_it_has_not_ended(store: Store, state: State) -> None:
    await add(store, "A")
    asked = (
        "UPDATE shipments SET state = $1, cancel_requested_at = $2, cancel_state = 'asked' WHERE reference_number = 'A'"
    )
    await change(store, asked, state.value, T0)
    assert (await read(store)).cancels["asked"] == 1


async def test_deliveries_are_counted_by_what_they_wait_for(store: Store) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery(name) for name in ("waits", "odd", "partly", "over")])
        await inbox.add(session, [delivery("raw:1", body=b"<", problem="not JSON")])
        found = {d.identity: d for d in await inbox.claim(session, now=T0, limit=9)}
        await inbox.wait(session, found["waits"], key="w:1", until=T0 + MINUTE)
        await inbox.dead_lettered(session, found["odd"], problem="nobody can read it")
        await inbox.applied(session, [(found["partly"], "a part of it", 1), (found["over"], None, 1)], now=T0)
        await inbox.add(session, [delivery("due")])
    assert (await read(store)).inbox == {"waiting": 1, "due": 1, "ambiguous": 0, "dead_lettered": 1, "not_json": 1}


async def test_the_size_of_a_table_is_estimated_without_counting_it(store: Store) -> None:
    await add(store, "A", "B", "C")
    if store.dialect == "postgres":
        await change(store, "ANALYZE shipments")
    assert (await read(store)).sizes["shipments"] == 3


async def test_the_longest_due_is_that_of_push_and_of_the_cancellations(store: Store) -> None:
    async with store.read() as session:
        assert await figures.longest_due_push(session, now=T0) is None
    await add(store, "NEW", now=T0)
    await add(store, "PLACED", now=T0)
    await place(store, "PLACED", "AWB")
    async with store.read() as session:
        assert await figures.longest_due_push(session, now=T0) == T0
    await change(store, "UPDATE shipments SET next_try_at = $1 WHERE success", T0 - MINUTE)
    async with store.read() as session:
        assert await figures.longest_due_push(session, now=T0) == T0 - MINUTE
    await change(store, "UPDATE shipments SET lease_ends_at = $1 WHERE success", T0 + MINUTE)
    async with store.read() as session:
        assert await figures.longest_due_push(session, now=T0) == T0
