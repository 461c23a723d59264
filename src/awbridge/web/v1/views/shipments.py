"""The JSON of shipments and their payloads."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import BaseModel, Field

from awbridge.clickpost.orders.payload import payload_differences
from awbridge.clickpost.wire.tracking_codes import ndr_name
from awbridge.domain.customer_page.links import NO_LINKS, TrackLinks
from awbridge.domain.json import JsonObject
from awbridge.domain.orders import cancellation
from awbridge.domain.orders.shipment import URGENT, Piece, Shipment
from awbridge.domain.privacy import without_people
from awbridge.domain.tracking.milestones import Failure, PickupFailure
from awbridge.domain.tracking.overdue import StuckAfter, sla_breached, stuck_since
from awbridge.domain.tracking.promise import is_unreadable
from awbridge.steps.tracking.shipment_details import Milestones, ShipmentDetails
from awbridge.store.orders.payload_versions import PayloadVersion
from awbridge.web.v1.views import View
from awbridge.web.v1.views.tracking import (
    DeliveryAttemptView,
    PieceView,
    PromiseView,
    ReturnView,
    StatusView,
    piece_views,
    return_view,
    status_fields,
)

if TYPE_CHECKING:
    from awbridge.steps.orders.intake import IntakeResult


class CancellationView(View):
    """A cancellation at ClickPost."""

    state: str = Field(
        description="asked, waiting (for the courier's answer), retrying, held or cancelled; refused or gave_up: needs "
        "a person; overtaken: tracking shows another final status."
    )
    success: bool = Field(description="Whether the shipment is cancelled.")
    no_of_retries: int = Field(description="Failed cancellation calls.")
    next_try_at: datetime | None = Field(description="When ClickPost is asked next; null if it is not.")
    problem: str | None = Field(description="Why it is not cancelled; null if it is.")
    requested_at: datetime = Field(description="When it was requested first.")


class ShipmentView(BaseModel):
    """A shipment."""

    reference_number: str = Field(description="The reference number of the shipment.")
    order_id: str | None = Field(description="The order id of the payload.")
    transporter: str | None = Field(description="Your name of its courier account; null while it is allocating.")
    courier_partner_id: int = Field(description="0 until a courier is allocated.")
    account_code: str | None = Field(description="The account code at ClickPost; null for an account without one.")
    allocated_by: str | None = Field(description="What chose the courier, if the order named none.")
    delivery_type: str = Field(description="FORWARD, or RVP for a return.")
    state: str = Field(
        description="allocating, ready, waiting, retrying, held, placed, rejected, gave_up or cancelled."
    )
    success: bool = Field(description="Whether ClickPost holds it.")
    no_of_retries: int = Field(description="Failed attempts to register it.")
    problem: str | None = Field(description="Why it is in this state, for people; null if nothing is wrong.")
    difference: str | None = Field(description="How the shipment at ClickPost differs from the payload.")
    maybe_placed: bool = Field(
        description="An earlier call may have placed it. It is not pushed again until that is settled (.../settle)."
    )
    settled_at: datetime | None = Field(description="When a person recorded whether ClickPost holds it.")
    settled_by: str | None = Field(description="Who recorded that.")
    urgent: bool = Field(description="Whether it goes before others of its account.")
    next_try_at: datetime | None = Field(description="When it is pushed, or cancelled, next; null if it is not.")
    waybill: str | None = Field(description="Its waybill; null until it has one.")
    label_url: str | None = Field(description="The address of the label at ClickPost.")
    sort_code: str | None = Field(description="The courier's sort code.")
    security_key: str | None = Field(description="The key of ClickPost's tracking page.")
    children: list[str] = Field(description="The waybills of the pieces of a multi-piece shipment.")
    status: StatusView | None = Field(description="The tracking status; null before the first update.")
    edd: str | None = Field(description="Expected date of delivery, or the courier's text if it is not a date.")
    edd_unreadable: bool = Field(description="edd cannot be read as a date, so no delay is derived from it.")
    ndr_code: int | None = Field(description="Why the last delivery of the shipment or of one of its pieces failed.")
    ndr_name: str = Field(description="The name of ndr_code; ClickPost's description if the code is unpublished.")
    piece_exception_at: datetime | None = Field(
        description="Since when a piece is lost, damaged or returning while the shipment as a whole is not."
    )
    npr_code: int | None = Field(description="Why the last pickup failed.")
    stuck_since: datetime | None = Field(
        description="The time of the newest scan, if its status allows no gap that long."
    )
    sla_breached: bool = Field(description="The expected date has passed without a final status.")
    forward_waybill: str | None = Field(description="For a return: the waybill of the forward shipment.")
    forward_reference_number: str | None = Field(
        description="For a return: the reference number of the forward shipment."
    )
    last_tracked_at: datetime | None = Field(description="When the newest update was received.")
    last_polled_at: datetime | None = Field(description="When track-order was last called for it.")
    aged_out_at: datetime | None = Field(description="Since when it is no longer polled, for lack of updates.")
    cancel_requested_at: datetime | None = Field(description="When its cancellation was requested.")
    cancellation: CancellationView | None = Field(description="Null if none was requested.")
    placed_at: datetime | None = Field(description="When ClickPost accepted it.")
    created_at: datetime = Field(description="When the order was received.")
    updated_at: datetime = Field(description="When it last changed.")
    payload_version: int = Field(description="The number of its payloads; .../payloads lists the earlier ones.")
    replaces: str | None = Field(description="The shipment that this one replaces.")
    replaced_by: str | None = Field(description="The shipment that replaces this one: a replacement or a fallback.")
    waits_for: str | None = Field(description="Held until this shipment is cancelled.")
    track_url: str | None = Field(
        description="The link to the customer's page. Null where the page is off, and for viewers."
    )


class WarningOfField(View):
    """Something doubtful in an accepted order."""

    path: str = Field(description="The field, such as drop_info.drop_phone.")
    warning: str = Field(validation_alias="problem", description="What is doubtful.")


class AcceptedShipment(ShipmentView):
    """The shipment of an order that was just received."""

    warnings: list[WarningOfField] = Field(description="Accepted, but doubtful fields of the order.")


class ShipmentWithPayload(ShipmentView):
    """A shipment with the payload for ClickPost and everything known from tracking."""

    payload: dict[str, Any] = Field(description="The payload for ClickPost.")
    warnings: list[WarningOfField] = Field(description="Accepted, but doubtful fields of the payload.")
    pieces: list[PieceView] = Field(description="The pieces of a multi-piece shipment, each with its label and status.")
    returns: list[ReturnView] = Field(description="Returns and exchanges that the customer requested, oldest first.")
    milestones: Milestones = Field(description="When each milestone was reached first.")
    delivery_attempts: list[DeliveryAttemptView] = Field(description="The delivery attempts, oldest first.")
    delivery_attempt_count: int = Field(description="How often the courier attempted delivery.")
    ndr: list[Failure] = Field(description="The failed deliveries, oldest first.")
    npr: list[PickupFailure] = Field(description="The failed pickups, oldest first.")
    edd_history: list[PromiseView] = Field(description="The expected dates of delivery, oldest first.")
    waybill_shared_with: list[str] = Field(
        description="Other shipments with the same waybill: the courier reused it, or another courier uses it too."
    )


class IntakeResultView(BaseModel):
    """The shipments of a list of orders, in the order of the list."""

    shipments: list[AcceptedShipment] = Field(description="The shipments of the orders.")


class ShipmentPage(BaseModel):
    """A page of shipments. Pass `next` as `cursor` to get the following page; null on the last."""

    shipments: list[ShipmentView] = Field(description="The shipments of the page.")
    next: str | None = Field(description="The cursor of the following page; null on the last.")


class PayloadView(BaseModel):
    """A current or earlier payload of a shipment."""

    version: int = Field(description="Its number, from 1.")
    payload: dict[str, Any] = Field(description="The payload for ClickPost.")
    changed_at: datetime = Field(description="When it was stored.")
    changed_by: str = Field(description="intake, api, or the user of the command line.")
    reason: str = Field(description="Why it was changed, as given; empty if no reason was.")
    differences: list[str] = Field(description="The fields that differ from the previous version.")


_DERIVED_FIELDS = frozenset(
    (
        *("status", "cancellation", "children", "urgent", "edd_unreadable", "stuck_since", "sla_breached", "ndr_name"),
        "track_url",
    )
)
_COPIED_FIELDS = tuple(name for name in ShipmentView.model_fields if name not in _DERIVED_FIELDS)
_copied = attrgetter(*_COPIED_FIELDS)
_IN_ORDER = dict.fromkeys(ShipmentView.model_fields)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """What views are made with: the limits of a stuck parcel, the time, and the links to the customer's page."""

    limits: StuckAfter
    now: datetime
    links: TrackLinks = NO_LINKS


