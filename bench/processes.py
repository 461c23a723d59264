"""The measured server and its load, each in its own process."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import WEBHOOK_KEY, bridge_environment, running

NOWHERE = "http://127.0.0.1:9"  # the vendor is not called; nothing listens there


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of CPU time that it has used."""
        return cpu_of(self.pid)


def cpu_of(pid: int) -> float:
    """Seconds of CPU time that a process has used; 0 once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def bridge(database: str) -> Iterator[Server]:
    """`awbridge serve` with its defaults, all steps included."""
    port = free_port()
    env = bridge_environment(database, NOWHERE, port) | {"AWBRIDGE_STEPS_IDLE_SECONDS": "1"}
    env["AWBRIDGE_LOG_LEVEL"] = "error"
    with tempfile.TemporaryDirectory() as folder, running(["serve"], env, Path(folder), port, forked=False) as process:
        yield Server(port, process.pid)


@contextmanager
def peer(module: str, *arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A peer, with the environment of this process or `env`."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", f"bench.peers.{module}", str(port), *arguments], env=env)
    try:
        _wait_for(port, process)
        yield Server(port, process.pid)
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
    """The result of one run of load. Times in ms; `acknowledged`: the numbers of the deliveries answered with 200."""

    per_second: float
    p50: float
    p99: float
    longest: float
    statuses: dict[str, int]
    errors: int
    acknowledged: set[int]
    cpu: float  # microseconds of the server's CPU time per acknowledgement, all its work included


def load(
    server: Server, *, connections: int, seconds: float, shipments: int, rate: float = 0.0, first: int = 0
) -> Load:
    """One run of load. With a `rate` it sends at most that many per second, otherwise as fast as it is answered.

    `first`: the first delivery number; two runs on one database need different ones.
    """
    before = server.cpu()
    with tempfile.NamedTemporaryFile() as file:
        arguments = (server.port, connections, seconds, WEBHOOK_KEY, shipments, rate, first, file.name)
        command = [sys.executable, "-m", "bench.load", *map(str, arguments)]
        said = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        numbers: array[int] = array("q")
        numbers.frombytes(Path(file.name).read_bytes())
    used = (server.cpu() - before) * 1e6 / max(len(numbers), 1)
    return Load(**said, acknowledged=set(numbers), cpu=used)
