"""Chromium that watches a page: console errors, requests to other hosts, accessibility, width, and the keyboard."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

from tests.support.absent import absent

PHONE, LAPTOP = (390, 844), (1280, 800)
MOST_TABS = 400
# What axe found wrong. Its report of all that is right would cost as much again to send.
AXE = "axe.run({resultTypes: ['violations']}).then(found => found.violations)"
# What reaches beyond the right edge, outside of what scrolls by itself.
TOO_WIDE = """() => [...document.querySelectorAll('main *, header *, footer *')]
  .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .filter(e => !e.closest('.tabs, .menu, pre, details:not([open])')).slice(0, 5).map(e => e.outerHTML.slice(0, 120))"""
# Whether the element with the focus has this text, name or label.
IS_NAMED = """text => [document.activeElement].flatMap(e => [e.innerText, e.name, e.getAttribute('aria-label')])
  .some(t => t && t.trim() === text)"""


def chromium_path() -> str:
    """The system's Chromium. Skips the test without one; in CI that is a failure."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing = "Chromium is not installed (apt-get install chromium)"
        absent(missing)
    return found


async def until_true(page: Page, expression: str, *, seconds: float = 30) -> None:
    """Wait until JavaScript says so. `page.wait_for_function` repeats it within the page, whose policy forbids that."""
    async with asyncio.timeout(seconds):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


@dataclass
class Watched:
    """A page and what went wrong on it."""

    page: Page
    origin: str
    wrong: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.page.on("console", self._logged)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("request", self._requested)

    def _logged(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console: {message.text}")

    def _requested(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.origin).netloc:
            self.wrong.append(f"another host: {request.url}")

    async def open(self, path: str) -> None:
        """Open a page of ours. It must answer 200."""
        answer = await self.page.goto(self.origin + path)
        assert answer is not None
        assert answer.status == 200, path

    async def check(self, *, axe: bool = True) -> None:
        """Nothing went wrong, nobody scrolls sideways, and axe finds nothing. `axe`: it takes half a second a page."""
        assert self.wrong == [], self.page.url
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} px too wide: {await self.page.evaluate(TOO_WIDE)}"
        if not axe:
            return
        if not await self.page.evaluate("'axe' in window"):  # else it is there from a look at the same document
            await self.page.evaluate(AXE_SCRIPT)
        found = await self.page.evaluate(AXE)
        assert found == [], f"{self.page.url}: {found}"

    async def tab_to(self, text: str) -> None:
        """Press Tab until the element with this text, name or label has the focus."""
        for _ in range(MOST_TABS):
            await self.page.keyboard.press("Tab")
            if await self.page.evaluate(IS_NAMED, text):
                return
        raise AssertionError(f"{self.page.url}: the keyboard does not reach {text!r}")

    async def press(self, text: str, key: str = "Enter") -> None:
        """Go to an element by keyboard and press a key; with Enter, wait for the page that follows."""
        await self.tab_to(text)
        if key != "Enter":
            await self.page.keyboard.press(key)
            return
        async with self.page.expect_navigation():
            await self.page.keyboard.press(key)


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """A headless Chromium."""
    path = chromium_path()
    async with async_playwright() as playwright:
        # The sandbox needs rights that a container, or root, does not have. It opens our own pages alone.
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()
