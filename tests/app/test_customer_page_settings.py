"""Settings and checks of links to the customer's page: wrong ones are named in words, `doctor` says what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from awbridge.app.doctor.customer_page import check_customer_page, judge_page
from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING
from awbridge.app.load_settings import load_settings
from awbridge.app.settings import Settings
from awbridge.clickpost.client.probe import Probe
from awbridge.domain.customer_page.links import HEALTH_TEXT
from awbridge.domain.errors import SettingsError
from tests.support.receivers import http_server

KEY = "a key of the tests"
HOST = "https://track.shop.example"


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("TRACK_URL", "TRACK_KEYS"):
        monkeypatch.delenv(f"AWBRIDGE_{name}", raising=False)


def settings(**changes: Any) -> Settings:
    return load_settings(**{"track_url": HOST, "track_keys": KEY, **changes})


@pytest.mark.parametrize(
    "url",
    [HOST, f"{HOST}/", f"{HOST}:8443", f"{HOST}/orders/", "http://localhost:8000", "http://127.0.0.1", "http://[::1]"],
)
def test_addresses_of_the_page(url: str) -> None:
    assert settings(track_url=url).track_links.base_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"track_url": "http://track.shop.example"}, "must begin with https://"),
        ({"track_url": "track.shop.example"}, "must be an address with https:// and a host"),
        ({"track_url": "ftp://track.shop.example"}, "must be an address with https:// and a host"),
        ({"track_url": "https://user:pw@track.shop.example"}, "must be an address with https:// and a host"),
        ({"track_url": "https://track.shop.example/?x=1"}, "without query"),
        ({"track_url": "https://track.shop.example/a b"}, "without query"),
        ({"track_keys": f"{KEY},short"}, "at least 16 characters"),
        ({"track_link_days": 0}, "must be from 1 to 3650"),
    ],
)
def test_a_wrong_value_is_named_and_says_what_to_write(wrong: dict[str, Any], words: str) -> None:
    (name,) = wrong
    with pytest.raises(SettingsError, match=f"AWBRIDGE_{name.upper()}") as error:
        settings(**wrong)
    assert words in str(error.value)
    assert KEY not in str(error.value)


@pytest.mark.parametrize("missing", ["track_url", "track_keys"])
def test_the_page_is_off_until_both_are_set(missing: str) -> None:
    assert settings().track_links.is_on
    assert not settings(**{missing: ""}).track_links.is_on


@dataclass
class Context:
    settings: Settings


async def checks(**changes: Any) -> list[tuple[str, str]]:
    context: Any = Context(settings(**changes))
    return [(found.level, f"{found.found} {found.do}") for found in await check_customer_page(context)]


async def test_the_doctor_says_what_is_not_set() -> None:
    assert [level for level, _ in await checks(track_url="", track_keys="")] == [OK]
    for missing in ("track_url", "track_keys"):
        ((level, text),) = await checks(**{missing: ""})
        assert level == WARNING
        assert f"AWBRIDGE_{missing.upper()}" in text


async def test_the_doctor_asks_for_the_page_at_its_address() -> None:
    async with http_server() as receiver:
        ((level, text),) = await checks(track_url=receiver.url.rpartition("/")[0])
    assert level == PROBLEM, text
    ((level, text),) = await checks(track_url="http://127.0.0.1:9")
    assert (level, "cannot be reached" in text) == (WARNING, True)


@pytest.mark.parametrize(
    ("response", "level"),
    [
        (Probe(status=200, text=HEALTH_TEXT), OK),
        (Probe(status=200, text="<html>shop</html>"), PROBLEM),
        (Probe(status=404, text="not found"), PROBLEM),
        (Probe(error="ConnectError"), WARNING),
    ],
)
def test_what_answers_there_is_judged(response: Probe, level: str) -> None:
    assert judge_page(response, HOST).level == level


@pytest.mark.parametrize(
    ("changes", "is_named"),
    [
        ({"track_url": "https://myshop.in/x"}, False),
        ({"track_url": "https://t.myshop.info"}, False),
        ({"track_url": "https://t.myshop.infox"}, True),
        ({"track_url": HOST, "notice_sms_url": ""}, False),
        ({"track_url": HOST, "track_short_links": False}, False),
    ],
)
async def test_the_doctor_names_links_too_long_for_an_sms(changes: dict[str, Any], is_named: bool) -> None:
    found = await checks(**{"notice_sms_url": "jsons://gateway.example/{to}", **changes})
    assert any("in an SMS" in text for _, text in found) is is_named
