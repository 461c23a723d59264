"""Several accounts in one `serve`: each has its own ClickPost, webhook key, API key and rows; steps run for all."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx2
import pytest

from awbridge.app.accounts.changes import AccountAdmin
from awbridge.app.accounts.hosting import earlier
from awbridge.app.accounts.registry import AccountRegistry
from awbridge.app.database import open_store
from awbridge.app.load_settings import load_configuration
from awbridge.app.serve import assembled, setting_up
from awbridge.app.settings import Settings
from awbridge.domain.accounts.names import schema_of
from awbridge.enqueue import enqueue_async
from awbridge.steps.accounts import host
from awbridge.steps.orders import intake
from awbridge.steps.runtime import meters
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.transfer.life import drop_data
from awbridge.store import Store
from awbridge.store.accounts import wakes
from awbridge.store.runtime import due
from tests.support.notices import a_payload
from tests.support.postgres import PostgresServer
from tests.support.receivers import Receiver, Request, http_server, ok
from tests.support.world import as_body, webhook

pytestmark = pytest.mark.heavy

NAMES = ("india", "gulf")


@pytest.fixture(params=["sqlite", "postgres"])
async def home_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/home.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return await server.new_database()


@asynccontextmanager
async def _vendor() -> AsyncGenerator[tuple[str, list[tuple[str, str]]]]:
    """A ClickPost that places every order: its URL, and (username, reference number) of each."""
    placed: list[tuple[str, str]] = []

    def respond(request: Request) -> bytes:
        username = parse_qs(urlsplit(request.path).query).get("username", [""])[0]
        body = json.loads(request.body or b"{}")
        reference = body.get("shipment_details", {}).get("reference_number", "")
        if not reference:
            return ok(body='{"meta": {"status": 200, "success": true}, "result": []}')
        placed.append((username, reference))
        answer = {"meta": {"status": 200, "success": True}, "result": {"waybill": f"AWB-{reference}"}}
        return ok(body=as_body(answer).decode())

    async with http_server() as vendor:
        assert isinstance(vendor, Receiver)
        vendor.respond = respond
        yield vendor.url, placed


def _settings(folder: Path, home_url: str, vendor: str, *names: str, home: bool = True) -> Settings:
    config = folder / "awbridge.toml"
    tables = [
        f'[accounts.{name}]\nclickpost_username = "{name}"\nclickpost_key = "key-{name}"\n'
        f'webhook_keys = "hook-{name}"\napi_keys = "api-{name}"\n'
        for name in names
    ]
    own = 'clickpost_username = "home"\nclickpost_key = "key-home"\n' if home else ""
    hosts = "".join(f'clickpost_{kind}url = "{vendor}"\n' for kind in ("", "tracking_", "serviceability_", "edd_"))
    config.write_text(
        f'database_url = "{home_url}"\ndata_dir = "{folder}/data"\napi_keys = "api-home"\nwebhook_keys = "hook-home"\n'
        f'archive_url = "none"\ncourier_comparison_seconds = 0\n'
        f"steps_idle_seconds = 0.05\n{hosts}{own}\n" + "\n".join(tables)
    )
    return load_configuration(config=config).settings


@asynccontextmanager
async def _browser(app: object) -> AsyncGenerator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))  # pyright: ignore
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
        yield http


def _key(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer api-{name}"}


async def _until(what: Callable[[], bool], text: str = "") -> None:
    for _ in range(1000):
        if what():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(text or "it did not happen")


async def _shipment(http: httpx2.AsyncClient, name: str, reference: str, **expected: str) -> dict[str, object]:
    for _ in range(1000):
        answer = await http.get(f"/a/{name}/v1/shipments/{reference}", headers=_key(name))
        if answer.status_code == 200 and expected.items() <= answer.json().items():
            return answer.json()
        await asyncio.sleep(0.02)
    raise AssertionError(answer.text)


def _order(reference: str) -> dict[str, object]:
    return a_payload(reference)


async def test_each_account_has_its_own_clickpost_keys_and_rows(home_url: str, tmp_path: Path) -> None:
    async with (
        _vendor() as (vendor, placed),
        assembled(_settings(tmp_path, home_url, vendor, *NAMES)) as bridge,
        _browser(bridge.app) as http,
    ):
        for name in NAMES:
            answer = await http.post(f"/a/{name}/v1/shipments", json=_order("R1"), headers=_key(name))
            assert answer.status_code == 202, answer.text
        for name in NAMES:
            await _shipment(http, name, "R1", state="placed", waybill="AWB-R1")
        assert sorted(placed) == [("gulf", "R1"), ("india", "R1")]
        assert (await http.get("/v1/shipments", headers=_key("home"))).json()["shipments"] == []
        refused = await http.get("/a/gulf/v1/shipments", headers=_key("india"))
        assert refused.status_code == 401

        body = as_body(webhook("AWB-R1", 8, utc_now()))
        refused = await http.post("/a/gulf/webhooks/clickpost", headers={"webhook_key": "hook-india"}, content=body)
        assert refused.status_code == 401
        stored = await http.post("/a/gulf/webhooks/clickpost", headers={"webhook_key": "hook-gulf"}, content=body)
        assert stored.status_code == 200, stored.text
        for _ in range(1000):
            scans = (await http.get("/a/gulf/v1/shipments/R1/scans", headers=_key("gulf"))).json()
            if scans:
                break
            await asyncio.sleep(0.02)
        assert len(scans) == 1
        india = (await http.get("/a/india/v1/shipments/R1/scans", headers=_key("india"))).json()
        assert india == []
        assert (await http.get("/a/nobody/v1/shipments")).status_code == 404


async def test_accounts_are_worked_for_without_a_request_and_when_the_home_is_not_set_up(
    home_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order that another process stored is placed; the account then sleeps, and the next order wakes it."""
    monkeypatch.setattr(host, "REST_AFTER", 0.3)
    monkeypatch.setattr(host, "SOON", type(host.SOON)(seconds=1))
    monkeypatch.setattr("awbridge.app.accounts.hosting.KEEP_IDLE", 0.05)
    monkeypatch.setattr(due, "RECENT", timedelta(seconds=0.5))
    async with _vendor() as (vendor, placed):
        settings = _settings(tmp_path, home_url, vendor, *NAMES, home=False)
        async with setting_up(settings, "no username") as bridge:
            await _until(lambda: len(bridge.accounts.host.accounts) == 2)
            await _store_order(settings, home_url, "R1")
            await _until(lambda: ("india", "R1") in placed, "the order was not placed")
            await _until(lambda: not bridge.accounts.host.sites, "the accounts do not sleep")
            await _store_order(settings, home_url, "R2")
            await _until(lambda: ("india", "R2") in placed, "the order did not wake the account")
            assert {name for name, _ in placed} == {"india"}
            async with _browser(bridge.app) as http:
                for path in ("/readyz", "/metrics", "/v1/clickpost-accounts"):
                    answer = await http.get(path, headers=_key("home"))
                    assert answer.status_code == 200, (path, answer.text)
                assert (await http.get("/v1/shipments", headers=_key("home"))).status_code == 503


