"""awbridge behind the proxies of deploy/: the real servers, with the files as they are."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import http.client
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from awbridge.store import Store
from awbridge.web.webhook.endpoint import PATH
from tests.support.fronts import NAME, PROXIES, Answer, Front, front
from tests.support.ports import free_port
from tests.support.processes import WEBHOOK_KEY, bridge_environment, running
from tests.support.relay import Mode, Relay
from tests.support.rows import T0, add, fetch, place
from tests.support.stores import migrated_file
from tests.support.world import as_body, webhook

pytestmark = pytest.mark.slow

KEY_FIRST = (("webhook_key", WEBHOOK_KEY), ("Host", NAME))
HOST_FIRST = tuple(reversed(KEY_FIRST))
NOT_STORED = b'{"message":"not stored, retry"}'


@dataclass
class Bridges:
    """Two `awbridge serve` on one database, each behind a relay."""

    database: Path
    ports: list[int]
    relays: list[Relay]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nothing can be stored in the block."""
        with Path(f"{self.database}-lock").open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def relaying(self, *modes: Mode) -> Iterator[None]:
        for relay, mode in zip(self.relays, modes, strict=True):
            relay.mode = mode
        try:
            yield
        finally:
            for relay in self.relays:
                relay.mode = Mode.PASS


@pytest.fixture(scope="module")
def bridges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridges]:
    folder = tmp_path_factory.mktemp("bridges")
    path = asyncio.run(migrated_file(folder, "fronts.db")).removeprefix("sqlite:///")
    with ExitStack() as stack:
        ports = [free_port(), free_port()]
        for port in ports:
            env = bridge_environment(f"sqlite:///{path}", "http://127.0.0.1:9", port)
            stack.enter_context(running(["serve"], env, folder, port))
        relays = [Relay(port) for port in ports]
        for relay in relays:
            relay.open()
            stack.callback(relay.close)
        yield Bridges(Path(path), ports, relays)


@pytest.fixture
async def store(bridges: Bridges) -> AsyncGenerator[Store]:
    opened = await Store.open(f"sqlite:///{bridges.database}")
    yield opened
    await opened.close()


class Deliveries:
    """Deliveries about one shipment, numbered: each is another scan."""

    def __init__(self, front: Front, bridges: Bridges, store: Store, first: int) -> None:
        self.front = front
        self.bridges = bridges
        self.store = store
        self.number = first
        self.waybill = f"AWB-{front.name}"

    async def known(self) -> None:
        """Add their shipment."""
        await add(self.store, self.waybill)
        await place(self.store, self.waybill, self.waybill)

    def body(self) -> bytes:
        self.number += 1
        at = T0.replace(microsecond=0).replace(minute=self.number % 60, hour=T0.hour)
        return as_body(webhook(self.waybill, 5, at, order_status_id=self.number))

    async def send(self, body: bytes | None = None, *, headers: Any = HOST_FIRST, path: str = PATH) -> Answer:
        return await asyncio.to_thread(self.front.ask, "POST", path, headers, body or self.body())

    async def delivered(self, body: bytes | None = None, **request: Any) -> int:
        """The status; where awbridge is too busy to store it in time, that of a later try, as ClickPost makes them."""
        body = body or self.body()
        for _ in range(10):
            answer = await self.send(body, **request)
            if answer.body != NOT_STORED:
                break
        return answer.status

    async def stored(self, number: int | None = None) -> int:
        identity = f"osid:{number or self.number}"
        found = await fetch(self.store, "SELECT COUNT(*) AS n FROM inbox WHERE identity = $1", identity)
        return found[0]["n"]

    async def scans(self) -> int:
        found = await fetch(self.store, "SELECT COUNT(*) AS n FROM scans WHERE waybill = $1", self.waybill)
        return found[0]["n"]

    async def until(self, done: Callable[[], Any], what: str) -> None:
        try:
            async with asyncio.timeout(20):
                while not await done():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(what) from None


