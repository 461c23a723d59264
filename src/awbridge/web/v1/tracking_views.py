"""The JSON of what tracking tells beside a shipment's own status: its pieces, and returns that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from awbridge.domain.orders.shipment import Piece
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.steps.tracking.shipment_details import ReturnNews


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
