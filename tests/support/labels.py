"""Labels for tests: PDFs in the shapes of couriers, files behind links, and what is read back from a PDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import zxingcpp
from pypdfium2 import PdfDocument

from awbridge.domain.handover.labels_ahead import LabelsAhead
from awbridge.sandbox.config import DEFAULT_ACCOUNTS
from awbridge.sandbox.labels.label_pdf import label_pdf
from awbridge.sandbox.shipments.models import SimulatedOrder
from awbridge.sinks.label_files import FetchedLabel
from awbridge.steps.handover.fetch_labels import FetchLabelsPolicy, GivesLinks, LabelFetcher
from awbridge.store import Store
from tests.support.rows import add, place
from tests.support.world import SetClock, an_order

POLICY = FetchLabelsPolicy(ahead=LabelsAhead.NEVER, patience=timedelta(seconds=1))


def a_label(waybill: str, shape: str = "4x6", **changes: Any) -> bytes:
    """The label of a waybill in one of the sandbox's shapes."""
    values: dict[str, Any] = {
        **{"serial": 1, "reference_number": f"of {waybill}", "order_id": None, "account": DEFAULT_ACCOUNTS[1]},
        **{"waybill": waybill, "children": (), "items": (), "has_label": True, "is_rvp": False},
        **{"order_type": "PREPAID", "cod_value": 0.0, "drop_pincode": "411001", "region": "india"},
        **{"security_key": "", "placed_at": 0.0, "updated_at": 0.0, "first_scan_at": 0, "steps": ()},
        **changes,
    }
    return label_pdf(SimulatedOrder(**values), shape)


def link(waybill: str) -> str:
    return f"https://labels.example.com/{waybill}.pdf"


@dataclass
class FakeFiles:
    """Files behind links. A link without a file has expired. `fetched`: the links in the order of their requests."""

    files: dict[str, FetchedLabel] = field(default_factory=dict[str, FetchedLabel])
    fetched: list[str] = field(default_factory=list[str])

    def put(self, *waybills: str, shape: str = "4x6") -> None:
        """A label behind the usual link of each waybill."""
        self.files |= {link(one): FetchedLabel(content=a_label(one, shape)) for one in waybills}

    async def fetch(self, url: str) -> FetchedLabel:
        self.fetched.append(url)
        return self.files.get(url) or FetchedLabel(problem="the label link has expired (HTTP 403)", expired=True)


def a_fetcher(
    store: Store,
    clock: SetClock,
    files: FakeFiles,
    *,
    clickpost: GivesLinks | None = None,
    policy: FetchLabelsPolicy = POLICY,
) -> LabelFetcher:
    return LabelFetcher(store=store, files=files, clickpost=clickpost, clock=clock, policy=policy)


async def placed_with_label(store: Store, clock: SetClock, *numbers: int, **changes: Any) -> list[str]:
    """Shipments R-1, R-2, ... placed now under AWB1, AWB2, ..., each with a link to its label."""
    names = [f"R-{number}" for number in numbers]
    for number, name in zip(numbers, names, strict=True):
        await add(store, name, **{"payload": an_order(name), "now": clock(), **changes})
        await place(store, name, f"AWB{number}", now=clock(), label_url=link(f"AWB{number}"))
    return names


def codes_on(pdf: bytes) -> list[list[str]]:
    """The barcodes on each page, as a scanner reads them from a print of a label printer: 203 dpi."""
    with PdfDocument(pdf) as document:
        pages = [page.render(scale=203 / 72, grayscale=True).to_pil() for page in document]
    return [[code.text for code in zxingcpp.read_barcodes(page)] for page in pages]


def sizes_of(pdf: bytes) -> Sequence[tuple[int, int]]:
    """The size of each page in points."""
    with PdfDocument(pdf) as document:
        return [(round(page.get_width()), round(page.get_height())) for page in document]
