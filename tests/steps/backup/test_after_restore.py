"""After a restore to an older point: what may have happened since is not done again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from awbridge.clickpost.wire.answers import OrderAnswer
from awbridge.domain.errors import BackupError
from awbridge.domain.json import JsonObject
from awbridge.domain.notify.notices import Channel
from awbridge.domain.orders.action import ActionKind, NewAction
from awbridge.domain.orders.outcome import Outcome, Placed, Rejected
from awbridge.domain.orders.shipment import Region, State
from awbridge.steps.backup.after_restore import AfterRestore, AfterRestorePolicy, after_restore
from awbridge.steps.tracking.apply import apply_due
from awbridge.store import Store
from awbridge.store.audit import runs
from awbridge.store.backup import restores
from awbridge.store.engine.clocks import clock_marks
from awbridge.store.handover import manifests
from awbridge.store.orders import actions, shipments
from tests.steps.registration.test_push import Vendor, push
from tests.steps.tracking.test_apply import POLICY as APPLY
from tests.steps.tracking.test_apply import deliver
from tests.support.notices import Kept, a_customer, a_payload, notify, states, stored_notices
from tests.support.rows import MINUTE, T0, add, fetch, place, sql
from tests.support.world import INDIA, SetClock, get, webhook

POLICY = AfterRestorePolicy(zone=INDIA, report_cron="30 0 * * *", digest_hour=9)
HOUR = timedelta(hours=1)


async def correct(store: Store, clock: SetClock, **more: Any) -> AfterRestore:
    return await after_restore(store=store, clock=clock, policy=POLICY, **{"point": T0, **more})


async def test_an_order_that_may_have_been_placed_since_is_not_cancelled_without_asking(store: Store) -> None:
    clock = SetClock(T0 + HOUR)
    await add(store, "OPEN", "DONE", "GONE")
    await place(store, "DONE", "AWB1")
    async with store.write() as session:
        await shipments.cancel(session, "GONE", now=T0)
    corrected = await correct(store, clock)
    assert corrected.counts["shipments_maybe_placed"] == 1
    opened = await get(store, "OPEN")
    assert (opened.maybe_placed, opened.held_version, opened.sent_at, opened.next_try_at) == (True, 1, T0, clock.now)
    assert not (await get(store, "DONE")).maybe_placed
    async with store.write() as session:
        await shipments.cancel(session, "OPEN", now=clock())
    assert (await get(store, "OPEN")).state is State.READY, "the parcel may travel"
    await push(store, Vendor({"OPEN": Placed(waybill="AWB2", already=True)}), clock)
    placed = await get(store, "OPEN")
    assert (placed.waybill, placed.cancel_requested_at) == ("AWB2", clock.now), "it is cancelled at ClickPost"
    assert placed.success


async def test_a_refusal_does_not_prove_that_it_was_not_placed_before(store: Store) -> None:
    clock = SetClock(T0 + HOUR)
    await add(store, "R")
    await correct(store, clock)
    await push(store, Vendor({"R": Rejected(message="no such pincode")}), clock)
    refused = await get(store, "R")
    assert refused.maybe_placed
    assert refused.state is State.GAVE_UP, "a person settles it"


async def test_open_timelines_are_polled(store: Store) -> None:
    clock = SetClock(T0 + HOUR)
    await add(store, "R")
    await place(store, "R", "AWB1")  # polled a day later
    corrected = await correct(store, clock)
    assert corrected.counts["timelines_to_poll"] == 1
    assert (await get(store, "R")).next_poll_at == clock.now


async def test_a_pickup_that_may_have_been_booked_is_left_to_a_person_and_an_edit_is_not(store: Store) -> None:
    clock = SetClock(T0 + HOUR)
    async with store.write() as session:
        for kind in (ActionKind.PICKUP, ActionKind.EDIT):
            await actions.add(session, NewAction(kind=kind, reference_number="R", body={}), now=T0)
    corrected = await correct(store, clock)
    assert corrected.counts["pickups_unclear"] == 1
    rows = await fetch(store, "SELECT kind, state, next_try_at, problem FROM actions ORDER BY kind")
    assert [(row["kind"], row["state"]) for row in rows] == [("edit", "due"), ("pickup", "unclear")]
    assert rows[1]["next_try_at"] is None
    assert "repeat it on purpose" in rows[1]["problem"]


async def hear(store: Store, clock: SetClock, *bodies: Any) -> None:
    await deliver(store, *bodies, at=clock.now)
    while await apply_due(store=store, clock=clock, policy=APPLY):
        pass


async def test_customers_are_not_told_again_what_happened_before_the_service_ended(store: Store) -> None:
    clock, sms = SetClock(T0), Kept()
    await a_customer(store, "OPEN", "AWB1", now=T0 - HOUR)
    await a_customer(store, "MOVED", "AWB2", now=T0 - HOUR)
    await a_customer(store, "NEW", "AWB3", now=T0 - HOUR)
    await hear(store, clock, webhook("AWB1", 6, T0))  # its message was not sent when the backup was taken
    clock.forward(hours=1)
    await correct(store, clock, until=T0 + 30 * MINUTE)
    clock.forward(minutes=1)
    await hear(store, clock, webhook("AWB2", 6, T0 + 20 * MINUTE), webhook("AWB3", 6, T0 + 50 * MINUTE))
    await notify(store, {Channel.SMS: sms}, clock)
    assert ["NEW" in m.text for m in sms.messages] == [True]
    assert await states(store, "NEW") == [("out_for_delivery", "sms", "sent")]
    for reference in ("OPEN", "MOVED"):
        assert await states(store, reference) == [("out_for_delivery", "sms", "suppressed")]
        (notice,) = await stored_notices(store, reference)
        assert "may have been sent between 2026-11-02 06:30 and 2026-11-02 07:00 UTC" in notice.why


class _Stating(Vendor):
    """Answers with ClickPost's business statuses."""

    async def create_order(self, order: JsonObject, *, region: Region = Region.INDIA) -> OrderAnswer:
        answer = await super().create_order(order, region=region)
        already = isinstance(answer.outcome, Placed) and answer.outcome.already
        return replace(answer, call=replace(answer.call, business_status=323 if already else 200))


