"""The customer's page, without a browser."""

from __future__ import annotations

import gzip
import re
from typing import Any
from urllib.parse import urljoin

import pytest

from awbridge.domain.customer_page.brand import Brand
from awbridge.domain.errors import StoreBusy
from awbridge.domain.tracking.returns import ReturnEvent
from awbridge.sinks.brand_files import Logo
from awbridge.sinks.page_languages import load_languages
from awbridge.store import Store
from awbridge.web.customer_page.app import is_customer_page, token_of
from tests.support.app import Web
from tests.support.customer_page import BRAND, HOUR, KEYS, At, CustomersView, add_parcel, payload, return_payload
from tests.support.rows import T0
from tests.web.pages.test_html import HOSTILE, check

pytestmark = pytest.mark.heavy

LANGUAGES = load_languages()
LARGEST = 30 * 1024  # bytes on the wire: the page, its CSS, its icon


@pytest.fixture
def page(store: Store) -> CustomersView:
    return CustomersView(store)


async def test_a_link_shows_where_the_parcel_is(store: Store, page: CustomersView) -> None:
    token = await add_parcel(store, "REF-1", At(4, 2), At(5, 5, "BHIWANDI_HUB"), edds=[("2026-11-04", 1)])
    answer = await page.get(token)
    assert answer.status_code == 200
    for expected in ("Hello Asha,", "Arriving Wednesday, 4 November", "Bhiwandi Hub", "Delivery to Bengaluru"):
        assert expected in answer.text
    assert "Delhivery" in answer.text


async def test_the_short_form_answers_the_same_in_any_case(store: Store, page: CustomersView) -> None:
    token = await add_parcel(store, "REF-1", At(5))
    assert (await page.http.get(f"/t/{token.upper()}")).content == (await page.get(token)).content


async def test_nothing_private_is_shown(store: Store, page: CustomersView) -> None:
    seen = (At(4, 2, "Hub 9876501234"), At(9, 5, "asha@secret.example Pune", ndr=6))
    text = (await page.get(await add_parcel(store, "REF-1", *seen))).text
    for private in ("Rao", "9876501234", "Secret", "secret", "560001", "1234.5", "REF-1", "ORDER-1", "AWB-REF-1"):
        assert private not in text, private


STATES: dict[str, dict[str, Any]] = {
    "preparing": {"seen": [], "placed": False},
    "handed over": {"seen": []},
    "failed": {"seen": [At(6, 3), At(9, 5, "Pune", ndr=1)]},
    "delivered": {"seen": [At(6, 3), At(8, 5)]},
    "going back": {"seen": [At(9, 3), At(21, 5)]},
    "lost": {"seen": [At(5, 3), At(16, 5)]},
    "boxes": {"seen": [At(5, 3, waybill="A"), At(8, 5, waybill="B")], "children": ["A", "B"]},
    "changed": {"seen": [At(5, 3)], "edds": [("2026-11-04", 1), ("2026-11-05", 2)]},
    "asked for a return": {"seen": [At(8, 3), At(101, 4, event=ReturnEvent(kind="return.placed"))]},
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_state_is_valid_html_in_every_language(store: Store, page: CustomersView, language: str) -> None:
    for n, (state, given) in enumerate(STATES.items()):
        options = {name: value for name, value in given.items() if name != "seen"}
        token = await add_parcel(store, f"REF-{n}", *given["seen"], order_id=f"O-{n}", **options)
        answer = await page.get(token, params={"lang": language})
        check(state, answer.text)
        _check_hosts(answer.text)
        assert f'<html lang="{language}" dir="{LANGUAGES[language].direction}">' in answer.text
    token = await add_parcel(store, "M-1", At(8), order_id="M")
    await add_parcel(store, "M-2", At(5), order_id="M")
    await add_parcel(store, "M-3", At(4), order_id="M", payload=return_payload(), delivery_type="RVP")
    several = await page.get(token, params={"lang": language})
    check("several", several.text)
    assert several.text.count("<article") == 3
    check("gone", (await page.get("a" * 16, params={"lang": language})).text)


def _check_hosts(text: str) -> None:
    """Fail where the page names another host than the shop's own links do, or runs or styles anything inline."""
    assert set(re.findall(r'https?://[^"\s<]+', text)) <= {BRAND.support_url}
    assert re.findall(r"<(?:script|style|iframe|object|embed)\b|\son\w+=|\sstyle=|javascript:", text) == []


async def test_the_files_of_the_page_are_there_and_light(store: Store) -> None:
    logo = Logo(b"\x89PNG\r\n\x1a\n" + bytes(1000), "image/png", "png")
    page = CustomersView(store, logo=logo, own_css=b"h1 { color: red }")
    token = await add_parcel(store, "REF-1", *(At(5, n, f"Hub {n}") for n in range(40)))
    for path in (f"/track/{token}", f"/t/{token}"):
        answer = await page.http.get(path)
        names = re.findall(r'(?:href|src)="((?:\.\./)+track/static/[^"]+)"', answer.text)
        assert len(names) == 4
        total = len(gzip.compress(answer.content))
        for name in names:
            file = await page.http.get(urljoin(path, name))
            assert file.status_code == 200
            assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert "sandbox" in file.headers["content-security-policy"]
            total += len(gzip.compress(file.content))
        assert total < LARGEST
    assert answer.text.index("/page-") < answer.text.index("/own-")
    assert (await page.http.get("/track/static/nosuch.css")).status_code == 404
    assert (await page.http.get("/track/static/health")).status_code == 200


async def test_the_pages_headers(store: Store, page: CustomersView) -> None:
    token = await add_parcel(store, "REF-1", At(5))
    headers = (await page.get(token)).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    )
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-robots-tag"].startswith("noindex")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "public, max-age=0, s-maxage=60, stale-if-error=600"
    assert "set-cookie" not in headers


