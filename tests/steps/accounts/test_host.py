"""Many accounts in one process: which are awake, and that none is forgotten when a process dies."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from awbridge.domain.errors import NoAccount, StoreBusy
from awbridge.steps.accounts import host
from awbridge.steps.accounts.host import LEASE, LONGEST_REST, AccountHost
from awbridge.store import Store
from awbridge.store.accounts import account_figures, wakes
from awbridge.store.accounts.account_figures import AccountFigures

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)


@dataclass
class _Account:
    name: str
    version: int = 1
    works: bool = True


@dataclass
class _Site:
    name: str
    worked_at: float = 0.0
    in_use: bool = False
    woken: int = 0

    def wake(self) -> None:
        self.woken += 1


@dataclass
class _Process:
    """One process's host, over accounts whose next work the test says."""

    home: Store
    accounts: dict[str, _Account]
    next_at: dict[str, datetime] = field(default_factory=dict)
    now: datetime = NOW
    opened: Counter[str] = field(default_factory=Counter)
    open_now: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    refuse: bool = False
    orders: dict[str, int] = field(default_factory=dict)
    host: AccountHost[_Account, _Site] = field(init=False)

    def __post_init__(self) -> None:
        self.host = AccountHost(
            home=self.home,
            clock=lambda: self.now,
            read_accounts=self._read,
            open_site=self._open,
            next_due=self._next,
            count=self._count,
        )

    async def _read(self) -> dict[str, _Account]:
        return dict(self.accounts)

    async def _next(self, account: _Account, _site: _Site | None) -> datetime:
        self.asked[account.name] += 1
        return self.next_at.get(account.name, self.now)

    async def _count(self, account: _Account, _site: _Site) -> AccountFigures:
        if self.refuse:
            raise StoreBusy("its database is away")
        numbers = {"orders": self.orders.get(account.name, 0), "failed": 0, "deliveries": 0, "alarms": 0}
        return AccountFigures(account=account.name, due_at=None, last_webhook_at=None, counted_at=self.now, **numbers)

    @asynccontextmanager
    async def _open(self, account: _Account) -> AsyncGenerator[_Site]:
        if self.refuse:
            raise StoreBusy("its database is away")
        self.opened[account.name] += 1
        self.open_now.add(account.name)
        yield _Site(account.name)
        self.open_now.discard(account.name)


