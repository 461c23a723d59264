"""Replay: the rows of a shipment rebuilt from the inbox are the rows that were there."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from awbridge.domain.errors import NotFound
from awbridge.domain.tracking.overdue import StuckAfter
from awbridge.domain.tracking.scan import Source
from awbridge.steps.tracking import replay
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.steps.tracking.shipment_details import ShipmentDetails, shipment_details
from awbridge.store import Store
from awbridge.store.notify import endpoints
from awbridge.store.orders import lists
from awbridge.store.tracking import inbox, update_sources
from tests.support.rows import MINUTE, T0, add, count, delivery, fetch, place, sql
from tests.support.stores import sqlite_only
from tests.support.world import INDIA, SetClock, as_body, get, indian, timeline, webhook

pytestmark = pytest.mark.heavy

POLICY = ApplyPolicy(zone=INDIA)
NOW = T0 + timedelta(days=9)
JOURNEY = [(28, 0), (3, 30), (4, 60), (5, 300), (6, 600), (9, 700), (9, 700), (21, 900), (14, 2000)]
EDDS = ("2026-11-05", "2026-11-05T00:00:00Z", "06-11-2026", "", "soon")


async def receive(store: Store, at: datetime, source: Source, *bodies: Any) -> None:
    async with store.write() as session:
        known = (await inbox.counts(session))["total"]
        rows = [delivery(f"d{known + n}", source=source, received_at=at, body=as_body(b)) for n, b in enumerate(bodies)]
        await inbox.add(session, rows)


async def apply(store: Store, policy: ApplyPolicy = POLICY) -> None:
    while await apply_due(store=store, clock=SetClock(NOW), policy=policy):
        pass


async def rows(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Everything that tracking says, but not the ids of rows."""
    columns = {
        "shipments": "*",
        "promises": "shard, reference_number, stated_at, edd, received_at, source",
        "scans": "reference_number, fingerprint, scan_id, checkpoint_id, waybill, courier_partner_id, status_code, "
        "status, remark, location, ndr_code, npr_code, npr_description, scanned_at, received_at, source",
    }
    found = {table: await fetch(store, f"SELECT {names} FROM {table}") for table, names in columns.items()}
    earlier = "CASE WHEN scanned_at < received_at THEN scanned_at ELSE received_at END AS stated_at"
    columns_of_promises = f"shard, reference_number, {earlier}, edd, received_at, source"
    found["promises"] += await fetch(store, f"SELECT {columns_of_promises} FROM scans WHERE edd IS NOT NULL")
    return {table: sorted(rows, key=repr) for table, rows in found.items()}


async def ids(store: Store) -> list[int]:
    return [row["id"] for row in await fetch(store, "SELECT id FROM scans ORDER BY id")]


async def wipe(store: Store) -> None:
    """Lose all that was derived from deliveries; only which of them updated which shipment is kept."""
    async with store.write() as session:
        for reference in {row["reference_number"] for row in await fetch(store, "SELECT reference_number FROM scans")}:
            await update_sources.take_out(session, reference, since=T0 - timedelta(days=999))
        await session.execute(sql("DELETE FROM scans"))
        await session.execute(sql("DELETE FROM promises"))
        nothing = (
            "status_code = NULL, status_at = NULL, status_bucket = NULL, status_step = 0, final = FALSE, edd = NULL"
        )
        more = "edd_due_at = NULL, edd_stated_at = NULL, ndr_at = NULL, ndr_code = NULL, npr_code = NULL"
        await session.execute(sql(f"UPDATE shipments SET {nothing}, {more}"))


async def rebuild_all(store: Store, *, batch: int = 2, reading: ApplyPolicy = POLICY) -> replay.Rebuilt:
    world: dict[str, Any] = {"store": store, "clock": SetClock(NOW)}
    await replay.begin(**world)
    while done := await replay.rebuild_some(**world, reading=reading, batch=batch):
        if done.done:
            return done
    raise AssertionError("it ends by saying so")


async def truth(store: Store, reference: str = "R") -> ShipmentDetails:
    shipment = await get(store, reference)
    async with store.read() as session:
        return await shipment_details(session, shipment, limits=StuckAfter(), now=NOW)


