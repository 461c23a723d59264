"""Texts of the payload, the vendor and the settings: what is private is not shown, what is hostile stays text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import html5lib
import pytest

from awbridge.domain.customer_page.brand import Brand
from awbridge.store import Store
from tests.support.customer_page import CustomersView, add_parcel
from tests.support.customer_page_texts import HOSTILE, PRIVATE, hostile_parcel, private_parcel
from tests.support.rows import count

pytestmark = pytest.mark.heavy

LANGUAGES = ("en", "hi", "ar")
HOSTILE_BRAND = Brand(
    name=HOSTILE[:60],
    support_url="https://shop.example/?\"'><script>",
    support_phone="+91 80 5550 1111",
    support_mail="help@shop.example",
    footer=HOSTILE,
)


@pytest.fixture
def page(store: Store) -> CustomersView:
    return CustomersView(store, brand=Brand(name="Acme"))


async def answers(page: CustomersView, token: str) -> list[str]:
    """The page and the JSON of a token in every language. JSON without its escapes."""
    found: list[str] = []
    for language in LANGUAGES:
        for path in (f"/track/{token}", f"/t/{token}", f"/track/{token}.json"):
            answer = await page.http.get(path, params={"lang": language})
            assert answer.status_code == 200
            found.append(json.dumps(answer.json(), ensure_ascii=False) if path.endswith("json") else answer.text)
    return found


async def test_nothing_private_is_shown(store: Store, page: CustomersView):
    token = await private_parcel(store, page.clock)
    for shown in await answers(page, token):
        assert [text for text in PRIVATE if text in shown] == []
        assert "Asha" in shown
        assert "Bengaluru" in shown
        assert "Pune Hub" in shown


async def test_a_stranger_who_shares_the_order_id_sees_neither_name_nor_parcel(store: Store, page: CustomersView):
    await private_parcel(store, page.clock)
    stranger: dict[str, Any] = {
        "drop_info": {"drop_name": "Meera Iyer", "drop_phone": "9000011111", "drop_city": "Pune"}
    }
    token = await add_parcel(store, "REF-9", order_id="ORDER-1", payload=stranger)
    for shown in await answers(page, token):
        assert "Asha" not in shown
        assert "Bengaluru" not in shown
        assert "Meera" in shown


def elements(html: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Tag and attributes of each element, as a browser reads them."""
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    for element in tree.iter():
        if isinstance(element.tag, str):
            yield element.tag, dict(element.attrib)


async def test_hostile_texts_stay_texts(store: Store):
    page = CustomersView(store, brand=HOSTILE_BRAND)
    token = await hostile_parcel(store, page.clock)
    for shown in [*await answers(page, token), (await page.get("aaaaaaaaaaaaaaaa")).text]:
        if shown.startswith("{"):
            continue
        assert "{{7*7}}" in shown, "the shop's own name is there"
        found = list(elements(shown))
        assert {tag for tag, _ in found}.isdisjoint({"script", "img", "iframe", "object", "style", "base"})
        assert {a["action"].partition("?")[0] for tag, a in found if tag == "form"} <= {f"{token}/answer"}
        assert [
            a for _, attributes in found for a in attributes if a.startswith("on") or a in ("style", "srcdoc")
        ] == []
        links = [a.get("href", "") for tag, a in found if tag == "a"]
        assert {link.partition(":")[0] for link in links if ":" in link} <= {"https", "tel", "mailto"}


async def test_hostile_texts_stay_texts_in_json(store: Store):
    page = CustomersView(store, brand=HOSTILE_BRAND)
    token = await hostile_parcel(store, page.clock)
    answer = await page.get(f"{token}.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    found = answer.json()
    assert found["brand"]["name"] == HOSTILE[:60]
    assert "<script>" in found["parcels"][0]["where"]["place"], "the courier's place arrives as it is: a text"


async def test_the_vendors_own_texts_are_not_even_read(store: Store, page: CustomersView):
    token = await hostile_parcel(store, page.clock)
    answer = await page.get(f"{token}.json")
    parcel = answer.json()["parcels"][0]
    said = [parcel["headline"], parcel["reason"], parcel["next"], parcel["courier"], parcel["promise"]]
    said += [scan["text"] for day in parcel["days"] for scan in day["scans"]]
    assert [text for text in said if "<" in text or "7*7" in text] == []


async def test_opening_the_page_records_no_call(store: Store, page: CustomersView):
    """The page is built without a client of ClickPost; a call by any way would leave an attempt or an action."""
    token = await private_parcel(store, page.clock)
    before = [await count(store, table) for table in ("attempts", "actions", "notices", "audit_log")]
    await answers(page, token)
    assert [await count(store, table) for table in ("attempts", "actions", "notices", "audit_log")] == before
