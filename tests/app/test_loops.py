"""The wiring: what each loop of the service is given."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from awbridge.app import loops
from awbridge.app.load_settings import load_settings
from awbridge.steps.polling.policy import POLLING
from awbridge.steps.runtime import pace
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.loop import Loop
from awbridge.store import Store
from awbridge.store.polling import paces
from tests.support.rows import add, place, sql

pytestmark = pytest.mark.heavy


async def has_beaten(loop: Loop, times: int) -> None:
    """Return once its heartbeat has changed so often."""
    seen = {loop.beat_at}
    async with asyncio.timeout(30):
        while len(seen) <= times:
            await asyncio.sleep(0.01)
            seen.add(loop.beat_at)


@pytest.mark.parametrize("name", ["updated_order", "track_order"])
async def test_a_loop_that_waits_for_its_turn_among_many_processes_is_not_hanging(
    store: Store, store_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LONGEST_SILENCE", 0.05)
    settings = load_settings(database_url=store_url, clickpost_username="u", clickpost_key="k")
    await add(store, "R")
    await place(store, "R", "AWB")
    async with store.write() as session:  # due for a poll, with every other process ahead of it
        await session.execute(sql("UPDATE shipments SET next_poll_at = $1, placed_at = $1"), utc_now())
        await paces.take(session, POLLING, gap=timedelta(seconds=0.2), now=utc_now())
        await paces.rest(session, POLLING, 40.0, now=utc_now())
    async with loops.opened_world(settings, utc_now) as world:
        loop = loops.step_loops(world)[name]
        running = asyncio.create_task(loop.run())
        try:
            await has_beaten(loop, 5)
            assert loop.rounds == 0, "it is still in its first round"
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
