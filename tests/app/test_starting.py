"""The start of a service: which addresses can be listened on, and how a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest

from awbridge.app import starting
from awbridge.app.starting import check_address, started
from awbridge.app.work import settle_down
from awbridge.domain.errors import AddressUnusable, StoppedEarly


@asynccontextmanager
async def opened(seconds: float, log: list[str]) -> AsyncGenerator[str]:
    try:
        await asyncio.sleep(seconds)
        yield "world"
    finally:
        log.append("closed")


async def test_a_signal_during_the_start_closes_what_was_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "RECEIVED", [signal.SIGINT])
    stop, log = asyncio.Event(), list[str]()
    asyncio.get_running_loop().call_later(0.01, stop.set)
    with pytest.raises(StoppedEarly) as error:
        async with started(opened(60, log), stop):
            log.append("never")
    assert (error.value.number, log) == (signal.SIGINT, ["closed"])
    await asyncio.sleep(0)  # nothing is left of the cancellation


async def test_a_start_that_loses_its_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "AGAIN", 0.02)
    monkeypatch.setattr(starting, "RECEIVED", [signal.SIGTERM])
    stop, log = asyncio.Event(), list[str]()

    @asynccontextmanager
    async def retried() -> AsyncGenerator[None]:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        log.append("lost")
        await asyncio.sleep(60)
        yield

    asyncio.get_running_loop().call_later(0.01, stop.set)
    with pytest.raises(StoppedEarly):
        async with started(retried(), stop):
            log.append("never")
    assert log == ["lost"]
    await asyncio.sleep(0.05)  # nothing is left of the cancellations


async def test_after_the_start_the_signal_is_the_services_own_affair() -> None:
    stop, log = asyncio.Event(), list[str]()
    async with started(opened(0, log), stop) as world:
        stop.set()
        await asyncio.sleep(0.01)
        log.append(world)
    assert log == ["world", "closed"]


async def test_another_cancellation_stays_one() -> None:
    async def start() -> None:
        async with started(opened(60, []), asyncio.Event()):
            raise AssertionError

    task = asyncio.create_task(start())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_addresses_that_cannot_be_listened_on_are_named() -> None:
    check_address("127.0.0.1", 0)
    check_address("localhost", 0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnusable, match=rf"^127\.0\.0\.1:{port} is in use by another program"):
            check_address("127.0.0.1", port)
        with pytest.raises(AddressUnusable, match=f":{port} is in use"):
            check_address("0.0.0.0", port)
    for host in ("192.0.2.1", "nowhere.invalid", "a" * 70 + ".invalid"):
        with pytest.raises(AddressUnusable, match=f"^{host} is not an address of this machine"):
            check_address(host, 0)


@pytest.fixture
def settled() -> Iterator[None]:
    """A process whose interpreter is tuned for load; as it was after the test."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    settle_down()
    gc.enable()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    sys.setswitchinterval(interval)


def test_looks_for_garbage_are_short_and_leave_out_what_the_start_made(settled: None) -> None:
    looks = list[int]()

    def note(phase: str, about: dict[str, int]) -> None:
        if phase == "stop":
            looks.append(about["collected"])

    gc.callbacks.append(note)
    for _ in range(35_000):
        ring = list[object]()
        ring.append(ring)
    gc.callbacks.remove(note)
    assert len(looks) >= 3
    assert max(looks) <= 10_100, "a request that waits for a look waits for all that it collects"
    assert gc.get_freeze_count() > 10_000