async def test_a_waybill_that_clickpost_had_before_is_no_news(store: Store) -> None:
    clock, sms = SetClock(T0 + HOUR), Kept()
    await correct(store, clock)
    clock.forward(minutes=1)
    for reference in ("AGAIN", "NEW"):
        await add(store, reference, payload=a_payload(reference), now=clock.now)
    answers: dict[str, Outcome] = {"AGAIN": Placed(waybill="AWB1", already=True), "NEW": Placed(waybill="AWB2")}
    await push(store, _Stating(answers), clock)
    await notify(store, {Channel.SMS: sms}, clock)
    assert [m.text.count("AWB2") > 0 for m in sms.messages] == [True]
    (notice,) = await stored_notices(store, "AGAIN")
    assert "since it was restored" in notice.why


async def test_reports_and_the_digest_of_that_time_are_not_mailed_again(store: Store) -> None:
    clock = SetClock(T0 + timedelta(hours=36))  # 00:00 in India, so one report was due
    async with store.write() as session:
        await runs.begin(session, "report-failures", T0 - HOUR, now=T0 - HOUR)
        await session.execute(
            sql(
                "INSERT INTO reports (id, kind, day, destination, shipments, calls, created_at) "
                "VALUES ('r', 'failures', '2026-11-01', 'own', 0, 0, $1)"
            ),
            T0,
        )
    corrected = await correct(store, clock)
    assert corrected.counts["reports_not_mailed_again"] == 2
    async with store.read() as session:
        (run, begun) = await runs.recent(session, "report-failures", limit=3)
    assert (run.finished_at, run.result) == (clock.now, "not repeated: it was due before the database was restored")
    assert begun.due_at == T0 - HOUR
    assert (await fetch(store, "SELECT mailed_at FROM reports"))[0]["mailed_at"] == clock.now


