"""What needs a person is counted, each kind once it is there and no longer than it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from awbridge.domain.customer_page.answerable import Answerable
from awbridge.domain.customer_page.answers import AnswerState, CustomerAnswerKind, Wish
from awbridge.domain.orders.attention import NEEDS, Need, RefusalCounts, RefusedLimit
from awbridge.domain.reconciliation.differences import DifferenceKind, Theirs
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER
from awbridge.store import Store
from awbridge.store.customer_page import answers
from awbridge.store.notify import attention
from awbridge.store.reconciliation import differences
from awbridge.store.reconciliation.differences import Finding
from tests.support.rows import T0, add, decided, place, sql
from tests.support.stuck import mark_stuck

DAY = timedelta(days=1)


async def needs(store: Store, now: datetime = T0) -> dict[Need, int]:
    async with store.read() as session:
        counts = await attention.count(session, DEFAULT_STUCK_AFTER, now=now)
    assert list(counts) == list(NEEDS)
    return {need: number for need, number in counts.items() if number}


async def change(store: Store, text: str, *args: object) -> None:
    async with store.write() as session:
        assert await session.execute(sql(text), *args)


async def test_nothing_needs_a_person_in_an_empty_database_or_while_parcels_travel(store: Store) -> None:
    assert await needs(store) == {}
    await decided(store, placed=2, refused=0, clock=lambda: T0)
    await add(store, "READY")
    assert await needs(store) == {}


async def test_what_is_refused_or_given_up_counts_until_it_is_handled(store: Store) -> None:
    await decided(store, placed=1, refused=2, clock=lambda: T0)
    await change(store, "UPDATE shipments SET state = 'gave_up' WHERE reference_number = 'REFUSED-0'")
    assert await needs(store) == {Need.REJECTED: 1, Need.GAVE_UP: 1}
    await change(store, "UPDATE shipments SET state = 'cancelled' WHERE state IN ('rejected', 'gave_up')")
    assert await needs(store) == {}


async def test_what_waits_for_a_broken_account_counts_and_a_declared_downtime_does_not(store: Store) -> None:
    await add(store, "A", "B")
    await change(store, "UPDATE account_states SET incident = 'account', probe_at = $1", T0)
    assert await needs(store) == {Need.HELD: 2}
    await change(store, "UPDATE account_states SET incident = 'none'")
    declared = """INSERT INTO downtimes (id, courier_partner_id, from_at, to_at, zone, reason, created_at)
      VALUES ('1', 4, $1, $2, 'UTC', 'maintenance', $1)"""
    await change(store, declared, T0 - DAY, T0 + DAY)
    assert await needs(store) == {}


async def test_a_refused_cancellation_counts_until_the_parcel_is_at_its_end(store: Store) -> None:
    await add(store, "A")
    await place(store, "A", "AWB1")
    await change(
        store, "UPDATE shipments SET cancel_requested_at = $1, cancel_state = 'refused', next_try_at = NULL", T0
    )
    assert await needs(store) == {Need.CANCEL_REFUSED: 1}
    await change(store, "UPDATE shipments SET final = $1, cancel_state = 'overtaken'", True)  # as apply does
    assert await needs(store) == {}


async def test_an_open_failed_delivery_counts(store: Store) -> None:
    await add(store, "A")
    await place(store, "A", "AWB1")
    await change(store, "UPDATE shipments SET ndr_at = $1", T0)
    assert await needs(store) == {Need.NDR: 1}


async def test_an_answer_that_waits_for_an_operator_counts(store: Store) -> None:
    about = Answerable(waybill="", about_at=T0, ndr_code=1, kinds=())
    async with store.write() as session:
        answer = await answers.add(session, "A", 4, Wish(kind=CustomerAnswerKind.REFUSE), about, now=T0)
    assert await needs(store) == {Need.ANSWERS: 1}
    assert NEEDS[Need.ANSWERS].needs_person
    async with store.write() as session:
        await answers.settle(session, answer.id, AnswerState.DISMISSED, by="ops", now=T0)
    assert await needs(store) == {}


async def test_parcels_that_are_stuck_or_late_are_counted(store: Store) -> None:
    await add(store, "A", "B")
    await place(store, "A", "AWB1")
    await place(store, "B", "AWB2")
    await change(store, "UPDATE shipments SET edd_due_at = $1 WHERE reference_number = 'A'", T0 + DAY)
    assert await needs(store, T0 + DAY) == {Need.LATE: 1}
    await mark_stuck(store, T0 + 2 * DAY)
    assert await needs(store, T0 + 2 * DAY) == {Need.LATE: 1, Need.STUCK: 2}


@pytest.mark.parametrize(("state", "counts_for"), [("refused", 7), ("gave_up", 7), ("unclear", 365)])
async def test_a_failed_action_counts_for_a_week_and_an_unclear_one_until_it_is_settled(
    store: Store, state: str, counts_for: int
) -> None:
    asked = """INSERT INTO actions (shard, id, kind, body, state, tries, requested_at, updated_at)
      VALUES (1, '01', 'pickup', '{}', $1, 1, $2, $2)"""
    await change(store, asked, state, T0)
    assert await needs(store, T0 + timedelta(days=counts_for)) == {Need.ACTIONS: 1}
    assert (await needs(store, T0 + timedelta(days=8)) == {}) == (state != "unclear")


async def test_events_that_failed_differences_that_stay_and_messages_of_a_day_are_counted(store: Store) -> None:
    now = datetime.now(UTC)
    delivery = """INSERT INTO event_deliveries (shard, event_id, endpoint_id, state, tries, updated_at)
      VALUES (1, 1, 1, 'failed', 9, $1)"""
    await change(store, delivery, now)
    async with store.write() as session:
        found = [
            Finding(
                kind=DifferenceKind.MISSING_HERE, ours=None, theirs=Theirs(line=1, waybill="A", reference_number="R")
            )
        ]
        await differences.add(session, 7, found, check_at=now, now=now - timedelta(hours=1))
    notice = """INSERT INTO notices
      (shard, id, reference_number, milestone, channel, state, why, tries, language, created_at) VALUES
      (1, $1, 'R', 'shipped', 'sms', 'failed', 'refused', 1, 'en', $2)"""
    await change(store, notice, int(now.timestamp() * 1_000_000) << 10, now)
    assert await needs(store, now) == {Need.EVENTS: 1, Need.DIFFERENCES: 1, Need.MESSAGES: 1}
    assert Need.MESSAGES not in await needs(store, now + 2 * DAY)


async def test_without_refusals_no_share_is_counted(store: Store) -> None:
    await decided(store, placed=3, refused=0, clock=lambda: T0)
    async with store.read() as session:
        assert (await attention.refusals(session, now=T0)).share == 0


@pytest.mark.parametrize(
    ("refused", "decided_", "reached"), [(9, 9, False), (10, 50, True), (10, 51, False), (0, 0, False)]
)
def test_an_alarm_takes_so_many_refusals_and_such_a_share(refused: int, decided_: int, reached: bool) -> None:
    assert RefusedLimit().is_reached(RefusalCounts(refused=refused, decided=decided_)) is reached


async def test_a_box_that_went_wrong_counts_for_a_week(store: Store) -> None:
    await add(store, "A", "B")
    await place(store, "A", "AWB1")
    await change(store, "UPDATE shipments SET piece_exception_at = $1 WHERE reference_number = 'A'", T0)
    assert (await needs(store))[Need.PIECES] == 1
    assert NEEDS[Need.PIECES].needs_person
    assert Need.PIECES not in await needs(store, T0 + 8 * DAY)