async def test_an_unchanged_page_is_not_sent_again(store: Store, page: CustomersView) -> None:
    token = await add_parcel(store, "REF-1", At(5))
    first = await page.get(token)
    etag = first.headers["etag"]
    for named in (etag, f'"other", W/{etag}', "*"):
        again = await page.get(token, headers={"if-none-match": named})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert "content-length" not in again.headers
    plain = await page.get(token, headers={"accept-encoding": "identity", "if-none-match": etag})
    assert (plain.status_code, plain.headers["etag"] == etag) == (200, False)
    page.clock.forward(minutes=5)
    assert (await page.get(token, headers={"if-none-match": etag})).status_code == 304
    await add_parcel(store, "REF-2", At(5))
    assert (await page.get(token, headers={"if-none-match": etag})).status_code == 200


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [("gzip", True), ("br;q=1, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
async def test_gzip_where_it_is_taken(store: Store, page: CustomersView, accepted: str, is_packed: bool) -> None:
    token = await add_parcel(store, "REF-1", At(5))
    answer = await page.get(token, headers={"accept-encoding": accepted})
    assert (answer.headers.get("content-encoding") == "gzip") is is_packed
    assert "accept-encoding" in answer.headers["vary"]
    assert "On its way" in answer.text


async def test_head_is_the_page_without_its_body(store: Store, page: CustomersView) -> None:
    token = await add_parcel(store, "REF-1", At(5))
    head, get = await page.http.head(f"/track/{token}"), await page.get(token)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == get.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "PROPFIND"])
async def test_other_methods_are_refused(store: Store, page: CustomersView, method: str) -> None:
    token = await add_parcel(store, "REF-1", At(5))
    answer = await page.http.request(method, f"/track/{token}")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("query", "accepted", "of_order", "language", "varies"),
    [
        ("", "", "", "en", True),
        ("", "", "hi", "hi", True),
        ("", "ar-AE,ar;q=0.9", "hi", "ar", True),
        ("", "de-DE,de;q=0.9,hi;q=0.8,en;q=0.7", "", "hi", True),
        ("", "fr", "hi", "hi", True),
        ("", "hi;q=0, en", "hi", "en", True),
        ("?lang=ar", "hi", "hi", "ar", False),
        ("?lang=hi-IN", "", "", "hi", False),
        ("?lang=xx", "hi", "", "hi", True),
        ("?lang=%22%3E%3Cscript%3E", "", "", "en", True),
        ("?x=1&lang=hi&lang=ar", "", "", "ar", False),
        ("", ",;q=x, ;;, hi;q=nan", "", "en", True),
    ],
)
async def test_the_language_of_the_page(
    store: Store, page: CustomersView, query: str, accepted: str, of_order: str, language: str, varies: bool
) -> None:
    token = await add_parcel(store, "REF-1", At(5), payload=payload(language=of_order or None))
    answer = await page.http.get(f"/track/{token}{query}", headers={"accept-language": accepted})
    assert f'<html lang="{language}"' in answer.text
    assert ("accept-language" in answer.headers["vary"]) is varies


async def test_the_switch_names_each_language_in_itself(store: Store, page: CustomersView) -> None:
    text = (await page.get(await add_parcel(store, "REF-1", At(5)))).text
    for code, words in LANGUAGES.items():
        assert re.search(rf'href="\?lang={code}" lang="{code}" dir="{words.direction}"[^>]*>{words.name}</a>', text)


