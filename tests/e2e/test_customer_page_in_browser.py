"""The customer's page and the widget in a real browser: every state, three languages, two widths."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Request

from awbridge.store import Store
from tests.support.browser import Watched
from tests.support.customer_page_states import KEY, States
from tests.support.customer_page_texts import HOSTILE, PRIVATE, hostile_parcel, private_parcel
from tests.support.ports import free_port
from tests.support.processes import Running, bridge_environment, running
from tests.support.rows import T0
from tests.support.stores import migrated_file
from tests.support.world import SetClock

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NOWHERE = "http://127.0.0.1:9"
LANGUAGES = ("en", "hi", "ar")
SMALL, LARGE = (360, 780), (1280, 800)
LOOKS: tuple[tuple[tuple[int, int], Literal["light", "dark"]], ...] = ((SMALL, "dark"), (LARGE, "light"))
WITH_AXE = ("boxes", "return", "delivered", "hostile")  # axe takes a second or two for each page


@dataclass
class Parcels:
    """The running service and the tokens of its parcels, by state."""

    service: Running
    tokens: dict[str, str]
    shop: str

    def path(self, name: str, language: str) -> str:
        return f"/track/{self.tokens[name]}?lang={language}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parcels")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tokens(folder: Path) -> AsyncIterator[dict[str, str]]:
    store = await Store.open(await migrated_file(folder))
    try:
        states = States(store)
        await states.ends()
        await states.journeys()
        private = await private_parcel(store, SetClock(T0), "REF-PRIVATE")
        hostile = await hostile_parcel(store, SetClock(T0), "REF-HOSTILE")
        yield {**states.tokens, "private": private, "hostile": hostile}
    finally:
        await store.close()


@pytest.fixture(scope="module")
def parcels(tokens: dict[str, str], folder: Path) -> Iterator[Parcels]:
    """One service for all these tests: no two of them answer for the same customer."""
    port, shop = free_port(), f"http://127.0.0.1:{free_port()}"
    env = bridge_environment(f"sqlite:///{folder}/awbridge.db", NOWHERE, port)
    env |= {
        "AWBRIDGE_TRACK_URL": f"http://127.0.0.1:{port}",
        "AWBRIDGE_TRACK_KEYS": KEY,
        "AWBRIDGE_TRACK_ORIGINS": shop,
    }
    env |= {"AWBRIDGE_TRACK_BRAND": HOSTILE[:60], "AWBRIDGE_TRACK_COLOUR": "#8a1f5c", "AWBRIDGE_TRACK_FOOTER": HOSTILE}
    env |= {"AWBRIDGE_TRACK_SUPPORT_URL": "https://shop.example/help", "AWBRIDGE_TRACK_LINK_DAYS": "3650"}
    with running(["serve"], env, folder, port) as process:
        yield Parcels(process, tokens, shop)


async def test_every_state_is_sound_in_every_language(browser: Browser, parcels: Parcels) -> None:
    watched = [await watch(browser, parcels, look) for look in LOOKS]
    for number, name in enumerate(parcels.tokens):
        page, language = watched[number % 2], LANGUAGES[number % 3]
        await page.open(parcels.path(name, language))
        await page.check(axe=name in WITH_AXE)
        await sound(page.page, language)
    for number, language in enumerate(LANGUAGES):
        page = watched[number % 2]
        for path in (parcels.path("of three 0", language), parcels.path("failed", language)):
            await page.open(path)
            await page.check()
            await sound(page.page, language)


async def watch(browser: Browser, parcels: Parcels, look: tuple[tuple[int, int], Literal["light", "dark"]]) -> Watched:
    (width, height), scheme = look
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, java_script_enabled=True
    )
    return Watched(await context.new_page(), parcels.service.url)


async def sound(page: Page, language: str) -> None:
    """The language and its direction are declared, nothing ran, and there is one heading of the first level."""
    root = await page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
    assert root == [language, "rtl" if language == "ar" else "ltr"]
    assert await page.title() != "broken"
    assert await page.locator("h1").count() == 1
    assert await page.locator("script, img[onerror]").count() == 0


async def test_the_page_needs_no_script_and_a_language_is_chosen_by_keyboard(
    browser: Browser, parcels: Parcels
) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 780})
    page = await context.new_page()
    await page.goto(parcels.service.url + parcels.path("on its way", "en"))
    assert await page.locator("ol.steps li").count() >= 5
    switched = page.locator("a[hreflang=ar]")
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await switched.evaluate("link => link === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    await page.locator("html[dir=rtl]").wait_for()


async def test_a_customer_answers_on_a_phone_without_script(browser: Browser, parcels: Parcels) -> None:
    (width, height), _ = LOOKS[0]
    context = await browser.new_context(java_script_enabled=False, viewport={"width": width, "height": height})
    watched = Watched(await context.new_page(), parcels.service.url)
    page = watched.page
    await watched.open(parcels.path("failed", "en"))
    await page.locator("[value=new_address]").check()
    await page.locator("[name=address]").fill("7 L")
    await answer(page, "1234")
    assert await page.locator("[aria-invalid=true]").get_attribute("name") == "address"
    assert await page.locator("[name=address]").input_value() == "", "nothing that was entered comes back"
    await watched.check(axe=False)  # axe is script
    await page.locator("[name=address]").fill("7 Lake Road, behind the mill")
    await answer(page, "9999")
    assert await page.locator("[name=digits]").get_attribute("aria-invalid") == "true"
    await page.locator("[value=deliver_again]").check()
    await answer(page, "1234")
    assert await page.locator(".told").inner_text() == "Thank you, we have your answer."
    await watched.open(parcels.path("failed", "en"))
    last = await page.locator(".last").inner_text()
    assert last.startswith("Your answer (today): Deliver it again"), "no browser keeps the page without the answer"
    await watched.check(axe=False)


async def answer(page: Page, digits: str) -> None:
    """Send the form of the page."""
    await page.locator("[name=digits]").fill(digits)
    async with page.expect_navigation():
        await page.locator("form button").click()


async def test_a_customer_says_that_a_parcel_never_came_in_hindi_by_keyboard(
    browser: Browser, parcels: Parcels
) -> None:
    watched = await watch(browser, parcels, LOOKS[1])
    page = watched.page
    await watched.open(parcels.path("delivered", "hi"))
    await watched.tab_to("digits")
    await page.keyboard.type("1234")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await page.locator(".told").wait_for()
    await watched.check()
    await sound(page, "hi")


SHOP_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width"><script src="{track}/track/widget.js" async></script></head>
<body><main><h1>Your order</h1>{widgets}</main></body></html>"""
WIDGET = (
    '<awbridge-parcel token="{token}" lang="{language}"><a href="{track}/track/{token}">Parcel</a></awbridge-parcel>'
)


