"""A sandbox with faults and a bridge to it, as processes of their own; a browser for the tests of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import chromium
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Running]:
    port = free_port()
    faults = ["slow=0.5", "slow_seconds=0.05", "cut_after_placing=0.1", "http_500=0.05", "async_orders=0.1"]
    arguments = ["sandbox", "--port", str(port), "--seed", "5", "--speed", "200000", "--backdate-days", "90"]
    for fault in faults:
        arguments += ["--fault", fault]
    with running(arguments, {}, tmp_path, port) as process:
        yield process


@pytest.fixture
def bridge(database_url: str, sandbox: Running, tmp_path: Path) -> Iterator[Running]:
    port = free_port()
    with running(["serve"], bridge_environment(database_url, sandbox.url, port), tmp_path, port) as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser_of_the_file() -> AsyncIterator[Browser]:
    """Chromium, started once for the tests of a file: each start takes a second and more of processor time."""
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def browser(browser_of_the_file: Browser) -> AsyncIterator[Browser]:
    """That browser without a page. What a test opens is closed after it. Such tests run in the loop of their file."""
    yield browser_of_the_file
    for context in browser_of_the_file.contexts:
        await context.close()
