"""The list of shipments: filters as chips, saved views, columns, bulk actions on a whole list, moves, exports."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest

from awbridge.domain.orders.shipment import State
from awbridge.steps.couriers.couriers import put_couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.web.pages.orders import shipments as bulk_pages
from tests.support.app import Web
from tests.support.pages import HERE, OUR_FORM, hidden_fields, next_page, open_page, send_form
from tests.support.rows import T0, add, decided, place
from tests.support.world import an_order, get
from tests.web.pages.test_shipment_pages import references

pytestmark = pytest.mark.heavy


async def some(web: Web) -> None:
    """Two orders of one account, one of another; one is COD."""
    await add(web.store, "R-1", payload=an_order("R-1"), now=T0)
    await add(web.store, "R-2", payload=an_order("R-2"), now=T0, cod=True)
    await add(web.store, "R-3", payload=an_order("R-3"), now=T0, courier_partner_id=6, account_code="second")


def chips(shown: str) -> list[tuple[str, str]]:
    """(text, URL of the list without it) of each filter that is on."""
    found = re.findall(r'<a class="chip" href="([^"]*)">([^<]*?) <span', shown)
    return [(html.unescape(text), html.unescape(url)) for url, text in found]


async def test_filters_combine_and_each_can_be_removed(web: Web) -> None:
    await some(web)
    shown = await open_page(web, "/shipments?account=4:main&cod=true&state=&older_than_days=")
    assert references(shown) == ["R-2"]
    assert chips(shown) == [
        ("Delhivery · main", "/shipments?cod=true"),
        ("COD", "/shipments?account=4%3Amain"),
    ]
    assert references(await open_page(web, chips(shown)[1][1])) == ["R-2", "R-1"]
    assert '<option value="4:main" selected>' in shown


async def test_every_filter_has_words(web: Web) -> None:
    query = (
        "state=placed&courier=4&account=4:main&bucket=in_transit&failure_code=301&ndr_code=1&cod=false&delivery_type=RVP"
        "&created_from=2026-11-01&created_to=2026-11-30&older_than_days=1&newer_than_days=9"
        "&promised_from=2026-11-05&promised_to=2026-11-06"
    )
    texts = [text for text, _ in chips(await open_page(web, f"/shipments?{query}"))]
    assert len(texts) == 14
    assert {"State: Placed", "In transit", "Received from 1 Nov 2026", "Of the last 9 days", "Prepaid"} <= set(texts)
    assert "Returns (RVP)" in texts


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("courier=x", "courier"),
        ("bucket=lost2", "bucket"),
        ("created_from=yesterday", "created_from"),
        ("stat=1", "stat"),
    ],
)
async def test_a_wrong_filter_is_named(web: Web, query: str, named: str) -> None:
    answer = await web.http.get(f"/shipments?{query}", headers=HERE)
    assert answer.status_code == 422
    assert named in answer.text
    api = await web.http.get(f"/v1/shipments?{query}")
    assert (api.status_code, named in api.text) == (422, True)


async def test_the_api_filters_alike(web: Web) -> None:
    await some(web)
    found = (await web.http.get("/v1/shipments?account=4:main&cod=true")).json()
    assert ([s["reference_number"] for s in found["shipments"]], found["next"]) == (["R-2"], None)


async def test_a_saved_view_is_a_tab_for_everyone(web: Web) -> None:
    await some(web)
    shown = await open_page(web, "/shipments?cod=true&account=4:main&columns=reference,awb")
    saved = next(value for name, value in hidden_fields(shown.split("/shipments/views")[1]) if name == "query")
    await send_form(web, "/shipments/views", {"query": saved, "name": " COD  of main "}, status=303)
    other = await open_page(web, "/shipments")
    [link] = re.findall(r'class="view" id="view-1" href="([^"]+)">COD of main', other)
    opened = await open_page(web, html.unescape(link))
    assert references(opened) == ["R-2"]
    assert re.search(r'aria-current="page">COD of main', opened)
    assert re.findall(r'<th class="c-(\w+)', opened) == ["reference", "awb"]
    await send_form(web, "/shipments/views/remove", {"name": "COD of main"}, status=303)
    assert "COD of main" not in await open_page(web, "/shipments")
    await send_form(web, "/shipments/views/remove", {"name": "COD of main"}, status=404)


@pytest.mark.parametrize("name", ["", "x" * 41])
async def test_a_view_needs_a_short_name(web: Web, name: str) -> None:
    shown = await send_form(web, "/shipments/views", {"query": "cod=true", "name": name}, status=422)
    assert "1 to 40 characters" in shown


async def test_a_view_names_no_person(web: Web) -> None:
    await send_form(web, "/shipments/views", {"query": "phone_tail=1234&cod=true", "name": "x"}, status=303)
    shown = await open_page(web, "/shipments")
    assert re.findall(r'class="view" id="view-1" href="([^"]+)"', shown) == ["/shipments?cod=true"]


async def test_chosen_columns_are_remembered(web: Web) -> None:
    await some(web)
    fields = [("query", "cod=true"), ("column", "cod"), ("column", "pincode")]
    answer = await web.http.post("/shipments/columns", headers=OUR_FORM, content=urlencode(fields))
    assert (answer.status_code, answer.headers["location"]) == (303, "/shipments?cod=true")
    cookie = answer.headers["set-cookie"].partition(";")[0]
    shown = (await web.http.get("/shipments?cod=true", headers={**HERE, "cookie": cookie})).text
    assert re.findall(r'<th class="c-(\w+)', shown) == ["reference", "cod", "pincode"]
    assert "/shipments.csv?cod=true&amp;columns=reference%2Ccod%2Cpincode" in shown


async def test_an_export_has_the_filter_and_the_columns_of_the_page(web: Web) -> None:
    await some(web)
    answer = await web.http.get("/shipments.csv?account=4:main&columns=reference,cod", headers=HERE)
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.text == '\ufeff"Reference","COD"\r\n"R-2","yes"\r\n"R-1","no"\r\n'
    api = await web.http.get("/v1/shipments.csv?account=4:main&columns=reference,cod")
    assert api.text == answer.text
    book = await web.http.get("/v1/shipments.xlsx")
    assert (book.status_code, book.content[:2]) == (200, b"PK")
    wrong = await web.http.get("/v1/shipments.csv?columns=referenc")
    assert (wrong.status_code, "reference" in wrong.text) == (422, True)


async def test_an_action_means_the_whole_list_where_that_is_chosen(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    await decided(web.store, placed=2, refused=7, clock=web.clock)
    form = {"action": "retry", "all": "true", "query": "state=rejected"}
    preview = await send_form(web, "/shipments/preview", form)
    assert preview.count('name="reference"') == 7
    assert "The list has more" not in preview
    monkeypatch.setattr(bulk_pages, "MOST_AT_ONCE", 4)
    preview = await send_form(web, "/shipments/preview", form)
    assert (preview.count('name="reference"'), "These are the first 4" in preview) == (4, True)
    done = await send_form(web, "/shipments/act", hidden_fields(preview))
    assert "Retry: 4 of 4 done" in done
    assert 'href="/shipments?state=rejected"' in done


async def test_a_move_shows_what_will_happen_then_moves(web: Web) -> None:
    await some(web)
    await place(web.store, "R-2", "AWB2")
    shown = await open_page(web, "/shipments")
    assert "Move to" not in shown  # no transporter is configured
    account = CourierAccount(transporter="other <x>", courier_partner_id=6, account_code="second")
    await put_couriers(store=web.store, clock=web.clock, accounts=[account])
    assert "<option>other &lt;x&gt;</option>" in await open_page(web, "/shipments")
    form = [("action", "move"), ("to", "other <x>"), *(("reference", f"R-{n}") for n in (1, 2, 3))]
    preview = await send_form(web, "/shipments/preview", form)
    assert "Pushed with other &lt;x&gt; at once" in preview
    assert "It cannot move: it is placed." in preview
    assert "It is with this courier account already." in preview
    assert (await get(web.store, "R-1")).account == "4:main"
    done = await send_form(web, "/shipments/act", hidden_fields(preview))
    assert "Move: 1 of 1 done" in done
    moved = await get(web.store, "R-1")
    assert (moved.account, moved.state) == ("6:second", State.READY)


async def test_a_move_needs_a_known_transporter(web: Web) -> None:
    await some(web)
    form = {"action": "move", "to": "", "reference": "R-1"}
    assert "Choose the transporter" in await send_form(web, "/shipments/preview", form, status=422)
    shown = await send_form(web, "/shipments/preview", {**form, "to": "nobody"}, status=422)
    assert "no transporter nobody" in shown
    assert 'value="R-1" checked' in shown, "the choice is kept"


async def test_a_search_finds_a_phone_number(web: Web) -> None:
    await web.http.post("/v1/shipments", json=an_order("R-1"))
    answer = await web.http.get("/search", params={"q": "+91 90000 00000"}, headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/shipments?phone_tail=9000000000")
    assert references(await open_page(web, "/shipments?phone_tail=9000000000")) == ["R-1"]
    api = (await web.http.get("/v1/shipments", params={"phone_tail": "0000"})).json()
    assert [s["reference_number"] for s in api["shipments"]] == ["R-1"]


async def test_a_page_without_matches_says_how_far_it_searched(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("awbridge.store.orders.filtered.EXAMINED", 2)
    await some(web)
    shown = await open_page(web, "/shipments?courier=9")
    assert "None so far. Searched back to" in shown
    assert "None so far" not in await open_page(web, next_page(shown))


async def test_the_tabs_are_counted_again_without_the_list(web: Web) -> None:
    await decided(web.store, placed=1, refused=2, clock=web.clock)
    shown = await open_page(web, "/shipments?state=rejected")
    [url] = re.findall(r'hx-get="([^"]+)"', shown)
    tabs = await open_page(web, html.unescape(url))
    assert re.search(r'aria-current="page">Rejected <span class="count">2</span>', tabs)
    assert "<html" not in tabs
