"""What is measured, and the load on it, each in a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import free_port
from tests.support.processes import WEBHOOK_KEY, bridge_environment, running

NOWHERE = "http://127.0.0.1:9"  # the vendor is not called; nobody listens there


@contextmanager
def bridge(database: str, *, command: str = "serve") -> Iterator[int]:
    """`awbridge serve` as anybody runs it, steps and all; its port."""
    port = free_port()
    env = bridge_environment(database, NOWHERE, port) | {"AWBRIDGE_STEPS_IDLE_SECONDS": "1"}
    env["AWBRIDGE_LOG_LEVEL"] = "error"
    with tempfile.TemporaryDirectory() as folder, running([command], env, Path(folder), port):
        yield port


@contextmanager
def peer(module: str, *arguments: str) -> Iterator[int]:
    """A peer of ours; its port."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", f"bench.peers.{module}", str(port), *arguments])
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the peer did not come up")


@dataclass(frozen=True, kw_only=True)
class Load:
    """What one run of load saw. Times in ms; `acknowledged` are the numbers of the deliveries answered with 200."""

    per_second: float
    p50: float
    p99: float
    longest: float
    statuses: dict[str, int]
    errors: int
    acknowledged: set[int]


def load(port: int, *, connections: int, seconds: float, shipments: int, rate: float = 0.0) -> Load:
    """One run of load. With a `rate` (a second) it asks for no more than that; else as fast as it is answered."""
    with tempfile.NamedTemporaryFile() as file:
        arguments = [str(port), str(connections), str(seconds), WEBHOOK_KEY, str(shipments), str(rate), file.name]
        command = [sys.executable, "-m", "bench.load", *arguments]
        said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        numbers: array[int] = array("q")
        numbers.frombytes(Path(file.name).read_bytes())
    return Load(**said, acknowledged=set(numbers))
