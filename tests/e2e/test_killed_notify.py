"""kill -9 while a message and an event are being sent: the event is sent again under its id; the SMS is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from awbridge.store import Store
from tests.e2e.test_killed import give_orders
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running
from tests.support.rows import fetch, sql

pytestmark = pytest.mark.slow


@dataclass
class Holding:
    """A message gateway and a subscriber in one. It answers no request until `answers` is set."""

    port: int = 0
    taken: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    answers: bool = False

    def ids(self, folder: str) -> list[str]:
        return [id for path, id in self.taken if path.startswith(folder)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
            await reader.readexactly(int(headers["content-length"]))
            self.taken.append((first.split(" ")[1], headers.get("webhook-id", "")))
            while not self.answers:
                await asyncio.sleep(0.02)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def holding() -> AsyncGenerator[Holding]:
    held = Holding()
    server = await asyncio.start_server(held.serve, "127.0.0.1", 0)
    held.port = server.sockets[0].getsockname()[1]
    try:
        yield held
    finally:
        held.answers = True
        server.close()


async def until(seen: Callable[[], Awaitable[bool]], what: str) -> None:
    deadline = time.monotonic() + 60
    while not await seen():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


def notifying(env: dict[str, str], held: Holding) -> dict[str, str]:
    return {
        **env,
        "AWBRIDGE_NOTICE_SMS_URL": f"json://127.0.0.1:{held.port}/sms/{{to_digits}}",
        "AWBRIDGE_NOTICE_CONSENT": "sms",
        "AWBRIDGE_NOTICE_MILESTONES": "awb_generated",
        "AWBRIDGE_NOTICE_QUIET_HOURS": "",
        "AWBRIDGE_ENDPOINT_NETWORKS": "127.0.0.0/8",
    }


async def end_leases(store: Store) -> None:
    """End every lease now instead of waiting three minutes for it."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    async with store.write() as session:
        await session.execute(sql("UPDATE notices SET lease_ends_at = $1 WHERE lease_ends_at IS NOT NULL"), past)
        await session.execute(
            sql("UPDATE event_deliveries SET lease_ends_at = $1 WHERE lease_ends_at IS NOT NULL"), past
        )


async def begin(bridge: Running, held: Holding) -> None:
    """One order whose SMS and event are being sent."""
    endpoint = {"url": f"http://127.0.0.1:{held.port}/hook", "kinds": ["shipment.placed"]}
    async with httpx2.AsyncClient(base_url=bridge.url) as http:
        (await http.post("/v1/endpoints", json=endpoint)).raise_for_status()
    await asyncio.to_thread(give_orders, bridge, 1)

    async def both() -> bool:
        return bool(held.ids("/sms") and held.ids("/hook"))

    await until(both, bridge.log()[-3000:])


async def test_an_sms_that_may_have_been_sent_is_not_repeated_and_an_event_is(
    database_url: str, sandbox: Running, tmp_path: Path
) -> None:
    store = await Store.open(database_url)
    await store.migrate()
    port = free_port()
    try:
        async with holding() as held:
            env = notifying(bridge_environment(database_url, sandbox.url, port), held)
            with running(["serve"], env, tmp_path, port) as bridge:
                await begin(bridge, held)
                bridge.kill()
                (notice,) = await notices(store)
                assert notice["state"] == "sending"
                await end_leases(store)
                held.answers = True
                bridge.start()
                bridge.wait_until_ready()

                async def settled() -> bool:
                    events = await fetch(store, "SELECT state FROM event_deliveries")
                    return {row["state"] for row in events} == {"delivered"} and (await notices(store))[0][
                        "due_at"
                    ] is None

                await until(settled, bridge.log()[-3000:])
    finally:
        (notice,) = await notices(store)
        await store.close()
    assert notice["state"] == "maybe_sent"
    assert "sms is not repeated" in notice["why"]
    assert len(held.ids("/sms")) == 1
    first, *again = held.ids("/hook")
    assert again == [first], "the event is delivered again, under the same id"


async def notices(store: Store) -> list[Any]:
    return list(await fetch(store, "SELECT state, why, due_at FROM notices"))
