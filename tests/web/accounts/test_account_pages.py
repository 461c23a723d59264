"""Nothing on the pages of an account leads out of it: no link, form, script, redirect, cookie or address to copy."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from html.parser import HTMLParser
from urllib.parse import quote, unquote, urlencode

import httpx2
import pytest
from starlette.routing import BaseRoute, Match

from awbridge.domain.people.role import Role
from awbridge.web.accounts.own_paths import BelowPrefix
from awbridge.web.contexts import ApiContext
from awbridge.web.pages.page_templates import below_prefix
from awbridge.web.pages.pages_app import build_pages
from awbridge.web.webhook.endpoint import PATH
from tests.support.accounts import Accounts
from tests.support.app import Web
from tests.support.every_page import filled_in, page_paths
from tests.support.one_of_each import one_of_each
from tests.support.pages import HERE, OUR_FORM
from tests.support.people import PASSWORD, a_key, a_person

pytestmark = pytest.mark.heavy

ACME, HOST = "/a/acme", "http://localhost:8000"
OF_THE_API = {"/docs"}
BOX = {"value", "placeholder", "title"}  # what a visitor reads or writes there may be a path


class Addresses(HTMLParser):
    """Every attribute of a page that is an address on this host, by the element and the attribute."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []
        self.forms: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        for name, value in given.items():
            if name not in BOX and (value.startswith("/") or HOST in value):
                self.found.append((tag, name, value))
        if tag == "form" and given.get("method") == "post" and "action" in given:
            self.forms.append(given["action"])

    handle_startendtag = handle_starttag


@pytest.fixture
async def acme(accounts: Accounts) -> AsyncIterator[Web]:
    """The account `acme`, of which every path begins with its prefix."""
    site = accounts.of("acme")
    async with accounts.client(base_url=HOST + ACME) as http:
        yield Web(accounts.app, http, site.store, accounts.clock, site.webhook, site.ingest)


def is_own(address: str) -> bool:
    return address.removeprefix(HOST).startswith(f"{ACME}/")


def leads_out(answer: httpx2.Response) -> Iterator[str]:
    """What of a response leads out of the account."""
    for name in ("location", "content-location", "hx-redirect", "hx-location", "hx-push-url"):
        if (where := answer.headers.get(name, "")) and (where.startswith("/") or HOST in where) and not is_own(where):
            yield f"{name}: {where}"
    for cookie in answer.headers.get_list("set-cookie"):
        if f"Path={ACME}" not in cookie.split("; "):
            yield f"set-cookie: {cookie}"
    if answer.headers.get("content-type", "").startswith("text/html"):
        for tag, name, value in Addresses(answer.text).found:
            if not is_own(value):
                yield f'<{tag} {name}="{value}">'


async def test_every_address_of_every_page_is_below_the_prefix_and_leads_somewhere(acme: Web) -> None:
    acme.http.headers["authorization"] = f"Bearer {await a_key(acme.store, acme.clock, Role.ADMIN)}"
    known = await one_of_each(acme, 1)
    addresses, forms, shown = set[str](), set[str](), 0
    for path in (*page_paths(), "/nosuch", "/endpoints/nosuch", "/shipments?stat=x", "/people/"):
        answer = await acme.http.get(filled_in(path, known), headers=HERE)
        assert answer.status_code < 500, path
        assert list(leads_out(answer)) == [], path
        if answer.headers.get("content-type", "").startswith("text/html"):
            page = Addresses(answer.text)
            addresses |= {value for _, _, value in page.found}
            forms |= set(page.forms)
            shown += 1
    assert shown > 30
    assert len(addresses) > 80
    assert {f"{ACME}/static/awbridge.css", f"{ACME}/docs", f"{ACME}/shipments"} <= {
        a.partition("?")[0] for a in addresses
    }
    assert len(forms) > 25
    routes = build_pages(ApiContext(store=acme.store, clock=acme.clock)).routes
    for address in addresses:
        path = unquote(re.split("[?#]", address.removeprefix(HOST).removeprefix(ACME))[0])
        methods = ("POST",) if address in forms else ("GET", "POST")  # a button's formaction
        assert path in OF_THE_API or any(leads_to(route, path, methods) for route in routes), address


def leads_to(route: BaseRoute, path: str, methods: Sequence[str]) -> bool:
    scopes = ({"type": "http", "method": method, "path": path} for method in methods)
    return any(route.matches(scope)[0] is Match.FULL for scope in scopes)


