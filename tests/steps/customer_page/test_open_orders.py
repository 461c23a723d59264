"""Customers' pages for many callers at once: in the order in which they came."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from awbridge.domain.errors import StoreError
from awbridge.steps.customer_page import open_orders
from awbridge.steps.customer_page.open_orders import LinkIds, OpenOrders
from awbridge.steps.customer_page.read_orders import PagePolicy
from awbridge.steps.runtime.clock import utc_now

pytestmark = pytest.mark.heavy


class Unread:
    """A store whose sessions are not used."""

    @asynccontextmanager
    async def read(self) -> Any:
        yield None


class Waits:
    """A caller that notes when it is answered."""

    def __init__(self, number: int, answered: list[int]) -> None:
        self._number = number
        self._answered = answered

    def done(self) -> bool:
        return False

    def set_result(self, _: object, /) -> None:
        self._answered.append(self._number)

    def set_exception(self, _: StoreError, /) -> None:
        self._answered.append(-self._number)


@pytest.mark.parametrize("fails", [False, True])
async def test_who_came_first_is_answered_first_however_long_the_reads_take(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    reads: list[set[int]] = []

    async def reading(_: Any, wanted: set[int], **__: Any) -> dict[int, Any]:
        reads.append(wanted)
        if len(reads) == 1:
            await asyncio.sleep(0.05)  # the second read is done long before
            if fails:
                raise StoreError("gone")
        return dict.fromkeys(wanted)

    monkeypatch.setattr(open_orders, "read_orders", reading)
    monkeypatch.setattr(open_orders, "BATCH", 3)
    answered: list[int] = []
    store: Any = Unread()
    orders = OpenOrders(store, utc_now, PagePolicy(zone=ZoneInfo("Asia/Kolkata")))
    handed: list[int] = []
    orders.on_some = lambda: handed.append(len(answered))
    for number in range(1, 13):
        ids: LinkIds = (number,)
        orders.ask(ids, Waits(number, answered))
    async with asyncio.timeout(60):
        while len(answered) < 12:
            await asyncio.sleep(0.01)
    assert [abs(number) for number in answered] == list(range(1, 13))
    assert [number for number in answered if number < 0] == ([-1, -2, -3] if fails else [])
    assert handed == ([6, 9, 12] if fails else [3, 6, 9, 12])
    assert reads[0] == {1, 2, 3}


async def test_a_read_that_hangs_does_not_hold_up_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = asyncio.Event()

    async def reading(_: Any, wanted: set[int], **__: Any) -> dict[int, Any]:
        if 1 in wanted:
            await hangs.wait()
        return dict.fromkeys(wanted)

    monkeypatch.setattr(open_orders, "read_orders", reading)
    monkeypatch.setattr(open_orders, "BATCH", 3)
    monkeypatch.setattr(open_orders, "LONGEST_TURN", 0.02)
    answered: list[int] = []
    store: Any = Unread()
    orders = OpenOrders(store, utc_now, PagePolicy(zone=ZoneInfo("Asia/Kolkata")))
    for number in range(1, 13):
        ids: LinkIds = (number,)
        orders.ask(ids, Waits(number, answered))
    async with asyncio.timeout(60):
        while len(answered) < 9:
            await asyncio.sleep(0.01)
        assert answered == list(range(4, 13))
        hangs.set()
        while len(answered) < 12:
            await asyncio.sleep(0.01)
    assert answered[9:] == [1, 2, 3]
