"""A sandbox with faults and a bridge to it, as processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import free_port
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
