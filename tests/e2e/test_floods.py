"""A running `awbridge serve` under floods and slow clients: webhooks are accepted, memory does not grow."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.support.ports import free_port
from tests.support.processes import WEBHOOK_KEY, Running, bridge_environment, running

pytestmark = pytest.mark.slow

IN_TIME = 2.0  # seconds after which ClickPost closes the connection
OTHERS = 2  # of twenty deliveries that the machine itself may hold up: what blocks the service holds up all
MiB = 1024 * 1024


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Running]:
    port = free_port()
    env = bridge_environment(f"sqlite:///{tmp_path}/flood.db", "http://127.0.0.1:9", port)
    with running(["serve"], env, tmp_path, port) as process:
        yield process


def resident(pid: int) -> int:
    """Bytes of resident memory of a process."""
    line = next(s for s in Path(f"/proc/{pid}/status").read_text().splitlines() if s.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def answers(bridge: Running, *, webhooks: int) -> list[float]:
    """Seconds that so many deliveries took, each over its own connection; the quickest first, refused ones last."""
    took: list[float] = []
    for number in range(webhooks):
        started = time.monotonic()
        body = {"waybill": f"AWB{number}", "cp_id": 4, "order_status_id": number, "clickpost_status_code": 5}
        url, headers = f"{bridge.url}/webhooks/clickpost", {"webhook_key": WEBHOOK_KEY}
        answer = httpx2.post(url, json=body, headers=headers, timeout=20, verify=False)
        assert answer.status_code in (200, 503), answer.text
        took.append(time.monotonic() - started if answer.status_code == 200 else math.inf)
    return sorted(took)


def flood(port: int) -> None:
    """75 MiB of headers over four connections, or as much as is accepted."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        try:
            connection.sendall(b"GET / HTTP/1.1\r\nlong: ")
            for _ in range(75):
                connection.sendall(b"x" * (MiB // 4))
        except ConnectionError:
            return


def test_webhooks_are_accepted_beside_75_mib_of_headers_without_memory_growth(bridge: Running) -> None:
    answers(bridge, webhooks=3)
    before = resident(bridge.pid)
    floods = [threading.Thread(target=flood, args=(bridge.port,)) for _ in range(4)]
    for thread in floods:
        thread.start()
    assert answers(bridge, webhooks=20)[-1 - OTHERS] < IN_TIME
    for thread in floods:
        thread.join(30)
    assert resident(bridge.pid) - before < 24 * MiB


def test_webhooks_are_accepted_beside_500_slow_connections(bridge: Running) -> None:
    with ExitStack() as stack:
        for number in range(500):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", bridge.port)))
            if number % 2:
                connection.sendall(b"POST /webhooks/clickpost HTTP/1.1\r\nhost: x\r\n")  # an unfinished request
        assert answers(bridge, webhooks=20)[-1 - OTHERS] < IN_TIME
