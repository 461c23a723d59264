"""The JSON of shipments and their payloads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, StrictBool

from awbridge.clickpost.orders.create import payload_differences
from awbridge.clickpost.orders.tidy import warnings_of
from awbridge.clickpost.wire.codes import ndr_name
from awbridge.domain.errors import FieldProblem
from awbridge.domain.json import JsonObject
from awbridge.domain.orders import cancellation
from awbridge.domain.orders.shipment import URGENT, Piece, Shipment
from awbridge.domain.privacy import without_people
from awbridge.domain.tracking.overdue import StuckAfter, sla_breached, stuck_since
from awbridge.domain.tracking.promise import is_unreadable
from awbridge.steps.orders.intake import IntakeResult
from awbridge.steps.tracking.shipment_details import ShipmentDetails
from awbridge.store.orders.payload_versions import PayloadVersion
from awbridge.web.v1.request_parsing import NO_NUL
from awbridge.web.v1.strict import OwnBody
from awbridge.web.v1.tracking_views import (
    DeliveryAttemptView,
    FailureView,
    MilestonesView,
    PickupFailureView,
    PieceView,
    PromiseView,
    ReturnView,
    StatusView,
    piece_views,
    return_view,
    status_view,
)


class CancellationView(BaseModel):
    """A cancellation at ClickPost, in the terms of create-order."""

    state: str = Field(
        description="asked, waiting (the courier was asked), retrying, held, cancelled; refused or gave_up: a person "
        "is needed; overtaken: tracking shows another end."
    )
    success: bool
    no_of_retries: int = Field(description="Failed calls that cancel.")
    next_try_at: datetime | None
    problem: str | None
    requested_at: datetime


class ShipmentView(BaseModel):
    """A shipment as callers see it."""

    reference_number: str
    order_id: str | None
    transporter: str | None
    courier_partner_id: int = Field(description="0 while no courier is allocated.")
    account_code: str | None
    allocated_by: str | None = Field(description="What chose the courier where the order named none.")
    delivery_type: str
    state: str = Field(
        description="allocating, ready, waiting, retrying, held, placed, rejected, gave_up or cancelled."
    )
    success: bool
    no_of_retries: int
    problem: str | None
    difference: str | None = Field(description="What ClickPost holds other than was asked.")
    maybe_placed: bool = Field(
        description="An earlier call may have placed it: it goes nowhere else until that is settled (.../settle)."
    )
    settled_at: datetime | None = Field(description="When a person said what ClickPost holds of it.")
    settled_by: str | None
    urgent: bool
    next_try_at: datetime | None
    waybill: str | None
    label_url: str | None
    sort_code: str | None
    security_key: str | None
    children: list[str] = Field(description="Waybills of a multi-piece shipment's pieces.")
    status: StatusView | None
    edd: str | None = Field(description="Expected date of delivery; in the courier's own words where it is no date.")
    edd_unreadable: bool = Field(description="edd is no date that can be read: no delay is derived from it.")
    ndr_code: int | None = Field(description="Why the last delivery failed, of the shipment or of one of its pieces.")
    ndr_name: str = Field(description="The same in words; of a code that is not published, ClickPost's own.")
    piece_exception_at: datetime | None = Field(
        description="Since when a piece is lost, damaged or on its way back while the shipment as a whole is not."
    )
    npr_code: int | None = Field(description="Why the last pickup failed.")
    stuck_since: datetime | None = Field(description="The newest scan, where that is longer ago than its leg allows.")
    sla_breached: bool = Field(description="The expected date is over and it is neither delivered nor at another end.")
    forward_waybill: str | None = Field(description="For a return: the waybill of what it brings back.")
    forward_reference_number: str | None
    last_tracked_at: datetime | None
    last_polled_at: datetime | None
    aged_out_at: datetime | None = Field(description="Since when it is asked for no more, being silent too long.")
    cancel_requested_at: datetime | None
    cancellation: CancellationView | None = Field(description="Null: nobody asked for one.")
    placed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    payload_version: int = Field(description="How many payloads it has had; earlier ones under .../payloads.")
    replaces: str | None = Field(description="The shipment in whose place this one was made.")
    replaced_by: str | None = Field(description="The shipment that took its place: a replacement, or a fallback.")
    waits_for: str | None = Field(description="Held until this shipment is cancelled.")


class WarningOfField(BaseModel):
    """Something doubtful in an order that was taken all the same."""

    path: str = Field(description="Where, like drop_info.drop_phone.")
    warning: str


class AcceptedShipment(ShipmentView):
    """A shipment as it stands after its order came in."""

    warnings: list[WarningOfField] = Field(description="What is doubtful in the order, without being refused.")


class ShipmentWithPayload(ShipmentView):
    """A shipment with the payload that goes to ClickPost, and all that tracking makes known of it."""

    payload: dict[str, Any]
    warnings: list[WarningOfField] = Field(description="What is doubtful in the payload, without being refused.")
    pieces: list[PieceView] = Field(
        description="The children of a multi-piece shipment: labels, and where each stands."
    )
    returns: list[ReturnView] = Field(description="Returns and exchanges that the customer asked for, oldest first.")
    milestones: MilestonesView
    delivery_attempts: list[DeliveryAttemptView]
    delivery_attempt_count: int = Field(description="How often the courier came to deliver.")
    ndr: list[FailureView]
    npr: list[PickupFailureView]
    edd_history: list[PromiseView]
    waybill_shared_with: list[str] = Field(
        description="Other shipments with the same waybill: the courier used it again, or another courier has it too."
    )


class IntakeResultView(BaseModel):
    """The shipments of a list of orders, in its order."""

    shipments: list[AcceptedShipment]


class ShipmentPage(BaseModel):
    """A page of shipments. Pass `next` as `cursor` to get the following page; null on the last."""

    shipments: list[ShipmentView]
    next: str | None


class PayloadView(BaseModel):
    """One payload that a shipment has or had."""

    version: int
    payload: dict[str, Any]
    changed_at: datetime
    changed_by: str = Field(description="intake, api, or the command line and its user.")
    reason: str
    differences: list[str] = Field(description="The fields that differ from the version before.")


class ReplaceBody(OwnBody):
    """How the new shipment differs from the one that it replaces. All may be left out."""

    reference_number: str | None = Field(
        None, min_length=1, max_length=200, pattern=NO_NUL, description="By default the old one with -R2 behind it."
    )
    payload: dict[str, Any] | None = Field(None, description="A whole order in place of the old shipment's payload.")
    set: dict[str, Any] = Field({}, description='Fields by path, e.g. {"shipment_details.weight": 500}.')
    after_cancel: StrictBool = Field(False, description="Hold the new shipment until the old one is cancelled.")


_DERIVED = frozenset(
    {"status", "cancellation", "children", "urgent", "edd_unreadable", "stuck_since", "sla_breached", "ndr_name"}
)


def _shown(shipment: Shipment, limits: StuckAfter, now: datetime) -> dict[str, Any]:
    same = {name: getattr(shipment, name) for name in ShipmentView.model_fields if name not in _DERIVED}
    return {
        **same,
        "status": status_view(shipment),
        "ndr_name": ndr_name(shipment.ndr_code, shipment.ndr_description or ""),
        "children": list(shipment.children),
        "urgent": shipment.priority == URGENT,
        "cancellation": _cancellation_view(shipment),
        "edd_unreadable": is_unreadable(shipment.edd),
        "stuck_since": stuck_since(shipment, limits, now),
        "sla_breached": sla_breached(shipment, now),
    }


def _cancellation_view(shipment: Shipment) -> CancellationView | None:
    requested = cancellation.of_shipment(shipment)
    return CancellationView.model_validate(requested, from_attributes=True) if requested else None


def shipment_view(shipment: Shipment, limits: StuckAfter, now: datetime) -> ShipmentView:
    """A shipment as callers see it in a list: ClickPost's words about it name nobody."""
    problem = without_people(shipment.problem, shipment.payload) if shipment.problem else None
    shown: dict[str, Any] = _shown(shipment, limits, now) | {"problem": problem}
    return ShipmentView(**shown)


