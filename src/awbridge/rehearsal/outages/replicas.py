"""The replicas of a drill: two serve and two work, processes that can be killed, replaced and misled."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import httpx2

from awbridge.domain.errors import AwbridgeError
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS
from awbridge.rehearsal.demo_company import Company
from awbridge.rehearsal.outages.load import WEBHOOK_KEY
from awbridge.rehearsal.outages.plan import FASTER
from awbridge.rehearsal.outages.servers import free_port
from awbridge.rehearsal.processes import Process

TIMEOUT = 1.0  # seconds that a call to ClickPost may take
READY_WITHIN = 900.0  # seconds; several start at once, and a machine may be busy with other things


@dataclass(slots=True)
class Replica:
    """`awbridge serve` or `awbridge work`."""

    kind: str
    env: dict[str, str]
    folder: Path
    log: IO[bytes]
    port: int = field(default_factory=free_port)
    clock: float = 0.0  # seconds by which its machine's clock is ahead
    code: Path | None = None  # the folder of its package, if not this version's
    ended_by_itself: int = 0
    _process: Process | None = None

    def start(self) -> None:
        """Start it; not yet ready."""
        module = ["awbridge", self.kind]
        if self.clock:
            module = ["awbridge.rehearsal.outages.wrong_clock", self.kind, f"{self.clock:g}"]
        env = self.env | {"AWBRIDGE_PORT": str(self.port)}
        if self.code:
            env["PYTHONPATH"] = str(self.code)
        self._process = Process(module, env, self.folder, self.log)
        self._process.start()

    async def ready(self) -> None:
        """Return when a serve may get requests, or a work had time to start. Raises AwbridgeError if it does not."""
        if self.kind == "work":
            await asyncio.sleep(1.0)
            return
        deadline = time.monotonic() + READY_WITHIN
        async with httpx2.AsyncClient(timeout=3.0) as http:
            while time.monotonic() < deadline and not self.ended():
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.1)
        raise AwbridgeError(f"awbridge {self.kind} was not ready within {READY_WITHIN:g} s; see the log")

    def ended(self) -> bool:
        """Whether its process is over."""
        return self._process is None or self._process.ended()

    def look_after(self) -> None:
        """Start it again if it ended without having been told to, and count that."""
        if self._process is not None and self._process.ended():
            self.ended_by_itself += 1
            self.start()

    def kill(self) -> None:
        """SIGKILL."""
        if self._process:
            self._process.kill()
            self._process = None

    async def stop(self) -> None:
        """SIGTERM: it finishes its calls in flight."""
        process, self._process = self._process, None
        if process:
            await asyncio.to_thread(process.stop)


def environment(database_url: str, sandbox_url: str, systems: Company, folder: Path) -> dict[str, str]:
    """The settings of a replica: every delay is shortened alike, so that an hour passes in seconds."""
    hosts = ("", "TRACKING_", "SERVICEABILITY_", "EDD_")
    settings: Mapping[str, str] = {
        "DATABASE_URL": database_url,
        "DATABASE_CONNECTIONS": "8",
        "DATA_DIR": str(folder / "awbridge-data"),
        "HOST": "127.0.0.1",
        "LOG_LEVEL": "warning",
        **{f"CLICKPOST_{host}URL": sandbox_url for host in hosts},
        "CLICKPOST_USERNAME": "sandbox",
        "CLICKPOST_KEY": "sandbox-key",
        "CLICKPOST_TIMEOUT": f"{TIMEOUT:g}",
        "WEBHOOK_KEYS": WEBHOOK_KEY,
        "RETRY_DELAYS": _faster(*DEFAULT_RETRY_DELAYS),
        "WAITING_SECONDS": "0.2",
        "HOLD_SECONDS": _faster(300),
        "PROBE_SECONDS": _faster(60),
        "BREAKER_WINDOW_SECONDS": "10",
        "PUSH_LEASE_SECONDS": f"{4 * TIMEOUT + 0.5:g}",
        "CATCH_UP_WINDOW_SECONDS": "4",
        "CATCH_UP_LAG_SECONDS": "0.5",
        "POLLING_CALLS_PER_SECOND": "20",
        "STEPS_IDLE_SECONDS": "0.5",
        "NOTICE_SMS_URL": systems.sms_url,
        "NOTICE_CONSENT": "sms",
        "NOTICE_QUIET_HOURS": "",
        "NOTICE_BRAND": "Demo Shop",
        "NOTICE_RETRY_DELAYS": _faster(60, 300, 1800, 7200),
        "ENDPOINT_NETWORKS": "127.0.0.0/8",
        "ENDPOINT_RETRY_DELAYS": _faster(60, 300, 1800, 7200, 18000, 25200, 34200),
    }
    return {f"AWBRIDGE_{name}": value for name, value in settings.items()}


def _faster(*seconds: float) -> str:
    return ",".join(f"{one / FASTER:.2f}" for one in seconds)
