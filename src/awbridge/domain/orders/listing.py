"""Which shipments a list contains: a list of its own order, a state or all, and filters that combine. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from awbridge.domain.orders.shipment import Shipment, State


class ListKind(StrEnum):
    """A list with an order of its own: what needs attention, by how long it has needed it."""

    STUCK = "stuck"
    LATE = "sla_breached"
    NDR = "ndr"
    PIECES = "piece_exception"
    SILENT = "silent"
    NOT_CANCELLED = "not_cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentFilter:
    """What the shipments of a list must have in common. None: anything. Times are aware; `..._before` is exclusive.

    `account`: the key of a courier account, such as "4:main". `bucket`: the group of its tracking status.
    `failure_code`: ClickPost's code in its newest answer to create-order, of a shipment that is not placed.
    `promised_from`, `promised_before`: the end of the promised day.
    """

    courier_partner_id: int | None = None
    account: str | None = None
    bucket: int | None = None
    failure_code: int | None = None
    ndr_code: int | None = None
    cod: bool | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    promised_from: datetime | None = None
    promised_before: datetime | None = None
    delivery_type: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every shipment matches."""
        return all(getattr(self, field.name) is None for field in fields(self))

    def matches(self, shipment: Shipment, failure_code: int | None) -> bool:
        """Whether a shipment has all of it. `failure_code`: the code of its newest answer to create-order."""
        equal = (
            (self.courier_partner_id, shipment.courier_partner_id),
            (self.account, shipment.account),
            (self.bucket, shipment.status_bucket),
            (self.failure_code, None if shipment.success else failure_code),
            (self.ndr_code, shipment.ndr_code),
            (self.cod, shipment.cod),
            (self.delivery_type, shipment.delivery_type),
        )
        return (
            all(wanted is None or wanted == value for wanted, value in equal)
            and _within(shipment.created_at, self.created_from, self.created_before)
            and _within(shipment.edd_due_at, self.promised_from, self.promised_before)
        )


def _within(at: datetime | None, start: datetime | None, before: datetime | None) -> bool:
    if start is None and before is None:
        return True
    return at is not None and (start is None or at >= start) and (before is None or at < before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list of shipments: of a `kind`, of a `state`, with one of the identifiers, or all; and what it is filtered by.

    `phone_tail`: the last four or more digits of the customer's phone number. `q`: a reference number, waybill or
    order id. At most one of all but `filter` is set.
    """

    kind: ListKind | None = None
    state: State | None = None
    waybill: str | None = None
    order_id: str | None = None
    q: str | None = None
    phone_tail: str | None = None
    filter: ShipmentFilter = ShipmentFilter()
