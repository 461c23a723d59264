"""The JSON of labels and hand-over manifests."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from awbridge.domain.handover.labels import Layout
from awbridge.web.v1.views import Id, View


class WaitingView(View):
    """The parcels of a courier account that wait for the courier."""

    account: str = Field(description="The courier's id and the account code, such as 4:main.")
    courier_partner_id: int
    account_code: str | None
    parcels: int
    to_print: int = Field(description="Their labels were not printed here yet.")
    to_hand_over: int = Field(description="They are not on a manifest yet.")


class PrintLineView(View):
    """A shipment of a print run."""

    reference_number: str
    problem: str | None = Field(description="Why its label is not on the PDF; null if it is.")
    warning: str | None = Field(description="What to check on paper.")


class PrintRunView(View):
    """Labels that were printed together."""

    id: Id
    layout: Layout
    shipments: int
    problems: int = Field(description="How many of the shipments have no label on the PDF.")
    created_at: datetime
    created_by: str


class PrintRunWithLines(PrintRunView):
    """A print run with its shipments."""

    lines: list[PrintLineView]


class PrintRunPage(BaseModel):
    """A page of print runs. Pass `next` as `before` to get the following page; null on the last."""

    prints: list[PrintRunView]
    next: str | None


class ManifestView(View):
    """A hand-over manifest."""

    number: int
    account: str
    courier_partner_id: int
    account_code: str | None
    parcels: int
    cod_total: str = Field(description="What the courier collects: one sum for each currency, in rupees without one.")
    created_at: datetime
    created_by: str


class ManifestLineView(View):
    """A parcel on a manifest."""

    position: int
    reference_number: str
    waybill: str
    pieces: int
    cod: str = Field(description='The amount to collect; "" if prepaid.')


class LeftOut(BaseModel):
    """A shipment that is not on the manifest, and why."""

    reference_number: str
    problem: str


class ManifestWithLines(ManifestView):
    """A manifest with its parcels."""

    lines: list[ManifestLineView]


class NewManifestView(ManifestWithLines):
    """A new manifest, and what is not on it."""

    left_out: list[LeftOut]


class ManifestPage(BaseModel):
    """A page of manifests. Pass `next` as `before` to get the following page; null on the last."""

    manifests: list[ManifestView]
    next: str | None
