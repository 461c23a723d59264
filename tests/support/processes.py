"""awbridge and its sandbox as real processes, to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx2

from tests.support.fork_server import Forked
from tests.support.ports import free_port

WEBHOOK_KEY = "e2e-webhook-key"


class Process(Protocol):
    """What a Popen and a Forked have in common."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process, without any settings but these."""
    return {**{k: v for k, v in os.environ.items() if not k.startswith("AWBRIDGE_")}, **env}


def spawned(arguments: list[str], env: Mapping[str, str], folder: Path, log: Path) -> Process:
    """`awbridge` with these arguments, started like a command."""
    with log.open("ab") as output:
        command = [sys.executable, "-m", "awbridge", *arguments]
        return subprocess.Popen(command, env=env, cwd=folder, stdout=output, stderr=output)


def worker(env: Mapping[str, str], folder: Path) -> Forked:
    """`awbridge work` with these settings."""
    return Forked(["work"], environment(env), folder, folder / "work.log")


class Running:
    """A process of ours that listens on `url`. Benchmarks want it `spawned`, with all that a start costs."""

    def __init__(
        self, arguments: list[str], env: Mapping[str, str], folder: Path, port: int, *, forked: bool = True
    ) -> None:
        self.arguments = arguments
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._env = environment(env)
        self._folder = folder
        self._start = Forked if forked else spawned
        self._process: Process | None = None

    def start(self) -> None:
        log = self._folder / f"{self.arguments[0]}-{self.port}.log"
        self._process = self._start(self.arguments, self._env, self._folder, log)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60  # a busy machine imports slowly
        # verify=False: a client that reads the trusted certificates, which no local address needs, costs 33 ms.
        while time.monotonic() < deadline:
            assert self._process
            if self._process.poll() is not None:
                raise AssertionError(f"{self.arguments} ended at once: {self.log()[-3000:]}")
            try:
                if httpx2.get(f"{self.url}/healthz", timeout=10, verify=False).status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise AssertionError(f"{self.arguments} did not come up: {self.log()[-3000:]}")

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def log(self) -> str:
        return (self._folder / f"{self.arguments[0]}-{self.port}.log").read_text()

    def send_signal(self, number: int) -> None:
        assert self._process
        self._process.send_signal(number)

    def wait(self, timeout: float) -> int:
        """The exit code, once it ends by itself."""
        assert self._process
        return self._process.wait(timeout)

    def kill(self) -> None:
        """kill -9: the process cannot shut down in order."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(60)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


@contextmanager
def running(
    arguments: list[str], env: Mapping[str, str], folder: Path, port: int | None = None, *, forked: bool = True
) -> Iterator[Running]:
    """A process that answers /healthz, stopped at the end."""
    process = Running(arguments, env, folder, port or free_port(), forked=forked)
    process.start()
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.stop()


def bridge_environment(database_url: str, sandbox_url: str, port: int) -> dict[str, str]:
    """Settings of a bridge with short intervals and many attempts."""
    return {
        "AWBRIDGE_DATABASE_URL": database_url,
        "AWBRIDGE_CLICKPOST_USERNAME": "sandbox",
        "AWBRIDGE_CLICKPOST_KEY": "sandbox-key",
        "AWBRIDGE_CLICKPOST_URL": sandbox_url,
        "AWBRIDGE_CLICKPOST_TRACKING_URL": sandbox_url,
        "AWBRIDGE_CLICKPOST_SERVICEABILITY_URL": sandbox_url,
        "AWBRIDGE_CLICKPOST_EDD_URL": sandbox_url,
        "AWBRIDGE_CLICKPOST_TIMEOUT": "1",
        "AWBRIDGE_WEBHOOK_KEYS": WEBHOOK_KEY,
        "AWBRIDGE_RETRY_DELAYS": ",".join(["0.2"] * 4 + ["0.5"] * 12),
        "AWBRIDGE_WAITING_SECONDS": "0.2",
        "AWBRIDGE_HOLD_SECONDS": "0.5",
        "AWBRIDGE_PROBE_SECONDS": "1",
        "AWBRIDGE_PUSH_LEASE_SECONDS": "4.5",
        "AWBRIDGE_STEPS_IDLE_SECONDS": "0.25",  # 0.05 took a service two fifths of a core
        "AWBRIDGE_PORT": str(port),
        "AWBRIDGE_LOG_LEVEL": "warning",
    }
