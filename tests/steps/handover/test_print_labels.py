"""Many labels become one PDF; what is not on it is named, and nothing is lost."""

from __future__ import annotations

import pytest

from awbridge.documents.making import DocumentMaker
from awbridge.domain.errors import NotFound, NotPossible, PayloadRefused
from awbridge.domain.handover.labels import Layout
from awbridge.sinks.label_files import FetchedLabel
from awbridge.steps.handover import print_labels
from awbridge.steps.handover.print_labels import Printed
from awbridge.store import Store
from awbridge.store.handover import labels, parcels
from tests.support.labels import FakeFiles, a_fetcher, codes_on, link, placed_with_label, sizes_of
from tests.support.rows import add
from tests.support.world import SetClock, an_order

pytestmark = pytest.mark.heavy


class Desk:
    """A shop that prints."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock, self.files = store, SetClock(), FakeFiles()
        self.fetcher = a_fetcher(store, self.clock, self.files)
        self.documents = DocumentMaker()

    async def print(self, *references: str, layout: Layout = Layout.LABEL) -> Printed:
        return await print_labels.print_labels(
            store=self.store,
            fetcher=self.fetcher,
            documents=self.documents,
            clock=self.clock,
            references=references,
            layout=layout,
            by="asha",
        )

    async def again(self, run_id: int) -> Printed:
        return await print_labels.print_again(
            store=self.store, fetcher=self.fetcher, documents=self.documents, run_id=run_id
        )


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


async def test_labels_are_printed_in_the_order_of_the_shipments(desk: Desk) -> None:
    desk.files.put("AWB1", "AWB2", "AWB3")
    await placed_with_label(desk.store, desk.clock, 1, 2, 3)
    printed = await desk.print("R-3", "R-1", "R-2")
    assert codes_on(printed.pdf) == [["AWB3"], ["AWB1"], ["AWB2"]]
    assert (printed.run.shipments, printed.run.problems, printed.run.created_by) == (3, 0, "asha")
    async with desk.store.read() as session:
        states = await parcels.states_of(session, ["R-1", "R-9"])
    assert (states["R-1"].prints, states["R-1"].printed_at) == (1, desk.clock())
    assert states["R-9"].prints == 0


async def test_each_shipment_without_a_label_is_named_and_the_others_are_printed(desk: Desk) -> None:
    desk.files.put("AWB1")
    desk.files.files[link("AWB2")] = FetchedLabel(problem="the label is not a PDF but a web page")
    desk.files.files[link("AWB3")] = FetchedLabel(content=b"%PDF-1.4\nbroken")
    await placed_with_label(desk.store, desk.clock, 1, 2, 3)
    await add(desk.store, "NEW", payload=an_order("NEW"))
    printed = await desk.print("R-1", "R-2", "R-3", "NEW", "UNKNOWN")
    assert codes_on(printed.pdf) == [["AWB1"]]
    problems = {line.reference_number: line.problem for line in printed.lines}
    assert problems["R-1"] is None
    assert problems["R-2"] == "the label is not a PDF but a web page"
    assert problems["R-3"] is not None
    assert "damaged" in problems["R-3"]
    assert problems["NEW"] == "it is not placed yet (ready)"
    assert problems["UNKNOWN"] == "there is no such shipment"
    async with desk.store.read() as session:
        states = await parcels.states_of(session, list(problems))
    assert [name for name, state in states.items() if state.prints] == ["R-1"], "the others still wait to be printed"


async def test_a_run_is_printed_again_and_fetches_what_retention_has_deleted(desk: Desk) -> None:
    desk.files.put("AWB1", "AWB2")
    await placed_with_label(desk.store, desk.clock, 1, 2)
    first = await desk.print("R-1", "R-2")
    async with desk.store.write() as session:
        assert await labels.drop_of(session, "R-1") == 1
    again = await desk.again(first.run.id)
    assert codes_on(again.pdf) == codes_on(first.pdf) == [["AWB1"], ["AWB2"]]
    async with desk.store.read() as session:
        assert (await parcels.states_of(session, ["R-1"]))["R-1"].prints == 1


async def test_a_run_without_any_label_has_no_pdf(desk: Desk) -> None:
    await placed_with_label(desk.store, desk.clock, 1)
    printed = await desk.print("R-1")
    assert (printed.pdf, printed.run.problems) == (b"", 1)
    with pytest.raises(NotPossible, match="expired"):
        await desk.again(printed.run.id)
    with pytest.raises(NotFound):
        await desk.again(1)


async def test_none_and_too_many_are_refused(desk: Desk) -> None:
    with pytest.raises(PayloadRefused):
        await desk.print()
    with pytest.raises(PayloadRefused):
        await desk.print(*map(str, range(501)))


async def test_four_labels_fit_on_a_page(desk: Desk) -> None:
    desk.files.put(*(f"AWB{n}" for n in range(1, 6)))
    names = await placed_with_label(desk.store, desk.clock, 1, 2, 3, 4, 5)
    printed = await desk.print(*names, layout=Layout.A4_FOUR)
    assert [sorted(page) for page in codes_on(printed.pdf)] == [["AWB1", "AWB2", "AWB3", "AWB4"], ["AWB5"]]
    assert sizes_of(printed.pdf) == [(595, 842)] * 2


async def test_the_label_of_one_shipment_is_the_file_as_it_came(desk: Desk) -> None:
    desk.files.put("AWB1")
    await placed_with_label(desk.store, desk.clock, 1)
    content = await print_labels.label_file(
        store=desk.store, fetcher=desk.fetcher, documents=desk.documents, reference_number="R-1"
    )
    assert content == desk.files.files[link("AWB1")].content
