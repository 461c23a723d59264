"""The drill on both databases: workers are killed, clocks jump, connections drop, every order is placed once."""

from __future__ import annotations

from pathlib import Path

import pytest
import time_machine

from awbridge.domain.errors import AwbridgeError
from awbridge.rehearsal import drill
from awbridge.rehearsal.drill import Plan, run_drill
from awbridge.rehearsal.drill_worker import EVERY, JumpingClock
from awbridge.store import Store
from tests.support import rows
from tests.support.rows import T0

pytestmark = pytest.mark.slow


async def test_every_order_is_placed_once_on_a_bad_day(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill, "PATIENCE", 200.0)
    plan = Plan(orders=100, workers=2, kills=2, stumbles=2, jumps=6, seed=2, database_url=database_url)
    result = await run_drill(plan, tmp_path)
    assert result.faults == []
    assert (result.numbers["workers killed"], result.numbers["database stumbled"]) == (2, 2)
    assert result.numbers["orders created at ClickPost"] == 100
    assert result.numbers["calls to create-order"] > 110, "too few faults occurred for the test to mean anything"
    if database_url.startswith("postgresql"):
        assert result.numbers["connections dropped"] > 2, "too few connections were dropped to mean anything"


def test_a_worker_of_the_drill_sees_its_clock_jump_ahead_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = 0.0
    monkeypatch.setattr("awbridge.rehearsal.drill_worker.time.monotonic", lambda: passed)
    with time_machine.travel(T0, tick=False):
        clock = JumpingClock(60, "seed")
        assert clock() == clock(), "it does not move between two jumps"
        offs: set[float] = set()
        for _ in range(20):
            passed += EVERY[1]
            offs.add((clock() - T0).total_seconds())
    assert len(offs) == 20
    assert max(offs) > 0 > min(offs)
    assert all(abs(off) <= 60 for off in offs)


async def test_a_drill_refuses_a_database_that_is_in_use(database_url: str, tmp_path: Path) -> None:
    store = await Store.open(database_url)
    await store.migrate()
    await rows.add(store, "REF-1")
    await store.close()
    with pytest.raises(AwbridgeError, match="empty"):
        await run_drill(Plan(orders=1, database_url=database_url), tmp_path)
