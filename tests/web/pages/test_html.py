"""Every page is valid HTML: a strict parser finds no error in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator

import html5lib
import pytest
from html5lib.html5parser import ParseError

from awbridge.store import Store
from tests.support.app import Web, web_on
from tests.support.every_page import filled_in, page_paths
from tests.support.one_of_each import one_of_each
from tests.support.pages import HERE, OUR_FORM

PARTS = ("/shipments.tabs",)  # of a page, for its live update


@pytest.fixture
async def web(store: Store) -> AsyncIterator[Web]:
    async with web_on(store, api_keys=["setting"]) as running:
        running.http.headers["authorization"] = "Bearer setting"
        yield running


async def test_every_page_is_valid_html(web: Web) -> None:
    known = await one_of_each(web, 1)
    shown = 0
    paths = [filled_in(path, known) for path in page_paths() if path not in PARTS]
    for path in (*paths, "/search?q=nobody", "/endpoints/nosuch", "/shipments?stat=x"):
        answer = await web.http.get(path, headers=HERE)
        if answer.headers.get("content-type", "").startswith("text/html"):
            check(path, answer.text)
            shown += 1
    assert shown > 30
    chosen = f"reference={known['reference_number'].replace('/', '%2F')}"
    for path, form in (("/shipments/preview", f"action=cancel&{chosen}"), ("/shipments/act", f"action=poll&{chosen}")):
        check(path, (await web.http.post(path, headers=OUR_FORM, content=form)).text)


def check(path: str, html: str) -> None:
    """Fail where the HTML is not well formed, or an id stands twice."""
    try:
        html5lib.HTMLParser(strict=True).parse(html)
    except ParseError as error:
        pytest.fail(f"{path}: {error}")
    twice = [name for name, times in Counter(re.findall(r'\sid="([^"]*)"', html)).items() if times > 1]
    assert twice == [], path


def test_an_error_would_be_noticed() -> None:
    for html in ("<p>no doctype", '<!doctype html><title>t</title><p id="a"><b id="a">x</b>', "<!doctype html></b>"):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check("/", html)
