"""Clocks of several accounts: the home's database says what time it is for all; each corrects its own tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from awbridge.steps.runtime.set_clocks import ClockPolicy, SetClocks
from awbridge.store import Store
from awbridge.store.engine.clocks.shared_time import SharedTime
from tests.steps.runtime.test_clocks_that_are_right import everything, mark, note, work
from tests.steps.runtime.test_set_clocks import DAY, HOUR, LEASE, Hands, last_set_back
from tests.support.rows import T0
from tests.support.stores import migrated_file
from tests.support.world import INDIA, get

POLICY = ClockPolicy(zone=INDIA, lease=LEASE)


@dataclass
class Process:
    """A process with a home and an account, each in a database of its own. Its machine's clock may be set."""

    home: Store
    account: Store
    hands: Hands = field(default_factory=lambda: Hands(T0.timestamp()))

    def __post_init__(self) -> None:
        self.shared = self.hands.shared()
        self.home_clocks = SetClocks(store=self.home, clock=self.shared.now, policy=POLICY, shared=self.shared)
        self.clocks = self.opened()

    def opened(self) -> SetClocks:
        """As when the account awakes."""
        return SetClocks(store=self.account, clock=self.shared.now, policy=POLICY, shared=self.shared, measures=False)

    def set_clock(self, by: timedelta) -> None:
        self.hands.wall += by.total_seconds()

    async def check(self) -> None:
        await self.home_clocks.check()
        await self.clocks.check()


@pytest.fixture
async def process(tmp_path: Path) -> Process:
    home, account = [await Store.open(await migrated_file(tmp_path, f"{name}.db")) for name in ("home", "account")]
    return Process(home, account)


async def test_what_an_account_wrote_ahead_is_pulled_back_when_the_homes_time_goes_back(process: Process) -> None:
    await process.check()
    process.set_clock(DAY)
    await process.check()
    await work(process.account, process.shared.now())
    process.set_clock(-DAY)
    await process.check()
    order = await get(process.account, "R")
    assert order.created_at <= process.shared.now()
    assert order.next_try_at is not None
    assert order.next_try_at <= process.shared.now() + HOUR
    found = await last_set_back(process.account)
    assert found is not None
    assert found.by == pytest.approx(DAY, abs=timedelta(seconds=1))
    assert process.home_clocks.problem.startswith("was set back")
    assert process.clocks.problem == "", "the home reports it once"


async def test_it_is_pulled_back_too_where_another_process_has_set_the_mark_back(process: Process) -> None:
    await process.check()
    process.set_clock(DAY)
    await process.check()
    await work(process.account, process.shared.now())
    process.set_clock(-DAY)
    await process.home_clocks.check()
    async with process.account.write() as session:  # nothing shows it any more but the run
        await session.script("DELETE FROM clock_marks; DELETE FROM shipments; DELETE FROM catch_up_windows")
    before = await everything(process.account)
    await process.clocks.check()
    assert await everything(process.account) != before, "the run that was made ahead is gone"
    settled = await everything(process.account)
    await process.clocks.check()
    assert await everything(process.account) == settled


async def test_an_account_that_awakes_after_the_jump_is_corrected_by_its_own_mark(process: Process) -> None:
    await process.check()
    await work(process.account, T0 + DAY)
    await note(process.account, T0 + DAY)
    await process.opened().check()
    assert (await get(process.account, "R")).created_at <= process.shared.now()


async def test_an_account_measures_nothing_and_knows_nothing_of_its_own(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.check()
    measured: list[object] = []

    async def measure(shared: SharedTime, session: object) -> float:
        measured.append(session)
        return 0.0

    monkeypatch.setattr(SharedTime, "measure", measure)
    process.set_clock(HOUR)
    await process.clocks.check()
    assert measured == []
    assert (await mark(process.account) or T0) - T0 == pytest.approx(HOUR, abs=timedelta(seconds=1))


async def test_while_time_goes_on_nothing_is_pulled_back(process: Process) -> None:
    await process.check()
    await work(process.account, T0)
    before = await everything(process.account)
    for _ in range(3):
        process.hands.wall += 60
        process.hands.steady += 60
        await process.check()
    assert await everything(process.account) == before
    assert isinstance(await mark(process.account), datetime)
