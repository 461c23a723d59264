"""Whatever opens one account opens no other: keys, passwords, sessions, cookies, forms of its pages."""

from __future__ import annotations

import base64
import re
from itertools import product

import httpx2
import pytest

from awbridge.domain.people.role import Role
from awbridge.web.access import credentials
from tests.support.accounts import Accounts
from tests.support.app import problem
from tests.support.pages import HERE, OUR_FORM
from tests.support.people import PASSWORD, a_key, a_person
from tests.support.world import an_order

pytestmark = pytest.mark.heavy

PREFIXES = {"": "", "acme": "/a/acme", "zest": "/a/zest"}
PAIRS = [(mine, other) for mine, other in product(PREFIXES, PREFIXES) if mine != other]


async def signed_in(accounts: Accounts, http: httpx2.AsyncClient, name: str) -> str:
    """Sign Asha in at an account or at home; the Set-Cookie header."""
    form = {"login": "asha", "password": PASSWORD, "next": "/shipments"}
    answer = await http.post(f"{PREFIXES[name]}/sign-in", headers=OUR_FORM, data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PREFIXES[name]}/shipments")
    return answer.headers["set-cookie"]


async def test_a_key_opens_its_own_account_alone(keyed: Accounts) -> None:
    stored = {name: await a_key(keyed.of(name).store, keyed.clock, Role.ADMIN) for name in PREFIXES}
    for name, prefix in PREFIXES.items():
        for key in (stored[name], f"api-key-of-{name}"):
            right = {"authorization": f"Bearer {key}"}
            assert (await keyed.http.get(f"{prefix}/v1/shipments", headers=right)).status_code == 200
    for mine, other in PAIRS:
        for key in (stored[mine], f"api-key-of-{mine}"):
            for path in ("/v1/shipments", "/v1/keys", "/shipments"):
                wrong = {"authorization": f"Bearer {key}", **HERE}
                answer = await keyed.http.get(PREFIXES[other] + path, headers=wrong)
                assert answer.status_code in (401, 429), (mine, other, path)


async def test_a_browser_is_asked_for_the_password_of_each_account(keyed: Accounts) -> None:
    realms = set()
    for name, prefix in PREFIXES.items():
        answer = await keyed.http.get(f"{prefix}/shipments", headers=HERE)
        assert answer.status_code == 401
        realms.add(answer.headers["www-authenticate"])
        pair = base64.b64encode(f"any:api-key-of-{name}".encode()).decode()
        right = {**HERE, "authorization": f"Basic {pair}"}
        assert (await keyed.http.get(f"{prefix}/shipments", headers=right)).status_code == 200
    assert len(realms) == 3, "a browser sends the password of one realm to all of its paths"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_browser_has_a_session_for_each_account(accounts: Accounts, scheme: str) -> None:
    for name in PREFIXES:
        await a_person(accounts.of(name).store, accounts.clock, "asha")
    for mine in PREFIXES:
        async with accounts.client(base_url=f"{scheme}://localhost:8000") as browser:
            cookie = await signed_in(accounts, browser, mine)
            for name, prefix in PREFIXES.items():
                answer = await browser.get(f"{prefix}/shipments", headers=HERE)
                assert answer.status_code == (200 if name == mine else 303), (mine, name)
                if name != mine:
                    assert answer.headers["location"] == f"{prefix}/sign-in?next=%2Fshipments"
            attributes = set(cookie.split("; "))
            assert {"HttpOnly", "SameSite=lax", f"Path={PREFIXES[mine] or '/'}"} <= attributes
            assert ("Secure" in attributes) is (scheme == "https")
    # All at once: each account sees its own session, and signing out of one leaves the others.
    async with accounts.client(base_url=f"{scheme}://localhost:8000") as browser:
        for name in PREFIXES:
            await signed_in(accounts, browser, name)
        for gone in ("acme", "", "zest"):
            for prefix in PREFIXES.values():
                assert (await browser.get(f"{prefix}/people/me", headers=HERE)).status_code in (200, 303)
            answer = await browser.post(f"{PREFIXES[gone]}/sign-out", headers=OUR_FORM)
            assert answer.headers["location"] == f"{PREFIXES[gone]}/sign-in?done=out"
            assert (await browser.get(f"{PREFIXES[gone]}/shipments", headers=HERE)).status_code == 303
        assert not list(browser.cookies.jar)


async def test_a_session_sent_under_any_name_opens_no_other_account(accounts: Accounts) -> None:
    for name in PREFIXES:
        await a_person(accounts.of(name).store, accounts.clock, "asha")
    names = ["awbridge_session", "__Host-awbridge_session", "__Secure-awbridge_session"]
    names += [f"{name}.{account}" for name in names for account in ("acme", "zest", "")]
    for mine, other in PAIRS:
        async with accounts.client() as browser:
            token = re.split("[=;]", await signed_in(accounts, browser, mine))[1]
            browser.cookies.clear()
            for name in names:
                headers = {**HERE, "cookie": f"{name}={token}; {name}.{other}={token}"}
                answer = await browser.get(f"{PREFIXES[other]}/shipments", headers=headers)
                assert answer.status_code == 303, (mine, other, name)


async def test_a_form_of_one_account_changes_no_other(accounts: Accounts) -> None:
    async with accounts.client() as browser:
        for name in PREFIXES:
            await a_person(accounts.of(name).store, accounts.clock, "asha")
            await signed_in(accounts, browser, name)
        for mine, prefix in PREFIXES.items():
            for name, its in PREFIXES.items():
                sender = {**OUR_FORM, "referer": f"http://localhost:8000{its}/people/me"}
                answer = await browser.post(f"{prefix}/language", headers=sender, data={"language": "hi"})
                assert answer.status_code == (303 if name == mine else 403), (mine, name)
            answer = await browser.post(f"{prefix}/language", headers=OUR_FORM, data={"language": "hi"})
            assert answer.status_code == 303, "a browser that sends no address of the page"
            other_site = {**OUR_FORM, "sec-fetch-site": "cross-site"}
            assert (await browser.post(f"{prefix}/language", headers=other_site)).status_code == 403


async def test_without_keys_a_page_of_one_account_cannot_call_the_api_of_another(accounts: Accounts) -> None:
    for mine, other in PAIRS:
        page = {**HERE, "sec-fetch-site": "same-origin", "referer": f"http://localhost:8000{PREFIXES[mine]}/docs"}
        problem(await accounts.http.post(f"{PREFIXES[other]}/v1/shipments", json=an_order(), headers=page), 403)
        own = {**page, "referer": f"http://localhost:8000{PREFIXES[other]}/docs"}
        assert (await accounts.http.get(f"{PREFIXES[other]}/v1/shipments", headers=own)).status_code == 200


async def test_people_of_one_account_leave_the_others_open_to_this_machine_alone(accounts: Accounts) -> None:
    await a_person(accounts.of("acme").store, accounts.clock, "asha")
    assert (await accounts.http.get("/a/acme/v1/shipments")).status_code == 401
    assert (await accounts.http.get("/a/zest/v1/shipments")).status_code == 200
    async with accounts.client("203.0.113.7") as remote:
        problem(await remote.get("/a/zest/v1/shipments"), 403)


@pytest.mark.parametrize(
    ("path", "prefix"),
    [("/", ""), ("/a", ""), ("/a/", ""), ("/a/acme", "/a/acme"), ("/a/acme/x", "/a/acme"), ("/apples/x", "")],
)
def test_the_prefix_of_a_path(path: str, prefix: str) -> None:
    assert credentials.prefix_of(path) == prefix
