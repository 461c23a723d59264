"""Pages that a second process makes while many wait: the same pages, whatever becomes of that process.

Here both ends of the socket are in one process; tests/app/test_page_process.py has the real one.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from awbridge.steps.customer_page.open_orders import OpenOrders
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.customer_page import page_process
from awbridge.web.customer_page.page_process import GivenTime, Messages, PageMaking, PagesBeside
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from tests.support.app import serving
from tests.support.customer_page import BRAND, KEYS, T0, At, CustomersView, add_parcel

pytestmark = pytest.mark.heavy

DAY = timedelta(days=1)
OTHER = "Made beside"  # the brand on pages that the other end makes


@dataclass
class OtherEnd:
    """The other end of the socket, and what was done to it. `hangs`: it reads requests and answers none."""

    page: CustomersView
    clock: GivenTime
    begun: int = 0
    ended: int = 0
    hangs: bool = False
    problem: OSError | None = None
    messages: Messages = field(init=False)

    async def start(self, received: Callable[[bytes], None]) -> tuple[Messages, OtherEnd]:
        self.begun += 1
        if self.problem:
            raise self.problem
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        _, self.messages = await loop.create_unix_connection(lambda: Messages(self._received), sock=theirs)
        _, messages = await loop.create_unix_connection(lambda: Messages(received), sock=ours)
        return messages, self

    def _received(self, message: bytes) -> None:
        if not self.hangs:
            PageMaking(self.page.app, self.clock, self.messages).received(message)

    async def end(self) -> None:
        self.ended += 1
        self.messages.close()


@dataclass
class Served:
    """A page with another end, on loopback. `asked`: the paths that ASGI was asked for."""

    http: httpx2.AsyncClient
    other: OtherEnd
    token: str
    asked: list[str] = field(default_factory=list[str])

    async def get(self, token: str = "", **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.get(f"/t/{token or self.token}", headers=named)

    async def is_beside(self) -> bool:
        answer = await self.get()
        assert answer.status_code == 200
        return OTHER in answer.text

    async def until(self, *, beside: bool) -> None:
        async with asyncio.timeout(30):
            while await self.is_beside() is not beside:
                await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenOrders, "is_crowded", True)
    monkeypatch.setattr(page_process, "CROWDED_FOR", 0.02)
    monkeypatch.setattr(page_process, "LOOK", 0.01)


@asynccontextmanager
async def served(store: Store, brand: str = OTHER, **other: Any) -> AsyncGenerator[Served]:
    token = await add_parcel(store, "REF-1", At(4, 2), At(5, 5, "BHIWANDI_HUB"), edds=[("2026-11-04", 1)])
    page = CustomersView(store)
    clock = GivenTime(T0 - 5 * DAY)  # until the first request says what time it is
    end = OtherEnd(CustomersView(store, clock=clock, brand=replace(BRAND, name=brand)), clock, **other)
    pages = PagesBeside(page.app, page.clock, end.start)
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await page.app(scope, receive, send)

    endpoint = WebhookEndpoint(Ingest(store), KeyRing(store, ()), page.clock)
    try:
        async with serving(app, endpoint, customer_page=pages) as url, httpx2.AsyncClient(base_url=url) as http:
            yield Served(http, end, token, asked)
    finally:
        await pages.close()


async def test_pages_made_beside_are_the_same_bytes(store: Store) -> None:
    async with served(store, brand=BRAND.name) as page:
        while not page.other.begun:
            assert (await page.get()).status_code == 200
        etag = (await page.get(accept_encoding="gzip")).headers["etag"]
        asgi = CustomersView(store).http
        for headers in (
            {},
            {"accept-encoding": "identity"},
            {"accept-language": "ar-AE,ar;q=0.9", "accept-encoding": "identity"},
            {"accept-encoding": "gzip", "if-none-match": etag},
        ):
            beside = await page.http.get(f"/track/{page.token}", headers=headers)
            by_asgi = await asgi.get(f"/track/{page.token}", headers=headers)
            assert (beside.status_code, beside.text) == (by_asgi.status_code, by_asgi.text)
            names = {"date", "etag", "content-length"}  # in a hurry less is compressed, under another tag
            expected = {name: value for name, value in by_asgi.headers.items() if name not in names}
            assert {name: value for name, value in beside.headers.items() if name not in names} == expected
    assert page.asked == []


async def test_a_process_is_started_once_many_have_waited_for_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(store) as page:
        monkeypatch.setattr(OpenOrders, "is_crowded", False)
        for _ in range(5):
            assert not await page.is_beside()
            await asyncio.sleep(0.01)
        assert page.other.begun == 0
        monkeypatch.setattr(OpenOrders, "is_crowded", True)
        await page.until(beside=True)
        monkeypatch.setattr(OpenOrders, "is_crowded", False)
        assert await page.is_beside()  # it stays for those who come next
    assert (page.other.begun, page.other.ended) == (1, 1)


async def test_a_short_crowd_starts_none(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_process, "CROWDED_FOR", 10.0)
    async with served(store) as page:
        assert not await page.is_beside()
        monkeypatch.setattr(OpenOrders, "is_crowded", False)
        await asyncio.sleep(0.05)
        assert not await page.is_beside()
    assert page.other.begun == 0


async def test_it_ends_a_while_after_the_crowd(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(store) as page:
        with capture_logs() as logs:
            await page.until(beside=True)
            monkeypatch.setattr(page_process, "IDLE_FOR", 0.3)
            monkeypatch.setattr(page_process, "AT_ONCE", 1)
            for _ in range(50):  # two at a time are many here
                both = await asyncio.gather(page.is_beside(), page.is_beside())
                assert both == [True, True]
                await asyncio.sleep(0.01)
            async with asyncio.timeout(30):
                while not page.other.ended:
                    await page.is_beside()  # one at a time is no crowd
            monkeypatch.setattr(page_process, "IDLE_FOR", 600.0)
            await page.until(beside=True)
        assert page.other.begun == 2
    events = [log["event"] for log in logs]
    assert events == [f"customer_page.process_{word}" for word in ("started", "ended", "started")]


async def test_what_it_was_asked_for_is_made_here_when_it_dies(store: Store) -> None:
    async with served(store) as page:
        await page.until(beside=True)
        page.other.hangs = True
        waiting = [asyncio.create_task(page.get()) for _ in range(5)]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        with capture_logs() as logs:
            page.other.messages.close()
            answers = await asyncio.gather(*waiting)
            assert [answer.status_code for answer in answers] == [200] * 5
            assert not any(OTHER in answer.text for answer in answers)
            assert not await page.is_beside()
            await asyncio.sleep(0.05)
            assert not await page.is_beside()
    assert [(log["event"], log["log_level"]) for log in logs] == [("customer_page.process_failed", "warning")]
    assert (page.other.begun, page.other.ended) == (1, 1)  # it is not tried again at once


async def test_one_that_hangs_is_ended_and_tried_again_after_a_pause(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_process, "PATIENCE", 0.1)
    monkeypatch.setattr(page_process, "PAUSE", 0.05)
    async with served(store) as page:
        await page.until(beside=True)
        page.other.hangs = True
        assert not await page.is_beside()
        assert page.other.ended == 1
        page.other.hangs = False
        await page.until(beside=True)
    assert (page.other.begun, page.other.ended) == (2, 2)


async def test_one_that_cannot_be_started_is_said_and_not_tried_again_at_once(store: Store) -> None:
    with capture_logs() as logs:
        async with served(store, problem=OSError("no room for it")) as page:
            async with asyncio.timeout(30):
                while not logs:
                    assert not await page.is_beside()
            await asyncio.sleep(0.05)
            assert not await page.is_beside()
    assert [(log["event"], log["problem"]) for log in logs] == [("customer_page.process_not_started", "no room for it")]
    assert page.other.begun == 1


async def test_too_many_at_once_are_made_here_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(store) as page:
        await page.until(beside=True)
        monkeypatch.setattr(page_process, "CAPACITY", 0)
        assert not await page.is_beside()


async def test_guesses_are_counted_by_address_and_reach_it_only_with_a_key(store: Store) -> None:
    async with served(store) as page:
        await page.until(beside=True)
        found = [(await page.get(KEYS.token(f"NOBODY-{n}"))).status_code for n in range(32)]
        page.other.hangs = True
        assert (await page.get("a" * 16)).status_code == 429
    assert found == [404] * 30 + [429] * 2


async def test_for_a_client_that_hung_up_nothing_is_sent(store: Store) -> None:
    async with served(store) as page:
        await page.until(beside=True)
        page.other.hangs = True
        gone = asyncio.create_task(page.get())
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        await asyncio.sleep(0.05)
        page.other.messages.close()
        assert not await page.is_beside()


async def test_messages_are_whole_in_whatever_pieces_they_come() -> None:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    received: list[bytes] = []
    _, messages = await loop.create_unix_connection(lambda: Messages(received.append), sock=ours)
    sent = [b"", b"x", b"y" * 300_000, b"last"]
    stream = b"".join(len(one).to_bytes(4) + one for one in sent)
    theirs.setblocking(False)
    for begin, end in ((0, 2), (2, 5), (5, 11), (11, len(stream))):
        await loop.sock_sendall(theirs, stream[begin:end])
        await asyncio.sleep(0.01)
    async with asyncio.timeout(30):
        while len(received) < len(sent):
            await asyncio.sleep(0.01)
    theirs.close()
    async with asyncio.timeout(30):
        await messages.closed
    assert received == sent
    messages.close()
