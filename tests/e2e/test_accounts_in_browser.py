"""In Chromium: a person signs in at an account, visits every page of its menu, switches the language, signs out."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from tests.support.accounts import accounts_on
from tests.support.app import serving
from tests.support.browser import LAPTOP, Watched, chromium
from tests.support.people import PASSWORD, a_person, cheap_passwords

pytestmark = pytest.mark.slow

__all__ = ["cheap_passwords"]

ACME = "/a/acme"


async def test_a_browser_stays_below_the_accounts_prefix(tmp_path: Path) -> None:
    async with (
        accounts_on(tmp_path, "acme") as accounts,
        serving(accounts.app, accounts.home.webhook, sites=accounts.sites) as url,
        chromium() as browser,
    ):
        await a_person(accounts.of("acme").store, accounts.clock, "asha")
        page = await browser.new_page(viewport={"width": LAPTOP[0], "height": LAPTOP[1]})
        requested: list[str] = []
        page.on("request", lambda request: requested.append(urlsplit(request.url).path))
        watched = Watched(page, url)
        await watched.open(f"{ACME}/shipments?state=held")
        await page.fill("[name=login]", "asha")
        await page.fill("[name=password]", PASSWORD)
        await page.press("[name=password]", "Enter")
        await page.wait_for_url(f"{url}{ACME}/shipments?state=held")
        assert await page.title() == "Held · awbridge · acme"
        menu = await page.eval_on_selector_all("nav.menu a", "links => links.map(link => link.getAttribute('href'))")
        assert len(menu) > 15
        for path in menu:
            await watched.open(path)
        assert watched.wrong == []
        await page.click("footer button[value=hi]")
        await expect(page.locator("html")).to_have_attribute("lang", "hi")
        assert urlsplit(page.url).path == menu[-1]
        cookies = {cookie["name"]: cookie["path"] for cookie in await page.context.cookies()}
        assert cookies == {"awbridge_session.acme": ACME, "awbridge_language.acme": ACME}
        await page.click(".account form button")
        await page.wait_for_url(f"{url}{ACME}/sign-in?done=out")
        assert [path for path in requested if not path.startswith(f"{ACME}/")] == []
