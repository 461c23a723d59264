"""The JSON of tracking: status, scans, pieces, returns, and what polling and webhooks cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from awbridge.clickpost.wire.tracking_codes import ndr_name, status_info
from awbridge.domain.orders.shipment import Piece, Shipment
from awbridge.domain.tracking.coverage import CourierCoverage
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.steps.polling.watch import Coverage
from awbridge.steps.tracking.shipment_details import ReturnNews
from awbridge.store.tracking.scans import TimelineScan


class StatusView(BaseModel):
    """The tracking status of a shipment or a piece."""

    code: int = Field(description="ClickPost's status code.")
    name: str = Field(description="ClickPost's description if the code is unpublished.")
    bucket: int
    at: datetime
    final: bool


class FailureView(BaseModel):
    """A failed delivery (NDR) and its reason."""

    at: datetime
    ndr_code: int | None
    ndr_name: str
    remark: str = Field(description="The courier's text.")


class PieceView(BaseModel):
    """One piece of a multi-piece shipment: its label, and the status of its own waybill."""

    waybill: str
    label_url: str | None
    sort_code: str | None
    security_key: str | None
    status: StatusView | None
    exception: str | None = Field(description="failed_delivery, rto, lost or damaged; null if there is none.")
    ndr: list[FailureView]


class ReturnView(BaseModel):
    """One event of a return or an exchange that the customer requested."""

    kind: str = Field(description="The event type, such as return.approved.")
    at: datetime
    code: int = Field(description="ClickPost's status code, 101 to 106.")
    name: str
    remark: str
    return_reference_number: str = Field(description="ClickPost's reference of the return.")
    return_waybill: str = Field(description="The waybill of the return parcel; empty until it is booked.")
    return_courier_partner_id: int | None
    self_shipped: bool | None = Field(description="Whether the customer ships it; null if unknown.")
    items: list[dict[str, Any]] = Field(description="The returned items: sku, quantity, return_reason and so on.")


class MilestonesView(BaseModel):
    """When each milestone was first reached; null if it was not, as far as known."""

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
    """One delivery attempt. `ended_at` is null until it ends. `no_attempt`: the courier states that it did not try."""

    began_at: datetime | None
    ended_at: datetime | None
    delivered: bool
    ndr_code: int | None
    ndr_name: str
    no_attempt: bool


class PickupFailureView(BaseModel):
    """A failed pickup (NPR) and its reason: ClickPost's code and name for it."""

    at: datetime
    npr_code: int | None
    npr_name: str
    remark: str = Field(description="The courier's text.")


class PromiseView(BaseModel):
    """An expected date of delivery: the first one, or one that differs from the previous one."""

    edd: str
    stated_at: datetime = Field(description="The time of the newest scan known to the source.")
    received_at: datetime
    source: str = Field(description="webhook, updated_order, track_order or report.")


class ScanView(BaseModel):
    """One scan of a timeline."""

    waybill: str
    piece: int | None = Field(description="The piece of a multi-piece shipment, from 1; null for the shipment itself.")
    status_code: int
    status_name: str = Field(description="ClickPost's description if the code is unpublished.")
    status: str = Field(description="The courier's status text.")
    remark: str
    location: str
    ndr_code: int | None
    ndr_name: str
    npr_code: int | None
    npr_description: str = Field(description="ClickPost's description of npr_code.")
    scanned_at: datetime
    received_at: datetime
    source: str


class SpanView(BaseModel):
    """A span of time that was requested from updated-order."""

    from_at: datetime
    to_at: datetime
    covered: bool
    items: int
    problem: str | None


class CourierCoverageView(BaseModel):
    """How many new scans of a courier came by webhook and by polling."""

    courier_partner_id: int = Field(description="0 if the delivery named none.")
    by_webhook: int
    by_polling: int
    webhook_share: float | None


class RefusalView(BaseModel):
    """Webhooks that were refused with 401."""

    reason: str = Field(description="no_key (does a proxy drop the header?) or wrong_key.")
    refused: int
    last_at: datetime


