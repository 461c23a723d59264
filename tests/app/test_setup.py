"""The set-up page's view of the settings, and the service before ClickPost's account is set."""

from __future__ import annotations

from pathlib import Path

import httpx2

from awbridge.app.connections import vendor_problem
from awbridge.app.load_settings import load_settings
from awbridge.app.serve import setting_up
from awbridge.app.setup_tools import SettingsTools
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.web.pages.setup.tools import SetupStep
from tests.support.receivers import http_server
from tests.support.stores import migrated_file


def tools(store: Store, **settings: object) -> SettingsTools:
    return SettingsTools(configured=load_settings(**settings), store=store, clickpost=None, clock=utc_now)


def test_no_secret_is_shown(store: Store) -> None:
    found = tools(
        store,
        clickpost_username="acme",
        clickpost_key="s3cret",
        webhook_keys="s3cret,s3cret2",
        archive_options="secret_access_key=s3cret",
        smtp_url="smtp://u:s3cret@host",
        alarm_urls="slack://s3cret",
    )
    shown = {s.variable: s.value for step in SetupStep for s in found.settings(step)}
    assert shown["AWBRIDGE_CLICKPOST_USERNAME"] == "acme"
    assert shown["AWBRIDGE_CLICKPOST_KEY"] == "set"
    assert shown["AWBRIDGE_WEBHOOK_KEYS"] == "set (2)"
    assert not [value for value in shown.values() if "s3cret" in value]


async def test_checks_of_the_account_say_that_it_is_not_set(store: Store) -> None:
    for step in (SetupStep.KEY, SetupStep.COURIERS):
        assert "not set" in (await tools(store).check(step))[0].found


async def test_the_archive_is_tried_without_an_account(store: Store, tmp_path: Path) -> None:
    findings = await tools(store, data_dir=str(tmp_path)).check(SetupStep.ARCHIVE)
    assert [f.level for f in findings] == ["warning"]
    assert "writable" in findings[0].found


async def test_a_test_message_needs_a_channel_and_reports_each(store: Store) -> None:
    assert [f.level for f in await tools(store).send_test_message()] == ["problem"]
    closed = "json://127.0.0.1:9/x"
    findings = await tools(store, alarm_urls=closed).send_test_message()
    assert [(f.level, f.found.startswith("chat 1: ")) for f in findings] == [("problem", True)]


async def test_a_test_message_really_reaches_the_channel(store: Store) -> None:
    async with http_server() as receiver:
        findings = await tools(store, alarm_urls=receiver.url.replace("http://", "json://")).send_test_message()
    assert [f.level for f in findings] == ["ok"]
    assert "This is a test from awbridge" in receiver.requests[0].body


async def test_without_an_account_pages_are_served_and_the_api_is_closed(tmp_path: Path) -> None:
    settings = load_settings(database_url=await migrated_file(tmp_path))
    problem = vendor_problem(settings)
    assert "AWBRIDGE_CLICKPOST_USERNAME is not set" in problem
    async with setting_up(settings, problem) as bridge:
        transport = httpx2.ASGITransport(app=bridge.app, client=("127.0.0.1", 1))  # pyright: ignore
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as http:
            assert "Finish the set-up" in (await http.get("/")).text
            assert "AWBRIDGE_CLICKPOST_USERNAME is not set" in (await http.get("/setup")).text
            assert (await http.get("/healthz")).status_code == 200
            for path in ("/v1/shipments", "/readyz", "/metrics"):
                assert (await http.get(path)).status_code == 503, path
            answer = await http.post("/webhooks/clickpost", headers={"webhook_key": "x"}, content=b"{}")
            assert answer.status_code == 401
