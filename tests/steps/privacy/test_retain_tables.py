"""Retain, table by table: what grows with traffic goes, and what is still needed stays."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from awbridge.domain.customer_page.answerable import Answerable
from awbridge.domain.customer_page.answers import AnswerState, CustomerAnswerKind, Wish
from awbridge.domain.orders.action import ActionKind, NewAction
from awbridge.domain.orders.shipment import State, shard_of
from awbridge.domain.privacy_setting import read_privacy
from awbridge.domain.reconciliation.differences import DifferenceKind, DifferenceTable, Ours
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.archive import ArchivePolicy, archive_due
from awbridge.steps.privacy.retain import RetainPolicy, retain
from awbridge.store import Store
from awbridge.store.customer_page import answers
from awbridge.store.notify import alarms
from awbridge.store.orders import actions
from awbridge.store.polling import windows
from awbridge.store.reconciliation import differences, reconciliations
from awbridge.store.reconciliation.differences import Finding
from awbridge.store.reconciliation.reconciliations import NewRun, Outcome, Stage
from awbridge.store.tracking import inbox, scans, update_sources
from awbridge.store.tracking.update_sources import UpdateSource
from tests.steps.privacy.test_retain import NOTHING, NOW, OLD, YOUNG, ended
from tests.support.evidence_rows import call, files, keep
from tests.support.rows import T0, add, count, delivery, fetch, new_scan, scan, sql
from tests.support.world import SetClock

LONG_AGO = OLD - timedelta(days=1)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.open(f"file://{tmp_path}/objects")


async def run(store: Store, objects: Objects, **changes: Any) -> dict[str, int]:
    """One round; how many rows went, by table."""
    policy = RetainPolicy(**{**NOTHING, "pause": 0.0, **changes})
    return dict((await retain(store=store, objects=objects, clock=SetClock(NOW), policy=policy)).counts)


async def put(store: Store, table: str, **values: object) -> None:
    """A row with these values."""
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    async with store.write() as session:
        await session.execute(sql(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})"), *values.values())


async def left(store: Store, table: str, column: str) -> list[Any]:
    return [row[column] for row in await fetch(store, f"SELECT {column} FROM {table} ORDER BY 1")]


async def test_the_update_sources_of_a_delivery_go_with_it(store: Store, objects: Objects) -> None:
    await add(store, "R")
    async with store.write() as session:
        await inbox.add(session, [delivery("applied"), delivery("due again"), delivery("young", received_at=YOUNG)])
        for one in await inbox.claim(session, now=NOW, limit=10):
            await update_sources.add(session, [UpdateSource("R", one, frozenset([0]))])
            await inbox.applied(session, [(one, None, 1)], now=T0)
        await session.execute(sql("UPDATE inbox SET due_at = $1 WHERE identity = 'due again'"), T0)
    assert await run(store, objects, inbox=30) == {"inbox": 1, "update_sources": 1}
    async with store.read() as session:
        sources = (await update_sources.of_shipments(session, ["R"]))["R"]
    assert sorted(t.delivery.identity for t in sources) == ["due again", "young"]
    assert await count(store, "update_sources") == 2


async def test_expected_dates_go_with_the_timeline_of_an_ended_shipment(store: Store, objects: Objects) -> None:
    await ended(store, "done")
    await add(store, "on its way")
    for reference, waybill in (("done", "AWB1"), ("on its way", "AWB2")):
        await put(
            store,
            "promises",
            **{"shard": shard_of(reference), "reference_number": reference, "stated_at": OLD, "edd": "2026-11-05"},
            **{"received_at": OLD, "source": "webhook"},
        )
        async with store.write() as session:
            await scans.add(session, [new_scan(reference, scan(waybill=waybill))])
    assert await run(store, objects, scans=30) == {"scans": 1, "promises": 1}
    assert await left(store, "promises", "reference_number") == ["on its way"]


async def an_event(store: Store, number: int, at: datetime, *states: str) -> None:
    """An event, and its delivery to an endpoint for each of these states."""
    await put(store, "events", shard=1, id=number, reference_number="R", kind="delivered", body="{}", created_at=at)
    for endpoint, state in enumerate(states):
        async with store.write() as session:
            await session.execute(sql(_ENDPOINT), endpoint, at)
        await put(
            store,
            "event_deliveries",
            **{"shard": 1, "event_id": number, "endpoint_id": endpoint, "state": state, "tries": 1, "updated_at": at},
        )


_ENDPOINT = """
INSERT INTO endpoints (id, url, kinds, secret, enabled, created_at, updated_at)
VALUES ($1, 'https://e', '', 's', TRUE, $2, $2)
ON CONFLICT (id) DO NOTHING
"""


async def test_events_go_when_every_endpoint_has_its_answer(store: Store, objects: Objects) -> None:
    await an_event(store, 1, OLD, "delivered", "failed")
    await an_event(store, 2, OLD, "delivered", "due")  # held back for an endpoint that is disabled
    await an_event(store, 3, OLD)  # its endpoint was forgotten
    await an_event(store, 4, YOUNG, "delivered")
    assert await run(store, objects, events=90) == {"events": 2, "event_deliveries": 2}
    assert await left(store, "events", "id") == [2, 4]
    assert await left(store, "event_deliveries", "event_id") == [2, 2, 4]


async def test_notices_go_once_settled_and_their_milestones_keep_them_from_coming_again(
    store: Store, objects: Objects
) -> None:
    for number, (state, at, due) in enumerate(
        [
            ("sent", OLD, None),
            ("suppressed", OLD, None),
            ("due", OLD, NOW),
            ("sending", OLD, OLD),
            ("sent", YOUNG, None),
        ]
    ):
        await put(
            store,
            "notices",
            **{"shard": 1, "id": number, "reference_number": f"R{number}", "milestone": "delivered", "channel": "mail"},
            **{"state": state, "why": "", "due_at": due, "tries": 1, "language": "en", "created_at": at},
        )
    await put(
        store,
        "milestones",
        **{"shard": 1, "reference_number": "R0", "milestone": "delivered", "status_at": OLD, "reached_at": OLD},
        why="",
    )
    assert await run(store, objects, notices=30) == {"notices": 2}
    assert await left(store, "notices", "id") == [2, 3, 4]
    assert await count(store, "milestones") == 1


async def test_actions_go_when_they_are_over(store: Store, objects: Objects) -> None:
    await ended(store, "done")
    await add(store, "on its way")
    made: dict[str, str] = {}

    async def an_action(name: str, kind: ActionKind, about: str | None, *, state: str = "done", **more: Any) -> None:
        new = NewAction(kind=kind, reference_number=about, body={}, **more)
        async with store.write() as session:
            asked, _ = await actions.add(session, new, now=OLD)
            await session.execute(
                sql("UPDATE actions SET state = $2, next_try_at = $3 WHERE id = $1"),
                *(asked.id, state, OLD if state == "due" else None),
            )
        made[asked.id] = name

    await an_action("a label", ActionKind.LABEL, "on its way")
    await an_action("a pickup", ActionKind.PICKUP, None)
    await an_action("refused, of one that ended", ActionKind.NDR, "done", state="refused")
    await an_action("still due", ActionKind.NDR, "done", state="due")
    await an_action("unclear", ActionKind.PICKUP, None, state="unclear")
    await an_action("refused", ActionKind.LABEL, "on its way", state="refused")
    await an_action("an edit", ActionKind.EDIT, "done")
    assert await run(store, objects, actions=30) == {"actions": 3}
    stay = {"still due", "unclear", "refused", "an edit"}
    assert {made[number] for number in await left(store, "actions", "id")} == stay
    assert await run(store, objects, actions=30, payloads=30) == {}  # about "done" something is still due
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET erased_at = $1 WHERE reference_number = 'done'"), NOW)
    assert await run(store, objects, actions=30) == {"actions": 1}  # it cannot be registered again any more


@pytest.mark.parametrize(
    ("kept", "asked_days_ago", "stays"), [(1, 29, True), (1, 31, False), (60, 59, True), (60, 61, False)]
)
async def test_what_was_asked_under_a_key_is_known_for_30_days_and_as_long_as_actions_are_kept(
    store: Store, objects: Objects, kept: int, asked_days_ago: int, stays: bool
) -> None:
    new = NewAction(kind=ActionKind.PICKUP, reference_number=None, body={}, idempotency_key="monday")
    async with store.write() as session:
        asked, _ = await actions.add(session, new, now=NOW - timedelta(days=asked_days_ago))
        await actions.done(session, asked.id, result={}, now=NOW)
    assert await run(store, objects, actions=kept) == ({} if stays else {"actions": 1})
    async with store.write() as session:
        _, created = await actions.add(session, new, now=NOW)
    assert created is not stays


async def a_run(store: Store, name: str, *, finished_at: datetime | None, looked_at: datetime | None = None) -> int:
    """A reconciliation with three differences, of which one is looked at again then."""
    new = NewRun(
        identity=name, source="hand", kind=DifferenceTable.REGISTERED, name=name, day=None, state=Stage.MATCHING
    )
    found = [
        Finding(
            kind=DifferenceKind.MISSING_THERE,
            ours=Ours(reference_number=f"{name}-{n}", waybill=f"W{n}", courier_partner_id=4, state=State.PLACED),
            theirs=None,
        )
        for n in range(3)
    ]
    async with store.write() as session:
        begun = await reconciliations.begin(session, reconciliations.new_id(), new, now=OLD)
        await differences.add(session, begun.id, found, check_at=OLD, now=OLD)
        await session.execute(sql("UPDATE differences SET next_check_at = NULL WHERE reconciliation_id = $1"), begun.id)
        await session.execute(
            sql("UPDATE differences SET next_check_at = $2 WHERE reconciliation_id = $1 AND item = $3"),
            *(begun.id, looked_at, f"{name}-1"),
        )
        if finished_at:
            taken = await reconciliations.claim(session, owner="me", now=OLD, until=OLD, only=begun.id)
            assert taken
            assert await reconciliations.finish(session, taken, Outcome(), now=finished_at)
    return begun.id


async def test_a_reconciliation_goes_with_its_differences_once_nobody_looks_at_them(
    store: Store, objects: Objects
) -> None:
    await a_run(store, "old", finished_at=OLD)
    await a_run(store, "looked at", finished_at=OLD, looked_at=NOW)
    await a_run(store, "under way", finished_at=None)
    await a_run(store, "young", finished_at=YOUNG)
    assert await run(store, objects, reconciliations=30, batch=2) == {"differences": 3, "reconciliations": 1}
    async with store.read() as session:
        names = sorted(one.name for one in await reconciliations.newest(session))
    assert names == ["looked at", "under way", "young"]
    assert await count(store, "differences") == 9


async def test_covered_minutes_go_but_never_the_watermark_or_what_is_not_covered(
    store: Store, objects: Objects
) -> None:
    for number, done in enumerate([True, False, True, True]):
        begin = OLD + timedelta(minutes=5 * number)
        await put(
            store,
            "catch_up_windows",
            **{"from_at": begin, "to_at": begin + timedelta(minutes=5), "items": 0, "done_at": OLD if done else None},
        )
    async with store.read() as session:
        before = await windows.covered_until(session)
    assert await run(store, objects, runs=30, batch=1) == {"catch_up_windows": 2}
    assert await left(store, "catch_up_windows", "from_at") == [OLD + timedelta(minutes=5), OLD + timedelta(minutes=15)]
    async with store.read() as session:
        assert await windows.covered_until(session) == before


async def test_the_minutes_of_the_last_week_stay_whatever_the_settings_say(store: Store, objects: Objects) -> None:
    for days in (9, 7, 1):
        begin = NOW - timedelta(days=days)
        await put(
            store,
            "catch_up_windows",
            **{"from_at": begin, "to_at": begin + timedelta(minutes=5), "items": 0, "done_at": begin},
        )
    assert await run(store, objects, runs=1) == {"catch_up_windows": 1}


async def test_alarms_that_are_over_and_notified_go(store: Store, objects: Objects) -> None:
    async with store.write() as session:
        for cause in ("over", "raised", "its end is due", "over since yesterday"):
            await alarms.raise_(session, cause, "text", now=OLD)
        for alarm in await alarms.claim(session, now=OLD, until=OLD, limit=9):
            if alarm.cause != "over":
                await alarms.record_notified(session, alarm, now=OLD)
        await alarms.clear(session, "over", now=OLD)
        await alarms.clear(session, "its end is due", now=OLD)
        await alarms.clear(session, "over since yesterday", now=YOUNG)
    assert await run(store, objects, runs=30) == {"alarms": 1}
    assert await left(store, "alarms", "cause") == ["its end is due", "over since yesterday", "raised"]


async def test_an_alarm_that_is_raised_again_while_old_ones_go_stays(store: Store, objects: Objects) -> None:
    async with store.write() as session:
        await alarms.raise_(session, "disk", "full", now=OLD)
        await alarms.clear(session, "disk", now=OLD)
    async with store.write() as session:
        await alarms.raise_(session, "disk", "full again", now=NOW)
        going = asyncio.create_task(run(store, objects, runs=30))
        await asyncio.sleep(0.2)  # it has chosen by now what goes, and waits for this transaction
    assert await going == {}
    assert await left(store, "alarms", "text") == ["full again"]


async def test_digests_and_replays_that_are_over_go(store: Store, objects: Objects) -> None:
    for day, due in ((OLD, None), (LONG_AGO, OLD), (YOUNG, None)):
        await put(store, "digests", day=day.date().isoformat(), due_at=due, sent=True)
    for at, done in ((OLD, OLD), (LONG_AGO, None), (YOUNG, YOUNG)):
        values = {"started_at": at, "shard": 1, "reference_number": "R", "shipments": 1, "changed": 0, "done_at": done}
        await put(store, "replays", **values)
    assert await run(store, objects, runs=30) == {"digests": 1, "replays": 1}
    assert await left(store, "replays", "started_at") == [LONG_AGO, YOUNG]
    assert await left(store, "digests", "day") == [LONG_AGO.date().isoformat(), YOUNG.date().isoformat()]


async def test_a_file_leaves_the_archive_after_its_days_but_not_before_its_calls_left_the_table(
    store: Store, objects: Objects, tmp_path: Path
) -> None:
    await keep(store, call())
    policy = ArchivePolicy(folder=tmp_path / "local", privacy=read_privacy(""))
    while await archive_due(store=store, objects=objects, clock=SetClock(OLD + timedelta(hours=1)), policy=policy):
        pass
    (file,) = await files(store)
    assert await objects.get(file.object_key)
    assert await run(store, objects, archive=30) == {}  # no archive is configured: that is not ours to empty
    assert await run(store, objects, archive=30, archive_configured=True) == {}
    done = await run(store, objects, archive=30, attempts=30, archive_configured=True)
    assert done == {"attempts": 1, "archive_files": 1}
    assert await objects.get(file.object_key) is None
    assert await files(store) == []


async def test_labels_print_runs_and_manifests_go_but_no_number_is_given_twice(store: Store, objects: Objects) -> None:
    names = {OLD: "R1", YOUNG: "R2"}
    for at, name in names.items():
        key = {"shard": shard_of(name), "reference_number": name}
        await put(store, "labels", **key, piece=0, waybill="W", url="https://x", tries=0, created_at=at)
        printed = {"layout": "a4", "shipments": 1, "problems": 0, "created_at": at, "created_by": "a"}
        await put(store, "print_runs", id=int(name[1:]), **printed)
        await put(store, "print_lines", **key, run=int(name[1:]), position=0, account="4:main", printed_at=at)
    manifest = {"account": "4:main", "courier_partner_id": 4, "parcels": 1, "cod_total": "0", "created_by": "a"}
    for number in (1, 2):
        await put(store, "manifests", number=number, created_at=OLD, **manifest)
        name = f"R{number}"
        line = {"manifest": number, "position": 1, "waybill": "W", "pieces": 1, "cod": ""}
        await put(store, "manifest_lines", shard=shard_of(name), reference_number=name, **line)
    assert await run(store, objects, labels=30) == {"labels": 1}
    assert await left(store, "labels", "reference_number") == ["R2"]
    gone = await run(store, objects, manifests=30)
    assert gone == {"print_lines": 1, "print_runs": 1, "manifest_lines": 2, "manifests": 1}
    assert await left(store, "manifests", "number") == [2], "the last number is known"
    assert await left(store, "print_lines", "reference_number") == ["R2"]


async def test_answers_go_once_they_have_ended_and_tries_with_our_own_records(store: Store, objects: Objects) -> None:
    wish = Wish(kind=CustomerAnswerKind.REFUSE)
    async with store.write() as session:
        for name in ("waits", "sent", "dismissed", "new"):
            at = NOW - timedelta(days=1 if name == "new" else 40)
            about = Answerable(waybill="", about_at=at, ndr_code=1, kinds=())
            answer = await answers.add(session, name, 4, wish, about, now=at)
            if name != "waits":
                state = AnswerState.SENT if name == "sent" else AnswerState.DISMISSED
                await answers.settle(session, answer.id, state, by="ops", now=at)
            await answers.count_try(session, name, now=at)
    assert await run(store, objects, actions=30) == {"customer_answers": 1}
    assert set(await left(store, "customer_answers", "reference_number")) == {"waits", "sent", "new"}
    assert await run(store, objects, runs=30) == {"answer_tries": 3}
    assert await left(store, "answer_tries", "reference_number") == ["new"]
