"""Several processes on one database: they share the work without repeating it."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import httpx2
import pytest

from tests.e2e.test_killed import give_orders, in_state
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running, worker

pytestmark = pytest.mark.slow


def test_three_processes_push_every_order_once(database_url: str, sandbox: Running, tmp_path: Path) -> None:
    port = free_port()
    env = bridge_environment(database_url, sandbox.url, port) | {"AWBRIDGE_PUSH_BATCH": "10"}
    with running(["serve"], env, tmp_path, port) as bridge:
        workers = [worker(env, tmp_path) for _ in range(2)]
        try:
            references = give_orders(bridge, 300)
            deadline = time.monotonic() + 200
            while len(placed := in_state(bridge, "placed")) < len(references) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert all(one.poll() is None for one in workers), "a worker gave up"
        finally:
            for one in workers:
                one.send_signal(signal.SIGTERM)
            codes = [one.wait(30) for one in workers]
        assert codes == [0, 0], "a worker did not end cleanly on SIGTERM"
        assert bridge.stop() == 0, "serve did not end cleanly on SIGTERM"
    ledger = httpx2.get(f"{sandbox.url}/_sandbox/ledger", timeout=30, verify=False).json()
    assert ledger["orders_created"] == len(references)
    assert placed == {order["reference_number"]: order["waybill"] for order in ledger["orders"]}


def test_a_worker_waits_for_a_database_that_is_not_available_yet(tmp_path: Path) -> None:
    port = free_port()
    env = bridge_environment(f"postgresql://nobody@127.0.0.1:{port}/none", "http://127.0.0.1:9", free_port())
    waiting = worker(env, tmp_path)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(6)
    finally:
        waiting.kill()
        waiting.wait(60)
