"""The connections of the client: reused last in, first out, and never more than allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest

from awbridge import AsyncClickPost
from awbridge.clickpost.client.client_pool import ClientPool
from awbridge.domain.orders.outcome import TryLater


class Made:
    """The clients that a pool made, in order."""

    def __init__(self) -> None:
        self.clients: list[httpx2.AsyncClient] = []

    def __call__(self) -> httpx2.AsyncClient:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200)))
        self.clients.append(client)
        return client

    @property
    def open(self) -> list[bool]:
        return [not client.is_closed for client in self.clients]


@asynccontextmanager
async def used(pool: ClientPool, hosts: str) -> AsyncGenerator[list[httpx2.AsyncClient]]:
    """A client for each of these hosts (one letter each), at once."""
    async with asyncio.timeout(5):
        entered = [pool.client(host) for host in hosts]
        yield [await each.__aenter__() for each in entered]
        for each in entered:
            await each.__aexit__(None, None, None)


@pytest.fixture
def made() -> Made:
    return Made()


async def use(pool: ClientPool, client: httpx2.AsyncClient) -> None:
    async with pool.client("a") as http:
        await http.get("http://a/")
    assert http is client


async def test_the_client_that_was_used_last_is_used_next(made: Made) -> None:
    pool = ClientPool(made, connections=5, wait=1, keep=60)
    async with used(pool, "aaa"):
        pass
    for _ in range(4):
        await use(pool, made.clients[2])
    assert len(made.clients) == 3


async def test_what_is_idle_for_too_long_is_closed_by_the_next_request(made: Made) -> None:
    pool = ClientPool(made, connections=5, wait=1, keep=0.05)
    async with used(pool, "aa"):
        for client in made.clients:
            await client.get("http://a/")
    await asyncio.sleep(0.1)
    await use(pool, made.clients[1])
    assert made.open == [False, True]


async def test_a_host_without_a_client_takes_the_place_of_an_idle_one(made: Made) -> None:
    pool = ClientPool(made, connections=2, wait=1, keep=60)
    async with used(pool, "aa"):
        for client in made.clients:
            await client.get("http://a/")
    async with used(pool, "b"):
        assert len(made.clients) == 3
    assert made.open[0] is False
    assert made.open[1] is True


async def test_closing_closes_every_idle_client(made: Made) -> None:
    pool = ClientPool(made, connections=3, wait=1, keep=60)
    async with used(pool, "aab"):
        for client in made.clients:
            await client.get("http://a/")
    await pool.aclose()
    assert made.open == [False, False, False]


async def test_a_request_that_gets_no_connection_was_not_sent() -> None:
    gate, entered, sent = asyncio.Event(), asyncio.Event(), list[int]()

    async def answer(_: httpx2.Request) -> httpx2.Response:
        sent.append(1)
        entered.set()
        await gate.wait()
        return httpx2.Response(200, json={"meta": {"status": 200}, "result": {"waybill": "AWB1"}})

    transport = httpx2.MockTransport(answer)
    async with AsyncClickPost(username="u", key="k", connections=1, timeout=0.2, transport=transport) as clickpost:
        first = asyncio.create_task(clickpost.create_order({"shipment_details": {"reference_number": "A"}}))
        await entered.wait()
        second = await clickpost.create_order({"shipment_details": {"reference_number": "B"}})
        gate.set()
        await first
    assert isinstance(second.outcome, TryLater), "it may be repeated: nothing was sent"
    assert second.call.error.startswith("PoolTimeout")
    assert len(sent) == 1


async def test_a_cancelled_request_gives_its_place_back(made: Made) -> None:
    pool = ClientPool(made, connections=1, wait=5, keep=60)

    async def hang() -> None:
        async with pool.client("a"):
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with used(pool, "a"):
        assert len(made.clients) == 1


class Own(httpx2.AsyncBaseTransport):
    """The caller's transport; it knows how often it was closed."""

    closed = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0.001)
        return httpx2.Response(404, json={"meta": {"status": 404}})

    async def aclose(self) -> None:
        self.closed += 1


async def test_a_transport_of_the_caller_is_closed_once_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("awbridge.clickpost.client.async_client.KEEP_CONNECTIONS", 0.0)
    own = Own()
    async with AsyncClickPost(username="u", key="k", transport=own) as clickpost:
        for _ in range(2):  # the second request closes what the first two left idle
            await asyncio.gather(*(clickpost.find_order(name) for name in ("A", "B")))
            await asyncio.sleep(0.01)
        assert own.closed == 0
    assert own.closed == 1
