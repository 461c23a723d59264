"""Acting on many shipments: a result for each, and the preview says beforehand what the action does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from awbridge.domain.orders.bulk import BulkAction, consequence
from awbridge.domain.orders.cancellation import CancelState
from awbridge.domain.orders.shipment import State
from awbridge.steps.orders.bulk import act_on
from awbridge.steps.polling.track_order import resume_polling
from awbridge.store import Store
from tests.support.rows import T0, add, sql
from tests.support.world import SetClock, get


async def in_state(store: Store, state: State, **values: object) -> None:
    """One shipment in this state, which ClickPost holds if it is placed."""
    placed = state is State.PLACED
    columns = {"state": state.value, "success": placed, "waybill": "AWB1" if placed else None, **values}
    columns.setdefault("courier_partner_id", 0 if state is State.ALLOCATING else 4)
    await add(store, "R")
    names = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 1))
    async with store.write() as session:
        await session.execute(sql(f"UPDATE shipments SET {names}"), *columns.values())


@pytest.mark.parametrize("state", State)
async def test_a_retry_is_possible_where_the_preview_says_so(store: Store, state: State) -> None:
    await in_state(store, state)
    said = consequence(BulkAction.RETRY, await get(store, "R"))
    [result] = await act_on(store=store, clock=SetClock(), action=BulkAction.RETRY, references=["R"])
    assert result.done is said.possible
    assert (await get(store, "R")).state is (State.READY if said.possible else state)


@pytest.mark.parametrize("state", State)
async def test_a_cancellation_changes_something_where_the_preview_says_so(store: Store, state: State) -> None:
    await in_state(store, state)
    before = await get(store, "R")
    said = consequence(BulkAction.CANCEL, before)
    clock = SetClock(T0 + timedelta(hours=1))
    [result] = await act_on(store=store, clock=clock, action=BulkAction.CANCEL, references=["R"])
    after = await get(store, "R")
    assert result.done
    assert (after.updated_at > before.updated_at) is said.possible
    if "at once" in said.text:
        assert after.state is State.CANCELLED
        assert result.text == "Cancelled."


async def test_the_preview_names_a_cancellation_in_progress(store: Store) -> None:
    await in_state(store, State.PLACED, cancel_requested_at=T0, cancel_state=CancelState.WAITING.value)
    assert not consequence(BulkAction.CANCEL, await get(store, "R")).possible


async def test_a_refused_cancellation_may_be_repeated(store: Store) -> None:
    await in_state(store, State.PLACED, cancel_requested_at=T0, cancel_state=CancelState.REFUSED.value)
    assert consequence(BulkAction.CANCEL, await get(store, "R")).possible


@pytest.mark.parametrize(("waybill", "final"), [("AWB1", False), ("AWB1", True), (None, False)])
async def test_a_poll_is_possible_where_the_preview_says_so(store: Store, waybill: str | None, final: bool) -> None:
    await in_state(store, State.PLACED, waybill=waybill, final=final)
    said = consequence(BulkAction.POLL, await get(store, "R"))
    resumed = await resume_polling(store=store, clock=SetClock(), references=["R"], ask_again=timedelta(hours=2))
    assert bool(resumed) is said.possible


async def test_one_that_cannot_be_retried_does_not_prevent_the_others(store: Store) -> None:
    await add(store, "A", "B")
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET state = 'rejected' WHERE reference_number = 'B'"))
    results = await act_on(store=store, clock=SetClock(), action=BulkAction.RETRY, references=["A", "?", "B"])
    assert [(r.reference_number, r.done) for r in results] == [("A", False), ("?", False), ("B", True)]
    assert "nothing to retry" in results[0].text
    assert (await get(store, "B")).state is State.READY


async def test_polling_belongs_to_another_step(store: Store) -> None:
    with pytest.raises(ValueError, match="not an action of this step"):
        await act_on(store=store, clock=SetClock(), action=BulkAction.POLL, references=["A"])