def random_delivery(dice: random.Random, waybill: str) -> tuple[Source, dict[str, Any]]:
    """A delivery from any side, about any moment of the journey, with or without what others carry."""
    step = dice.randrange(len(JOURNEY))
    latest = dice.randrange(step, len(JOURNEY))
    source = dice.choice(list(Source))
    scan = [
        {"timestamp": indian(T0 + m * MINUTE), "clickpost_status_code": c, "status": f"s{c}", "location": "Pune"}
        for c, m in JOURNEY
    ]
    additional = {"courier_partner_edd": dice.choice(EDDS), "ndr_status_code": dice.choice((None, 0, 2, 5))}
    additional |= {"npr_status_code": dice.choice((None, 0, 3, 7)), "npr_status_description": dice.choice((None, "n"))}
    if source is Source.TRACK_ORDER:
        scans = [s | {"checkpoint_id": 90 + n} for n, s in enumerate(scan[: latest + 1])]
        result = {"latest_status": scan[latest], "scans": scans, "additional": additional}
        return source, {"waybill": waybill, "cp_id": 4, "result": result}
    body = {"waybill": waybill, "cp_id": 4, **scan[step], "additional": additional}
    if source is Source.WEBHOOK:
        additional["latest_status"] = scan[latest]
        if dice.random() < 0.5:
            body["order_status_id"] = 10 + step
        if dice.random() < 0.2:
            body["timestamp"] = dice.choice(["?", indian(NOW + timedelta(days=400))])
        if dice.random() < 0.2:
            body["rto_awb"] = f"RTO of {waybill}"
    return source, body


async def live(store: Store, dice: random.Random) -> None:
    """A history: deliveries before and after their shipment is placed, in bits, some lost, some about two shipments."""
    await add(store, "R", "S")
    for n in range(dice.randint(2, 14)):
        waybill = dice.choice(["AWB1", "AWB1", "AWB2", "AWB1-2", "RTO of AWB1"])
        source, body = random_delivery(dice, waybill)
        together = source is Source.WEBHOOK and dice.random() < 0.2
        bodies = [[body, random_delivery(dice, "AWB2")[1] | {"result": None}]] if together else [body]
        await receive(
            store, T0 + timedelta(days=1, minutes=dice.randrange(40) if dice.random() < 0.3 else n), source, *bodies
        )
        if n == 2:
            await place(store, "R", "AWB1", children=("AWB1-2",))
        if dice.random() < 0.5:
            await apply(store)
    await place(store, "R", "AWB1", children=("AWB1-2",), now=NOW)
    await place(store, "S", "AWB2", now=NOW)
    await apply(store)


@pytest.mark.parametrize("seed", range(6))
async def test_a_replay_comes_to_the_same_rows_and_writes_none(store: Store, seed: int) -> None:
    await live(store, random.Random(seed))
    before, known = await rows(store), await ids(store)
    assert (await rebuild_all(store)).changed == 0
    assert (await rows(store), await ids(store)) == (before, known)


@pytest.mark.parametrize("seed", range(6))
async def test_a_replay_after_all_was_lost_comes_to_the_same_rows(store: Store, seed: int) -> None:
    await live(store, random.Random(seed))
    before = await rows(store)
    await wipe(store)
    rebuilt = await rebuild_all(store)
    after = await rows(store)
    for row in (*before["shipments"], *after["shipments"]):
        del row["updated_at"], row["next_poll_at"]
    assert after == before
    assert rebuilt.shipments == sum(row["last_tracked_at"] is not None for row in before["shipments"])


@sqlite_only
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
@example(seed=50)  # a stored scan is replaced by a rebuilt one, and deliveries that repeated it are stored with it
async def test_any_history_is_rebuilt_as_it_was(store: Store, seed: int) -> None:
    async with store.write() as session:
        for table in ("scans", "promises", "update_sources", "inbox", "waybills", "shipments", "replays"):
            await session.execute(sql(f"DELETE FROM {table}"))
    await live(store, random.Random(seed))
    before = await rows(store)
    assert (await rebuild_all(store)).changed == 0
    assert await rows(store) == before


async def test_one_shipment_can_be_rebuilt_alone(store: Store) -> None:
    await live(store, random.Random(1))
    before = await truth(store)
    await wipe(store)
    world: dict[str, Any] = {"store": store, "clock": SetClock(NOW), "reading": POLICY}
    assert await replay.rebuild_one(**world, reference_number="R")
    assert await truth(store) == before
    assert not await replay.rebuild_one(**world, reference_number="R")
    with pytest.raises(NotFound):
        await replay.rebuild_one(**world, reference_number="NOPE")


async def test_a_replay_that_was_broken_off_goes_on_where_it_stopped(store: Store) -> None:
    for n in range(5):
        await add(store, f"R{n}")
        await place(store, f"R{n}", f"AWB{n}")
        await receive(store, NOW, Source.WEBHOOK, webhook(f"AWB{n}", 5, T0))
    await apply(store)
    world: dict[str, Any] = {"store": store, "clock": SetClock(NOW)}
    await replay.begin(**world)
    assert await replay.rebuild_some(**world, reading=POLICY, batch=3) == replay.Rebuilt(shipments=3, changed=0)
    assert (await replay.begin(**world)).shipments == 3
    assert (await rebuild_all(store)).shipments == 5
    assert await replay.rebuild_some(**world, reading=POLICY) is None
    later: dict[str, Any] = {"store": store, "clock": SetClock(NOW + MINUTE)}
    await replay.begin(**later)
    await replay.rebuild_some(**later, reading=POLICY, batch=3)
    assert (await replay.begin(store=store, clock=SetClock(NOW + 2 * MINUTE), restart=True)).shipments == 0


