"""Retain: old rows go in small batches, what is still needed stays, and nobody waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from awbridge.domain.privacy import ERASED
from awbridge.domain.privacy_setting import read_privacy
from awbridge.domain.tracking.lifecycle import Sighting
from awbridge.domain.tracking.scan import Source
from awbridge.sinks.objects import Objects
from awbridge.steps.audit import archive as archive_step
from awbridge.steps.audit.archive import ArchivePolicy, archive_due
from awbridge.steps.audit.publish import publish
from awbridge.steps.privacy.retain import Retained, RetainPolicy, retain
from awbridge.steps.tracking import ingest
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.store.audit import reports, runs
from awbridge.store.audit.reports import Report
from awbridge.store.tracking import inbox, scans
from awbridge.store.tracking.inbox import NewDelivery
from awbridge.store.tracking.tracking_status import TrackingStatus
from tests.support.evidence_rows import NAME, PHONE, call, good_call, keep, more_about, order_of
from tests.support.rows import T0, add, count, delivery, fetch, new_scan, place, scan, set_tracking_status, sql
from tests.support.stopwatch import Stopwatch
from tests.support.world import SetClock, get

pytestmark = pytest.mark.heavy

NOW = T0 + timedelta(days=100)
OLD, YOUNG = T0, NOW - timedelta(days=1)
NOTHING = dict.fromkeys((f.name for f in fields(RetainPolicy) if f.type == "int" and f.name != "batch"), 0)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.open(f"file://{tmp_path}/objects")


async def run(store: Store, objects: Objects, clock: SetClock | None = None, **days: Any) -> Retained:
    policy = RetainPolicy(**{**NOTHING, "pause": 0.0, **days})
    return await retain(store=store, objects=objects, clock=clock or SetClock(NOW), policy=policy)


async def ended(store: Store, reference: str, *, at: datetime = OLD) -> None:
    """A shipment that was delivered."""
    await add(store, reference, now=at, payload=order_of(reference))
    await place(store, reference, f"AWB-{reference}", now=at)
    async with store.write() as session:
        status = TrackingStatus(
            sighting=Sighting(code=8, seen_at=at, step=9, final=True), bucket=6, edd=None, ndr_code=None
        )
        await set_tracking_status(session, reference, status, last_tracked_at=at, next_poll_at=None)


async def test_calls_older_than_their_days_go_and_younger_ones_stay(store: Store, objects: Objects) -> None:
    for at in (OLD, NOW - timedelta(days=90, seconds=-1), YOUNG):
        await keep(store, call(), at=at)
    assert (await run(store, objects, attempts=90)).counts == {"attempts": 1}
    assert await count(store, "attempts") == 2
    assert (await run(store, objects, attempts=90)).counts == {}


async def test_zero_days_keep_for_ever(store: Store, objects: Objects) -> None:
    await keep(store, call(), at=OLD)
    assert (await run(store, objects)).counts == {}
    assert await count(store, "attempts") == 1


async def test_with_an_archive_nothing_goes_that_is_not_in_it(store: Store, objects: Objects, tmp_path: Path) -> None:
    await keep(store, call())
    await keep(store, good_call(), outcome="placed")
    assert (await run(store, objects, attempts=90, archive_configured=True)).counts == {}
    policy = ArchivePolicy(folder=tmp_path / "local", privacy=read_privacy(""))
    while await archive_due(store=store, objects=objects, clock=SetClock(NOW), policy=policy):
        pass
    await archive_step.empty(store=store, objects=objects, clock=SetClock(NOW))
    assert (await run(store, objects, attempts=90, archive_configured=True)).counts == {"attempts": 1}  # the good one
    await archive_step.refill(store=store, objects=objects, clock=SetClock(NOW))
    assert (await run(store, objects, attempts=90, archive_configured=True)).counts == {}
    while await archive_due(store=store, objects=objects, clock=SetClock(NOW), policy=policy):
        pass
    assert (await run(store, objects, attempts=90, archive_configured=True)).counts == {"attempts": 1}
    assert await count(store, "attempts") == 0


async def test_deliveries_go_once_applied_but_never_while_a_shipment_waits_for_them(
    store: Store, objects: Objects
) -> None:
    async with store.write() as session:
        await inbox.add(session, [delivery("applied"), delivery("waits"), delivery("aside", problem="what is this")])
        for one in await inbox.claim(session, now=T0, limit=10):
            if one.identity == "applied":
                await inbox.applied(session, [(one, None, 1)], now=T0)
            else:
                await inbox.wait(session, one, key="w:1", until=T0)
        await inbox.add(session, [delivery("due")])
    assert (await run(store, objects, inbox=30)).counts == {"inbox": 1}
    left = await fetch(store, "SELECT identity FROM inbox ORDER BY identity")
    assert [row["identity"] for row in left] == ["aside", "due", "waits"]


async def test_scans_go_only_when_their_shipment_has_ended(store: Store, objects: Objects) -> None:
    await ended(store, "done")
    await add(store, "on its way")
    async with store.write() as session:
        await scans.add(session, [new_scan("done", scan()), new_scan("on its way", scan(waybill="AWB2"))])
    assert (await run(store, objects, scans=30)).counts == {"scans": 1}
    left = await fetch(store, "SELECT reference_number FROM scans")
    assert [row["reference_number"] for row in left] == ["on its way"]


async def test_an_ended_shipment_stays_without_its_customer(store: Store, objects: Objects) -> None:
    await ended(store, "done")
    await ended(store, "young", at=YOUNG)
    await add(store, "open", payload=order_of("open"))
    assert (await run(store, objects, payloads=30)).counts == {"payloads": 1}
    bare = await get(store, "done")
    assert bare.payload["drop_info"]["drop_phone"] == ERASED
    assert bare.payload["shipment_details"]["reference_number"] == "done"
    assert PHONE not in str(bare.payload)
    assert NAME not in str(bare.payload)
    for reference in ("young", "open"):
        assert PHONE in str((await get(store, reference)).payload)
    assert (await run(store, objects, payloads=30)).counts == {}


async def test_its_former_payloads_and_actions_go_without_the_customer_too(store: Store, objects: Objects) -> None:
    await ended(store, "done")
    await more_about(store, "done")
    assert (await run(store, objects, payloads=30)).counts == {"payloads": 2}  # and a pickup about no shipment
    for table in ("payload_versions", "actions"):
        left = str(await fetch(store, f"SELECT * FROM {table}"))
        assert ERASED in left
        assert PHONE not in left
        assert "MG Road" not in left
    assert (await run(store, objects, payloads=30)).counts == {}


async def test_old_runs_go_but_the_last_of_each_job_stays(store: Store, objects: Objects) -> None:
    async with store.write() as session:
        for job in ("a", "b"):
            for days in (0, 1):
                await runs.begin(session, job, OLD + timedelta(days=days), now=OLD)
    assert (await run(store, objects, runs=30)).counts == {"runs": 2}
    async with store.read() as session:
        assert [len(await runs.recent(session, job, limit=9)) for job in ("a", "b")] == [1, 1]


async def test_an_old_report_goes_with_its_file(store: Store, objects: Objects) -> None:
    for at in (OLD, YOUNG):
        day = at.date().isoformat()
        report = Report(id=day, kind="failures", day=day, destination="own", shipments=1, calls=1, created_at=at)
        await publish(store=store, objects=objects, report=report, content=b"zip")
    assert (await run(store, objects, reports=30)).counts == {"reports": 1}
    async with store.read() as session:
        (left,) = await reports.newest(session, limit=9)
    assert left.day == YOUNG.date().isoformat()
    assert await objects.get(f"reports/failures/{OLD.date()}/own.zip") is None
    assert await objects.get(str(left.object_key)) == b"zip"


async def test_a_round_whose_time_is_over_says_that_there_is_more(store: Store, objects: Objects) -> None:
    await keep(store, *[call() for _ in range(20)])
    first = await run(store, objects, attempts=90, batch=1, pause=0.05, budget=0.5)
    assert first.more
    assert 0 < await count(store, "attempts") < 20
    while (await run(store, objects, attempts=90, batch=1)).more:
        pass
    assert await count(store, "attempts") == 0


async def test_webhooks_are_stored_while_old_rows_go(
    store: Store, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_time, rows = ingest.TIMEOUT, 6000
    monkeypatch.setattr(ingest, "TIMEOUT", 60.0)  # what is waited for here is measured
    async with store.write() as session:
        await inbox.add(session, [NewDelivery(f"old {n}", Source.WEBHOOK, b"x" * 2000, OLD) for n in range(rows)])
        await session.execute(sql("DELETE FROM inbox_batches"))
    storing = Ingest(store)
    flushing = asyncio.create_task(storing.run())
    retaining = asyncio.create_task(run(store, objects, inbox=30, batch=100, pause=0.005))
    waits: list[float] = []
    try:
        while not retaining.done():
            watch = Stopwatch()
            await storing.accept(delivery(f"new {len(waits)}", received_at=NOW))
            waits.append(watch.seconds)
            await asyncio.sleep(0.005)
        assert (await retaining).counts == {"inbox": rows}
    finally:
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
    assert len(waits) > 10
    assert max(waits) < in_time
    assert await count(store, "inbox") == len(waits)
