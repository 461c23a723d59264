"""Admins of the home add, change, suspend and resume accounts, by page and API; secrets are written and never shown."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import pytest

from awbridge.app.accounts.changes import AccountAdmin
from awbridge.app.accounts.counting import count_account
from awbridge.app.accounts.sealed import new_key
from awbridge.app.accounts.tools import RegistryTools
from awbridge.app.settings import Settings
from awbridge.domain.people.role import Role
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.accounts import account_figures
from awbridge.store.accounts.account_figures import AccountFigures
from awbridge.store.audit import processes
from awbridge.store.audit.processes import ReportedProcess
from awbridge.web.accounts.sites import other_endpoint
from awbridge.web.accounts.tools import AccountActivity
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext
from awbridge.web.pages.accounts.setting_lines import read_lines
from tests.support.accounts import accounts_on
from tests.support.app import Web, problem, web_of, web_on
from tests.support.pages import HERE, OUR_FORM
from tests.support.people import a_key
from tests.support.rows import T0, add
from tests.support.stores import sqlite_only
from tests.support.world import as_body, webhook

pytestmark = pytest.mark.heavy

API = "/v1/clickpost-accounts"
KEY = new_key()


@pytest.fixture
async def home(store: Store) -> AsyncIterator[Web]:
    """The home on a store, with an admin's API key, and the accounts that its table has. `india` is awake."""

    async def activity(names: Iterable[str]) -> Mapping[str, AccountActivity]:
        counted = await count_account("india", running.store, running.clock())
        asleep = {name: AccountActivity(awake=False) for name in names}
        return asleep | ({"india": AccountActivity(awake=True, figures=counted)} if "india" in names else {})

    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(web_on(store))
        tools = RegistryTools(AccountAdmin(Settings(accounts_key=KEY), store), activity)
        api = ApiContext(store=store, clock=running.clock, accounts=tools)
        app = build_app(api, webhook=running.endpoint, loops=(), api_keys=["admin"])
        web = await stack.enter_async_context(web_of(app, store, running.clock, running.endpoint, running.ingest))
        web.http.headers["authorization"] = "Bearer admin"
        yield web


async def test_an_account_is_managed_by_api(home: Web) -> None:
    assert (await home.http.get(API)).json() == []
    given = {"clickpost_username": "acme-in", "clickpost_key": "s3cret", "time_zone": "Asia/Dubai"}
    answer = await home.http.post(API, json={"name": "india", "title": "Acme India", "settings": given})
    assert answer.status_code == 201, answer.text
    await add(home.store, "R-1", transporter="T")
    await home.http.post("/webhooks/clickpost/right", content=as_body(webhook("AWB1", 5, T0)))
    made = (await home.http.get(f"{API}/india")).json()
    assert made["settings"] == {"clickpost_username": "acme-in", "time_zone": "Asia/Dubai"}
    assert made["secrets"] == ["clickpost_key"]
    assert (made["title"], made["state"], made["source"], made["waiting"]) == ("Acme India", "awake", "database", 2)
    change = {"settings": {"clickpost_timeout": 9, "clickpost_key": "n3w"}, "unset": ["time_zone"], "title": "India"}
    changed = (await home.http.put(f"{API}/india", json=change)).json()
    assert changed["settings"] == {"clickpost_username": "acme-in", "clickpost_timeout": "9"}
    assert (changed["title"], changed["secrets"]) == ("India", ["clickpost_key"])
    for verb, state in (("suspend", "suspended"), ("suspend", "suspended"), ("resume", "awake")):
        assert (await home.http.post(f"{API}/india/{verb}")).json()["state"] == state
    (listed,) = (await home.http.get(API)).json()
    assert "settings" not in listed
    whole = (await home.http.get("/v1/audit")).text
    for action in ("added", "changed", "suspended", "resumed"):
        assert f'"clickpost_account.{action}"' in whole
    assert "s3cret" not in whole
    assert "n3w" not in whole


async def test_an_account_that_sleeps_shows_what_it_had_to_do_and_when_that_was_counted(home: Web) -> None:
    await home.http.post(API, json={"name": "gulf"})
    never = (await home.http.get(f"{API}/gulf")).json()
    assert (never["state"], never["waiting"], never["counted_at"]) == ("asleep", None, None)
    two_hours_ago = home.clock() - timedelta(hours=2)
    counted = AccountFigures(
        account="gulf",
        orders=30,
        failed=7,
        deliveries=12,
        alarms=1,
        due_at=None,
        last_webhook_at=two_hours_ago,
        counted_at=two_hours_ago,
    )
    async with home.store.write() as session:
        await account_figures.save(session, [counted])
    found = (await home.http.get(f"{API}/gulf")).json()
    assert (found["waiting"], found["failed"], found["alarms"]) == (42, 7, 1)
    assert datetime.fromisoformat(found["counted_at"]) == two_hours_ago
    for path in ("/accounts", "/accounts/gulf"):
        text = re.sub(r"<[^>]+>", " ", (await home.http.get(path, headers=HERE)).text)
        assert re.search(r"\b42\b.*\b7\b.*\b1\b.*2 h ago", text, re.DOTALL), path
    await home.http.post(f"{API}/gulf/suspend")
    assert (await home.http.get(f"{API}/gulf")).json()["waiting"] == 42


@sqlite_only
async def test_what_is_wrong_with_the_file_of_settings_is_on_the_page(home: Web) -> None:
    broken = ReportedProcess(
        id="p", kind="work", host="node-2", version="1", started_at=utc_now(), seen_at=utc_now(), problem="not TOML <x>"
    )
    async with home.store.write() as session:
        await processes.report(session, broken)
    assert "node-2: not TOML &lt;x&gt;" in (await home.http.get("/accounts", headers=HERE)).text


