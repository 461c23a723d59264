"""Links are stored with their shipments, and are found by what their tokens say."""

from __future__ import annotations

from awbridge.domain.customer_page.links import link_id
from awbridge.store import Store
from awbridge.store.customer_page import links
from tests.support.rows import add, fetch


async def test_a_shipment_is_stored_with_its_link(store: Store) -> None:
    await add(store, "A", "B")
    async with store.read() as session:
        found = await links.find(session, [link_id("A"), link_id("B"), link_id("C")])
    assert found == {link_id("A"): "A", link_id("B"): "B"}
    rows = await fetch(store, "SELECT shard, link_id FROM track_links")
    assert {row["link_id"]: row["shard"] for row in rows} == {i: i % 64 for i in (link_id("A"), link_id("B"))}


async def test_a_link_that_is_there_stays(store: Store) -> None:
    await add(store, "A")
    async with store.write() as session:
        await links.add_many(session, [("A", 0), ("A", 1)])
        assert await links.find(session, [link_id("A"), link_id("A", 1)]) == {link_id("A"): "A", link_id("A", 1): "A"}


async def test_without_an_id_nothing_is_asked(store: Store) -> None:
    async with store.read() as session:
        assert await links.find(session, []) == {}
