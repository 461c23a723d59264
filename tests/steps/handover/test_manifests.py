"""A parcel is on one manifest at most; one that comes later goes on the next."""

from __future__ import annotations

import asyncio
import io

import pytest
from pypdf import PdfReader

from awbridge.documents.making import DocumentMaker
from awbridge.domain.errors import NotFound, NotPossible, PayloadRefused
from awbridge.steps.handover.manifests import MadeManifest, make_manifest, print_manifest, show_manifest
from awbridge.steps.orders import intake
from awbridge.store import Store
from awbridge.store.handover import manifests, parcels
from tests.support.labels import codes_on, placed_with_label
from tests.support.rows import add
from tests.support.world import INDIA, SetClock, an_order

pytestmark = pytest.mark.heavy


async def make(store: Store, clock: SetClock, *references: str, account: str = "4:main") -> MadeManifest:
    return await make_manifest(store=store, clock=clock, account=account, references=references, by="asha")


async def test_what_is_placed_later_goes_on_the_next_manifest(store: Store) -> None:
    clock = SetClock()
    await placed_with_label(store, clock, 1, 2)
    first = await make(store, clock, "R-2", "R-1")
    assert (first.manifest.number, first.manifest.parcels, first.left_out) == (1, 2, [])
    await placed_with_label(store, clock, 3)
    second = await make(store, clock, "R-1", "R-3")
    assert (second.manifest.number, second.manifest.parcels) == (2, 1)
    assert second.left_out == [("R-1", "it is on manifest 1")]
    _, listed = await show_manifest(store=store, number=1)
    assert [(one.line.position, one.line.reference_number) for one in listed] == [(1, "R-2"), (2, "R-1")]
    with pytest.raises(NotPossible, match="it is on manifest 1"):
        await make(store, clock, "R-1")
    async with store.read() as session:
        assert [one.number for one in await manifests.newest(session)] == [2, 1], "a refused one uses no number"


async def test_only_placed_parcels_of_the_account_are_on_it(store: Store) -> None:
    clock = SetClock()
    await placed_with_label(store, clock, 1, 2)
    await placed_with_label(store, clock, 3, account_code="other")
    await add(store, "NEW", payload=an_order("NEW"), now=clock())
    await intake.cancel(store=store, clock=clock, reference_number="R-2")
    made = await make(store, clock, "R-1", "R-2", "R-3", "NEW", "UNKNOWN")
    assert [line.reference_number for line in made.lines] == ["R-1"]
    assert dict(made.left_out) == {
        "R-2": "it is cancelled, or its cancellation is requested",
        "R-3": "it is with another courier account (4:other)",
        "NEW": "it is not placed yet (ready)",
        "UNKNOWN": "there is no such shipment",
    }
    with pytest.raises(PayloadRefused):
        await make(store, clock)


async def test_manifests_made_at_once_have_numbers_of_their_own_and_share_no_parcel(store: Store) -> None:
    clock = SetClock()
    names = await placed_with_label(store, clock, *range(1, 7))
    results = await asyncio.gather(*(make(store, clock, *names[start:]) for start in range(3)), return_exceptions=True)
    made = [one for one in results if isinstance(one, MadeManifest)]
    assert all(isinstance(one, MadeManifest | NotPossible) for one in results)
    on_it = [line.reference_number for one in made for line in one.lines]
    assert sorted(on_it) == names
    assert len({one.manifest.number for one in made}) == len(made)


async def test_the_paper_has_a_barcode_of_each_awb_the_total_and_names_in_any_script(store: Store) -> None:
    clock = SetClock()
    names = ["क्षितिज श्रीवास्तव", "محمد بن عبد الله", "Łukasz <b>Żółć</b>"]
    for number, name in enumerate(names, 1):
        order = an_order(f"R-{number}", order_type="COD", cod_value=100.5 * number, weight=1250)
        order["drop_info"]["drop_name"] = name
        await placed_with_label(store, clock, number, payload=order)
    made = await make(store, clock, "R-1", "R-2", "R-3")
    assert made.manifest.cod_total == "603.00"
    pdf = await print_manifest(store=store, documents=DocumentMaker(), zone=INDIA, number=1)
    assert codes_on(pdf) == [["AWB1", "AWB2", "AWB3"]]
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    for expected in (
        "Hand-over manifest 1",
        "Delhivery",
        "main",
        "603.00",
        "Signature",
        "asha",
        "Pune 411001",
        "1.25 kg",
    ):
        assert expected in text, expected
    assert "Łukasz <b>Żółć</b>" in text


async def test_an_unknown_manifest_is_not_found(store: Store) -> None:
    for number in (1, 0, 2**40):
        with pytest.raises(NotFound):
            await show_manifest(store=store, number=number)


async def test_what_waits_is_counted_by_account(store: Store) -> None:
    clock = SetClock()
    await placed_with_label(store, clock, 1, 2)
    await placed_with_label(store, clock, 3, account_code="other")
    await placed_with_label(store, clock, 4, delivery_type="RVP")
    await make(store, clock, "R-1")
    async with store.read() as session:
        counted = await parcels.by_account(session, since=clock())
        waiting = await parcels.of_account(session, "4:main", since=clock(), to_hand_over=True, limit=9)
    assert [(one.account, one.parcels, one.to_print, one.to_hand_over) for one in counted] == [
        ("4:main", 2, 2, 1),
        ("4:other", 1, 1, 1),
    ]
    assert [s.reference_number for s in waiting] == ["R-2"]
    clock.forward(seconds=1)
    async with store.read() as session:
        assert await parcels.by_account(session, since=clock()) == []
