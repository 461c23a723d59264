"""Labels are printed by courier account, with a preview that names what is missing and a run that can be repeated."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from awbridge.domain.handover.labels import Layout
from awbridge.sinks.label_files import FetchedLabel
from tests.support.labels import codes_on, link, placed_with_label
from tests.support.pages import HERE, OUR_FORM, hidden_fields, next_page, open_page, send_form
from tests.web.pages.handover.conftest import Shop

pytestmark = pytest.mark.heavy

HOSTILE = "<script>alert(1)</script>"


async def download(shop: Shop, path: str) -> bytes:
    answer = await shop.web.http.get(path, headers=HERE)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer.content


async def print_chosen(shop: Shop, preview: str) -> str:
    """Confirm a preview; the path of the print run."""
    fields = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in hidden_fields(preview))
    answer = await shop.web.http.post("/labels/print", headers=OUR_FORM, content=fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def test_all_labels_of_an_account_are_printed_and_can_be_printed_again(shop: Shop) -> None:
    web = shop.web
    shop.files.put("AWB1", "AWB2", "AWB3")
    await placed_with_label(web.store, web.clock, 1, 2)
    await placed_with_label(web.store, web.clock, 3, account_code="other")
    shown = await open_page(web, "/labels")
    assert re.findall(r'name="account" value="([^"]+)"', shown) == ["4:main", "4:other"]
    preview = await send_form(web, "/labels/preview", [("account", "4:main"), ("layout", "4x6")])
    assert "Print the labels of 2 shipments?" in preview
    assert "all printed" not in await open_page(web, "/labels"), "nothing is printed yet"
    path = await print_chosen(shop, preview)
    run = await open_page(web, path)
    assert "2 shipments printed" in run
    assert "complete" in run
    assert codes_on(await download(shop, f"{path}/pdf")) == [["AWB1"], ["AWB2"]]
    shown = await open_page(web, "/labels")
    assert shown.count("all printed") == 1
    assert f'value="{Layout.LABEL.value}" selected' in shown, "the layout that was printed last"
    assert path in await open_page(web, "/labels/prints")
    await download(shop, f"{path}/pdf")
    assert "printed once" in await open_page(web, "/shipments/R-1"), "a download is not another print run"
    assert "label printed" in await open_page(web, "/shipments")


async def test_missing_labels_are_named_before_and_after_printing(shop: Shop) -> None:
    web = shop.web
    shop.files.put("AWB1")
    shop.files.files[link("AWB2")] = FetchedLabel(problem=f"the label is not a PDF but {HOSTILE}")
    await placed_with_label(web.store, web.clock, 1, 2)
    preview = await send_form(web, "/labels/preview", [("account", "4:main")])
    assert "Print the label of 1 shipment?" in preview
    assert "1 shipment has no label that can be printed." in preview
    assert "not a PDF but &lt;script&gt;" in preview
    path = await print_chosen(shop, preview)
    run = await open_page(web, path)
    assert "1 shipment printed" in run
    assert "1 without a label" in run
    assert HOSTILE not in preview + run
    assert codes_on(await download(shop, f"{path}/pdf")) == [["AWB1"]]
    assert re.findall(r'name="reference" value="([^"]+)"', await open_page(web, "/labels/parcels?account=4:main")) == [
        "R-2"
    ], "it still waits to be printed"


async def test_single_parcels_are_chosen_from_a_list_with_pages(shop: Shop) -> None:
    web = shop.web
    await placed_with_label(web.store, web.clock, *range(100, 153))
    first = await open_page(web, "/labels/parcels?account=4%3Amain&show=all")
    second = await open_page(web, next_page(first))
    names = re.findall(r'name="reference" value="([^"]+)"', first + second)
    assert names == [f"R-{number}" for number in range(100, 153)]
    assert next_page(second) == ""
    assert "None." in await open_page(web, "/labels/parcels?account=9%3Anone")


async def test_the_day_from_which_on_parcels_are_shown_can_be_chosen(shop: Shop) -> None:
    web = shop.web
    await placed_with_label(web.store, web.clock, 1)
    web.clock.forward(days=5)
    assert "No parcel that was placed since then" in await open_page(web, "/labels")
    assert "4:main" in await open_page(web, "/labels?since=2026-11-01")
    answer = await web.http.get("/labels?since=yesterday", headers=HERE)
    assert (answer.status_code, "Write a day like" in answer.text) == (422, True)


async def test_the_label_of_one_shipment_is_downloaded_from_its_page(shop: Shop) -> None:
    web = shop.web
    shop.files.put("AWB1")
    await placed_with_label(web.store, web.clock, 1, 2)
    assert 'href="/labels/of/R-1"' in await open_page(web, "/shipments/R-1")
    assert codes_on(await download(shop, "/labels/of/R-1")) == [["AWB1"]]
    assert "printed once" not in await open_page(web, "/shipments/R-1")
    answer = await web.http.get("/labels/of/R-2", headers=HERE)
    assert (answer.status_code, "expired" in answer.text) == (409, True)
    assert (await web.http.get("/labels/of/R-9", headers=HERE)).status_code == 404
    assert (await web.http.get("/labels/of/R-1?piece=3", headers=HERE)).status_code == 409


async def test_senseless_forms_and_addresses_are_refused(shop: Shop) -> None:
    web = shop.web
    assert "There is nothing to print" in await send_form(web, "/labels/preview", [])
    await send_form(web, "/labels/print", [], status=422)
    await send_form(web, "/labels/preview", [("layout", "a3")], status=422)
    await send_form(web, "/labels/preview", [("reference", str(n)) for n in range(501)], status=422)
    for path in ("/labels/prints/1", "/labels/prints/x", f"/labels/prints/{2**70}", "/labels/prints/1/pdf"):
        assert (await web.http.get(path, headers=HERE)).status_code == 404, path
    assert (await web.http.post("/labels/print", headers={**HERE, "sec-fetch-site": "cross-site"})).status_code == 403
    assert "Nothing was printed yet." in await open_page(web, "/labels/prints")