async def test_what_is_no_longer_in_the_inbox_stays(store: Store) -> None:
    await add(store, "R")
    await place(store, "R", "AWB1")
    first, second = webhook("AWB1", 9, T0), webhook("AWB1", 6, T0 + 60 * MINUTE)
    first["additional"] |= {"courier_partner_edd": "2026-11-05", "ndr_status_code": 3}
    await receive(store, T0 + 2 * 60 * MINUTE, Source.WEBHOOK, first)
    await receive(store, T0 + 3 * 60 * MINUTE, Source.WEBHOOK, second)
    await apply(store)
    before = await rows(store)
    async with store.write() as session:
        await session.execute(sql("DELETE FROM inbox WHERE identity = 'd0'"))
    assert (await rebuild_all(store)).changed == 0
    assert await rows(store) == before
    assert (await get(store, "R")).edd == "2026-11-05"


async def test_a_change_of_the_time_zone_is_mended_by_a_replay(store: Store) -> None:
    await add(store, "R")
    await place(store, "R", "AWB1")
    await receive(
        store, NOW, Source.WEBHOOK, webhook("AWB1", 5, T0), webhook("AWB1", 8, T0 + MINUTE, order_status_id=4)
    )
    await apply(store)
    assert (await rebuild_all(store, reading=ApplyPolicy(zone=INDIA, z_means_utc=True))).changed == 1
    mended = [s.scanned_at.replace(microsecond=0) for s in await timeline(store, "R")]
    by = timedelta(hours=5, minutes=30)
    assert mended == [(T0 + by).replace(microsecond=0), (T0 + MINUTE + by).replace(microsecond=0)]
    assert (await get(store, "R")).status_at == mended[-1]


async def test_what_an_older_version_applied_is_applied_again_first(store: Store) -> None:
    await live(store, random.Random(3))
    before = await rows(store)
    async with store.write() as session:
        await session.execute(sql("DELETE FROM update_sources"))
        await session.execute(sql("UPDATE inbox SET shipments_updated = NULL"))
    assert (await rebuild_all(store)).changed == 0
    assert await rows(store) == before, "nothing is forgotten for want of update_sources"
    applied = (await fetch(store, "SELECT COUNT(*) AS n FROM inbox WHERE applied_at IS NOT NULL"))[0]["n"]
    assert await replay.prepare(store=store, clock=SetClock(NOW)) == applied > 0
    await apply(store)
    assert await count(store, "update_sources") > 0
    after = await rows(store)
    for table in ("promises", "scans"):
        assert after[table] == before[table]
    assert await replay.prepare(store=store, clock=SetClock(NOW)) == 0


async def test_a_shipment_that_turns_out_open_is_asked_for_again(store: Store) -> None:
    await add(store, "R")
    await place(store, "R", "AWB1")
    await receive(store, NOW, Source.WEBHOOK, webhook("AWB1", 5, T0))
    await apply(store)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET final = TRUE, status_code = 8, next_poll_at = NULL"))
    await rebuild_all(store)
    after = await get(store, "R")
    assert (after.final, after.status_code, after.next_poll_at) == (False, 5, NOW)
    async with store.read() as session:
        assert len(await lists.newest(session)) == 1


async def test_a_shipment_on_the_list_of_the_silent_stays_there_until_something_new_arrives(store: Store) -> None:
    await add(store, "R")
    await place(store, "R", "AWB1")
    await receive(store, T0, Source.WEBHOOK, webhook("AWB1", 5, T0))
    await apply(store)
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET status_code = 4, aged_out_at = $1, next_poll_at = NULL"), T0)
    assert (await rebuild_all(store)).changed == 1
    after = await get(store, "R")
    assert (after.status_code, after.aged_out_at, after.next_poll_at) == (5, T0, None)
    await receive(store, NOW, Source.WEBHOOK, webhook("AWB1", 6, NOW))
    await apply(store)
    after = await get(store, "R")
    assert (after.status_code, after.aged_out_at, after.next_poll_at) == (6, None, NOW + timedelta(hours=23))


async def test_a_rebuild_sends_no_events(store: Store) -> None:
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
    await add(store, "R")
    await place(store, "R", "AWB1")
    for code, minutes in ((4, 0), (8, 60)):
        at = T0 + minutes * MINUTE
        await receive(store, at, Source.WEBHOOK, webhook("AWB1", code, at))
        await apply(store)
    events = await fetch(store, "SELECT kind FROM events ORDER BY id")
    assert [row["kind"] for row in events] == ["status.changed", "status.changed", "delivered"]
    await wipe(store)
    await rebuild_all(store)
    assert await fetch(store, "SELECT kind FROM events ORDER BY id") == events
    assert await count(store, "milestones") == 2
