"""The customer's page, without a browser."""

from __future__ import annotations

import pytest

from awbridge.store import Store
from tests.support.customer_page import At, CustomersView, add_parcel


@pytest.fixture
def page(store: Store) -> CustomersView:
    return CustomersView(store)


async def test_a_link_shows_where_the_parcel_is(store: Store, page: CustomersView):
    token = await add_parcel(store, "REF-1", At(4, 2), At(5, 5, "BHIWANDI_HUB"), edds=[("2026-11-04", 1)])
    answer = await page.get(token)
    assert answer.status_code == 200
    text = answer.text
    for expected in ("Hello Asha,", "Arriving Wednesday, 4 November", "Bhiwandi Hub", "Delivery to Bengaluru"):
        assert expected in text
    assert "Delhivery" in text


async def test_the_short_form_answers_the_same(store: Store, page: CustomersView):
    token = await add_parcel(store, "REF-1", At(5))
    assert (await page.http.get(f"/t/{token.upper()}")).content == (await page.get(token)).content