async def _store_order(settings: Settings, home_url: str, reference: str) -> None:
    """Store an order of india as another program does, which tells that the account has work."""
    if home_url.startswith("postgres"):
        connection = await asyncpg.connect(home_url)
        for _ in range(500):  # until the account's schema is there
            if await connection.fetchval("SELECT to_regclass($1)", f"{schema_of('india')}.account_wakes"):
                break
            await asyncio.sleep(0.02)
        async with connection.transaction():
            await enqueue_async(connection, _order(reference), account="india")
        await connection.close()
        return
    home = await Store.open(home_url)
    account = (await AccountRegistry(settings, home).all())["india"]
    assert account.settings
    async with open_store(account.settings, migrate=True) as store:
        await intake.take_in(store=store, clock=utc_now, orders=[_order(reference)])
    async with home.write() as session:
        await wakes.add(session, "india", due_at=utc_now())
    await home.close()


async def test_a_suspended_account_stores_webhooks_and_a_dropped_one_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "REFRESH_EVERY", 0.05)
    home_url = f"sqlite:///{tmp_path}/home.db"
    async with _vendor() as (vendor, placed):
        settings = _settings(tmp_path, home_url, vendor, *NAMES)
        async with assembled(settings) as bridge, _browser(bridge.app) as http:
            await http.post("/a/india/v1/shipments", json=_order("R1"), headers=_key("india"))
            await _shipment(http, "india", "R1", state="placed")
            await _suspend(settings, home_url, "india")
            await _until(lambda: bridge.accounts.host.accounts["india"].account.suspended)
            await bridge.accounts.host.keep()
            placed.clear()
            answer = await http.get("/a/india/v1/shipments", headers=_key("india"))
            assert answer.status_code == 403
            body = as_body(webhook("AWB-R1", 8, utc_now()))
            stored = await http.post("/a/india/webhooks/clickpost", headers={"webhook_key": "hook-india"}, content=body)
            assert stored.status_code == 200
            other = await http.get("/a/gulf/v1/shipments", headers=_key("gulf"))
            assert other.status_code == 200

            await _begin_drop(settings, home_url, "india")
            await _until(lambda: "india" not in bridge.accounts.host.accounts)
            await bridge.accounts.host.keep()
            assert await drop_data(f"sqlite:///{tmp_path}/home-accounts/india.db", home_url=home_url) == 1
            for path in ("/v1/shipments", "/webhooks/clickpost"):
                answer = await http.post(f"/a/india{path}", headers={"webhook_key": "hook-india"}, content=body)
                assert answer.status_code == 404
            assert not (tmp_path / "home-accounts/india.db").exists()
        assert not placed


