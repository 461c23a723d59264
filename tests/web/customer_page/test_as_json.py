"""The page as JSON: what the page says, for the sites that may read it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from awbridge.store import Store
from tests.support.customer_page import ADDRESS, At, CustomersView, add_parcel

pytestmark = pytest.mark.heavy

SHOP = {"origin": "https://shop.example"}
DOCS = Path(__file__).parents[3] / "docs" / "how-to" / "operate" / "customer-page.md"


@pytest.fixture
def page(store: Store) -> CustomersView:
    return CustomersView(store)


def documented() -> dict[str, Any]:
    """The example in the documentation."""
    return next(json.loads(text) for text in re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL))


def shape(value: Any) -> Any:
    """The names of all fields, nested, with those of the first item of each list."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


async def test_it_has_the_fields_that_the_documentation_shows(store: Store, page: CustomersView):
    token = await add_parcel(store, "REF-1", At(4, 2), At(5, 5, "BHIWANDI_HUB"), edds=[("2026-11-04", 1)])
    found = (await page.get(f"{token}.json")).json()
    assert shape(found) == shape(documented())
    assert found["version"] == documented()["version"]


async def test_it_says_what_the_page_says(store: Store, page: CustomersView):
    token = await add_parcel(
        store, "REF-1", At(4, 2), At(5, 5, "BHIWANDI_HUB"), At(9, 7, ndr=1), edds=[("2026-11-03", 1), ("2026-11-04", 2)]
    )
    for language in ("en", "hi", "ar"):
        html = (await page.get(token, params={"lang": language})).text
        found = (await page.get(f"{token}.json", params={"lang": language})).json()
        parcel = found["parcels"][0]
        said = [found["headline"], parcel["next"], parcel["reason"], parcel["promise"], parcel["city"]]
        said += [step["text"] for step in parcel["steps"]]
        said += [scan["text"] for day in parcel["days"] for scan in day["scans"]]
        assert [text for text in said if text and text not in html] == []
        assert found["language"] == language
        assert found["direction"] == ("rtl" if language == "ar" else "ltr")
        assert found["url"] == f"{ADDRESS}/track/{token}?lang={language}"
        assert parcel["can_answer"] is True


async def test_times_have_the_offset_of_the_shop(store: Store, page: CustomersView):
    token = await add_parcel(store, "REF-1", At(5, 5))
    parcel = (await page.get(f"{token}.json")).json()["parcels"][0]
    times = [parcel["where"]["at"], *(scan["at"] for day in parcel["days"] for scan in day["scans"])]
    assert {datetime.fromisoformat(at).utcoffset() for at in times} == {timedelta(hours=5, minutes=30)}


async def test_nothing_is_null_but_what_the_documentation_says(store: Store, page: CustomersView):
    token = await add_parcel(store, "REF-1", placed=False)
    parcel = (await page.get(f"{token}.json")).json()["parcels"][0]
    assert {name for name, value in parcel.items() if value is None} <= {"where", "expected"}


async def test_a_named_site_may_read_it_and_no_other(store: Store, page: CustomersView):
    token = await add_parcel(store, "REF-1", At(5))
    for path in (f"{token}.json", "aaaaaaaaaaaaaaaa.json"):
        mine = await page.get(path, headers=SHOP)
        assert mine.headers["access-control-allow-origin"] == "https://shop.example"
        assert "access-control-allow-credentials" not in mine.headers
        assert "origin" in mine.headers["vary"]
        for other in ({"origin": "https://evil.example"}, {"origin": "null"}, {}):
            answer = await page.get(path, headers=other)
            assert "access-control-allow-origin" not in answer.headers
            assert "origin" in answer.headers["vary"], "a cache must not give this answer to a site that may read"
    assert "access-control-allow-origin" not in (await page.get(token, headers=SHOP)).headers, "the page is not data"


async def test_every_site_may_read_it_where_the_setting_says_so(store: Store):
    token = await add_parcel(store, "REF-1", At(5))
    answer = await CustomersView(store, origins="*").get(f"{token}.json", headers={"origin": "https://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "origin" not in answer.headers.get("vary", "")


async def test_without_the_setting_no_site_may_read_it(store: Store):
    token = await add_parcel(store, "REF-1", At(5))
    answer = await CustomersView(store, origins="").get(f"{token}.json", headers=SHOP)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_a_browser_may_ask_before_it_sends_its_etag(page: CustomersView):
    asked = {**SHOP, "access-control-request-method": "GET", "access-control-request-headers": "if-none-match"}
    answer = await page.http.options("/track/aaaaaaaaaaaaaaaa.json", headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-headers"] == "if-none-match"
    refused = await page.http.options("/track/aaaaaaaaaaaaaaaa.json", headers={"origin": "https://evil.example"})
    assert not [name for name in refused.headers if name.startswith("access-control")]
    assert (await page.http.options("/track/aaaaaaaaaaaaaaaa")).status_code == 405


async def test_it_is_cached_like_the_page(store: Store, page: CustomersView):
    token = await add_parcel(store, "REF-1", At(5))
    html, first = await page.get(token), await page.get(f"{token}.json", headers=SHOP)
    for name in ("cache-control", "x-robots-tag", "referrer-policy", "x-content-type-options"):
        assert first.headers[name] == html.headers[name]
    again = await page.get(f"{token}.json", headers={**SHOP, "if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["access-control-allow-origin"] == "https://shop.example"
    head = await page.http.head(f"/t/{token}.json")
    assert (head.status_code, head.content) == (200, b"")


async def test_a_link_that_opens_nothing_says_so_in_its_language(page: CustomersView):
    answer = await page.get("aaaaaaaaaaaaaaaa.json", params={"lang": "hi"})
    assert answer.status_code == (await page.get("aaaaaaaaaaaaaaaa")).status_code == 404
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert found.keys() == {"version", "language", "direction", "title", "text"}
    assert found["title"] == "यह लिंक अब कोई पार्सल नहीं दिखाता"


async def widget(page: CustomersView) -> httpx2.Response:
    return await page.http.get("/track/widget.js")


async def test_the_widget_is_small_and_any_site_may_load_it(page: CustomersView):
    answer = await widget(page)
    assert len(answer.content) <= 10 * 1024
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    pinned = await page.http.get(answer.url.join(answer.headers["content-location"]))
    assert pinned.content == answer.content
    assert "immutable" in pinned.headers["cache-control"]


async def test_the_widget_neither_parses_html_nor_evaluates_text(page: CustomersView):
    source = (await widget(page)).text
    code = re.sub(r"^\s*//.*$", "", source, flags=re.MULTILINE)
    for risk in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
        "srcdoc",
        'setAttribute("style',
    ):
        assert risk not in code
    assert "http://" not in code
    assert "https://" not in code
