"""The routes of labels and hand-over manifests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel, Field

from awbridge.domain.errors import NotFound
from awbridge.domain.handover.labels import Layout
from awbridge.domain.handover.manifests import Manifest
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.people.actor import named_actor
from awbridge.steps.handover import manifests as manifest_steps
from awbridge.steps.handover import print_labels as label_steps
from awbridge.store.handover import manifests, parcels, print_runs
from awbridge.store.handover.parcels import WaitingParcels
from awbridge.store.handover.print_runs import PrintLine, PrintRun
from awbridge.web.dependencies import ApiDep, StoreDep
from awbridge.web.pdf_response import PdfResponse, pdf_response
from awbridge.web.requested import no_nul, parse_id
from awbridge.web.v1.request_parsing import NO_NUL, Limit, Moment, parse_before
from awbridge.web.v1.strict import v1_router
from awbridge.web.v1.views import Id
from awbridge.web.v1.views.handover import (
    LeftOut,
    ManifestLineView,
    ManifestPage,
    ManifestView,
    ManifestWithLines,
    NewManifestView,
    PrintLineView,
    PrintRunPage,
    PrintRunView,
    PrintRunWithLines,
    WaitingView,
)

router = v1_router(tags=["labels and manifests"])

Reference = Annotated[str, Field(min_length=1, max_length=500, pattern=NO_NUL)]
References = Annotated[list[Reference], Field(min_length=1, max_length=MOST_AT_ONCE)]
Before = Annotated[Id | None, Query(description="Only those before this one: `next` of the previous page.")]
_PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}


class PrintBody(BaseModel):
    """Shipments whose labels are printed together."""

    reference_numbers: References
    layout: Layout = Field(Layout.A4_FOUR, description="a4-4up, a4 (one on a page) or 4x6.")


class ManifestBody(BaseModel):
    """Parcels that a courier takes over together."""

    account: str = Field(max_length=200, pattern=NO_NUL, description="The courier account, such as 4:main.")
    reference_numbers: References


@router.get("/labels", response_model=list[WaitingView])
async def waiting_parcels(
    store: StoreDep, since: Annotated[Moment, Query(description="Only what was placed since then.")]
) -> list[WaitingParcels]:
    """Parcels that wait for their courier, by courier account: neither returns nor picked up."""
    async with store.read() as session:
        return await parcels.by_account(session, since=since)


@router.post("/labels/prints", status_code=201)
async def print_labels(body: PrintBody, api: ApiDep) -> PrintRunWithLines:
    """Put the labels of up to 500 shipments on one PDF, and mark them as printed. Download it from `/pdf`."""
    printed = await label_steps.print_labels(
        store=api.store,
        fetcher=api.labels,
        documents=api.documents,
        clock=api.clock,
        references=body.reference_numbers,
        layout=body.layout,
        by=named_actor("api"),
    )
    return _with_lines(printed.run, printed.lines)


@router.get("/labels/prints")
async def list_prints(store: StoreDep, before: Before = None, limit: Limit = 50) -> PrintRunPage:
    """Print runs, newest first."""
    async with store.read() as session:
        found = await print_runs.newest(session, before=parse_before(before), limit=limit + 1)
    following = str(found[limit - 1].id) if len(found) > limit else None
    return PrintRunPage(prints=[PrintRunView.model_validate(run) for run in found[:limit]], next=following)


@router.get("/labels/prints/{print_id}")
async def show_print(print_id: str, store: StoreDep) -> PrintRunWithLines:
    """A print run with its shipments."""
    async with store.read() as session:
        run = await print_runs.get(session, parse_id(print_id))
        lines = await print_runs.lines(session, run.id) if run else []
    if run is None:
        raise NotFound(f"there is no print run {print_id}")
    return _with_lines(run, lines)


@router.get("/labels/prints/{print_id}/pdf", response_class=PdfResponse, responses=_PDF)
async def download_print(print_id: str, api: ApiDep) -> Response:
    """The PDF of a print run. Labels that are no longer stored are fetched again."""
    printed = await label_steps.print_again(
        store=api.store, fetcher=api.labels, documents=api.documents, run_id=parse_id(print_id)
    )
    return pdf_response(printed.pdf, f"labels-{print_id}")


@router.get("/shipments/{reference_number:path}/label", response_class=PdfResponse, responses=_PDF)
async def download_label(reference_number: str, api: ApiDep) -> Response:
    """The label of one shipment as a PDF. Nothing is marked as printed."""
    content = await label_steps.label_file(
        store=api.store, fetcher=api.labels, documents=api.documents, reference_number=no_nul(reference_number)
    )
    return pdf_response(content, f"label-{reference_number}")


@router.post("/manifests", status_code=201)
async def make_manifest(body: ManifestBody, api: ApiDep) -> NewManifestView:
    """Make the next hand-over manifest of a courier account. A shipment is on one manifest at most."""
    made = await manifest_steps.make_manifest(
        store=api.store, clock=api.clock, account=body.account, references=body.reference_numbers, by=named_actor("api")
    )
    left_out = [LeftOut(reference_number=name, problem=why) for name, why in made.left_out]
    lines = [ManifestLineView.model_validate(line) for line in made.lines]
    return NewManifestView(**_plain(made.manifest), lines=lines, left_out=left_out)


@router.get("/manifests")
async def list_manifests(store: StoreDep, before: Before = None, limit: Limit = 50) -> ManifestPage:
    """Hand-over manifests, newest first."""
    async with store.read() as session:
        found = await manifests.newest(session, before=parse_before(before), limit=limit + 1)
    following = str(found[limit - 1].number) if len(found) > limit else None
    return ManifestPage(manifests=[ManifestView.model_validate(one) for one in found[:limit]], next=following)


@router.get("/manifests/{number}")
async def show_manifest(number: str, store: StoreDep) -> ManifestWithLines:
    """A manifest with its parcels."""
    manifest, listed = await manifest_steps.show_manifest(store=store, number=parse_id(number))
    return ManifestWithLines(**_plain(manifest), lines=[ManifestLineView.model_validate(one.line) for one in listed])


@router.get("/manifests/{number}/pdf", response_class=PdfResponse, responses=_PDF)
async def download_manifest(number: str, api: ApiDep) -> Response:
    """The PDF of a manifest, with a barcode for each AWB and signature lines."""
    content = await manifest_steps.print_manifest(
        store=api.store, documents=api.documents, zone=api.zone, number=parse_id(number)
    )
    return pdf_response(content, f"manifest-{number}")


def _with_lines(run: PrintRun, lines: Sequence[PrintLine]) -> PrintRunWithLines:
    shown = PrintRunView.model_validate(run)
    return PrintRunWithLines(**shown.model_dump(), lines=[PrintLineView.model_validate(line) for line in lines])


def _plain(manifest: Manifest) -> dict[str, Any]:
    return ManifestView.model_validate(manifest).model_dump()
