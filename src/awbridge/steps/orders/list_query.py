"""A list of shipments as callers name it: the parameters of the API, of pages and of commands, and what they mean."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from awbridge.clickpost.orders.order_facts import TAIL, digits_of_number
from awbridge.domain.moments import read_day
from awbridge.domain.orders.listing import Listing, ListKind, ShipmentFilter
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking.lifecycle import Bucket

_DAY = timedelta(days=1)
MOST_DAYS = 3650
LARGEST = 2**31 - 1


def _storable(text: str) -> str:
    """The text to search for, without the character that no database stores."""
    return text.replace("\x00", "\ufffd").strip()


def _phone(text: str) -> str:
    digits = digits_of_number(text)
    if not digits:
        raise ValueError(f"must be a phone number, or its last {TAIL} digits or more")
    return digits


def _parse_day(text: Any) -> Any:
    return read_day(text) if isinstance(text, str) else text


_Day = Annotated[date, BeforeValidator(_parse_day)]
_SearchText = Annotated[str, AfterValidator(_storable)]
_PhoneTail = Annotated[str, AfterValidator(_phone)]


class BucketName(StrEnum):
    """The buckets by name, as callers write them."""

    ORDER_PLACED = "order_placed"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    FAILED_DELIVERY = "failed_delivery"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"
    DAMAGED = "damaged"


class DeliveryType(StrEnum):
    """Which way a parcel travels, as ClickPost writes it."""

    FORWARD = "FORWARD"
    RVP = "RVP"


class ListQuery(BaseModel):
    """The requested list and its filters. At most one of the lists may be requested."""

    state: State | None = Field(None, description="Only shipments in this state.")
    stuck: bool = Field(False, description="Only those without a scan for too long, longest first.")
    sla_breached: bool = Field(False, description="Only open ones past their expected date of delivery.")
    ndr: bool = Field(False, description="Only those whose last delivery failed, oldest first.")
    silent: bool = Field(False, description="Only those that are no longer polled, for lack of updates.")
    piece_exception: bool = Field(
        False, description="Only those with a piece that is lost, damaged or returning, oldest first."
    )
    not_cancelled: bool = Field(
        False, description="Only those whose cancellation was refused or given up, oldest request first."
    )
    waybill: _SearchText | None = Field(
        None, description="Only those with this waybill: their own, of a piece, or RTO."
    )
    order_id: _SearchText | None = Field(None, description="Only those of this order.")
    q: _SearchText | None = Field(
        None, description="Only those with exactly this reference number, waybill (own, of a piece, RTO) or order id."
    )
    phone_tail: _PhoneTail | None = Field(
        None, description="Only those whose customer's phone number ends in these digits, four or more."
    )
    courier: int | None = Field(None, ge=1, le=LARGEST, description="Filter: the courier_partner_id.")
    account: _SearchText | None = Field(None, description="Filter: the courier account, such as 4:main.")
    bucket: BucketName | None = Field(None, description="Filter: the group of the tracking status.")
    failure_code: int | None = Field(
        None, ge=0, le=LARGEST, description="Filter: ClickPost's code in the newest answer to create-order."
    )
    ndr_code: int | None = Field(None, ge=0, le=LARGEST, description="Filter: why the last delivery failed.")
    cod: bool | None = Field(None, description="Filter: whether cash is collected on delivery.")
    delivery_type: DeliveryType | None = Field(None, description="Filter: FORWARD, or RVP for returns.")
    created_from: _Day | None = Field(None, description="Filter: received on this day or later.")
    created_to: _Day | None = Field(None, description="Filter: received on this day or before.")
    older_than_days: int | None = Field(
        None, ge=0, le=MOST_DAYS, description="Filter: received so many days ago or more."
    )
    newer_than_days: int | None = Field(None, ge=0, le=MOST_DAYS, description="Filter: received fewer days ago.")
    promised_from: _Day | None = Field(None, description="Filter: promised for this day or later.")
    promised_to: _Day | None = Field(None, description="Filter: promised for this day or before.")

    def listing(self, zone: ZoneInfo, now: datetime) -> Listing:
        """The list and its filters. Days are those of the zone."""
        return Listing(
            kind=next((kind for kind in ListKind if getattr(self, kind.value)), None),
            state=self.state,
            waybill=self.waybill,
            order_id=self.order_id,
            q=self.q,
            phone_tail=self.phone_tail,
            filter=self._filter(zone, now),
        )

    def _filter(self, zone: ZoneInfo, now: datetime) -> ShipmentFilter:
        starts = [_start(self.created_from, zone), _days_ago(self.newer_than_days, now)]
        ends = [_start(self.created_to, zone, days=1), _days_ago(self.older_than_days, now)]
        return ShipmentFilter(
            courier_partner_id=self.courier,
            account=self.account or None,
            bucket=Bucket[self.bucket.name].value if self.bucket else None,
            failure_code=self.failure_code,
            ndr_code=self.ndr_code,
            cod=self.cod,
            delivery_type=self.delivery_type,
            created_from=max((at for at in starts if at), default=None),
            created_before=min((at for at in ends if at), default=None),
            # A promised day is stored as its end.
            promised_from=_start(self.promised_from, zone, days=1),
            promised_before=_start(self.promised_to, zone, days=2),
        )


LISTS = (*(kind.value for kind in ListKind), "state", "waybill", "order_id", "q", "phone_tail")
FILTERS = tuple(name for name in ListQuery.model_fields if name not in LISTS)


def _start(day: date | None, zone: ZoneInfo, *, days: int = 0) -> datetime | None:
    """The start of the day, or of one `days` later."""
    if day is None:
        return None
    try:
        return datetime.combine(day + days * _DAY, time(), zone).astimezone(UTC)
    except OverflowError:
        return None


def _days_ago(days: int | None, now: datetime) -> datetime | None:
    return None if days is None else now - days * _DAY
