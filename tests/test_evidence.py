"""The wiring of the evidence: which calls the hook leaves to the steps, which loops there are."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from awbridge import evidence
from awbridge.clickpost.endpoints import Endpoints
from awbridge.domain.shipment import Region
from awbridge.settings import load_settings
from awbridge.steps.clock import utc_now
from awbridge.store import Store


def test_the_calls_left_to_the_steps_are_named_as_the_client_names_them() -> None:
    endpoints = Endpoints(username="u", key="k", url="u", tracking_url="t", serviceability_url="s", edd_url="e")
    now = datetime(2026, 11, 2, tzinfo=UTC)
    requests = (
        endpoints.create_order({}, Region.INDIA),
        endpoints.cancel_order("A", 4, "main", False),
        endpoints.track_order(["A"], 4),
        endpoints.updated_order(now, now.replace(minute=5)),
    )
    assert {request.api for request in requests} == evidence.KEPT_BY_STEPS


async def test_the_archives_loop_runs_only_where_there_is_an_archive(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/loops.db")
    try:
        hook = evidence.recorder(utc_now)
        without = load_settings(data_dir=str(tmp_path / "data"))
        assert set(evidence.loops(without, store, utc_now, hook)) == {"record", "schedule", "erase"}
        with_one = load_settings(archive_url=f"file://{tmp_path}/archive", data_dir=str(tmp_path / "data"))
        assert "archive" in evidence.loops(with_one, store, utc_now, hook)
        assert not (tmp_path / "data").exists()  # nothing is made before it is needed
    finally:
        await store.close()


async def test_a_long_round_counts_as_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep

    async def short(_seconds: float) -> None:
        await sleep(0.01)

    going_on = asyncio.Event()

    async def long_work() -> int:
        await going_on.wait()
        return 0

    loop: Any = evidence._patient("long", long_work, 1.0)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr("awbridge.evidence.asyncio.sleep", short)
    loop.beat_at = time.monotonic() - 1000
    task = asyncio.create_task(loop.run())
    await sleep(0.2)
    assert loop.silent_for < 5
    going_on.set()
    loop.stop()
    await task
