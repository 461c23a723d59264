"""The lists of GET /v1/shipments: which shipments each contains, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field
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


def _storable(text: str) -> str:
    """The text to search for, without the character that no database stores."""
    return text.replace("\x00", "\ufffd").strip()


_SearchText = Annotated[str, AfterValidator(_storable)]


class ShipmentQuery(BaseModel):
    """The requested list, and the page of it. At most one of the lists may be requested."""

    state: State | None = Field(None, description="Only shipments in this state.")
    stuck: bool = Field(False, description="Only those without a scan for too long, longest first.")
    sla_breached: bool = Field(False, description="Only open ones past their expected date of delivery.")
    ndr: bool = Field(False, description="Only those whose last delivery failed, oldest first.")
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, description="`next` of the previous page.")
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
        None, description="Only those with exactly this reference number, waybill or order id."
    )

    def check(self) -> None:
        """Raises HTTPException 400 where more than one list is requested."""
        chosen = [name for name, value in self if name not in ("limit", "cursor") and value not in (None, False)]
        if len(chosen) > 1:
            raise HTTPException(400, f"{' and '.join(chosen)} exclude each other; use one at a time")


async def fetch(
    session: Session, wanted: ShipmentQuery, limits: StuckAfter, *, now: datetime, after: Position | None
) -> list[Shipment]:
    """The shipments that follow `after`, in the list's order: one more than the page has, if there are more."""
    limit = wanted.limit + 1
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
    if wanted.q is not None:
        return await look_up.search(session, wanted.q, before=after, limit=limit)
    held = await accounts.held(session, now=now)
    return await lists.newest(session, state=wanted.state, before=after, limit=limit, held=held)


_ORDERED_BY: dict[str, Callable[[Shipment], datetime | None]] = {
    "stuck": silent_since,
    "sla_breached": attrgetter("edd_due_at"),
    "ndr": attrgetter("ndr_at"),
    "piece_exception": attrgetter("piece_exception_at"),
    "silent": attrgetter("aged_out_at"),
    "not_cancelled": attrgetter("cancel_requested_at"),
}


def position(wanted: ShipmentQuery, shipment: Shipment) -> Position:
    """The position of the shipment in the list."""
    at = next((ordered_by(shipment) for name, ordered_by in _ORDERED_BY.items() if getattr(wanted, name)), None)
    return at or shipment.created_at, shipment.reference_number


def _older_than(after: Position | None, found: list[Shipment]) -> list[Shipment]:
    return [s for s in found if after is None or (s.created_at, s.reference_number) < after]
