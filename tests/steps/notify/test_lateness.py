"""Lateness: what no scan says. Past the expected day, or without any movement."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from awbridge.domain.notify.events import EventKind
from awbridge.steps.notify.lateness import Lateness, LatenessPolicy
from awbridge.steps.tracking.apply import apply_due
from awbridge.store import Store
from awbridge.store.notify import endpoints, notices
from tests.steps.tracking.test_apply import POLICY as APPLY
from tests.steps.tracking.test_apply import deliver
from tests.support.notices import a_customer
from tests.support.rows import T0, fetch
from tests.support.stuck import mark_stuck
from tests.support.world import SetClock, webhook

POLICY = LatenessPolicy(page=2)


async def hear(store: Store, clock: SetClock, waybill: str, code: int, *, edd: str | None = None) -> None:
    body = webhook(waybill, code, clock.now)
    body["additional"]["courier_partner_edd"] = edd
    await deliver(store, body, at=clock.now)
    await apply_due(store=store, clock=clock, policy=APPLY)


async def reached(store: Store, reference: str) -> set[str]:
    async with store.read() as session:
        return {r.milestone.value for r in await notices.milestones_of(session, reference)}


async def look(store: Store, clock: SetClock) -> None:
    await mark_stuck(store, clock())
    lateness = Lateness(store=store, clock=clock, policy=POLICY)
    while await lateness.check():
        pass


async def test_the_day_after_the_expected_one_it_is_late(store: Store) -> None:
    clock = SetClock(T0)
    await a_customer(store, "R", "AWB1")
    await hear(store, clock, "AWB1", 5, edd="2026-11-02 00:00:00")
    clock.now = T0 + timedelta(hours=11)  # 23:30 in India, still that day
    await look(store, clock)
    assert await reached(store, "R") == {"shipped"}
    clock.forward(hours=1)
    await look(store, clock)
    assert await reached(store, "R") == {"shipped", "delayed"}


async def test_a_courier_that_says_delayed_before_the_expected_day_makes_nobody_late(store: Store) -> None:
    clock = SetClock(T0)
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
    await a_customer(store, "R", "AWB1")
    await hear(store, clock, "AWB1", 18, edd="2026-11-03")
    await look(store, clock)
    assert await reached(store, "R") == {"shipped"}
    clock.forward(days=1, hours=12)
    await look(store, clock)
    assert await reached(store, "R") == {"shipped", "delayed"}
    rows = await fetch(store, "SELECT kind FROM events ORDER BY id")
    assert [r["kind"] for r in rows] == ["status.changed", "delayed"]


async def test_what_arrived_or_goes_back_is_not_late(store: Store) -> None:
    clock = SetClock(T0)
    for reference, waybill, code in (("DONE", "AWB1", 8), ("BACK", "AWB2", 11), ("ODD", "AWB3", 5)):
        await a_customer(store, reference, waybill)
        await hear(store, clock, waybill, code, edd="2026-11-02" if reference != "ODD" else "soon")
    clock.forward(days=2)
    await look(store, clock)
    for reference in ("DONE", "BACK", "ODD"):
        assert "delayed" not in await reached(store, reference)


async def test_every_silent_parcel_is_found_once_over_all_pages_and_workers(store: Store) -> None:
    clock = SetClock(T0)
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", kinds=[EventKind.STUCK], now=T0)
    for number in range(5):
        await a_customer(store, f"R{number}", f"AWB{number}")
        await hear(store, clock, f"AWB{number}", 5)
    clock.forward(days=3, minutes=1)
    for _ in range(2):
        await asyncio.gather(*(look(store, clock) for _ in range(3)))
    rows = await fetch(store, "SELECT kind, reference_number FROM events ORDER BY reference_number")
    assert [(r["kind"], r["reference_number"]) for r in rows] == [("stuck", f"R{n}") for n in range(5)]


async def test_what_was_placed_and_never_seen_is_stuck_too(store: Store) -> None:
    clock = SetClock(T0)
    async with store.write() as session:
        await endpoints.add(session, "https://erp.example/", now=T0)
    await a_customer(store, "R", "AWB1")
    clock.forward(hours=47)
    await look(store, clock)
    assert await reached(store, "R") == set()
    clock.forward(hours=2)
    await look(store, clock)
    assert await reached(store, "R") == {"stuck"}
    (row,) = await fetch(store, "SELECT body, packed_body FROM events")
    event = json.loads(row["body"])
    assert (event["type"], event["data"]["status_code"], event["data"]["status_at"]) == ("stuck", None, None)


async def test_it_rests_between_rounds(store: Store) -> None:
    clock = SetClock(T0)
    lateness = Lateness(store=store, clock=clock, policy=POLICY)
    await lateness.check()
    await a_customer(store, "R", "AWB1")
    await hear(store, clock, "AWB1", 5, edd="2026-11-01")
    assert await lateness.check() == 0
    clock.forward(minutes=16)
    assert await lateness.check() == 1


async def test_what_moves_as_it_should_is_not_even_read(store: Store) -> None:
    clock = SetClock(T0)
    for number, code in enumerate((5, 6, 9, 11)):
        await a_customer(store, f"R{number}", f"AWB{number}")
        await hear(store, clock, f"AWB{number}", code, edd="2026-12-01")
    clock.forward(hours=40)
    lateness = Lateness(store=store, clock=clock, policy=POLICY)
    assert await lateness.check() == 0
    clock.forward(hours=20)
    await mark_stuck(store, clock())
    assert [await lateness.check() for _ in range(2)] == [2, 0], "out for delivery, then failed"


async def test_each_leg_has_its_own_limit_and_all_are_walked(store: Store) -> None:
    clock = SetClock(T0)
    codes = {"MOVING": 5, "OUT": 6, "FAILED": 9, "BACK": 12}
    for number, (reference, code) in enumerate(codes.items()):
        await a_customer(store, reference, f"AWB{number}")
        await hear(store, clock, f"AWB{number}", code)
    await a_customer(store, "UNSEEN", "AWB9")
    stuck: list[set[str]] = []
    for hours in (49, 24, 48):
        clock.forward(hours=hours)
        await look(store, clock)
        stuck.append({r for r in (*codes, "UNSEEN") if "stuck" in await reached(store, r)})
    assert stuck == [{"OUT", "FAILED", "UNSEEN"}, {"MOVING", "OUT", "FAILED", "UNSEEN"}, {*codes, "UNSEEN"}]