class CoverageView(BaseModel):
    """What polling and webhooks cover."""

    at: datetime
    covered_until: datetime | None = Field(description="Every minute of updated-order up to here is covered.")
    lag_seconds: float | None
    spans: list[SpanView] = Field(description="The last 7 days, oldest first.")
    last_webhook_at: datetime | None
    webhook_silence_seconds: float | None
    found_since_last_webhook: int = Field(
        description="Scans that polling found in ten-minute slots that began after the last webhook."
    )
    last_hour: list[CourierCoverageView]
    last_day: list[CourierCoverageView]
    alarms: dict[str, datetime] = Field(description="Raised alarms, and since when.")
    refusals: list[RefusalView]
    silent_shipments: int


def status_view(shipment: Shipment) -> StatusView | None:
    """The tracking status of a shipment; None before the first update."""
    if shipment.status_code is None or shipment.status_at is None:
        return None
    info = status_info(shipment.status_code, shipment.status_description or "")
    return StatusView(
        code=shipment.status_code, name=info.name, bucket=info.bucket, at=shipment.status_at, final=shipment.final
    )


_DERIVED_SCAN_FIELDS = frozenset({"piece", "status_name", "ndr_name"})


def scan_view(scan: TimelineScan, children: Sequence[str]) -> ScanView:
    """The view of a scan. `children`: the waybills of the shipment's pieces."""
    copied = {name: getattr(scan, name) for name in ScanView.model_fields if name not in _DERIVED_SCAN_FIELDS}
    return ScanView(
        **copied,
        piece=children.index(scan.waybill) + 1 if scan.waybill in children else None,
        status_name=status_info(scan.status_code, scan.description).name,
        ndr_name=ndr_name(scan.ndr_code, scan.ndr_description),
    )


def coverage_view(covered: Coverage) -> CoverageView:
    """The view of the coverage."""
    return CoverageView(
        at=covered.at,
        covered_until=covered.covered_until,
        lag_seconds=None if covered.lag is None else covered.lag.total_seconds(),
        spans=[SpanView.model_validate(s, from_attributes=True) for s in covered.spans],
        last_webhook_at=covered.last_webhook_at,
        webhook_silence_seconds=None if covered.webhook_silence is None else covered.webhook_silence.total_seconds(),
        found_since_last_webhook=covered.found_since_last_webhook,
        last_hour=_courier_coverage_views(covered.hour),
        last_day=_courier_coverage_views(covered.day),
        alarms=covered.alarms,
        refusals=[
            RefusalView(reason=r.reason, refused=r.refused, last_at=r.last_at) for r in covered.refusals.values()
        ],
        silent_shipments=covered.silent_shipments,
    )


def _courier_coverage_views(couriers: Mapping[int, CourierCoverage]) -> list[CourierCoverageView]:
    return [
        CourierCoverageView(
            courier_partner_id=cp_id, by_webhook=c.by_webhook, by_polling=c.by_polling, webhook_share=c.share
        )
        for cp_id, c in sorted(couriers.items())
    ]


def piece_views(pieces: Sequence[Piece], statuses: Sequence[PieceStatus]) -> list[PieceView]:
    """The views of the pieces, in the order of ClickPost's response that created them."""
    of_waybill = {status.waybill: status for status in statuses}
    return [_piece_view(p, of_waybill.get(p.waybill) or PieceStatus(waybill=p.waybill)) for p in pieces]


def _piece_view(piece: Piece, status: PieceStatus) -> PieceView:
    failed = [FailureView(at=f.at, ndr_code=f.ndr_code, ndr_name=f.ndr_name, remark=f.remark) for f in status.failures]
    return PieceView(
        waybill=piece.waybill,
        label_url=piece.label_url,
        sort_code=piece.sort_code,
        security_key=piece.security_key,
        status=_piece_status(status),
        exception=status.exception,
        ndr=failed,
    )


def _piece_status(status: PieceStatus) -> StatusView | None:
    scan = status.sighting
    if scan is None or status.bucket is None:
        return None
    return StatusView(code=scan.code, name=status.name, bucket=status.bucket, at=scan.seen_at, final=scan.final)


def return_view(update: ReturnNews) -> ReturnView:
    """The view of an event of a return."""
    return ReturnView(at=update.at, code=update.code, name=update.name, remark=update.remark, **asdict(update.event))
