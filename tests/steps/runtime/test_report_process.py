"""Each process reports itself, so that every other one can show which run and how quickly they store webhooks."""

from __future__ import annotations

from awbridge.steps.runtime.report_process import AnsweredWebhooks, ReportProcess
from awbridge.store import Store
from awbridge.store.audit import processes
from awbridge.store.audit.processes import ReportedProcess
from tests.support.rows import fetch
from tests.support.world import SetClock


async def alive(store: Store, clock: SetClock) -> list[ReportedProcess]:
    async with store.read() as session:
        return await processes.alive(session, now=clock())


async def test_a_process_is_seen_with_its_webhooks_until_it_ends(store: Store) -> None:
    clock = SetClock()
    counts = AnsweredWebhooks()
    serve = ReportProcess(store=store, clock=clock, kind="serve", webhooks=lambda: counts)
    work = ReportProcess(store=store, clock=clock, kind="work")
    for process in (serve, work):
        await process.check()
    assert [(p.kind, p.stored, p.p99_ms) for p in await alive(store, clock)] == [("serve", 0, None), ("work", 0, None)]
    counts = AnsweredWebhooks(stored=7, unstored=2, p99=0.0123)
    await serve.check()
    assert [p.stored for p in await alive(store, clock)] == [0, 0], "a report is due every 30 s only"
    clock.forward(seconds=31)
    await serve.check()
    assert [(p.stored, p.unstored, p.p99_ms) for p in await alive(store, clock)] == [(7, 2, 12), (0, 0, None)]
    await work.end()
    assert [p.kind for p in await alive(store, clock)] == ["serve"]
    clock.forward(minutes=50)
    counts = AnsweredWebhooks(stored=20, unstored=2, p99=0.01)
    await serve.check()
    clock.forward(minutes=30)
    await serve.check()
    assert [(p.stored, p.unstored) for p in await alive(store, clock)] == [(13, 0)], (
        "those of the last hour are counted"
    )


async def test_a_killed_process_is_gone_after_two_minutes_and_forgotten_after_a_day(store: Store) -> None:
    clock = SetClock()
    await ReportProcess(store=store, clock=clock, kind="work").check()
    clock.forward(minutes=3)
    assert not await alive(store, clock)
    clock.forward(days=1)
    await ReportProcess(store=store, clock=clock, kind="serve").check()
    assert [row["kind"] for row in await fetch(store, "SELECT kind FROM processes")] == ["serve"]


async def test_a_process_whose_clock_was_ahead_is_not_seen_and_forgotten(store: Store) -> None:
    clock = SetClock()
    clock.forward(days=2)
    await ReportProcess(store=store, clock=clock, kind="work").check()
    clock.forward(days=-2)
    assert not await alive(store, clock)
    await ReportProcess(store=store, clock=clock, kind="serve").check()
    assert [row["kind"] for row in await fetch(store, "SELECT kind FROM processes")] == ["serve"]