@pytest.mark.parametrize(("hours", "skipped"), [(2, False), (24, True)])
async def test_a_digest_that_was_due_in_that_time_is_not_sent_again(store: Store, hours: int, skipped: bool) -> None:
    clock = SetClock(T0 + timedelta(hours=hours))  # 12:00 in India and later; the digest is due at 9:00
    await correct(store, clock)
    assert [(row["day"], row["due_at"]) for row in await fetch(store, "SELECT day, due_at FROM digests")] == (
        [("2026-11-03", None)] if skipped else []
    )


async def test_sessions_and_one_time_links_end(store: Store) -> None:
    async with store.write() as session:
        await session.execute(
            sql(
                "INSERT INTO people (id, login, role, link_sha256, link_ends_at, created_at, updated_at) "
                "VALUES (1, 'usha', 'admin', 'x', $1, $1, $1)"
            ),
            T0,
        )
        await session.execute(
            sql(
                "INSERT INTO sessions (token_sha256, person_id, device, created_at, seen_at, ends_at) "
                "VALUES ('t', 1, '', $1, $1, $1)"
            ),
            T0,
        )
    corrected = await correct(store, SetClock(T0 + HOUR))
    assert (corrected.counts["sessions_ended"], corrected.counts["one_time_links_ended"]) == (1, 1)
    assert await fetch(store, "SELECT token_sha256 FROM sessions") == []
    assert (await fetch(store, "SELECT link_sha256 FROM people"))[0]["link_sha256"] is None
    assert corrected.access.people == 1


@pytest.mark.parametrize(("used", "given", "following"), [(0, None, 1), (1, None, 1002), (1, 7, 8), (1, 0, 2)])
async def test_no_number_of_a_manifest_is_used_twice(
    store: Store, used: int, given: int | None, following: int
) -> None:
    async with store.write() as session:
        for _ in range(used):
            await manifests.begin(session, 4, "main", by="usha", now=T0)
    await correct(store, SetClock(T0 + HOUR), last_manifest=given)
    async with store.write() as session:
        assert await manifests.begin(session, 4, "main", by="usha", now=T0) == following
        assert await manifests.begin(session, 4, "main", by="usha", now=T0) == following + 1


async def test_the_point_is_the_latest_time_that_the_database_knows(store: Store) -> None:
    clock = SetClock(T0 + HOUR)
    with pytest.raises(BackupError, match="give --since"):
        await correct(store, clock, point=None)
    async with store.write() as session:
        await clock_marks.note(session, T0 + MINUTE)
    corrected = await correct(store, clock, point=None)
    assert corrected.lost.point_at == T0 + MINUTE
    async with store.read() as session:
        (kept,) = await restores.newest(session)
    assert (kept.lost, kept.counts) == (corrected.lost, corrected.counts)
    with pytest.raises(BackupError, match="was done at"):
        await correct(store, clock, point=None)


async def test_a_database_on_which_a_service_runs_is_not_corrected(store: Store) -> None:
    clock = SetClock(T0 + timedelta(seconds=5))
    async with store.write() as session:
        await clock_marks.note(session, T0)
    with pytest.raises(BackupError, match="is 5 s old"):
        await correct(store, clock, point=None)


@pytest.mark.parametrize("wrong", [{"point": T0 + 2 * HOUR}, {"until": T0 - HOUR}, {"until": T0 + 2 * HOUR}])
async def test_a_span_that_cannot_be_is_refused(store: Store, wrong: dict[str, Any]) -> None:
    with pytest.raises(BackupError, match="must be before"):
        await correct(store, SetClock(T0 + HOUR), **wrong)
