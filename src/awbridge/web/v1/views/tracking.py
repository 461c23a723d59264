"""The JSON of tracking: status, scans, pieces, returns, and what polling and webhooks cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from awbridge.clickpost.wire.tracking_codes import ndr_name, status_info
from awbridge.domain.orders.shipment import Piece, Shipment
from awbridge.domain.tracking.coverage import CourierCoverage
from awbridge.domain.tracking.milestones import Failure
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.steps.tracking.shipment_details import ReturnNews
from awbridge.store.polling.webhook_keys import Refusal
from awbridge.store.tracking.scans import TimelineScan
from awbridge.web.v1.views import View


class StatusView(View):
    """The tracking status of a shipment or a piece."""

    code: int = Field(description="ClickPost's status code.")
    name: str = Field(description="ClickPost's description if the code is unpublished.")
    bucket: int = Field(description="The group of the status, 1 to 9.")
    at: datetime = Field(description="When the courier scanned it.")
    final: bool = Field(description="Whether no other status is expected.")


class PieceView(View):
    """One piece of a multi-piece shipment: its label, and the status of its own waybill."""

    waybill: str = Field(description="The waybill of the piece.")
    label_url: str | None = Field(description="The address of the label at ClickPost.")
    sort_code: str | None = Field(description="The courier's sort code.")
    security_key: str | None = Field(description="The key of ClickPost's tracking page.")
    status: StatusView | None = Field(description="The status of the piece; null before its first update.")
    exception: str | None = Field(description="failed_delivery, rto, lost or damaged; null if there is none.")
    ndr: list[Failure] = Field(description="Its failed deliveries, oldest first.")


class ReturnView(View):
    """One event of a return or an exchange that the customer requested."""

    kind: str = Field(description="The event type, such as return.approved.")
    at: datetime = Field(description="When it happened.")
    code: int = Field(description="ClickPost's status code, 101 to 106.")
    name: str = Field(description="ClickPost's name of the event.")
    remark: str = Field(description="The courier's remark.")
    return_reference_number: str = Field(description="ClickPost's reference of the return.")
    return_waybill: str = Field(description="The waybill of the return parcel; empty until it is booked.")
    return_courier_partner_id: int | None = Field(
        description="ClickPost's id of the courier of the return parcel, once it is booked."
    )
    self_shipped: bool | None = Field(description="Whether the customer ships it; null if unknown.")
    items: list[dict[str, Any]] = Field(description="The returned items: sku, quantity, return_reason and so on.")


class DeliveryAttemptView(View):
    """One delivery attempt. `ended_at` is null until it ends. `no_attempt`: the courier states that it did not try."""

    began_at: datetime | None = Field(description="When it was out for delivery; null if no scan says so.")
    ended_at: datetime | None = Field(description="When it was delivered or failed; null until then.")
    delivered: bool = Field(description="Whether it was delivered.")
    ndr_code: int | None = Field(description="Why it failed: ClickPost's NDR code.")
    ndr_name: str = Field(description="The name of ndr_code; empty if there is none.")
    no_attempt: bool = Field(description="Whether the courier states that it did not try.")


class PromiseView(View):
    """An expected date of delivery: the first one, or one that differs from the previous one."""

    edd: str = Field(description="The expected day, or the courier's text.")
    stated_at: datetime = Field(description="The time of the newest scan known to the source.")
    received_at: datetime = Field(description="When awbridge received it.")
    source: str = Field(description="webhook, updated_order, track_order or report.")


class ScanView(View):
    """One scan of a timeline."""

    waybill: str = Field(description="The waybill that was scanned.")
    piece: int | None = Field(description="The piece of a multi-piece shipment, from 1; null for the shipment itself.")
    status_code: int = Field(description="ClickPost's status code.")
    status_name: str = Field(description="ClickPost's description if the code is unpublished.")
    status: str = Field(description="The courier's status text.")
    remark: str = Field(description="The courier's remark.")
    location: str = Field(description="Where it was scanned, as the courier writes it.")
    ndr_code: int | None = Field(description="Why the delivery failed: ClickPost's NDR code.")
    ndr_name: str = Field(description="The name of ndr_code; empty if there is none.")
    npr_code: int | None = Field(description="Why the pickup failed: ClickPost's code.")
    npr_description: str = Field(description="ClickPost's description of npr_code.")
    scanned_at: datetime = Field(description="When it was scanned.")
    received_at: datetime = Field(description="When awbridge received the scan.")
    source: str = Field(description="webhook, updated_order, track_order or report.")


class SpanView(View):
    """A span of time that was requested from updated-order."""

    from_at: datetime = Field(description="Its beginning.")
    to_at: datetime = Field(description="Its end.")
    covered: bool = Field(description="Whether all its pages are stored.")
    items: int = Field(description="Shipments that ClickPost returned.")
    problem: str | None = Field(description="Why the last request failed; null if it did not.")


class CourierCoverageView(View):
    """How many new scans of a courier came by webhook and by polling."""

    courier_partner_id: int = Field(description="0 if the delivery named none.")
    by_webhook: int = Field(description="New scans that came first by webhook.")
    by_polling: int = Field(description="New scans that came first by polling.")
    webhook_share: float | None = Field(description="The share of webhooks, 0 to 1; null without scans.")


def _by_courier(couriers: Mapping[int, CourierCoverage]) -> list[CourierCoverageView]:
    return [
        CourierCoverageView(
            courier_partner_id=cp_id, by_webhook=c.by_webhook, by_polling=c.by_polling, webhook_share=c.share
        )
        for cp_id, c in sorted(couriers.items())
    ]


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


_Seconds = Annotated[float | None, BeforeValidator(_seconds)]
_CourierCoverages = Annotated[list[CourierCoverageView], BeforeValidator(_by_courier)]


class CoverageView(View):
    """What polling and webhooks cover."""

    at: datetime = Field(description="The time of this answer.")
    covered_until: datetime | None = Field(description="Every minute of updated-order up to here is covered.")
    lag_seconds: _Seconds = Field(
        validation_alias="lag", description="Seconds by which complete coverage lags behind now."
    )
    spans: list[SpanView] = Field(description="The last 7 days, oldest first.")
    last_webhook_at: datetime | None = Field(description="When the last readable webhook came.")
    webhook_silence_seconds: _Seconds = Field(validation_alias="webhook_silence", description="Seconds since then.")
    found_since_last_webhook: int = Field(
        description="Scans that polling found in ten-minute slots that began after the last webhook."
    )
    last_hour: _CourierCoverages = Field(validation_alias="hour", description="New scans of the last hour, by courier.")
    last_day: _CourierCoverages = Field(validation_alias="day", description="New scans of the last day, by courier.")
    alarms: dict[str, datetime] = Field(description="Raised alarms, and since when.")
    refusals: Annotated[list[Refusal], BeforeValidator(lambda by_reason: list(by_reason.values()))] = Field(
        description="Webhooks that were refused, by reason."
    )
    silent_shipments: int = Field(description="Shipments that are no longer polled, for lack of updates.")


def status_fields(shipment: Shipment) -> dict[str, Any] | None:
    """The fields of a StatusView in their order; None before the first update."""
    if shipment.status_code is None or shipment.status_at is None:
        return None
    info = status_info(shipment.status_code, shipment.status_description or "")
    return {
        "code": shipment.status_code,
        "name": info.name,
        "bucket": info.bucket,
        "at": shipment.status_at,
        "final": shipment.final,
    }


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


def piece_views(pieces: Sequence[Piece], statuses: Sequence[PieceStatus]) -> list[PieceView]:
    """The views of the pieces, in the order of ClickPost's response that created them."""
    of_waybill = {status.waybill: status for status in statuses}
    return [_piece_view(p, of_waybill.get(p.waybill) or PieceStatus(waybill=p.waybill)) for p in pieces]


def _piece_view(piece: Piece, status: PieceStatus) -> PieceView:
    return PieceView(
        **asdict(piece), status=_piece_status(status), exception=status.exception, ndr=list(status.failures)
    )


def _piece_status(status: PieceStatus) -> StatusView | None:
    scan = status.sighting
    if scan is None or status.bucket is None:
        return None
    return StatusView(code=scan.code, name=status.name, bucket=status.bucket, at=scan.seen_at, final=scan.final)


def return_view(update: ReturnNews) -> ReturnView:
    """The view of an event of a return."""
    return ReturnView(at=update.at, code=update.code, name=update.name, remark=update.remark, **asdict(update.event))