def _shipment_fields(shipment: Shipment, viewing: Viewing) -> dict[str, Any]:
    """The fields of the view, in their order."""
    fields: dict[str, Any] = _IN_ORDER.copy()
    fields.update(zip(_COPIED_FIELDS, _copied(shipment), strict=True))
    fields["status"] = status_fields(shipment)
    fields["ndr_name"] = ndr_name(shipment.ndr_code, shipment.ndr_description or "")
    fields["children"] = list(shipment.children)
    fields["urgent"] = shipment.priority == URGENT
    fields["cancellation"] = cancellation.of_shipment(shipment)
    fields["edd_unreadable"] = is_unreadable(shipment.edd)
    fields["stuck_since"] = stuck_since(shipment, viewing.limits, viewing.now)
    fields["sla_breached"] = sla_breached(shipment, viewing.now)
    fields["track_url"] = viewing.links.url(shipment)
    return fields


def _without_people(shipment: Shipment, viewing: Viewing) -> dict[str, Any]:
    """The fields of the view, with ClickPost's message masked of personal data."""
    fields = _shipment_fields(shipment, viewing)
    if shipment.problem:
        fields["problem"] = without_people(shipment.problem, shipment.payload)
    return fields


def shipment_view(shipment: Shipment, viewing: Viewing) -> ShipmentView:
    """The view of a shipment in a list. ClickPost's message about it is masked of personal data."""
    return ShipmentView.model_validate(_without_people(shipment, viewing))


