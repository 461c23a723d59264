"""The pages of shipments: search, lists, one shipment's timeline, and actions with a preview."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from awbridge.domain.call import Call
from awbridge.domain.orders.shipment import Piece, State, WaybillKind
from awbridge.store.audit import attempts
from awbridge.store.orders import waybills
from awbridge.store.orders.waybills import NewWaybill
from tests.steps.notify.test_notify import hear
from tests.support.app import Web
from tests.support.notices import a_customer
from tests.support.pages import HERE, OUR_FORM, hidden_fields, next_page, open_page, send_form
from tests.support.rows import T0, add, attempt, decided, place, sql
from tests.support.world import an_order, get, webhook


def references(shown: str) -> list[str]:
    """The shipments of a list, in its order."""
    return [
        html.unescape(found)
        for found in re.findall(r'<td class="c-reference" data-name="Reference"><a [^>]*>([^<]*)</a>', shown)
    ]


async def test_lists_show_what_the_api_lists(web: Web) -> None:
    await decided(web.store, placed=2, refused=3, clock=web.clock)
    assert len(references(await open_page(web, "/shipments"))) == 5
    rejected = await open_page(web, "/shipments?state=rejected")
    assert sorted(references(rejected)) == ["REFUSED-0", "REFUSED-1", "REFUSED-2"]
    assert "Invalid pincode" in rejected
    assert "None." in await open_page(web, "/shipments?ndr=true")
    both = await web.http.get("/shipments?ndr=true&stuck=true", headers=HERE)
    assert both.status_code == 400
    assert "exclude each other" in both.text


async def test_every_list_of_the_menu_opens(web: Web) -> None:
    await decided(web.store, placed=1, refused=1, clock=web.clock)
    tabs = re.search(r'<nav class="tabs".*?</nav>', await open_page(web, "/shipments"), re.DOTALL)
    menu = set(re.findall(r'href="(/shipments\?[^"]+)"', tabs[0])) if tabs else set[str]()
    assert len(menu) == 9
    for link in menu:
        assert 'aria-current="page"' in await open_page(web, html.unescape(link))


async def test_scans_of_one_second_follow_the_journey(web: Web) -> None:
    await add(web.store, "R-1", now=web.clock.now)
    await place(web.store, "R-1", "AWB1", now=web.clock.now)
    codes = {6: "Out for delivery", 4: "Picked up", 5: "In transit"}
    await hear(web.store, web.clock, *(webhook("AWB1", code, web.clock.now) for code in codes))
    shown = await open_page(web, "/shipments/R-1")
    places = {code: shown.rindex(f"{title}</") for code, title in codes.items()}
    assert places[6] < places[5] < places[4]  # newest first


async def test_pages_follow_one_another_without_gaps(web: Web) -> None:
    names = [f"R-{n:03d}" for n in range(120)]
    for name in names:
        await add(web.store, name, now=web.clock.now)
        web.clock.forward(seconds=1)
    seen: list[str] = []
    path = "/shipments"
    while path:
        shown = await open_page(web, path)
        seen += references(shown)
        path = next_page(shown)
    assert seen == names[::-1]


@pytest.mark.parametrize("text", ["R-1", "AWB1", "AWB1-RTO", "order of R-1", "  AWB1 "])
async def test_a_search_with_one_match_opens_the_shipment(web: Web, text: str) -> None:
    await add(web.store, "R-1", "R-2")
    await place(web.store, "R-1", "AWB1")
    async with web.store.write() as session:
        new = NewWaybill(Piece(waybill="AWB1-RTO"), 4, "R-1", WaybillKind.RTO, T0)
        await waybills.add(session, [new], now=T0)
    answer = await web.http.get("/search", params={"q": text}, headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/shipments/R-1")


async def test_a_search_lists_several_matches_and_says_where_there_is_none(web: Web) -> None:
    await add(web.store, "R-1", "R-2", order_id="SHARED")
    assert sorted(references(await open_page(web, "/search?q=SHARED"))) == ["R-1", "R-2"]
    assert "No shipment has exactly “R-9”" in await open_page(web, "/search?q=R-9")
    assert "scan a label" in await open_page(web, "/search")
    assert "No shipment has exactly" in await open_page(web, "/search?q=%00")


async def test_the_api_searches_alike(web: Web) -> None:
    await add(web.store, "R-1", "R-2", order_id="R-1")
    found = (await web.http.get("/v1/shipments", params={"q": "R-1"})).json()
    assert sorted(s["reference_number"] for s in found["shipments"]) == ["R-1", "R-2"]
    first = (await web.http.get("/v1/shipments", params={"q": "R-1", "limit": 1})).json()
    second = (await web.http.get("/v1/shipments", params={"q": "R-1", "limit": 1, "cursor": first["next"]})).json()
    assert [s["reference_number"] for s in first["shipments"] + second["shipments"]] == ["R-2", "R-1"]
    assert second["next"] is None


async def test_one_shipment_shows_everything_newest_first(web: Web) -> None:
    await a_customer(web.store, "R/1 <b>", "AWB1")
    failed = Call(
        api="create-order",
        method="POST",
        url="https://v.example/create",
        request='{"a":1}',
        http_status=200,
        business_status=319,
        response='{"meta":{"status":319}}',
        ms=12,
    )
    async with web.store.write() as session:
        await attempts.add(session, [attempt(failed, "R/1 <b>", "rejected", T0)])
    web.clock.forward(minutes=5)
    await hear(web.store, web.clock, webhook("AWB1", 9, web.clock.now, remark="Door <closed>"))
    shown = await open_page(web, "/shipments/R%2F1%20%3Cb%3E")
    assert "<b>" not in shown
    titles = [re.sub("<[^>]+>", "", found) for found in re.findall(r"<h3>(.*?)</h3>", shown)]
    assert any(title.startswith("Scan Failed delivery") for title in titles)
    assert titles.index("Call Called create-order: rejected") > 0
    assert titles[-1] == "Order Order received" or titles[-2] == "Order Order received"
    assert "HTTP 200, status 319, in 12 ms. Read the message." in shown
    assert "Door &lt;closed&gt;" in shown
    assert "&#34;status&#34;: 319" in shown


async def test_an_unknown_shipment_is_404(web: Web) -> None:
    for path in ("/shipments/none", "/shipments/%00", "/shipments/preview", "/shipments/act"):
        assert (await web.http.get(path, headers=HERE)).status_code == 404


async def test_a_retry_shows_what_will_happen_then_does_it(web: Web) -> None:
    await decided(web.store, placed=1, refused=2, clock=web.clock)
    chosen = [("reference", "REFUSED-0"), ("reference", "PLACED-0"), ("reference", "REFUSED-1"), ("action", "retry")]
    shown = await send_form(web, "/shipments/preview", chosen)
    assert "Retry 3 shipments?" in shown
    assert "Nothing to retry: it is placed." in shown
    assert (await get(web.store, "REFUSED-0")).state is State.REJECTED, "nothing has happened yet"
    done = await send_form(web, "/shipments/act", hidden_fields(shown))
    assert "Retry: 2 of 2 done" in done
    assert (await get(web.store, "REFUSED-1")).state is State.READY


async def test_a_cancellation_and_a_poll_from_the_page_of_a_shipment(web: Web) -> None:
    await add(web.store, "R-1")
    await place(web.store, "R-1", "AWB1")
    shown = await open_page(web, "/shipments/R-1")
    assert re.search(r'value="retry" disabled', shown)
    for action, text in (("poll", "Will be polled."), ("cancel", "Being cancelled at ClickPost.")):
        preview = await send_form(web, "/shipments/preview", [*hidden_fields(shown), ("action", action)])
        assert text in await send_form(web, "/shipments/act", hidden_fields(preview))
    assert (await get(web.store, "R-1")).cancel_requested_at is not None


async def test_forms_that_make_no_sense_are_refused(web: Web) -> None:
    await add(web.store, "R-1")
    assert "No shipment was chosen" in await send_form(web, "/shipments/preview", {"action": "retry"})
    assert "No shipment was chosen" in await send_form(
        web, "/shipments/preview", {"action": "retry", "reference": "unknown"}
    )
    for content in ("", "action=destroy&reference=R-1", "action=retry&action=cancel"):
        answer = await web.http.post("/shipments/act", headers=OUR_FORM, content=content)
        assert answer.status_code == 422, content
    many = "action=retry" + "".join(f"&reference={n}" for n in range(501))
    assert (await web.http.post("/shipments/act", headers=OUR_FORM, content=many)).status_code == 422
    large = "action=retry&reference=" + "x" * 600_000
    assert (await web.http.post("/shipments/act", headers=OUR_FORM, content=large)).status_code == 413
    foreign = {**OUR_FORM, "sec-fetch-site": "cross-site"}
    answer = await web.http.post("/shipments/act", headers=foreign, content="action=cancel&reference=R-1")
    assert answer.status_code == 403
    assert (await get(web.store, "R-1")).state is State.READY


async def test_a_list_shows_no_personal_data_of_a_vendors_text(web: Web) -> None:
    order: dict[str, Any] = an_order("R-1")
    await web.http.post("/v1/shipments", content=json.dumps(order))
    phone = order["drop_info"]["drop_phone"]
    async with web.store.write() as session:
        await session.execute(
            sql("UPDATE shipments SET state = 'rejected', problem = $1"), f"phone {phone} is not valid"
        )
    shown = await open_page(web, "/shipments?state=rejected")
    assert "is not valid" in shown
    assert phone not in shown


async def test_the_pieces_of_a_shipment_are_listed(web: Web) -> None:
    await add(web.store, "R-1")
    await place(web.store, "R-1", "AWB1", children=("AWB1-1", "AWB1-2"))
    shown = await open_page(web, "/shipments/R-1")
    assert "AWB1-1" in shown
    assert "AWB1-2" in shown
