"""The lists of GET /v1/shipments: which shipments each contains, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.exceptions import HTTPException

from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.tracking.overdue import StuckAfter, silent_since
from awbridge.steps.orders import look_up
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Session
from awbridge.store.orders import lists
from awbridge.store.polling import polls
from awbridge.store.registration import cancellations

Position = tuple[datetime, str]  # the time and the reference number of the last shipment of a page


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentFilter:
    """The list that the caller requested. At most one field may be set."""

    state: State | None = None
    stuck: bool = False
    sla_breached: bool = False
    ndr: bool = False
    silent: bool = False
    not_cancelled: bool = False
    piece_exception: bool = False
    waybill: str | None = None
    order_id: str | None = None

    def check(self) -> None:
        """Raises HTTPException 400 where more than one is set."""
        chosen = [name for name in self.__slots__ if getattr(self, name) not in (None, False)]
        if len(chosen) > 1:
            raise HTTPException(400, f"{' and '.join(chosen)} exclude each other; use one at a time")


async def fetch(
    session: Session, wanted: ShipmentFilter, limits: StuckAfter, *, now: datetime, after: Position | None, limit: int
) -> list[Shipment]:
    """The shipments that follow `after`, in the list's order."""
    if wanted.stuck:
        return await lists.stuck(session, limits, now=now, after=after, limit=limit)
    if wanted.sla_breached:
        return await lists.sla_breached(session, now=now, after=after, limit=limit)
    if wanted.ndr:
        return await lists.in_ndr(session, after=after, limit=limit)
    if wanted.piece_exception:
        return await lists.piece_exceptions(session, after=after, limit=limit)
    if wanted.silent:
        return await polls.aged_out(session, before=after, limit=limit)
    if wanted.not_cancelled:
        return [*await cancellations.need_a_person(session, after=after, limit=limit)]
    if wanted.waybill is not None:
        return _older_than(after, await look_up.of_waybill(session, wanted.waybill))[:limit]
    if wanted.order_id is not None:
        return await lists.newest_of_order(session, wanted.order_id, before=after, limit=limit)
    held = await accounts.held(session, now=now)
    return await lists.newest(session, state=wanted.state, before=after, limit=limit, held=held)


def position(wanted: ShipmentFilter, shipment: Shipment) -> Position:
    """The position of the shipment in the list."""
    return _ordered_by(wanted, shipment) or shipment.created_at, shipment.reference_number


def _ordered_by(wanted: ShipmentFilter, shipment: Shipment) -> datetime | None:
    if wanted.stuck:
        return silent_since(shipment)
    if wanted.sla_breached:
        return shipment.edd_due_at
    if wanted.ndr:
        return shipment.ndr_at
    if wanted.piece_exception:
        return shipment.piece_exception_at
    if wanted.silent:
        return shipment.aged_out_at
    return shipment.cancel_requested_at if wanted.not_cancelled else None


def _older_than(after: Position | None, found: list[Shipment]) -> list[Shipment]:
    return [s for s in found if after is None or (s.created_at, s.reference_number) < after]
