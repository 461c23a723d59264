"""The process that makes pages for customers: it is started, survives what is meant for another, and ends with it."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import sys
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from awbridge.app.customer_page import process as of_app
from awbridge.app.customer_page.page import customer_page
from awbridge.app.customer_page.process import pages_beside
from awbridge.app.database import open_store
from awbridge.app.load_settings import load_settings
from awbridge.app.settings import Settings
from awbridge.steps.customer_page.open_orders import OpenOrders
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.tracking.ingest import Ingest
from awbridge.web.customer_page import page_process
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from tests.support.app import serving
from tests.support.customer_page import ADDRESS, KEY, At, add_parcel

pytestmark = pytest.mark.slow

STARTED = "customer_page.process_started"
FAILED = "customer_page.process_failed"


def processes() -> list[int]:
    """The running processes that make pages for this one."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # it has ended
            continue
        if parent == os.getpid() and b"awbridge.app.customer_page.make_pages" in command:
            found.append(int(folder.name))
    return found


@dataclass
class Served:
    """A page on loopback, and what was logged."""

    http: httpx2.AsyncClient
    path: str
    logs: list[MutableMapping[str, Any]]

    async def until(self, event: str, times: int = 1) -> None:
        """Ask for the page until this was logged so often."""
        async with asyncio.timeout(60):
            while [log["event"] for log in self.logs].count(event) < times:
                await self.get()
                await asyncio.sleep(0.02)

    async def get(self) -> httpx2.Response:
        answer = await self.http.get(self.path)
        assert (answer.status_code, "Hello Asha" in answer.text) == (200, True)
        return answer


@pytest.fixture(autouse=True)
def crowded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(OpenOrders, "is_crowded", True)
    monkeypatch.setattr(of_app, "processors", lambda: 2)
    monkeypatch.setattr(page_process, "CROWDED_FOR", 0.0)
    monkeypatch.setattr(page_process, "PAUSE", 0.05)


@asynccontextmanager
async def served(database_url: str, **settings: Any) -> AsyncGenerator[Served]:
    loaded = load_settings(
        database_url=database_url, track_url=ADDRESS, track_keys=KEY, track_link_days=3650, **settings
    )
    async with open_store(loaded, migrate=True) as store:
        token = await add_parcel(store, "REF-1", At(4, 2), At(5, 5, "BHIWANDI_HUB"))
        page = customer_page(loaded, store, utc_now)
        assert page
        endpoint = WebhookEndpoint(Ingest(store), KeyRing(store, ()), utc_now)
        with capture_logs() as logs:
            async with (
                pages_beside(loaded, page) as pages,
                serving(page, endpoint, customer_page=pages) as url,
                httpx2.AsyncClient(base_url=url, headers={"accept-encoding": "identity"}) as http,
            ):
                yield Served(http, f"/t/{token}", logs)


async def test_it_makes_the_same_pages_and_ends_with_the_server(database_url: str) -> None:
    async with served(database_url) as page:
        here = await page.get()
        await page.until(STARTED)
        (process,) = processes()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(process, number)  # a terminal and a service manager send these to all processes of the server
        beside = await page.get()
        assert (beside.content, beside.headers) == (here.content, here.headers)
        assert processes() == [process]
        assert os.getpriority(os.PRIO_PROCESS, process) > os.getpriority(os.PRIO_PROCESS, 0)
        assert [log["event"] for log in page.logs] == [STARTED]
    assert processes() == []


async def test_pages_go_on_when_it_is_killed_and_another_is_started(tmp_path: Path) -> None:
    async with served(f"sqlite:///{tmp_path}/a.db") as page:
        await page.until(STARTED)
        (process,) = processes()
        os.kill(process, signal.SIGKILL)
        await page.until(STARTED, times=2)
        assert [log["event"] for log in page.logs] == [STARTED, FAILED, STARTED]
        assert processes() != [process]
    assert processes() == []


async def test_one_that_stands_still_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_process, "PATIENCE", 0.2)
    monkeypatch.setattr(of_app, "END_SECONDS", 0.2)
    async with served(f"sqlite:///{tmp_path}/a.db") as page:
        await page.until(STARTED)
        (process,) = processes()
        os.kill(process, signal.SIGSTOP)
        await page.get()
        await page.until(FAILED)
        assert process not in processes()


async def test_one_that_cannot_begin_leaves_the_pages_to_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(of_app, "MODULE", "awbridge.app.no_such_module")
    async with served(f"sqlite:///{tmp_path}/a.db") as page:
        await page.until("customer_page.process_not_started")
        await page.get()
    assert "it ended before it could make pages" in page.logs[0]["problem"]
    assert "no_such_module" in capfd.readouterr().err


@pytest.mark.parametrize("why", ["one processor", "the setting"])
async def test_without_use_none_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    if why == "one processor":
        monkeypatch.setattr(of_app, "processors", lambda: 1)
    async with served(f"sqlite:///{tmp_path}/a.db", track_process=why != "the setting") as page:
        for _ in range(5):
            await page.get()
            await asyncio.sleep(0.02)
        assert (page.logs, processes()) == ([], [])


async def test_nothing_secret_is_on_its_command_line(tmp_path: Path) -> None:
    async with served(f"sqlite:///{tmp_path}/a.db") as page:
        await page.until(STARTED)
        (process,) = processes()
        command = Path(f"/proc/{process}/cmdline").read_text()
    assert KEY not in command
    assert str(tmp_path) not in command


async def test_one_whose_database_is_away_says_so_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    away = load_settings(database_url=f"sqlite:///{tmp_path}/none.db", track_url=ADDRESS, track_keys=KEY)
    monkeypatch.setattr(of_app, "pickle", AsPickled(away))
    async with served(f"sqlite:///{tmp_path}/a.db") as page:
        await page.until("customer_page.process_not_started")
        await page.get()
    said = capfd.readouterr().err
    assert "there is no database at" in said
    assert "Traceback" not in said


@dataclass
class AsPickled:
    """Sends these settings in place of the server's."""

    settings: Settings

    def dumps(self, _: object) -> bytes:
        return pickle.dumps(self.settings)


async def test_one_whose_server_ended_before_it_began_ends_too() -> None:
    ours, theirs = socket.socketpair()
    command = (sys.executable, "-m", of_app.MODULE, str(theirs.fileno()))
    process = await asyncio.create_subprocess_exec(*command, pass_fds=(theirs.fileno(),))
    theirs.close()
    ours.close()
    assert await asyncio.wait_for(process.wait(), 60) == 0
