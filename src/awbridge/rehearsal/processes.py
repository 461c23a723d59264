"""Processes of a rehearsal: the sandbox, and workers to be killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx2

from awbridge.domain.errors import AwbridgeError

READY_WITHIN = 90.0  # seconds; a machine may be busy with other things


class Process:
    """A Python module in a process of its own, without our settings in its environment but those in `env`."""

    def __init__(self, module: Sequence[str], env: dict[str, str], folder: Path, log: IO[bytes]) -> None:
        self._command = [sys.executable, "-m", *module]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWBRIDGE_")}
        self._env, self._folder, self._log = clean | env, folder, log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._running = subprocess.Popen(  # noqa: S603 our own interpreter and words
            self._command, env=self._env, cwd=self._folder, stdout=self._log, stderr=self._log
        )

    def ended(self) -> bool:
        return self._running is not None and self._running.poll() is not None

    def kill(self) -> None:
        """SIGKILL: no cleanup runs."""
        if self._running:
            self._running.kill()
            self._running.wait(10)

    def stop(self) -> None:
        if self._running and self._running.poll() is None:
            self._running.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._running.wait(20)
            self.kill()


class SandboxProcess:
    """A sandbox in a process of its own; `url` is its address."""

    def __init__(self, process: Process, url: str, log: Path) -> None:
        self.url = url
        self._process = process
        self._log = log

    async def ready(self) -> None:
        """Return when it listens. Raises AwbridgeError if it does not start."""
        deadline = time.monotonic() + READY_WITHIN
        async with httpx2.AsyncClient(timeout=1) as http:
            while time.monotonic() < deadline and not self._process.ended():
                try:
                    if (await http.get(f"{self.url}/healthz")).status_code == 200:
                        return
                except httpx2.TransportError:
                    await asyncio.sleep(0.05)
        log = self._log.read_text(errors="replace").strip()[-1000:]
        raise AwbridgeError(f"the sandbox did not start within {READY_WITHIN:g} s. {log or 'Its log is empty.'}")


@contextmanager
def sandbox_process(arguments: Sequence[str], folder: Path, log: IO[bytes]) -> Generator[SandboxProcess]:
    """A starting sandbox with these arguments of `awbridge sandbox`, stopped at the end of the block."""
    port = _free_port()
    process = Process(["awbridge", "sandbox", "--port", str(port), *arguments], {}, folder, log)
    process.start()
    try:
        yield SandboxProcess(process, f"http://127.0.0.1:{port}", folder / log.name)
    finally:
        process.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
