"""The JSON of tracking: status, scans, pieces, returns, and what polling and webhooks cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from awbridge.clickpost.wire.codes import ndr_name, status_info
from awbridge.domain.orders.shipment import Piece, Shipment
from awbridge.domain.tracking.coverage import CourierCoverage
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.steps.polling.watch import Coverage
from awbridge.steps.tracking.shipment_details import ReturnNews
from awbridge.store.tracking.scans import TimelineScan


class StatusView(BaseModel):
    """Where tracking says a shipment or a piece stands."""

    code: int = Field(description="ClickPost's status code.")
    name: str = Field(description="Of a code that is not published, ClickPost's own description.")
    bucket: int
    at: datetime
    final: bool


class FailureView(BaseModel):
    """A delivery that failed (NDR), and why."""

    at: datetime
    ndr_code: int | None
    ndr_name: str
    remark: str = Field(description="The courier's own.")


class PieceView(BaseModel):
    """One piece of a multi-piece shipment: its label, and what its own waybill's scans tell."""

    waybill: str
    label_url: str | None
    sort_code: str | None
    security_key: str | None
    status: StatusView | None
    exception: str | None = Field(description="failed_delivery, rto, lost or damaged; null where all is well.")
    ndr: list[FailureView]


class ReturnView(BaseModel):
    """One event of a return or an exchange of this shipment that the customer asked for."""

    kind: str = Field(description="The event's type, such as return.approved.")
    at: datetime
    code: int = Field(description="ClickPost's status code, 101 to 106.")
    name: str
    remark: str
    return_reference_number: str = Field(description="ClickPost's, for the return.")
    return_waybill: str = Field(description="Of the parcel that brings it back; empty until it is booked.")
    return_courier_partner_id: int | None
    self_shipped: bool | None = Field(description="Whether the customer sends it; null where that is not said.")
    items: list[dict[str, Any]] = Field(description="What comes back: sku, quantity, return_reason and so on.")


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


class PickupFailureView(BaseModel):
    """A pickup that failed (NPR), and why: ClickPost's code, and its words for it."""

    at: datetime
    npr_code: int | None
    npr_name: str
    remark: str = Field(description="The courier's own.")


class PromiseView(BaseModel):
    """An expected date of delivery: the first one, or one that differs from the one before it."""

    edd: str
    stated_at: datetime = Field(description="The newest scan that was known to who said so.")
    received_at: datetime
    source: str = Field(description="webhook, updated_order, track_order or report.")


class ScanView(BaseModel):
    """One scan of a timeline."""

    waybill: str
    piece: int | None = Field(description="Which piece of a multi-piece shipment, from 1; null for the shipment's own.")
    status_code: int
    status_name: str = Field(description="Of a code that is not published, ClickPost's own description.")
    status: str = Field(description="The courier's own words.")
    remark: str
    location: str
    ndr_code: int | None
    ndr_name: str
    npr_code: int | None
    npr_description: str = Field(description="ClickPost's, for npr_code.")
    scanned_at: datetime
    received_at: datetime
    source: str


class SpanView(BaseModel):
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
    spans: list[SpanView] = Field(description="The last 7 days, oldest first.")
    last_webhook_at: datetime | None
    webhook_silence_seconds: float | None
    found_since_last_webhook: int = Field(
        description="Scans that polling found in the ten minutes that began after the last webhook, and all since."
    )
    last_hour: list[ToldView]
    last_day: list[ToldView]
    alarms: dict[str, datetime] = Field(description="Alarms that stand, and since when.")
    refusals: list[RefusalView]
    silent_shipments: int


def status_view(shipment: Shipment) -> StatusView | None:
    """The status of a shipment; None while nothing was heard of it."""
    if shipment.status_code is None or shipment.status_at is None:
        return None
    info = status_info(shipment.status_code, shipment.status_description or "")
    return StatusView(
        code=shipment.status_code, name=info.name, bucket=info.bucket, at=shipment.status_at, final=shipment.final
    )


_NAMED_OF_SCAN = frozenset({"piece", "status_name", "ndr_name"})


def scan_view(scan: TimelineScan, children: Sequence[str]) -> ScanView:
    """A scan as callers see it. `children` are the waybills of the shipment's pieces."""
    same = {name: getattr(scan, name) for name in ScanView.model_fields if name not in _NAMED_OF_SCAN}
    return ScanView(
        **same,
        piece=children.index(scan.waybill) + 1 if scan.waybill in children else None,
        status_name=status_info(scan.status_code, scan.description).name,
        ndr_name=ndr_name(scan.ndr_code, scan.ndr_description),
    )


def coverage_view(covered: Coverage) -> CoverageView:
    """What is covered, as callers see it."""
    return CoverageView(
        at=covered.at,
        covered_until=covered.covered_until,
        lag_seconds=None if covered.lag is None else covered.lag.total_seconds(),
        spans=[SpanView.model_validate(s, from_attributes=True) for s in covered.spans],
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


def _told_views(told: Mapping[int, CourierCoverage]) -> list[ToldView]:
    return [
        ToldView(courier_partner_id=courier, by_webhook=t.by_webhook, by_polling=t.by_polling, webhook_share=t.share)
        for courier, t in sorted(told.items())
    ]


def piece_views(pieces: Sequence[Piece], standings: Sequence[PieceStatus]) -> list[PieceView]:
    """The pieces as callers see them, in the order of the answer that made them."""
    of_waybill = {standing.waybill: standing for standing in standings}
    return [_piece_view(p, of_waybill.get(p.waybill) or PieceStatus(waybill=p.waybill)) for p in pieces]


def _piece_view(piece: Piece, standing: PieceStatus) -> PieceView:
    failed = [
        FailureView(at=f.at, ndr_code=f.ndr_code, ndr_name=f.ndr_name, remark=f.remark) for f in standing.failures
    ]
    return PieceView(
        waybill=piece.waybill,
        label_url=piece.label_url,
        sort_code=piece.sort_code,
        security_key=piece.security_key,
        status=_status(standing),
        exception=standing.exception,
        ndr=failed,
    )


def _status(standing: PieceStatus) -> StatusView | None:
    seen = standing.sighting
    if seen is None or standing.bucket is None:
        return None
    return StatusView(code=seen.code, name=standing.name, bucket=standing.bucket, at=seen.seen_at, final=seen.final)


def return_view(news: ReturnNews) -> ReturnView:
    """An event of a return as callers see it."""
    return ReturnView(at=news.at, code=news.code, name=news.name, remark=news.remark, **news.event.to_json())