class Shop:
    """The shop's own site: a page with the strictest policy that can show the widget."""

    def __init__(self, page: Page, parcels: Parcels) -> None:
        self.page = page
        self.track = parcels.service.url
        self.origin = parcels.shop
        self.wrong: list[str] = []
        self.widgets = ""
        page.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", self._requested)

    def _requested(self, request: Request) -> None:
        if not request.url.startswith((self.track, self.origin)):
            self.wrong.append(f"another host: {request.url}")

    async def show(self, *widgets: tuple[str, str]) -> None:
        """Open the page with a widget for each token and language, and wait until they show their parcels."""
        made = [WIDGET.format(token=token, language=language, track=self.track) for token, language in widgets]
        body = SHOP_PAGE.format(track=self.track, widgets="".join(made))
        policy = f"default-src 'none'; script-src {self.track}; connect-src {self.track}; base-uri 'none'"
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-security-policy: {policy}\r\n\r\n"

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"{head}{body}".encode())
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", int(self.origin.rpartition(":")[2])):
            await self.page.goto(f"{self.origin}/")
        for number in range(len(widgets)):  # the policy forbids what `wait_for_function` does
            await self.page.locator("awbridge-parcel").nth(number).locator("section").wait_for()


async def test_the_widget_shows_every_state_on_a_site_with_a_strict_policy(browser: Browser, parcels: Parcels) -> None:
    for (width, height), scheme in LOOKS:
        context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        shop = Shop(await context.new_page(), parcels)
        names = list(parcels.tokens)
        await shop.show(*((parcels.tokens[name], LANGUAGES[n % 3]) for n, name in enumerate(names)))
        await Watched(shop.page, shop.origin).check(axe=False)
        assert shop.wrong == []
        assert await shop.page.title() == "Shop", "no hostile text ran"
        texts = await shop.page.evaluate(
            "[...document.querySelectorAll('awbridge-parcel')].map(e => e.shadowRoot.textContent)"
        )
        assert all(texts)
        private = texts[names.index("private")]
        assert [text for text in PRIVATE if text in private] == []
        assert "<script>" in texts[names.index("hostile")], "a text as any other"
        assert await shop.page.locator("awbridge-parcel").locator("script, img, style").count() == 0


async def test_the_widget_is_operated_by_keyboard_and_keeps_what_is_open(browser: Browser, parcels: Parcels) -> None:
    page = await browser.new_page()
    shop = Shop(page, parcels)
    await shop.show((parcels.tokens["delivered"], "en"))
    folded = page.locator("awbridge-parcel details")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert await folded.evaluate("details => details.open")
    await page.evaluate("document.querySelector('awbridge-parcel').setAttribute('lang', 'hi')")
    await page.locator("awbridge-parcel section[lang=hi]").wait_for()
    assert await folded.evaluate("details => details.open")
    label = await page.locator("awbridge-parcel section").get_attribute("aria-label")
    assert (label or "").startswith("मेरा पार्सल कहाँ है?")
    await Watched(page, shop.origin).check()
    assert shop.wrong == []


async def test_the_link_stays_where_the_parcel_cannot_be_shown(browser: Browser, parcels: Parcels) -> None:
    page = await browser.new_page()
    shop = Shop(page, parcels)
    await shop.show(("aaaaaaaaaaaaaaaa", "en"))
    assert "does not open a parcel" in await page.locator("awbridge-parcel section").inner_text()
    await page.route("**/*.json*", lambda route: route.abort())
    await page.evaluate("document.querySelector('awbridge-parcel').outerHTML += ''")
    assert await page.locator("awbridge-parcel > a").is_visible()
    stranger = await browser.new_page()
    elsewhere = Shop(stranger, parcels)
    elsewhere.origin = "http://127.0.0.1:1"
    blocked = await stranger.request.get(
        f"{parcels.service.url}/track/{parcels.tokens['delivered']}.json", headers={"origin": elsewhere.origin}
    )
    assert "access-control-allow-origin" not in blocked.headers