async def test_a_person_signs_in_and_out_below_the_prefix(acme: Web) -> None:
    shown = (await acme.http.post("/people/add", headers=OUR_FORM, data={"login": "asha", "role": "admin"})).text
    (link,) = re.findall(rf"{HOST}{ACME}(/password/[\w-]+)", shown)
    set_ = {"password": PASSWORD, "again": PASSWORD}
    answer = await acme.http.post(link, headers=OUR_FORM, data=set_)
    assert answer.headers["location"] == f"{ACME}/sign-in?done=password"
    answer = await acme.http.get("/shipments?state=held", headers=HERE)
    assert answer.headers["location"] == f"{ACME}/sign-in?next={quote('/shipments?state=held', safe='')}"
    page = (await acme.http.get(answer.headers["location"].removeprefix(ACME), headers=HERE)).text
    assert Addresses(page).forms == [f"{ACME}/sign-in", f"{ACME}/language"]
    form = {"login": "asha", "password": PASSWORD, "next": re.findall(r'name="next" value="([^"]*)"', page)[0]}
    answer = await acme.http.post("/sign-in", headers=OUR_FORM, data=form)
    assert answer.headers["location"] == f"{ACME}/shipments?state=held"
    assert list(leads_out(answer)) == []
    for path in ("//evil.example", "/a/zest/shipments", f"{HOST}/shipments", "/\\evil.example"):
        answer = await acme.http.post("/sign-in", headers=OUR_FORM, data={**form, "next": path})
        assert is_own(answer.headers["location"]), path
    page = (await acme.http.get("/shipments", headers=HERE)).text
    assert "<title>Shipments · awbridge · acme</title>" in page
    answer = await acme.http.post("/sign-out", headers=OUR_FORM)
    assert answer.headers["location"] == f"{ACME}/sign-in?done=out"


async def test_the_language_switch_returns_to_the_page_that_was_shown(acme: Web) -> None:
    for before, after in (
        (f"{ACME}/shipments?state=held", f"{ACME}/shipments?state=held"),
        (f"{ACME}/", f"{ACME}/"),
        (f"{ACME}//evil.example", f"{ACME}/evil.example"),
    ):
        headers = {**OUR_FORM, "referer": HOST + before}
        answer = await acme.http.post("/language", headers=headers, data={"language": "hi"})
        assert (answer.status_code, answer.headers["location"]) == (303, after)
        assert list(leads_out(answer)) == []
    assert 'lang="hi"' in (await acme.http.get("/", headers=HERE)).text


async def test_the_set_up_shows_the_accounts_address_for_webhooks(acme: Web) -> None:
    page = html.unescape((await acme.http.get("/setup", headers=HERE)).text)
    assert f"{ACME}{PATH}" in page
    assert not re.search(rf"(?<!{ACME}){PATH}", page)


async def test_text_that_looks_like_an_address_stays_as_it_is(acme: Web) -> None:
    hostile = 'x" href="/shipments" src="/y'
    for path in (f"/search?{urlencode({'q': hostile})}", f"/shipments?{urlencode({'order_id': hostile})}"):
        page = (await acme.http.get(path, headers=HERE)).text
        assert 'href=&#34;/shipments&#34; src=&#34;/y"' in page
    assert below_prefix('<a href="/x"> <a href="//cdn"> <a href="x"> <b title="a href=/">', "/a/b") == (
        '<a href="/a/b/x"> <a href="//cdn"> <a href="x"> <b title="a href=/">'
    )


async def test_the_homes_pages_are_as_ever(accounts: Accounts) -> None:
    page = (await accounts.http.get("/shipments", headers=HERE)).text
    assert "/a/" not in "".join(value for _, _, value in Addresses(page).found)
    assert "<title>Shipments · awbridge</title>" in page
    await a_person(accounts.home.store, accounts.clock, "asha")
    form = {"login": "asha", "password": PASSWORD}
    cookie = (await accounts.http.post("/sign-in", headers=OUR_FORM, data=form)).headers["set-cookie"]
    assert cookie.startswith("awbridge_session=")
    assert "Path=/" in cookie.split("; ")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (b"a=b; Path=/; HttpOnly", b"a.acme=b; HttpOnly; Path=/a/acme"),
        (b"__Host-a=b=c; path=/; Secure", b"__Secure-a.acme=b=c; Secure; Path=/a/acme"),
        (b"a=b; Domain=shop.example", b"a.acme=b; Path=/a/acme"),
        (b'a=""; Max-Age=0; Path=/x', b'a.acme=""; Max-Age=0; Path=/a/acme'),
    ],
)
async def test_a_cookie_is_the_accounts_alone(given: bytes, sent: bytes) -> None:
    received: list[bytes] = []
    messages: list[dict[str, object]] = []

    async def app(scope: object, receive: object, send: object) -> None:
        received.extend(value for name, value in scope["headers"] if name == b"cookie")  # pyright: ignore
        headers = [(b"set-cookie", given), (b"location", b"https://idp.example/x"), (b"location", b"//cdn")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})  # pyright: ignore

    async def send(message: dict[str, object]) -> None:
        messages.append(message)

    back = sent.partition(b";")[0]
    cookies = b"a=home; b.zest=1; " + back + b"; a.acme.zest=2"
    scope = {"type": "http", "headers": [(b"cookie", cookies), (b"host", b"x")]}
    await BelowPrefix(app, ACME, "acme")(scope, None, send)  # pyright: ignore
    assert received == [given.partition(b";")[0]]
    assert messages[0]["headers"] == [
        (b"set-cookie", sent),
        (b"location", b"https://idp.example/x"),
        (b"location", b"//cdn"),
    ]
