"""The JSON of labels and hand-over manifests."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from awbridge.domain.handover.labels import Layout
from awbridge.web.v1.views import Id, View


class WaitingView(View):
    """The parcels of a courier account that wait for the courier."""

    account: str = Field(description="The courier's id and the account code, such as 4:main.")
    courier_partner_id: int = Field(description="ClickPost's id of the courier.")
    account_code: str | None = Field(description="The account code at ClickPost; null for an account without one.")
    parcels: int = Field(description="Parcels that wait for the courier.")
    to_print: int = Field(description="Their labels were not printed here yet.")
    to_hand_over: int = Field(description="They are not on a manifest yet.")


class PrintLineView(View):
    """A shipment of a print run."""

    reference_number: str = Field(description="The reference number of the shipment.")
    problem: str | None = Field(description="Why its label is not on the PDF; null if it is.")
    warning: str | None = Field(description="What to check on paper.")


class PrintRunView(View):
    """Labels that were printed together."""

    id: Id = Field(description="Its id.")
    layout: Layout = Field(description="How the labels are laid out.")
    shipments: int = Field(description="How many shipments the run has.")
    problems: int = Field(description="How many of the shipments have no label on the PDF.")
    created_at: datetime = Field(description="When it was stored.")
    created_by: str = Field(description="Who made it.")


class PrintRunWithLines(PrintRunView):
    """A print run with its shipments."""

    lines: list[PrintLineView] = Field(description="Its shipments, in the order of the PDF.")


class PrintRunPage(BaseModel):
    """A page of print runs. Pass `next` as `before` to get the following page; null on the last."""

    prints: list[PrintRunView] = Field(description="The print runs of the page.")
    next: str | None = Field(description="The value of `before` for the following page; null on the last.")


class ManifestView(View):
    """A hand-over manifest."""

    number: int = Field(description="Its number.")
    account: str = Field(description="The courier's id and the account code, such as 4:main.")
    courier_partner_id: int = Field(description="ClickPost's id of the courier.")
    account_code: str | None = Field(description="The account code at ClickPost; null for an account without one.")
    parcels: int = Field(description="How many parcels it lists.")
    cod_total: str = Field(description="What the courier collects: one sum for each currency, in rupees without one.")
    created_at: datetime = Field(description="When it was stored.")
    created_by: str = Field(description="Who made it.")


class ManifestLineView(View):
    """A parcel on a manifest."""

    position: int = Field(description="Its line on the manifest.")
    reference_number: str = Field(description="The reference number of the shipment.")
    waybill: str = Field(description="The waybill.")
    pieces: int = Field(description="How many boxes it has.")
    cod: str = Field(description='The amount to collect; "" if prepaid.')


class LeftOut(BaseModel):
    """A shipment that is not on the manifest, and why."""

    reference_number: str = Field(description="The reference number of the shipment.")
    problem: str = Field(description="Why it is not on the manifest.")


class ManifestWithLines(ManifestView):
    """A manifest with its parcels."""

    lines: list[ManifestLineView] = Field(description="Its parcels, in the order of the PDF.")


class NewManifestView(ManifestWithLines):
    """A new manifest, and what is not on it."""

    left_out: list[LeftOut] = Field(description="The shipments that are not on it.")


class ManifestPage(BaseModel):
    """A page of manifests. Pass `next` as `before` to get the following page; null on the last."""

    manifests: list[ManifestView] = Field(description="The manifests of the page.")
    next: str | None = Field(description="The value of `before` for the following page; null on the last.")
