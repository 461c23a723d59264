"""A manifest for each courier account of the chosen parcels; it can be printed again, and no parcel is on two."""

from __future__ import annotations

import re

import pytest

from tests.support.labels import codes_on, placed_with_label
from tests.support.pages import HERE, open_page, send_form
from tests.web.pages.handover.conftest import Shop

pytestmark = pytest.mark.heavy


def chosen(shown: str) -> list[tuple[str, str]]:
    """The parcels that are chosen on a preview."""
    return [("reference", name) for name in re.findall(r'name="reference" value="([^"]+)"[^>]* checked', shown)]


async def test_each_account_gets_a_manifest_that_is_printed_any_number_of_times(shop: Shop) -> None:
    web = shop.web
    await placed_with_label(web.store, web.clock, 1, 2)
    await placed_with_label(web.store, web.clock, 3, account_code="other")
    preview = await send_form(web, "/labels/manifest/preview", [("account", "4:main"), ("account", "4:other")])
    assert chosen(preview) == [("reference", name) for name in ("R-1", "R-2", "R-3")]
    assert "No manifest was made yet." in await open_page(web, "/labels/manifests")
    made = await send_form(web, "/labels/manifest", chosen(preview))
    assert "2 manifests made" in made
    for _ in range(2):
        answer = await web.http.get("/labels/manifests/1/pdf", headers=HERE)
        assert answer.headers["content-disposition"] == 'attachment; filename="manifest-1.pdf"'
        assert codes_on(answer.content) == [["AWB1", "AWB2"]]
    assert "AWB2" in await open_page(web, "/labels/manifests/1")
    assert '<a href="/labels/manifests/2">2</a>' in await open_page(web, "/labels/manifests")
    assert "/labels/manifests/1" in await open_page(web, "/shipments/R-1")
    assert (await open_page(web, "/labels")).count("all on a manifest") == 2


async def test_a_parcel_that_is_not_chosen_or_comes_later_goes_on_the_next(shop: Shop) -> None:
    web = shop.web
    await placed_with_label(web.store, web.clock, 1, 2)
    await send_form(web, "/labels/manifest", [("reference", "R-1")])
    await placed_with_label(web.store, web.clock, 3)
    preview = await send_form(web, "/labels/manifest/preview", [("account", "4:main")])
    assert chosen(preview) == [("reference", "R-2"), ("reference", "R-3")]
    made = await send_form(web, "/labels/manifest", [("reference", name) for name in ("R-1", "R-2", "UNKNOWN")])
    assert "1 manifest made" in made
    assert "it is on manifest 1" in made
    assert "there is no such shipment" in made


async def test_printed_parcels_are_chosen_where_labels_are_printed_here(shop: Shop) -> None:
    web = shop.web
    shop.files.put("AWB1")
    await placed_with_label(web.store, web.clock, 1, 2)
    await send_form(web, "/labels/print", [("reference", "R-1")], status=303)
    preview = await send_form(web, "/labels/manifest/preview", [("account", "4:main")])
    assert chosen(preview) == [("reference", "R-1")]


async def test_nothing_to_hand_over_and_unknown_manifests(shop: Shop) -> None:
    web = shop.web
    assert "No parcel was chosen" in await send_form(web, "/labels/manifest/preview", [("account", "4:main")])
    await send_form(web, "/labels/manifest", [], status=422)
    for path in ("/labels/manifests/1", "/labels/manifests/x", "/labels/manifests/1/pdf"):
        assert (await web.http.get(path, headers=HERE)).status_code == 404, path