@pytest.mark.parametrize("name", PROXIES)
async def test_awbridge_behind_a_proxy(name: str, bridges: Bridges, store: Store, tmp_path: Path) -> None:
    ports = [relay.port for relay in bridges.relays]
    with ExitStack() as stack:
        running_front = await asyncio.to_thread(stack.enter_context, front(name, tmp_path / name, ports))
        hooks = Deliveries(running_front, bridges, store, first=1000 * PROXIES.index(name))
        await hooks.known()
        await keys_arrive(hooks)
        await callers_are_known(running_front, bridges)
        await sizes_are_those_of_awbridge(hooks)
        await an_overload_is_passed_on(hooks)
        await what_was_taken_in_is_stored(hooks)
        await unanswered_deliveries_are_one_scan(hooks)
        await a_silent_server_is_given_up_in_time(hooks)
        await servers_go_and_come(hooks)
        no_key_is_logged(running_front)


async def keys_arrive(hooks: Deliveries) -> None:
    for headers in (HOST_FIRST, KEY_FIRST, (("X-Api-Key", WEBHOOK_KEY),)):
        assert await hooks.delivered(headers=headers) == 200, headers
        assert await hooks.stored() == 1
    for path in (f"{PATH}/{WEBHOOK_KEY}", f"{PATH}?secret={WEBHOOK_KEY}"):
        assert await hooks.delivered(headers=(), path=path) == 200, path
    for part in ("webhooks/clickpost", "track", "t"):  # of another account; no_key_is_logged reads what is logged
        await hooks.send(headers=(), path=f"/a/acme/{part}/{WEBHOOK_KEY}")
    received = b"".join(one for relay in hooks.bridges.relays for one in relay.received)
    assert f"POST /a/acme{PATH}/{WEBHOOK_KEY} ".encode() in received
    refused = await hooks.send(headers=())
    assert (refused.status, b"no webhook_key was sent" in refused.body) == (401, True)


async def callers_are_known(front: Front, bridges: Bridges) -> None:
    """awbridge learns the address, scheme and host; what the caller claims to be counts nothing."""
    for relay in bridges.relays:
        relay.received.clear()
    claimed = (("Host", NAME), ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "http"))
    page = await asyncio.to_thread(front.ask, "GET", "/sign-in", claimed, b"", "127.0.0.2")
    assert page.status in (200, 303), page.body
    heads = b"".join(one for relay in bridges.relays for one in relay.received if b"/sign-in" in one)
    lines = heads.decode().lower().split("\r\n")
    assert [line for line in lines if line.startswith("x-forwarded-for:")] == ["x-forwarded-for: 127.0.0.2"]
    assert [line for line in lines if line.startswith("x-forwarded-proto:")] == ["x-forwarded-proto: https"]
    assert [line for line in lines if line.startswith("host:")] == [f"host: {NAME}"]

    missing = await asyncio.to_thread(front.ask, "GET", "/v1/shipments/a%2Fb")
    assert (missing.status, json.loads(missing.body)["status"]) == (404, 404), "a slash in a reference number"
    assert (await asyncio.to_thread(front.ask, "GET", "/metrics")).status == 404
    plain = http.client.HTTPConnection("127.0.0.1", front.plain_port, timeout=10)
    with contextlib.closing(plain):
        plain.request("GET", "/shipments?q=1", headers={"Host": NAME})
        answer = plain.getresponse()
        location = answer.headers["location"]
    assert answer.status == 308
    assert location.startswith(f"https://{NAME}")
    assert location.endswith("/shipments?q=1")


async def sizes_are_those_of_awbridge(hooks: Deliveries) -> None:
    large = json.loads(hooks.body()) | {"note": "x" * 900_000}
    assert await hooks.delivered(as_body(large)) == 200
    assert (await hooks.send(b"x" * (1024 * 1024 + 1))).status == 413
    orders = (("Content-Type", "application/json"),)
    answer = await asyncio.to_thread(hooks.front.ask, "POST", "/v1/shipments", orders, b"[" + b" " * (3 << 20) + b"]")
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json"), answer.body[:300]


async def an_overload_is_passed_on(hooks: Deliveries) -> None:
    with hooks.bridges.locked():
        answer = await hooks.send()
    assert (answer.status, answer.headers.get("retry-after")) == (503, "1")
    assert answer.body == NOT_STORED
    assert await hooks.delivered() == 200, "the proxy did not take the servers out"


