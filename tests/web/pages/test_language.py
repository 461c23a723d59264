"""Which language a visitor reads, and the switch at the foot of each page."""

from __future__ import annotations

import pytest

from awbridge.web.pages.language import COOKIE, choose
from tests.support.app import Web
from tests.support.pages import HERE, OUR_FORM, open_page


@pytest.mark.parametrize(
    ("cookie", "accepted", "expected"),
    [
        ("", "", "en"),
        ("", "hi-IN,hi;q=0.9,en;q=0.8", "hi"),
        ("", "en-IN;q=0.5,hi;q=0.9", "hi"),
        ("", "fr,de;q=0.5", "en"),
        ("", "hi;q=0,en", "en"),
        ("", "hi;q=much,en;q=0.1", "en"),
        ("en", "hi", "en"),
        ("hi", "en", "hi"),
        ("klingon", "hi", "hi"),
    ],
)
def test_the_cookie_goes_before_the_browser(cookie: str, accepted: str, expected: str) -> None:
    assert choose(cookie, accepted) == expected


async def test_the_switch_is_remembered_and_returns_to_the_page_before(web: Web) -> None:
    assert '<html lang="en">' in await open_page(web, "/shipments")
    headers = {**OUR_FORM, "referer": "http://localhost:8000/shipments?state=placed"}
    answer = await web.http.post("/language", headers=headers, content="language=hi")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/shipments?state=placed"
    assert answer.cookies[COOKIE] == "hi"
    headers = {**HERE, "cookie": f"{COOKIE}=hi"}
    assert '<html lang="hi">' in (await web.http.get("/shipments", headers=headers)).text


@pytest.mark.parametrize(
    "referer", ["", "http://evil.example/shipments", "http://localhost:8000//evil.example", "http://[::"]
)
async def test_the_switch_leads_to_no_other_host(web: Web, referer: str) -> None:
    answer = await web.http.post("/language", headers={**OUR_FORM, "referer": referer}, content="language=en")
    assert answer.status_code == 303
    assert answer.headers["location"] in ("/", "/evil.example")


async def test_an_unknown_language_is_refused_with_the_known_ones(web: Web) -> None:
    answer = await web.http.post("/language", headers=OUR_FORM, content="language=tlh")
    assert answer.status_code == 422
    assert "en, hi" in answer.text
