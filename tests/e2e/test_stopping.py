"""What an orchestrator sees of `awbridge serve` from SIGTERM to the exit."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import httpx2
import pytest

from tests.support.ports import free_port
from tests.support.processes import WEBHOOK_KEY, Running, bridge_environment
from tests.support.rows import T0
from tests.support.world import webhook

pytestmark = pytest.mark.slow

NOWHERE = "http://127.0.0.1:9"


def _deliver(http: httpx2.Client, number: int) -> httpx2.Response:
    body = webhook(f"AWB{number}", 5, T0, order_status_id=1)
    return http.post("/webhooks/clickpost", json=body, headers={"webhook_key": WEBHOOK_KEY})


def _until_not_ready(http: httpx2.Client) -> httpx2.Response:
    deadline = time.monotonic() + 60
    while (answer := http.get("/readyz")).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


@pytest.fixture
def draining(tmp_path: Path) -> Running:
    port = free_port()
    settings = bridge_environment(f"sqlite:///{tmp_path}/awbridge.db", NOWHERE, port)
    settings |= {"AWBRIDGE_DRAIN_SECONDS": "100", "AWBRIDGE_LOG_LEVEL": "info"}
    return Running(["serve"], settings, tmp_path, port)


def test_serve_leaves_the_load_balancer_before_it_stops_listening(draining: Running) -> None:
    draining.start()
    try:
        draining.wait_until_ready()
        with httpx2.Client(base_url=draining.url, timeout=10) as http, httpx2.Client(base_url=draining.url) as kept:
            assert http.get("/readyz").status_code == 200
            first = _deliver(kept, 1)
            assert (first.status_code, first.headers.get("connection")) == (200, None)
            draining.send_signal(signal.SIGTERM)
            answer = _until_not_ready(http)
            assert (answer.status_code, answer.json()["title"]) == (503, "This process is stopping")
            on_the_kept_line, on_a_new_line = _deliver(kept, 2), _deliver(kept, 3)
            for late in (on_the_kept_line, on_a_new_line):
                assert (late.status_code, late.json(), late.headers["connection"]) == (
                    200,
                    {"status": "stored"},
                    "close",
                )
            assert http.get("/healthz").status_code == 200, "an orchestrator would kill it instead of waiting"
            asked = time.monotonic()
            assert draining.stop() == 0, "a second SIGTERM"
            assert time.monotonic() - asked < 30, "it drained for all of its 100 s"
    finally:
        draining.stop()
    assert "server.stopping" in draining.log()
    assert "Traceback" not in draining.log()


def test_ctrl_c_does_not_wait_for_load_balancers(draining: Running) -> None:
    draining.start()
    try:
        draining.wait_until_ready()
        draining.send_signal(signal.SIGINT)
        assert draining.wait(30) == 0
    finally:
        draining.stop()