def intake_view(taken: IntakeResult, limits: StuckAfter, now: datetime) -> AcceptedShipment:
    """A shipment as callers see it who just sent its order."""
    shown: dict[str, Any] = _shown(taken.shipment, limits, now)
    return AcceptedShipment(**shown, warnings=_warnings(taken.warnings))


def shipment_with_payload(
    shipment: Shipment,
    pieces: Sequence[Piece],
    details: ShipmentDetails,
    limits: StuckAfter,
    now: datetime,
    given: JsonObject | None = None,
) -> ShipmentWithPayload:
    """A shipment as callers see it, with its payload, its pieces and what is derived from its scans.

    `given`: the order as its caller just wrote it, where there is one: warnings are about that.
    """
    shown: dict[str, Any] = _shown(shipment, limits, now)
    shown |= {"forward_reference_number": details.forward_reference_number}
    return ShipmentWithPayload(
        **shown,
        payload=shipment.payload,
        warnings=_warnings(warnings_of(shipment.payload if given is None else given, shipment.region)),
        pieces=piece_views(pieces, details.pieces),
        returns=[return_view(news) for news in details.returns],
        milestones=MilestonesView.model_validate(details.milestones, from_attributes=True),
        delivery_attempts=[
            DeliveryAttemptView.model_validate(a, from_attributes=True) for a in details.delivery_attempts
        ],
        delivery_attempt_count=details.delivery_attempt_count,
        ndr=[FailureView.model_validate(failure, from_attributes=True) for failure in details.ndr],
        npr=[PickupFailureView.model_validate(failure, from_attributes=True) for failure in details.npr],
        edd_history=[PromiseView.model_validate(promise, from_attributes=True) for promise in details.edd_history],
        waybill_shared_with=details.waybill_shared_with,
    )


def _warnings(found: Iterable[FieldProblem]) -> list[WarningOfField]:
    return [WarningOfField(path=problem.path, warning=problem.problem) for problem in found]


def payload_views(versions: Sequence[PayloadVersion]) -> list[PayloadView]:
    """A shipment's payloads as callers see them."""
    before = [None, *versions[:-1]]
    return [
        PayloadView(
            version=new.version,
            payload=new.payload,
            changed_at=new.changed_at,
            changed_by=new.changed_by,
            reason=new.reason,
            differences=payload_differences(old.payload, new.payload) if old else [],
        )
        for old, new in zip(before, versions, strict=True)
    ]