async def test_an_account_that_is_written_into_the_file_is_served_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "REFRESH_EVERY", 0.05)
    meters.ACCOUNT_ORDERS.values.clear()
    meters.ACCOUNT_WEBHOOKS.values.clear()
    async with _vendor() as (vendor, _placed):
        settings = _settings(tmp_path, f"sqlite:///{tmp_path}/home.db", vendor, "india")
        async with assembled(settings) as bridge, _browser(bridge.app) as http:
            assert (await http.get("/a/gulf/v1/shipments", headers=_key("gulf"))).status_code == 404
            _settings(tmp_path, f"sqlite:///{tmp_path}/home.db", vendor, "gulf")
            os.utime(tmp_path / "awbridge.toml", (1.0, 1.0))
            await _until(lambda: set(bridge.accounts.host.accounts) == {"gulf"})
            assert (await http.get("/a/india/v1/shipments", headers=_key("india"))).status_code == 404
            await http.post("/a/gulf/v1/shipments", json=_order("R1"), headers=_key("gulf"))
            await _shipment(http, "gulf", "R1", state="placed")
            await http.post("/a/gulf/webhooks/clickpost", content=b"{}")
            shown = (await http.get("/metrics", headers=_key("home"))).text
            assert 'awbridge_account_orders_total{account="gulf",outcome="placed"} 1.0' in shown
            assert 'awbridge_account_webhooks_total{account="gulf",status="401"} 1.0' in shown
            meters.keep_accounts({"india"})
            assert "awbridge_account_orders_total{" not in (await http.get("/metrics", headers=_key("home"))).text


async def test_an_order_of_an_account_is_placed_at_once_although_it_is_looked_at_rarely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that is awake is asked for work every 5 seconds, and after each request that may have stored some."""
    monkeypatch.setattr("awbridge.app.due._RARER", 6000)  # five minutes
    async with _vendor() as (vendor, placed):
        settings = _settings(tmp_path, f"sqlite:///{tmp_path}/home.db", vendor, "india")
        async with assembled(settings) as bridge, _browser(bridge.app) as http:
            await http.post("/a/india/v1/shipments", json=_order("R1"), headers=_key("india"))
            await _until(lambda: len(placed) == 1)
            await asyncio.sleep(0.3)  # what follows a placed order
            await http.post("/a/india/v1/shipments", json=_order("R2"), headers=_key("india"))
            await _until(lambda: len(placed) == 2)


async def _suspend(settings: Settings, home_url: str, name: str) -> None:
    home = await Store.open(home_url)
    await AccountAdmin(settings, home).suspend(name)
    await home.close()


async def _begin_drop(settings: Settings, home_url: str, name: str) -> None:
    home = await Store.open(home_url)
    await AccountAdmin(settings, home).begin_drop(name)
    await home.close()


def test_times_that_are_far_away_spread_and_near_ones_are_met() -> None:
    now = utc_now()
    hour = timedelta(hours=1)
    found = {(earlier(now + hour, now) - now) / hour for _ in range(50)}
    assert 0.6 <= min(found) < max(found) <= 1.0
    assert len(found) > 40
    assert earlier(now + timedelta(minutes=4), now) == now + timedelta(minutes=4)
    assert earlier(now - hour, now) == now - hour
