"""`awbridge work` shows its health and metrics over HTTP, to those who may see them."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from awbridge.app.loops import opened_world
from awbridge.app.settings import Settings
from awbridge.app.watching.monitor import monitored
from awbridge.domain.errors import SettingsError
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.loop import Loop
from tests.support.ports import free_port
from tests.support.stores import migrated_file


async def idle() -> int:
    return 0


async def settings_in(folder: Path, port: int) -> Settings:
    return Settings(
        database_url=await migrated_file(folder),
        data_dir=str(folder),
        clickpost_username="shop",
        clickpost_key="k3y",
        metrics_port=port,
        api_keys="secret",
    )


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a process that works."""
    port = free_port()
    async with opened_world(await settings_in(tmp_path, port), utc_now) as world:
        push = Loop("push", idle, idle_seconds=1, concurrency=lambda: 20)
        async with monitored(world, [push]), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield client


async def test_health_is_public_and_metrics_need_a_key(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/healthz")).json().items() >= {"ok": True, "hanging": []}.items()
    assert (await http.get("/readyz")).json() == {"ok": True}
    assert (await http.get("/metrics")).status_code == 401
    shown = await http.get("/metrics", headers={"authorization": "Bearer secret"})
    assert shown.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'awbridge_step_concurrency{step="push"} 20.0' in shown.text
    assert "awbridge_apply_lag_seconds_count" in shown.text
    assert "awbridge_http_connections" not in shown.text, "this process has no clients of its own"


async def test_nothing_else_is_served(http: httpx2.AsyncClient) -> None:
    for path in ("/", "/docs", "/openapi.json", "/v1/shipments", "/webhooks/clickpost"):
        assert (await http.get(path, headers={"authorization": "Bearer secret"})).status_code == 404


async def test_a_taken_port_is_said_before_a_step_runs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with opened_world(await settings_in(tmp_path, port), utc_now) as world:
            with pytest.raises(SettingsError, match=f"METRICS_PORT: cannot listen on port {port}"):
                async with monitored(world, []):
                    pytest.fail("it listens on a taken port")