async def test_the_shops_language_serves_whoever_names_none(store: Store) -> None:
    page = CustomersView(store, default="hi")
    assert '<html lang="hi"' in (await page.get(await add_parcel(store, "REF-1", At(5)))).text


async def test_a_link_that_opens_nothing(store: Store, page: CustomersView) -> None:
    expired = await add_parcel(store, "REF-1", At(8))
    page.clock.forward(days=100)
    unknown, revoked = KEYS.token("NOBODY"), KEYS.token("REF-1", 1)
    answers = [await page.get(token) for token in (expired, unknown, revoked, "a" * 16, "short", "x" * 500)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({re.sub(r"(\.\./)+", "", answer.text) for answer in answers}) == 1
    text = answers[0].text
    assert "This link does not open a parcel any more" in text
    assert "Acme" in text
    assert BRAND.support_url in text
    assert "max-age=10" in answers[0].headers["cache-control"]


async def test_files_are_found_from_every_depth(page: CustomersView) -> None:
    for path in ("/track", "/t", "/track/", "/track/a/b", "/track/a/b/c"):
        answer = await page.http.get(path)
        assert answer.status_code == 404
        (style,) = re.findall(r'rel="stylesheet" href="([^"]+)"', answer.text)
        assert (await page.http.get(urljoin(path, style))).status_code == 200


async def test_a_busy_database_is_said_and_tried_again(page: CustomersView, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy() -> None:
        raise StoreBusy("locked by postgresql://user:password@host")

    monkeypatch.setattr(page.store, "read", busy)
    answer = await page.get(KEYS.token("REF-1"))
    assert (answer.status_code, answer.headers["retry-after"], answer.headers["cache-control"]) == (
        503,
        "5",
        "no-store",
    )
    assert "Please try again in a moment" in answer.text
    assert "password" not in answer.text


async def test_hostile_text_stays_text(store: Store) -> None:
    brand = Brand(name=HOSTILE, support_url="https://acme.example/?a=1&b='", footer=HOSTILE, support_phone="+91 1")
    page = CustomersView(store, brand=brand)
    event = ReturnEvent(kind=HOSTILE, items=[{"refund_mode": HOSTILE}])
    seen = (At(9, 2, HOSTILE, remark=HOSTILE), At(101, 3, event=event), At(4711, 4, HOSTILE))
    columns = {"status_description": HOSTILE, "ndr_description": HOSTILE, "edd": HOSTILE}
    hostile = payload(name=HOSTILE, city=HOSTILE, language=HOSTILE)
    token = await add_parcel(store, "REF-1", *seen, payload=hostile, columns=columns)
    text = (await page.get(token)).text
    check("hostile", text)
    assert "<script" not in text
    assert "&lt;script&gt;run" in text, "the test must be able to fail"
    check("gone", (await page.get("gone")).text)


async def test_hostile_words_of_a_language_stay_text(store: Store, page: CustomersView) -> None:
    for words in page.languages.values():
        for key in words.texts:
            words.texts[key] = HOSTILE  # pyright: ignore
    token = await add_parcel(store, "REF-1", At(9, 2))
    assert "<script" not in (await page.get(token)).text


async def test_a_page_is_as_of_the_shops_day(store: Store, page: CustomersView) -> None:
    token = await add_parcel(store, "REF-1", At(6, 3))
    page.clock.now = T0 + 3 * HOUR
    assert "Out for delivery today" in (await page.get(token)).text
    page.clock.forward(hours=12)  # after midnight in India
    text = (await page.get(token)).text
    assert "Out for delivery today" not in text
    assert "Yesterday, 15:00" in text


async def test_where_the_page_is_off_its_addresses_answer_404(web: Web) -> None:
    for path in ("/track", "/track/abc", "/t/abc", "/track/static/health"):
        answer = await web.http.get(path)
        assert answer.status_code == 404, path


@pytest.mark.parametrize(
    ("path", "belongs"),
    [("/track", True), ("/track/x", True), ("/t/x", True), ("/tracking", False), ("/test", False), ("/", False)],
)
def test_which_addresses_belong_to_the_page(path: str, belongs: bool) -> None:
    assert is_customer_page(path) is belongs


@pytest.mark.parametrize(("path", "token"), [("/track/abc", "abc"), ("/t/abc", "abc"), ("/track", ""), ("/track/", "")])
def test_the_token_of_a_path(path: str, token: str) -> None:
    assert token_of(path) == token
