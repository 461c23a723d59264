"""The JSON that the API shows: typed, and no field that is not meant for callers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from awbridge.clickpost.codes import status_info
from awbridge.domain.coverage import Told
from awbridge.domain.shipment import Shipment
from awbridge.steps.watch import Coverage
from awbridge.store.attempts import Attempt
from awbridge.store.couriers import CourierAccount
from awbridge.store.scans import TimelineScan

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
    edd: str | None = Field(description="Expected date of delivery, as the courier told.")
    ndr_code: int | None
    last_heard_at: datetime | None
    last_asked_at: datetime | None
    aged_out_at: datetime | None = Field(description="Since when it is asked for no more, being silent too long.")
    cancel_asked_at: datetime | None
    placed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ShipmentWithPayload(ShipmentView):
    """A shipment with the payload that goes to ClickPost."""

    payload: dict[str, Any]


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


class StretchView(BaseModel):
    """A stretch of time of updated-order."""

    from_at: datetime
    to_at: datetime
    covered: bool
    items: int
    problem: str | None


class ToldView(BaseModel):
    """What told a courier's new scans."""

    courier_partner_id: int = Field(description="0 where the delivery named none.")
    by_webhook: int
    by_polling: int
    webhook_share: float | None


class RefusalView(BaseModel):
    """Webhooks that were answered with 401."""

    reason: str = Field(description="no_key (does a proxy drop the header?) or wrong_key.")
    refused: int
    last_at: datetime


class CoverageView(BaseModel):
    """What is covered, and by which side."""

    at: datetime
    covered_until: datetime | None = Field(description="Up to here every minute of updated-order is covered.")
    lag_seconds: float | None
    stretches: list[StretchView] = Field(description="The last 7 days, oldest first.")
    last_webhook_at: datetime | None
    webhook_silence_seconds: float | None
    found_since_last_webhook: int = Field(description="Scans that polling found since the last webhook.")
    last_hour: list[ToldView]
    last_day: list[ToldView]
    alarms: dict[str, datetime] = Field(description="Alarms that stand, and since when.")
    refusals: list[RefusalView]
    silent_shipments: int


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


def _shown(shipment: Shipment) -> dict[str, Any]:
    same = {name: getattr(shipment, name) for name in ShipmentView.model_fields if name not in ("status", "children")}
    return {**same, "status": status_view(shipment), "children": list(shipment.children)}


def shipment_view(shipment: Shipment) -> ShipmentView:
    """A shipment as callers see it."""
    return ShipmentView(**_shown(shipment))


def shipment_with_payload(shipment: Shipment) -> ShipmentWithPayload:
    """A shipment as callers see it, with its payload."""
    return ShipmentWithPayload(**_shown(shipment), payload=shipment.payload)


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


def _told_views(told: Mapping[int, Told]) -> list[ToldView]:
    return [
        ToldView(courier_partner_id=courier, by_webhook=t.by_webhook, by_polling=t.by_polling, webhook_share=t.share)
        for courier, t in sorted(told.items())
    ]


def coverage_view(covered: Coverage) -> CoverageView:
    """What is covered, as callers see it."""
    return CoverageView(
        at=covered.at,
        covered_until=covered.covered_until,
        lag_seconds=None if covered.lag is None else covered.lag.total_seconds(),
        stretches=[
            StretchView(**{name: getattr(s, name) for name in StretchView.model_fields}) for s in covered.stretches
        ],
        last_webhook_at=covered.last_webhook_at,
        webhook_silence_seconds=None if covered.webhook_silence is None else covered.webhook_silence.total_seconds(),
        found_since_last_webhook=covered.found_since_last_webhook,
        last_hour=_told_views(covered.hour),
        last_day=_told_views(covered.day),
        alarms=covered.alarms,
        refusals=[
            RefusalView(reason=r.reason, refused=r.refused, last_at=r.last_at) for r in covered.refusals.values()
        ],
        silent_shipments=covered.silent_shipments,
    )