def _accounts(*names: str) -> dict[str, _Account]:
    return {name: _Account(name) for name in names}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account without work sleeps at once, and the registry is read at each look."""
    monkeypatch.setattr(host, "REST_AFTER", 0.0)
    for name in ("RENEW_EVERY", "REFRESH_EVERY"):
        monkeypatch.setattr(host, name, 0.0)


async def test_only_accounts_with_work_are_opened(store: Store) -> None:
    later = NOW + timedelta(hours=5)
    one = _Process(store, _accounts("gulf", "india"), next_at={"gulf": later})
    one.now = NOW + timedelta(seconds=1)
    await one.host.look()
    one.now += timedelta(seconds=1)
    await one.host.look()
    assert one.asked == {"gulf": 1, "india": 1}
    assert one.open_now == {"india"}
    await one.host.stop()
    assert not one.open_now


async def test_an_idle_process_asks_no_account(store: Store) -> None:
    names = [f"a{number}" for number in range(30)]
    one = _Process(store, _accounts(*names), next_at=dict.fromkeys(names, NOW + timedelta(hours=5)))
    one.now = NOW + timedelta(seconds=5)
    for _ in range(4):
        await one.host.look()
        one.now += timedelta(seconds=2)
    asked = one.asked.total()
    assert asked == len(names)
    for _ in range(10):
        assert await one.host.look() == 0
    assert one.asked.total() == asked


async def test_an_account_without_work_is_put_to_sleep_and_asked_again(store: Store) -> None:
    one = _Process(store, _accounts("india"))
    await one.host.look()
    one.now += timedelta(seconds=1)
    await one.host.look()
    assert one.open_now == {"india"}
    one.next_at["india"] = one.now + timedelta(days=2)
    await one.host.keep()
    assert not one.open_now
    one.now += LONGEST_REST - timedelta(seconds=1)
    assert await one.host.look() == 0
    one.now += timedelta(seconds=2)
    assert await one.host.look() == 1, "its tables are asked after a while, whatever they said"
    assert not one.open_now


async def test_an_account_is_opened_for_housekeeping_although_its_tables_always_say_in_an_hour(store: Store) -> None:
    one = _Process(store, _accounts("india"))

    async def in_an_hour(account: _Account, _site: _Site | None) -> datetime:
        one.asked[account.name] += 1
        return one.now + timedelta(hours=1)

    one.host.next_due = in_an_hour
    one.now = NOW + timedelta(seconds=1)
    for _ in range(4):
        await one.host.look()
        one.now += timedelta(minutes=15, seconds=1)
    assert one.asked["india"] == 4
    assert not one.open_now
    one.now = NOW + timedelta(hours=1, seconds=2)
    await one.host.look()
    assert one.open_now == {"india"}
    await one.host.stop()


async def test_what_another_process_stores_wakes_an_account(store: Store) -> None:
    one = _Process(store, _accounts("india"), next_at={"india": NOW + timedelta(hours=1)})
    one.now = NOW + timedelta(seconds=1)
    await one.host.look()
    await one.host.look()
    one.next_at["india"] = one.now
    async with store.write() as session:
        await wakes.add(session, "india", due_at=one.now)
    assert await one.host.look() == 1
    assert one.open_now == {"india"}
    await one.host.stop()


async def test_a_row_that_came_while_the_tables_were_asked_is_not_lost(store: Store) -> None:
    one = _Process(store, _accounts("india"))

    async def asked(account: _Account, _site: _Site | None) -> datetime:
        async with store.write() as session:  # committed after this process has read the tables
            await wakes.add(session, account.name, due_at=one.now)
        return one.now + timedelta(hours=1)

    one.host.next_due = asked
    one.now = NOW + timedelta(seconds=1)
    await one.host.look()
    assert await one.host.look() == 1
    one.host.next_due = one._next
    assert await one.host.look() == 1
    assert one.open_now == {"india"}
    await one.host.stop()


async def test_the_accounts_of_a_killed_process_are_taken_over(store: Store) -> None:
    one, two = _Process(store, _accounts("india")), _Process(store, _accounts("india"))
    await one.host.open("india")  # by a request, whose delivery is stored and not applied
    two.now = NOW + LEASE - timedelta(seconds=1)
    await two.host.look()
    assert not two.open_now, "it is held"
    one.now = two.now
    await one.host.keep()
    two.now += LEASE - timedelta(seconds=2)
    await two.host.look()
    assert not two.open_now, "it is held for longer"
    two.now += timedelta(seconds=3)  # killed: nothing is renewed
    await two.host.look()
    assert two.open_now == {"india"}
    await two.host.stop()
    await one.host.stop()


async def test_a_process_that_ends_leaves_its_accounts_to_others_at_once(store: Store) -> None:
    one, two = _Process(store, _accounts("india")), _Process(store, _accounts("india"))
    await one.host.open("india")
    await two.host.look()
    assert not two.open_now
    await one.host.stop()
    await two.host.look()
    assert two.open_now == {"india"}
    await two.host.stop()


async def test_others_help_with_an_account_that_keeps_one_process_busy(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "HELP_AFTER", 0.0)
    monkeypatch.setattr(host, "RENEW_EVERY", 60.0)
    one, two = _Process(store, _accounts("india")), _Process(store, _accounts("india"))
    site = await one.host.open("india")
    for _ in range(3):
        site.worked_at = time.monotonic()
        await one.host.keep()
    assert await one.host.look() == 0, "it asks others, not itself"
    assert await two.host.look() == 1
    assert two.open_now == {"india"}
    await one.host.stop()
    await two.host.stop()


async def test_an_account_stays_open_while_a_request_is_answered(store: Store) -> None:
    one = _Process(store, _accounts("india"), next_at={"india": NOW + timedelta(hours=1)})
    site = await one.host.open("india")
    site.in_use = True
    await one.host.keep()
    assert one.open_now == {"india"}
    site.in_use = False
    await one.host.keep()
    assert not one.open_now


async def test_a_changed_account_is_opened_anew_once_its_requests_ended(store: Store) -> None:
    one = _Process(store, _accounts("india"))
    site = await one.host.open("india")
    site.in_use = True
    one.accounts["india"] = _Account("india", version=2)
    await one.host.look()
    await asyncio.sleep(0.12)
    assert one.open_now == {"india"}
    async with store.read() as session:
        assert await wakes.is_held(session, "india", now=NOW), "whoever suspended it waits"
    site.in_use = False
    async with asyncio.timeout(60):
        while one.opened["india"] < 2:  # once it is closed, and its row let go, a look opens it
            await asyncio.sleep(0.01)
            await one.host.look()
    await one.host.stop()


async def test_a_suspended_account_is_never_opened_for_work(store: Store) -> None:
    one = _Process(store, {"india": _Account("india", works=False)})
    async with store.write() as session:
        await wakes.add(session, "india", due_at=NOW)
    assert await one.host.look() == 1
    assert not one.open_now
    assert await one.host.look() == 0, "its row is gone"
    await one.host.open("india")  # a webhook is stored
    assert one.open_now == {"india"}
    await one.host.stop()


async def test_unknown_accounts_are_refused_without_reading_the_registry_each_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = _Process(store, _accounts("india"))
    reads = 0
    read = one.host.read_accounts

    async def counted() -> object:
        nonlocal reads
        reads += 1
        return await read()

    monkeypatch.setattr(one.host, "read_accounts", counted)
    for _ in range(20):
        with pytest.raises(NoAccount, match="accounts list"):
            await one.host.open("nobody")
    assert reads == 1


async def test_an_account_whose_database_is_away_is_tried_again_and_harms_no_other(store: Store) -> None:
    one = _Process(store, _accounts("india"))
    one.refuse = True
    with pytest.raises(StoreBusy, match="away"):
        await one.host.open("india")
    await one.host.look()
    one.refuse = False
    one.now += LEASE + timedelta(seconds=1)
    await one.host.look()
    assert one.open_now == {"india"}
    await one.host.stop()


async def test_two_requests_open_an_account_once(store: Store) -> None:
    one = _Process(store, _accounts("india"))
    first, second = await asyncio.gather(one.host.open("india"), one.host.open("india"))
    assert first is second
    assert one.opened["india"] == 1
    await one.host.stop()


async def test_no_more_accounts_are_opened_for_work_than_may_be_and_requests_open_any(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    one = _Process(store, _accounts("a", "b", "c"))
    one.host.most_awake = 1
    one.now = NOW + timedelta(seconds=1)
    await one.host.look()
    one.now += timedelta(seconds=1)
    for _ in range(3):
        await one.host.look()
    [awake] = one.open_now
    assert capsys.readouterr().out.count("accounts.no_room") == 1, "it is said, not again and again"
    await one.host.open("c" if awake != "c" else "b")
    assert len(one.open_now) == 2
    await one.host.stop()


async def _figures(store: Store, now: datetime) -> dict[str, tuple[int, datetime, datetime | None]]:
    async with store.read() as session:
        found = await account_figures.every(session, now=now)
    return {name: (one.orders, one.counted_at, one.due_at) for name, one in found.items()}


async def test_what_an_account_has_to_do_is_counted_each_minute_and_before_it_sleeps(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = _Process(store, _accounts("india", "gulf"), orders={"india": 7})
    await one.host.look()
    one.now += timedelta(seconds=1)
    await one.host.look()
    await one.host.keep()
    assert await _figures(store, NOW) == {}, "a process counts a minute after it opened an account"
    monkeypatch.setattr(host, "COUNT_EVERY", 0.0)
    await one.host.keep()
    counted_at = one.now
    assert await _figures(store, NOW) == {"india": (7, counted_at, None), "gulf": (0, counted_at, None)}
    one.refuse = True  # its database is away
    one.now += timedelta(seconds=1)
    await one.host.keep()
    assert (await _figures(store, NOW))["india"] == (7, counted_at, None)
    monkeypatch.setattr(host, "COUNT_EVERY", 60.0)
    one.refuse, one.orders = False, {}
    one.next_at["india"] = one.now + timedelta(hours=1)
    await one.host.keep()
    assert one.open_now == {"gulf"}
    due_at = min(one.next_at["india"], one.now + LONGEST_REST)
    assert (await _figures(store, NOW))["india"] == (0, one.now, None)
    late = due_at + timedelta(minutes=5)
    assert (await _figures(store, late))["india"] == (0, one.now, due_at), "nobody has opened it since it was due"
    assert (await _figures(store, late))["gulf"][2] is None, "a process works for it"
    del one.accounts["gulf"]
    await one.host.look()
    assert set(await _figures(store, NOW)) == {"india"}
