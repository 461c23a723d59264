"""A crowd on the customer's page of a real service: a second process makes the pages, and ends with the first."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from awbridge.app.customer_page.process import processors
from awbridge.store import Store
from tests.support.customer_page import ADDRESS, KEY, At, add_parcel
from tests.support.processes import WEBHOOK_KEY, Running, bridge_environment, free_port, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(processors() < 2, reason="with one processor no second process is started"),
]

VISITORS = 120
NOWHERE = "http://127.0.0.1:9"
STARTED = "customer_page.process_started"


@dataclass
class Crowd:
    """Visitors who ask for pages one after the other, each on a connection of its own, and what they got."""

    port: int
    tokens: list[str]
    statuses: Counter[bytes] = field(default_factory=Counter[bytes])
    is_over: bool = False  # they may be sent away

    async def visit(self, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for token in itertools.islice(itertools.cycle(self.tokens), number, None):
                writer.write(f"GET /t/{token} HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                self.statuses[head.split(b" ", 2)[1]] += 1
        finally:
            writer.close()

    @asynccontextmanager
    async def visiting(self) -> AsyncGenerator[None]:
        tasks = [asyncio.create_task(self.visit(number)) for number in range(VISITORS)]
        try:
            yield
            assert self.is_over or not [task for task in tasks if task.done()], "a visitor was sent away"
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def page_processes(parent: int) -> list[Path]:
    """The processes that make pages for this service."""
    found: list[Path] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            made_by = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if b"awbridge.app.customer_page.make_pages" in (folder / "cmdline").read_bytes() and made_by == parent:
                found.append(folder)
        except (OSError, ValueError):  # it has ended
            continue
    return found


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


@asynccontextmanager
async def visited(database_url: str, folder: Path) -> AsyncGenerator[tuple[Running, Crowd, Path]]:
    """A service whose pages are made by a second process, the crowd that is there, and that process."""
    store = await Store.open(database_url)
    await store.migrate()
    tokens = [await add_parcel(store, f"REF-{n}", At(4, 2), At(5, 5), order_id=f"O-{n}") for n in range(40)]
    await store.close()
    env = bridge_environment(database_url, NOWHERE, free_port()) | {
        "AWBRIDGE_TRACK_URL": ADDRESS,
        "AWBRIDGE_TRACK_KEYS": KEY,
        "AWBRIDGE_TRACK_LINK_DAYS": "3650",
        "AWBRIDGE_LOG_LEVEL": "info",
    }
    with running(["serve"], env, folder, int(env["AWBRIDGE_PORT"])) as service:
        crowd = Crowd(service.port, tokens)
        async with crowd.visiting():
            await until(lambda: STARTED in service.log())
            (made_by,) = page_processes(service.pid)
            yield service, crowd, made_by


async def test_a_crowd_gets_its_pages_from_a_second_process_while_webhooks_are_stored(
    database_url: str, tmp_path: Path
) -> None:
    async with visited(database_url, tmp_path) as (service, crowd, made_by):
        before = crowd.statuses.total()
        body = {"waybill": "AWB-REF-1", "order_status_id": 7, "clickpost_status_code": 6, "status": "Out"}
        async with httpx2.AsyncClient(headers={"webhook_key": WEBHOOK_KEY}, timeout=20) as http:
            answer = await http.post(f"{service.url}/webhooks/clickpost", json=body)
        assert answer.status_code == 200, answer.text
        await until(lambda: crowd.statuses.total() > before + 2_000)
        assert set(crowd.statuses) == {b"200"}
    assert not made_by.exists()


async def test_it_ends_where_the_service_was_killed(tmp_path: Path) -> None:
    async with visited(f"sqlite:///{tmp_path}/awbridge.db", tmp_path) as (service, crowd, made_by):
        crowd.is_over = True
        service.kill()
        await until(lambda: not made_by.exists())
