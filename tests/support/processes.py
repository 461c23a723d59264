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

import httpx2

from tests.support.postgres import free_port

WEBHOOK_KEY = "e2e-webhook-key"


class Running:
    """A process of ours that listens on `url`."""

    def __init__(self, arguments: list[str], env: Mapping[str, str], folder: Path, port: int) -> None:
        self.arguments = arguments
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._env = {**{k: v for k, v in os.environ.items() if not k.startswith("AWBRIDGE_")}, **env}
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._folder / f"{self.arguments[0]}-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "awbridge", *self.arguments],
                env=self._env,
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60  # a busy machine imports slowly
        while time.monotonic() < deadline:
            assert self._process
            if self._process.poll() is not None:
                raise AssertionError(f"{self.arguments} ended at once: {self.log()[-3000:]}")
            try:
                if httpx2.get(f"{self.url}/healthz", timeout=1).status_code == 200:
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

    def kill(self) -> None:
        """kill -9: the process cannot shut down in order."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

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
def running(arguments: list[str], env: Mapping[str, str], folder: Path, port: int | None = None) -> Iterator[Running]:
    """A process that answers /healthz, stopped at the end."""
    process = Running(arguments, env, folder, port or free_port())
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
        "AWBRIDGE_CLICKPOST_TIMEOUT": "1",
        "AWBRIDGE_WEBHOOK_KEYS": WEBHOOK_KEY,
        "AWBRIDGE_RETRY_DELAYS": ",".join(["0.2"] * 4 + ["0.5"] * 12),
        "AWBRIDGE_WAITING_SECONDS": "0.2",
        "AWBRIDGE_HOLD_SECONDS": "0.5",
        "AWBRIDGE_PROBE_SECONDS": "1",
        "AWBRIDGE_PUSH_LEASE_SECONDS": "4.5",
        "AWBRIDGE_STEPS_IDLE_SECONDS": "0.05",
        "AWBRIDGE_PORT": str(port),
        "AWBRIDGE_LOG_LEVEL": "warning",
    }