@sqlite_only
async def test_what_cannot_be_is_refused_with_a_reason(home: Web) -> None:
    assert (await home.http.post(API, json={"name": "india"})).status_code == 201
    for body, status in (
        ({"name": "India"}, 422),
        ({"name": "home"}, 422),
        ({"name": "india"}, 409),
        ({"name": "x", "settings": {"nonsense": "1"}}, 422),
        ({"name": "x", "settings": {"time_zone": "Mars"}}, 422),
        ({"name": "x", "settings": {"data_dir": "/etc"}}, 422),
        ({"name": "x", "settings": {"port": 1}}, 422),
        ({"name": "x", "extra": 1}, 422),
    ):
        problem(await home.http.post(API, json=body), status)
    problem(await home.http.put(f"{API}/nobody", json={"title": "x"}), 404)
    for path in ("nobody", "nobody/suspend", "nobody/resume"):
        problem(await home.http.request("POST" if "/" in path else "GET", f"{API}/{path}"), 404)
    keys = [await a_key(home.store, home.clock, role) for role in (Role.VIEWER, Role.OPERATOR)]
    for secret in keys:
        key = {"authorization": f"Bearer {secret}", **HERE}
        problem(await home.http.get(API, headers=key), 403)
        assert (await home.http.get("/accounts", headers=key)).status_code == 403
        assert 'href="/accounts"' not in (await home.http.get("/shipments", headers=key)).text


@sqlite_only
async def test_an_account_is_managed_on_its_page(home: Web) -> None:
    shown = (await home.http.get("/accounts", headers=HERE)).text
    assert "There is only the home" in shown
    assert '<a href="/accounts" aria-current="page">' in shown
    form = {"name": "India", "title": "Acme <b>", "username": "acme-in", "key": "s3cret"}
    refused = await home.http.post("/accounts/add", headers=OUR_FORM, data=form)
    assert refused.status_code == 422
    assert 'value="acme-in"' in refused.text
    assert "s3cret" not in refused.text
    answer = await home.http.post("/accounts/add", headers=OUR_FORM, data={**form, "name": "india"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/accounts/india?done=added")
    shown = (await home.http.get("/accounts/india?done=added", headers=HERE)).text
    assert "The account is added" in shown
    assert "Acme &lt;b&gt;" in shown
    assert "http://localhost:8000/a/india/webhooks/clickpost" in shown
    assert 'href="/a/india/"' in shown
    assert "s3cret" not in shown
    box = html.unescape(re.findall(r'name="settings"[^>]*>([^<]*)<', shown)[0])
    assert box == "clickpost_username = acme-in"
    change = {"title": "Acme India", "settings": "time_zone = Asia/Dubai\n", "secrets": "clickpost_key = n3w"}
    answer = await home.http.post("/accounts/india/change", headers=OUR_FORM, data=change)
    assert answer.headers["location"] == "/accounts/india?done=changed"
    assert (await home.http.get(f"{API}/india")).json()["settings"] == {"time_zone": "Asia/Dubai"}
    for wrong in ("time_zone", "time_zone = Mars", "time_zone = UTC\ntime_zone = UTC", "data_dir = /etc"):
        refused = await home.http.post(
            "/accounts/india/change",
            headers=OUR_FORM,
            data={**change, "settings": wrong, "secrets": "smtp_url = s3cret"},
        )
        assert refused.status_code == 422, wrong
        assert html.escape(wrong) in refused.text
        assert "s3cret" not in refused.text
    await home.http.post("/accounts/india/suspend", headers=OUR_FORM)
    shown = (await home.http.get("/accounts", headers=HERE)).text
    assert ">suspended<" in shown
    assert 'href="/a/india/"' not in shown, "its pages are closed"
    await home.http.post("/accounts/india/resume", headers=OUR_FORM)
    assert ">awake<" in (await home.http.get("/accounts", headers=HERE)).text
    assert (await home.http.get("/accounts/nobody", headers=HERE)).status_code == 404
    assert (await home.http.get("/accounts/india", headers={**HERE, "accept-language": "hi"})).status_code == 200


async def test_an_account_manages_no_accounts(tmp_path: object) -> None:
    async with accounts_on(tmp_path, "acme") as accounts:  # pyright: ignore
        problem(await accounts.http.get(f"/a/acme{API}"), 404)
        answer = await accounts.http.get("/a/acme/accounts", headers=HERE)
        assert answer.status_code == 404
        assert 'href="/a/acme/accounts"' not in answer.text


@pytest.mark.parametrize(
    ("url", "account", "goes"),
    [
        ("https://x/webhooks/clickpost", "", True),
        ("https://x/hooks", "", True),
        ("https://x/a/acme/webhooks/clickpost", "", False),
        ("https://x/a/acme/webhooks/clickpost/key", "acme", True),
        ("https://x/below/a/acme/webhooks/clickpost?secret=y", "acme", True),
        ("https://x/webhooks/clickpost", "acme", False),
        ("https://x/a/acme2/webhooks/clickpost", "acme", False),
        ("https://x/a/zacme/webhooks/clickpost", "acme", False),
        ("https://x/hooks", "acme", True),
    ],
)
def test_webhooks_of_an_account_are_registered_for_its_own_address(url: str, account: str, goes: bool) -> None:
    assert (other_endpoint(url, account) == "") is goes


def test_lines_of_settings() -> None:
    assert read_lines(" a = b = c \n\n# x\nd=") == {"a": "b = c", "d": ""}
