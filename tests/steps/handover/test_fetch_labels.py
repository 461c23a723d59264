"""Labels are fetched once, from a new link where the old one has expired, and ahead where labels are printed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from awbridge.domain.handover.labels import Layout, StoredLabel
from awbridge.domain.handover.labels_ahead import LabelsAhead
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Piece
from awbridge.sinks.label_files import FetchedLabel
from awbridge.store import Store
from awbridge.store.handover import labels, print_runs
from awbridge.store.handover.print_runs import PrintLine
from awbridge.store.orders import shipments
from tests.support.acting import FakeClickPost, ok, says
from tests.support.labels import POLICY, FakeFiles, a_fetcher, a_label, link, placed_with_label
from tests.support.rows import add, keep_placed
from tests.support.world import SetClock, an_order, attempts_of, get


async def known(store: Store, *references: str) -> list[StoredLabel]:
    async with store.read() as session:
        found = await labels.of_shipments(session, references)
    return [label for reference in references for label in found.get(reference, ())]


async def fetch(store: Store, fetcher: Any, *references: str) -> None:
    async with store.read() as session:
        wanted = await shipments.get_many(session, references)
    await fetcher.fetch_now(wanted)


async def test_a_label_is_fetched_once(store: Store) -> None:
    clock, files = SetClock(), FakeFiles()
    files.put("AWB1", "AWB2")
    names = await placed_with_label(store, clock, 1, 2)
    fetcher = a_fetcher(store, clock, files)
    await fetch(store, fetcher, *names)
    await fetch(store, fetcher, *names)
    assert sorted(files.fetched) == [link("AWB1"), link("AWB2")]
    assert [label.size for label in await known(store, *names)] == [len(a_label("AWB1")), len(a_label("AWB2"))]
    async with store.read() as session:
        contents = await labels.contents(session, names)
    assert sorted(contents.values()) == sorted([a_label("AWB1"), a_label("AWB2")])


async def test_an_expired_link_is_replaced_by_the_one_that_clickpost_gives_now(store: Store) -> None:
    clock, files, vendor = SetClock(), FakeFiles(), FakeClickPost(ok(shipping_label="https://new.example.com/1.pdf"))
    files.files["https://new.example.com/1.pdf"] = FetchedLabel(content=a_label("AWB1"))
    await placed_with_label(store, clock, 1)
    await fetch(store, a_fetcher(store, clock, files, clickpost=vendor.client), "R-1")
    (label,) = await known(store, "R-1")
    assert (label.size, label.problem) == (len(a_label("AWB1")), None)
    assert (await get(store, "R-1")).label_url == "https://new.example.com/1.pdf"
    assert [(a.api, a.outcome) for a in await attempts_of(store, "R-1")] == [("fetch-label", "done")]
    assert len(vendor.requests) == 1
    assert "regenerate=false" in str(vendor.requests[0].url)


async def test_a_shipment_without_a_link_gets_one_from_clickpost(store: Store) -> None:
    clock, files, vendor = SetClock(), FakeFiles(), FakeClickPost(ok(shipping_label=link("AWB1")))
    files.put("AWB1")
    await placed_with_label(store, clock, 1)
    async with store.write() as session:
        await shipments.set_label(session, "R-1", "", now=clock())
    await fetch(store, a_fetcher(store, clock, files, clickpost=vendor.client), "R-1")
    assert [label.problem for label in await known(store, "R-1")] == [None]


async def test_no_new_link_leaves_the_reason_and_is_tried_later(store: Store) -> None:
    clock, files, vendor = SetClock(), FakeFiles(), FakeClickPost(usual=says(500, "internal"))
    await placed_with_label(store, clock, 1)
    fetcher = a_fetcher(store, clock, files, clickpost=vendor.client)
    await fetch(store, fetcher, "R-1")
    (label,) = await known(store, "R-1")
    assert label.problem is not None
    assert "expired" in label.problem
    assert "ClickPost gave no new link" in label.problem
    assert label.next_try_at is not None
    assert await fetcher.round() == 0, "not before its time"
    clock.forward(hours=1)
    files.put("AWB1")
    assert await fetcher.round() == 1
    assert [one.problem for one in await known(store, "R-1")] == [None]


async def test_a_picture_instead_of_a_pdf_is_named_and_not_tried_again(store: Store) -> None:
    clock, files = SetClock(), FakeFiles()
    files.files[link("AWB1")] = FetchedLabel(problem="the label is not a PDF but a PNG picture")
    await placed_with_label(store, clock, 1)
    fetcher = a_fetcher(store, clock, files)
    await fetch(store, fetcher, "R-1")
    (label,) = await known(store, "R-1")
    assert (label.problem, label.next_try_at) == ("the label is not a PDF but a PNG picture", None)
    clock.forward(days=1)
    assert await fetcher.round() == 0
    await fetch(store, fetcher, "R-1")
    assert len(files.fetched) == 2, "whoever prints asks once more"


async def test_a_new_link_of_the_shipment_is_fetched_again(store: Store) -> None:
    clock, files = SetClock(), FakeFiles()
    files.put("AWB1", "AWB2")
    await placed_with_label(store, clock, 1)
    fetcher = a_fetcher(store, clock, files)
    await fetch(store, fetcher, "R-1")
    async with store.write() as session:
        await shipments.set_label(session, "R-1", link("AWB2"), now=clock())
    await fetch(store, fetcher, "R-1")
    async with store.read() as session:
        assert list((await labels.contents(session, ["R-1"])).values()) == [a_label("AWB2")]


async def test_pieces_with_links_of_their_own_have_labels_of_their_own(store: Store) -> None:
    clock, files = SetClock(), FakeFiles()
    files.put("AWB1", "AWB1-B")
    await add(store, "M", payload=an_order("M"), now=clock())
    pieces = [Piece(waybill="AWB1-A", label_url=link("AWB1")), Piece(waybill="AWB1-B", label_url=link("AWB1-B"))]
    placed = Placed(waybill="AWB1", children=("AWB1-A", "AWB1-B"), pieces=tuple(pieces), label_url=link("AWB1"))
    async with store.write() as session:
        shipment = await shipments.get(session, "M")
        assert shipment
        await keep_placed(session, shipment, placed, now=clock())
    await fetch(store, a_fetcher(store, clock, files), "M")
    assert [(label.key.piece, label.waybill) for label in await known(store, "M")] == [(0, "AWB1"), (2, "AWB1-B")]
    assert sorted(files.fetched) == sorted([link("AWB1"), link("AWB1-B")])


async def test_labels_are_fetched_ahead_for_accounts_that_print_here(store: Store) -> None:
    clock, files = SetClock(), FakeFiles()
    files.put("AWB1", "AWB2", "AWB3")
    await placed_with_label(store, clock, 1)
    await placed_with_label(store, clock, 2, account_code="other")
    fetcher = a_fetcher(store, clock, files, policy=replace(POLICY, ahead=LabelsAhead.AUTO))
    assert await fetcher.round() == 0, "nobody prints here yet"
    async with store.write() as session:
        lines = [PrintLine(reference_number="R-1")]
        await print_runs.add(session, Layout.A4, lines, accounts={"R-1": "4:main"}, by="test", now=clock())
    clock.forward(minutes=2)
    await placed_with_label(store, clock, 3)
    while await fetcher.round():
        pass
    assert sorted(files.fetched) == [link("AWB1"), link("AWB3")]


async def test_labels_of_all_accounts_are_fetched_ahead_if_that_is_set(store: Store) -> None:
    clock, files = SetClock(), FakeFiles()
    files.put("AWB1", "AWB2")
    await placed_with_label(store, clock, 1)
    await placed_with_label(store, clock, 2, account_code="other")
    fetcher = a_fetcher(store, clock, files, policy=replace(POLICY, ahead=LabelsAhead.ALWAYS))
    while await fetcher.round():
        pass
    assert sorted(files.fetched) == [link("AWB1"), link("AWB2")]


async def test_a_label_that_another_process_fetches_is_awaited_and_not_fetched_twice(store: Store) -> None:
    clock, files = SetClock(), FakeFiles()
    files.put("AWB1")
    await placed_with_label(store, clock, 1)
    fetcher = a_fetcher(store, clock, files, policy=replace(POLICY, patience=timedelta(seconds=0.3)))
    async with store.write() as session:
        from awbridge.steps.handover.fetch_labels import wanted_labels

        await labels.want(session, await wanted_labels(session, [await get(store, "R-1")]), now=clock())
        claimed = await labels.claim(session, owner="other", now=clock(), until=clock() + timedelta(minutes=1), limit=9)
    assert len(claimed) == 1
    await fetch(store, fetcher, "R-1")
    assert files.fetched == []
    clock.forward(minutes=2)
    await fetch(store, fetcher, "R-1")
    assert files.fetched == [link("AWB1")], "its lease has ended: the process was killed"
    async with store.write() as session:
        assert not await labels.record(session, claimed[0], b"late", now=clock()), "who lost the lease writes nothing"
