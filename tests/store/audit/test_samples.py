"""The counts of a large backlog are those of the last sample; a small one is counted in the request."""

from __future__ import annotations

from datetime import timedelta

import pytest

from awbridge.steps.notify.sample_figures import SampleFigures
from awbridge.store import Store
from awbridge.store.audit import figures, samples
from awbridge.store.audit.samples import Sample
from tests.support.rows import T0, add, place, sql
from tests.support.world import SetClock


async def large(store: Store, clock: SetClock) -> Sample | None:
    async with store.read() as session:
        return await samples.large(session, now=clock())


async def test_a_small_backlog_is_counted_in_the_request(store: Store) -> None:
    clock = SetClock()
    await add(store, "A")
    await SampleFigures(store=store, clock=clock).check()
    assert await large(store, clock) is None


async def test_a_sample_holds_every_figure_as_it_was_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "LARGE", 0)
    clock = SetClock()
    await add(store, "A", "B")
    await place(store, "B", "AWB-1")
    async with store.write() as session:
        await session.execute(sql("UPDATE account_states SET incident = 'breaker', probe_at = $1"), T0)
        delivery = """
INSERT INTO event_deliveries (shard, event_id, endpoint_id, state, tries, updated_at) VALUES (1, 1, 7, 'failed', 1, $1)
"""
        await session.execute(sql(delivery), T0)
    async with store.read() as session:
        live = await figures.read(session, now=clock())
    await SampleFigures(store=store, clock=clock).check()
    sample = await large(store, clock)
    assert sample is not None
    assert (sample.figures, sample.sampled_at) == (live, clock())
    assert (live.waiting, live.event_deliveries) == ({"4:main": 1}, {7: {"failed": 1}})


async def test_one_process_counts_for_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "LARGE", 0)
    clock = SetClock()
    await add(store, "A")
    await SampleFigures(store=store, clock=clock).check()
    first = await large(store, clock)
    clock.forward(seconds=10)
    await SampleFigures(store=store, clock=clock).check()
    assert await large(store, clock) == first
    clock.forward(seconds=30)
    await SampleFigures(store=store, clock=clock).check()
    newer = await large(store, clock)
    assert newer
    assert newer.sampled_at == clock()


async def test_an_old_sample_and_one_from_the_future_do_not_count(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "LARGE", 0)
    clock = SetClock()
    await add(store, "A")
    await SampleFigures(store=store, clock=clock).check()
    clock.forward(seconds=samples.LASTS.total_seconds())
    assert await large(store, clock) is None
    clock.now = T0 - timedelta(days=2)
    assert await large(store, clock) is None
    await SampleFigures(store=store, clock=clock).check()
    sample = await large(store, clock)
    assert sample
    assert sample.sampled_at == clock()
