"""The JSON that the API shows: typed, and no field that is not meant for callers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from awbridge.clickpost.codes import status_info
from awbridge.domain.overdue import StuckAfter, sla_breached, stuck_since
from awbridge.domain.shipment import Shipment
from awbridge.steps.truth import Truth
from awbridge.store.attempts import Attempt
from awbridge.store.couriers import CourierAccount
from awbridge.store.scans import TimelineScan

View = TypeVar("View", bound=BaseModel)

_NO_NUL = r"^[^\x00]*$"  # no database keeps one


class StatusView(BaseModel):
    """Where tracking says a shipment stands."""

    code: int = Field(description="ClickPost's status code.")
    name: str
    bucket: int
    at: datetime
    final: bool


class ShipmentView(BaseModel):
    """A shipment as callers see it."""

    reference_number: str
    order_id: str | None
    transporter: str | None
    courier_partner_id: int
    account_code: str | None
    delivery_type: str
    state: str = Field(description="ready, waiting, retrying, held, placed, rejected, gave_up or cancelled.")
    success: bool
    no_of_retries: int
    problem: str | None
    next_try_at: datetime | None
    waybill: str | None
    label_url: str | None
    sort_code: str | None
    security_key: str | None
    children: list[str] = Field(description="Waybills of a multi-piece shipment's pieces.")
    status: StatusView | None
    edd: str | None = Field(description="Expected date of delivery; in the courier's own words where it is no date.")
    ndr_code: int | None = Field(description="Why the last delivery failed.")
    stuck_since: datetime | None = Field(description="The newest scan, where that is longer ago than its leg allows.")
    sla_breached: bool = Field(description="The expected date is over and it is neither delivered nor at another end.")
    forward_waybill: str | None = Field(description="For a return: the waybill of what it brings back.")
    forward_reference_number: str | None
    last_heard_at: datetime | None
    last_asked_at: datetime | None
    cancel_asked_at: datetime | None
    placed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class MilestonesView(BaseModel):
    """When each milestone was reached first; null: not reached, as far as is known."""

    placed_at: datetime | None
    out_for_pickup_at: datetime | None
    picked_up_at: datetime | None
    out_for_delivery_at: datetime | None
    failed_delivery_at: datetime | None
    delivered_at: datetime | None
    delayed_at: datetime | None
    rto_marked_at: datetime | None
    rto_delivered_at: datetime | None
    cancelled_at: datetime | None
    lost_at: datetime | None
    damaged_at: datetime | None


class DeliveryAttemptView(BaseModel):
    """One try to deliver. `ended_at` is null while the courier is out; `no_attempt`: by its own word nobody came."""

    began_at: datetime | None
    ended_at: datetime | None
    delivered: bool
    ndr_code: int | None
    ndr_name: str
    no_attempt: bool


class FailureView(BaseModel):
    """A delivery that failed (NDR), and why."""

    at: datetime
    ndr_code: int | None
    ndr_name: str
    words: str = Field(description="The courier's own.")


class PromiseView(BaseModel):
    """An expected date of delivery: the first one, or one that differs from the one before it."""

    edd: str
    said_at: datetime = Field(description="The newest scan that was known to who said so.")
    heard_at: datetime
    source: str = Field(description="webhook, updated_order, track_order or report.")


class ShipmentWithPayload(ShipmentView):
    """A shipment with the payload that goes to ClickPost, and all that tracking makes known of it."""

    payload: dict[str, Any]
    milestones: MilestonesView
    delivery_attempts: list[DeliveryAttemptView]
    attempts_made: int = Field(description="How often the courier came to deliver.")
    ndr: list[FailureView]
    edd_history: list[PromiseView]


class ShipmentPage(BaseModel):
    """A page of shipments. Pass `next` as `cursor` to get the following page; null on the last."""

    shipments: list[ShipmentView]
    next: str | None


class ScanView(BaseModel):
    """One scan of a timeline."""

    waybill: str
    status_code: int
    status_name: str
    status: str = Field(description="The courier's own words.")
    remark: str
    location: str
    ndr_code: int | None
    scanned_at: datetime
    received_at: datetime
    source: str


class AttemptView(BaseModel):
    """One call to ClickPost; the key is masked."""

    api: str
    method: str
    url: str
    request: str
    http_status: int | None
    business_status: int | None
    response: str
    error: str
    outcome: str
    ms: int
    made_at: datetime


class CourierView(BaseModel):
    """A transporter of the company and the courier account that carries it."""

    transporter: str
    courier_partner_id: int
    account_code: str | None
    name: str
    active: bool


class CourierBody(BaseModel):
    """What a transporter is mapped to."""

    courier_partner_id: int = Field(gt=0, lt=2**31, description="ClickPost's cp_id.")
    account_code: str | None = Field(
        None, max_length=200, pattern=_NO_NUL, description="The account's code at ClickPost."
    )
    name: str = Field("", max_length=200, pattern=_NO_NUL)
    active: bool = True


def status_view(shipment: Shipment) -> StatusView | None:
    """The status of a shipment; None while nothing was heard of it."""
    if shipment.status_code is None or shipment.status_at is None:
        return None
    info = status_info(shipment.status_code)
    return StatusView(
        code=shipment.status_code, name=info.name, bucket=info.bucket, at=shipment.status_at, final=shipment.final
    )


_DERIVED = frozenset({"status", "children", "stuck_since", "sla_breached"})


def _shown(shipment: Shipment, limits: StuckAfter, now: datetime) -> dict[str, Any]:
    same = {name: getattr(shipment, name) for name in ShipmentView.model_fields if name not in _DERIVED}
    return {
        **same,
        "status": status_view(shipment),
        "children": list(shipment.children),
        "stuck_since": stuck_since(shipment, limits, now),
        "sla_breached": sla_breached(shipment, now),
    }


def shipment_view(shipment: Shipment, limits: StuckAfter, now: datetime) -> ShipmentView:
    """A shipment as callers see it."""
    return ShipmentView(**_shown(shipment, limits, now))


def _same(view: type[View], of: object) -> View:
    return view(**{name: getattr(of, name) for name in view.model_fields})


def shipment_with_payload(shipment: Shipment, truth: Truth, limits: StuckAfter, now: datetime) -> ShipmentWithPayload:
    """A shipment as callers see it, with its payload and what is derived from its scans."""
    shown: dict[str, Any] = _shown(shipment, limits, now) | {"forward_reference_number": truth.forward_reference_number}
    return ShipmentWithPayload(
        **shown,
        payload=shipment.payload,
        milestones=_same(MilestonesView, truth.milestones),
        delivery_attempts=[_same(DeliveryAttemptView, attempt) for attempt in truth.attempts],
        attempts_made=truth.attempts_made,
        ndr=[_same(FailureView, failure) for failure in truth.ndr],
        edd_history=[_same(PromiseView, promise) for promise in truth.edd_history],
    )


def scan_view(scan: TimelineScan) -> ScanView:
    """A scan as callers see it."""
    same = {name: getattr(scan, name) for name in ScanView.model_fields if name != "status_name"}
    return ScanView(**same, status_name=status_info(scan.status_code).name)


def attempt_view(attempt: Attempt) -> AttemptView:
    """A call as callers see it."""
    return AttemptView(**{name: getattr(attempt, name) for name in AttemptView.model_fields})


def courier_view(account: CourierAccount) -> CourierView:
    """A transporter as callers see it."""
    return CourierView(**{name: getattr(account, name) for name in CourierView.model_fields})
