"""Sign-in through an identity provider, against one that runs in this process and may lie."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey

from awbridge.app.settings import Settings
from awbridge.app.sign_in import sign_in_provider
from awbridge.domain.errors import SettingsError
from awbridge.domain.people.identity import IdentityPolicy, read_roles
from awbridge.domain.people.role import Role
from awbridge.sinks.oidc import OidcProvider
from awbridge.steps.people import people
from awbridge.store import Store
from awbridge.store.people import audit_log
from awbridge.web.access.access_list import AccessList, Keys
from awbridge.web.access.guards import PageGuard
from awbridge.web.contexts import ApiContext
from awbridge.web.pages.pages_app import build_pages
from awbridge.web.pages.people.identity_pages import SignInProvider
from tests.support.identity_provider import CLIENT, SECRET, Provider, identity_provider
from tests.support.people import a_person
from tests.support.rows import fetch
from tests.support.stores import sqlite_only

pytestmark = pytest.mark.heavy

HOST = "http://localhost:8000"


def now() -> datetime:
    return datetime.now(UTC)


class Pages:
    """The pages with a provider, and a browser."""

    def __init__(self, store: Store, provider: Provider, **policy: Any) -> None:
        self.store = store
        self.provider = provider
        oidc = OidcProvider(provider.url, CLIENT, SECRET, clock=now)
        access = AccessList(store, now)
        sign_in = SignInProvider(provider=oidc, policy=IdentityPolicy(**policy))
        shown = build_pages(ApiContext(store=store, clock=now, sign_in=sign_in), access)
        guarded = PageGuard(shown, Keys((), access), store, now)
        self.http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=guarded), base_url=HOST)  # pyright: ignore

    async def to_provider(self, path: str = "/sign-in/oidc?next=/shipments") -> str:
        """Begin, and sign in there; where the provider sends the browser back to."""
        begun = await self.http.get(path)
        assert begun.status_code == 303, begun.text
        async with httpx2.AsyncClient() as browser:
            back = await browser.get(begun.headers["location"])
        return back.headers["location"]

    async def sign_in(self) -> httpx2.Response:
        return await self.http.get(await self.to_provider())


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with identity_provider() as running:
        yield running


async def test_a_person_who_was_added_signs_in_without_a_password(store: Store, provider: Provider) -> None:
    await people.add_person(store=store, clock=now, login="Asha@shop.example", role=Role.ADMIN)
    pages = Pages(store, provider)
    shown = (await pages.http.get("/sign-in?next=/audit")).text
    assert 'href="/sign-in/oidc?next=%2Faudit"' in shown or 'href="/sign-in/oidc?next=/audit"' in shown
    assert "Sign in with 127.0.0.1" in shown
    answer = await pages.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/shipments")
    shown = (await pages.http.get("/people/me")).text
    assert "asha@shop.example" in shown
    assert "Change your password" not in shown
    async with store.read() as session:
        newest = (await audit_log.page(session, limit=1))[0]
    assert (newest.action, newest.after) == ("person.signed_in", {"with": "identity provider", "role": "admin"})


async def test_the_browser_is_sent_there_with_pkce_state_and_nonce(store: Store, provider: Provider) -> None:
    await a_person(store, now, "asha")
    pages = Pages(store, provider)
    begun = await pages.http.get("/sign-in/oidc")
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["redirect_uri"] == [f"{HOST}/sign-in/oidc/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    assert all(len(asked[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))
    cookie = begun.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))


@pytest.mark.parametrize(
    ("account", "status"),
    [
        ({"sub": "2", "email": "stranger@shop.example"}, 403),
        ({"sub": "2", "email": "off@shop.example"}, 403),
        ({"sub": "2"}, 403),
        ({"sub": "2", "email": "asha@shop.example", "email_verified": False}, 403),
        ({"sub": "2", "email": "asha@shop.example", "email_verified": True}, 303),
        ({"sub": "2", "email": 7}, 403),
        ({"sub": "", "email": "asha@shop.example"}, 502),
    ],
)
async def test_who_was_not_added_does_not_get_in(
    store: Store, provider: Provider, account: dict[str, Any], status: int
) -> None:
    await a_person(store, now, "asha@shop.example")
    await a_person(store, now, "off@shop.example", Role.VIEWER)
    await people.disable(store=store, clock=now, login="off@shop.example")
    provider.account = account
    pages = Pages(store, provider)
    answer = await pages.sign_in()
    assert answer.status_code == status
    assert bool(await fetch(store, "SELECT person_id FROM sessions")) is (status == 303)
    assert len(await fetch(store, "SELECT id FROM people")) == 2


async def test_people_of_a_domain_become_viewers(store: Store, provider: Provider) -> None:
    await a_person(store, now, "asha")
    provider.account = {"sub": "9", "email": "New@Shop.Example"}
    pages = Pages(store, provider, domains=("shop.example",))
    assert (await pages.sign_in()).status_code == 303
    rows = await fetch(store, "SELECT role FROM people WHERE login = 'new@shop.example'")
    assert rows == [{"role": "viewer"}]
    provider.account = {"sub": "10", "email": "new@evilshop.example"}
    assert (await Pages(store, provider, domains=("shop.example",)).sign_in()).status_code == 403


async def test_a_claim_decides_the_role_at_every_sign_in(store: Store, provider: Provider) -> None:
    await a_person(store, now, "asha")
    policy = {"role_claim": "groups", "roles": read_roles("shipping=operator, it = admin")}
    roles: list[str] = []
    for groups in (["shipping", "other"], ["it", "shipping"], "shipping"):
        provider.account = {"sub": "9", "email": "new@shop.example", "groups": groups}
        assert (await Pages(store, provider, **policy).sign_in()).status_code == 303
        roles += [r["role"] for r in await fetch(store, "SELECT role FROM people WHERE login = 'new@shop.example'")]
    assert roles == ["operator", "admin", "operator"]
    for groups in (["other"], None, 7, [None]):
        provider.account = {"sub": "9", "email": "new@shop.example", "groups": groups}
        assert (await Pages(store, provider, **policy).sign_in()).status_code == 403


async def test_an_address_that_was_given_to_another_opens_nothing(store: Store, provider: Provider) -> None:
    await a_person(store, now, "asha@shop.example")
    assert (await Pages(store, provider).sign_in()).status_code == 303
    assert (await Pages(store, provider).sign_in()).status_code == 303
    provider.account = {"sub": "another", "email": "asha@shop.example"}
    answer = await Pages(store, provider).sign_in()
    assert answer.status_code == 403
    assert "another account" in answer.text


@pytest.mark.parametrize(
    "lies",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"exp": 1_700_000_000},  # in 2023
        {"exp": None},
        {"nonce": "another"},
        {"nonce": None},
        {"iat": None},
        {"sub": None},
    ],
    ids=str,
)
async def test_an_id_token_that_is_not_right_is_refused(store: Store, provider: Provider, lies: dict[str, Any]) -> None:
    await a_person(store, now, "asha@shop.example")
    provider.lies = lies
    answer = await Pages(store, provider).sign_in()
    assert answer.status_code == 502
    assert await fetch(store, "SELECT person_id FROM sessions") == []


async def test_a_token_of_another_key_is_refused_and_a_new_key_is_read(store: Store, provider: Provider) -> None:
    await a_person(store, now, "asha@shop.example")
    pages = Pages(store, provider)
    assert (await pages.sign_in()).status_code == 303
    provider.key = RSAKey.generate_key(2048, {"kid": "second"})
    pages.http.cookies.clear()
    assert (await pages.sign_in()).status_code == 303, "the provider has a new key"
    provider.published, provider.key = provider.key, RSAKey.generate_key(2048, {"kid": "second"})
    pages.http.cookies.clear()
    assert (await pages.sign_in()).status_code == 502, "signed by somebody else"
    assert provider.key_reads <= 4


async def test_a_code_of_another_browser_or_a_second_time_is_refused(store: Store, provider: Provider) -> None:
    await a_person(store, now, "asha@shop.example")
    first, second = Pages(store, provider), Pages(store, provider)
    back = await first.to_provider()
    assert (await second.http.get(back)).status_code == 400, "no sign-in was begun there"
    await second.to_provider()
    assert (await second.http.get(back)).status_code == 400, "another sign-in was begun there"
    assert (await first.http.get(back)).status_code == 303
    assert (await first.http.get(back)).status_code == 400, "the cookie is gone"
    assert await fetch(store, "SELECT COUNT(*) AS n FROM sessions") == [{"n": 1}]


@pytest.mark.parametrize("cookie", ["", "x", "W10", "WyJhIl0", "eyJhIjogMX0", "====", "bm8"])
async def test_a_cookie_that_is_no_sign_in_is_refused(store: Store, provider: Provider, cookie: str) -> None:
    await a_person(store, now, "asha@shop.example")
    pages = Pages(store, provider)
    headers = {"cookie": f"awbridge_sign_in={cookie}"}
    answer = await pages.http.get("/sign-in/oidc/callback?code=x&state=", headers=headers)
    assert answer.status_code == 400


async def test_a_refusal_there_is_shown_here(store: Store, provider: Provider) -> None:
    await a_person(store, now, "asha@shop.example")
    provider.refuses = "access_denied"
    answer = await Pages(store, provider).sign_in()
    assert answer.status_code == 401
    assert "did not sign you in" in answer.text


@pytest.mark.parametrize("trouble", ["away", "another issuer"])
async def test_a_provider_that_cannot_be_used_leaves_the_password(
    store: Store, provider: Provider, trouble: str
) -> None:
    await a_person(store, now, "asha@shop.example")
    if trouble == "away":
        provider.url = "http://127.0.0.1:9"
    else:
        provider.issuer = "https://evil.example"
    answer = await Pages(store, provider).http.get("/sign-in/oidc")
    assert answer.status_code == 502
    assert 'name="password"' in answer.text


@sqlite_only
async def test_no_other_host_is_led_to_afterwards(store: Store, provider: Provider) -> None:
    await a_person(store, now, "asha@shop.example")
    pages = Pages(store, provider)
    back = await pages.to_provider("/sign-in/oidc?next=//evil.example")
    assert (await pages.http.get(back)).headers["location"] == "/"


def settings(**values: Any) -> Settings:
    return Settings(**{"oidc_issuer": "https://login.shop.example", "oidc_client_id": "awbridge", **values})


def test_the_settings_name_a_provider() -> None:
    assert sign_in_provider(Settings()) is None
    found = sign_in_provider(settings(oidc_role_claim="groups", oidc_roles="it=admin", oidc_domains="shop.example"))
    assert found
    assert found.provider.name == "login.shop.example"
    assert found.policy.roles == {"it": Role.ADMIN}
    assert found.policy.admits("asha@shop.example")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"oidc_client_id": ""}, "CLIENT_ID"),
        ({"oidc_issuer": "http://login.shop.example"}, "https"),
        ({"oidc_role_claim": "groups"}, "need each other"),
        ({"oidc_roles": "it=admin"}, "need each other"),
    ],
)
def test_incomplete_settings_are_refused(values: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        sign_in_provider(settings(**values))


@pytest.mark.parametrize("text", ["it", "=admin", "it=boss"])
def test_roles_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="value=role"):
        read_roles(text)


@pytest.mark.parametrize("missing", ["authlib", "joserfc"])
def test_without_the_extra_the_message_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "awbridge.sinks.oidc", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SettingsError, match=r"pip install 'awbridge\[oidc\]'"):
        sign_in_provider(settings())