def page_json(shipments: Sequence[Shipment], viewing: Viewing, *, following: str | None) -> bytes:
    """A ShipmentPage of these as JSON, without its models: a page has up to 500 shipments of 50 fields.

    `following`: the cursor of the next page.
    """
    shown = [_without_people(shipment, viewing) for shipment in shipments]
    return msgspec.json.encode({"shipments": shown, "next": following})


def intake_view(result: IntakeResult, viewing: Viewing) -> AcceptedShipment:
    """The view of a shipment for the caller that just sent its order."""
    fields = _shipment_fields(result.shipment, viewing)
    return AcceptedShipment.model_validate(fields | {"warnings": result.warnings})


def shipment_with_payload(
    shipment: Shipment,
    pieces: Sequence[Piece],
    details: ShipmentDetails,
    viewing: Viewing,
    order: JsonObject | None = None,
) -> ShipmentWithPayload:
    """The view of a shipment with its payload, its pieces and what is derived from its scans.

    `order`: as the caller just sent it, if it did; warnings then refer to it instead of the stored payload.
    """
    from awbridge.clickpost.orders.normalize import warnings_of  # takes long, and lists of shipments do not need it

    derived: dict[str, Any] = {field.name: getattr(details, field.name) for field in dataclasses.fields(details)}
    views: dict[str, Any] = {
        "payload": shipment.payload,
        "warnings": warnings_of(shipment.payload if order is None else order, shipment.region),
        "pieces": piece_views(pieces, details.pieces),
        "returns": [return_view(update) for update in details.returns],
    }
    return ShipmentWithPayload.model_validate(_shipment_fields(shipment, viewing) | derived | views)


def payload_views(versions: Sequence[PayloadVersion]) -> list[PayloadView]:
    """The views of a shipment's payloads, oldest first."""
    previous = [None, *versions[:-1]]
    return [
        PayloadView(**dataclasses.asdict(new), differences=payload_differences(old.payload, new.payload) if old else [])
        for old, new in zip(previous, versions, strict=True)
    ]