async def what_was_taken_in_is_stored(hooks: Deliveries) -> None:
    """The sender hangs up while its delivery waits to be stored."""
    body = hooks.body()
    head = f"POST {PATH} HTTP/1.1\r\nHost: {NAME}\r\nwebhook_key: {WEBHOOK_KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    relays = hooks.bridges.relays
    with hooks.bridges.locked():
        line = await asyncio.to_thread(hooks.front.line)
        await asyncio.to_thread(line.sendall, head.encode() + body)
        async with asyncio.timeout(5):
            while not any(body in b"".join(relay.received) for relay in relays):
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)  # awbridge takes it in
        line.close()
        await asyncio.sleep(0.2)  # the proxy hangs up, too, or does not
        assert await hooks.stored() == 0
    await hooks.until(hooks.stored, "what was taken in is stored although its sender hung up")


async def unanswered_deliveries_are_one_scan(hooks: Deliveries) -> None:
    """Both servers store four deliveries, and the answers are lost. Neither server is taken out for that."""
    bodies = [hooks.body() for _ in range(4)]
    before = await hooks.scans()
    with hooks.bridges.relaying(Mode.SWALLOW, Mode.SWALLOW):
        assert {(await hooks.send(body)).status for body in bodies} <= {502, 503, 504}
    first = hooks.number - 3
    for number in range(first, first + 4):
        assert await hooks.stored(number) == 1, "it was stored before the answer was lost"
    assert [await hooks.delivered(body) for body in bodies] == [200] * 4
    assert [await hooks.stored(number) for number in range(first, first + 4)] == [1] * 4

    async def applied() -> bool:
        found = await fetch(hooks.store, "SELECT 1 FROM inbox WHERE due_at IS NOT NULL")
        return not found and await hooks.scans() >= before + 4

    await hooks.until(applied, "the deliveries are applied")
    assert await hooks.scans() == len(
        await fetch(hooks.store, "SELECT DISTINCT scanned_at FROM scans WHERE waybill = $1", hooks.waybill)
    )


async def a_silent_server_is_given_up_in_time(hooks: Deliveries) -> None:
    """One server takes deliveries in and never answers."""
    repeated = False
    with hooks.bridges.relaying(Mode.SILENT, Mode.PASS):
        for _ in range(6 if hooks.front.name in ("nginx", "haproxy") else 2):
            started = time.monotonic()
            status = (await hooks.send()).status
            seconds = time.monotonic() - started
            assert status in (200, 502, 503, 504)
            assert seconds < 20, "not after the minutes that proxies wait by default"
            await hooks.until(hooks.stored, "it is stored in any case")
            if repeated := status == 200 and seconds > 1.4:
                break
    assert repeated == (hooks.front.name in ("nginx", "haproxy")), "these two send it to the other server"


async def servers_go_and_come(hooks: Deliveries) -> None:
    one, two = hooks.bridges.relays

    async def all_answered() -> bool:
        return [await hooks.delivered() for _ in range(4)] == [200] * 4

    one.close()
    if hooks.front.name == "caddy":  # notices it by a check
        await hooks.until(all_answered, "the other server takes them")
    else:
        assert await all_answered(), "the other server takes them"
    two.close()
    started = time.monotonic()
    assert (await hooks.send()).status in (502, 503)
    assert time.monotonic() - started < 10, "not after the 60 s that proxies wait by default"
    two.open()

    async def answered() -> bool:
        return (await hooks.send()).status == 200

    await hooks.until(answered, "a server that is back gets deliveries")
    one.open()


def test_a_connection_that_was_idle_for_six_seconds_still_delivers(bridges: Bridges) -> None:
    """Proxies keep idle connections for a minute and more; it was 5 s once."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", bridges.ports[0], timeout=10)) as kept:
        for pause in (0, 6):
            time.sleep(pause)
            kept.request("POST", PATH, as_body(webhook("AWB-IDLE", 5, T0)), {"webhook_key": WEBHOOK_KEY})
            answer = kept.getresponse()
            assert (answer.status, answer.read()) == (200, b'{"status":"stored"}')


def no_key_is_logged(front: Front) -> None:
    written = {path.name: path.read_text("utf-8", "replace") for path in front.folder.glob("*.log")}
    assert any(f"{PATH}/..." in text for text in written.values()), "there is a log, with the path alone"
    logs_paths = {"error.log", "awbridge-error.log"}  # error logs of nginx and Apache have the path as it was sent
    assert [name for name, text in written.items() if WEBHOOK_KEY in text and name not in logs_paths] == []
