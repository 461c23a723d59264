"""The shipments that hold a waybill already: couriers reuse a number once its journey has ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from awbridge.clickpost.wire.tracking_codes import status_info
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.tracking.attribution import CORRECTED_WITHIN
from awbridge.domain.tracking.timeline import Entry
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments, waybills
from awbridge.store.tracking import scans

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A waybill for a shipment, and the courier that issued it."""

    waybill: str
    courier_partner_id: int
    reference_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """The other shipments that have a waybill at the same courier, by reference number.

    `live` is one whose journey has not ended. `ended` maps the others to the time of their end; None: before any scan.
    """

    waybill: str
    live: str | None = None
    ended: Mapping[str, datetime | None] = field(default_factory=dict[str, datetime | None])

    @property
    def refusal(self) -> str | None:
        """Why no other shipment can have the waybill now; None where one can."""
        if self.live is None:
            return None
        return (
            f"waybill {self.waybill} is known already: it belongs to shipment {self.live}, which is "
            "under way. Another can have it once that one has reached its end or is cancelled"
        )

    @property
    def warning(self) -> str | None:
        """That the waybill belonged to another shipment before; None where it did not."""
        if self.live or not self.ended:
            return None
        before = ", ".join(list(self.ended)[:3])
        return (
            f"waybill {self.waybill} was used before, by {before}, which is at its end: scans go to the new shipment "
            "by reference number and by time. Where the number is wrong, cancel this one"
        )

    def free_since(self, now: datetime) -> datetime | None:
        """From when on scans of the waybill belong to the new shipment; None where it was not used before.

        Its journey may have begun before it was recorded here: after the end of the previous one, but not weeks ago.
        """
        ends = [at for at in self.ended.values() if at]
        return min(now, max(max(ends) + _SECOND, now - CORRECTED_WITHIN)) if ends else None


async def holders_of(session: Session, wanted: Collection[Wanted]) -> Mapping[Wanted, Holders]:
    """The holders of these waybills at these couriers, other than the shipments that want them."""
    if not wanted:
        return {}
    uses = await waybills.find(session, [one.waybill for one in wanted])
    named = sorted({use.reference_number for found in uses.values() for use in found})
    known = {s.reference_number: s for s in await shipments.get_many(session, named)}
    timelines = await scans.entries(session, [r for r, s in known.items() if not _is_over(s)])

    def found(one: Wanted) -> Holders:
        holding = [
            known[use.reference_number]
            for use in uses.get(one.waybill, ())
            if use.courier_partner_id == one.courier_partner_id
            and use.reference_number != one.reference_number
            and use.reference_number in known
        ]
        ended_before = {
            s.reference_number: _first_end(one.waybill, timelines[s.reference_number])
            for s in holding
            if s.reference_number in timelines
        }
        live = next((reference for reference, at in ended_before.items() if at is None), None)
        ended = {s.reference_number: s.status_at for s in holding if s.reference_number not in ended_before}
        return Holders(waybill=one.waybill, live=live, ended=ended | ended_before)

    return {one: found(one) for one in wanted}


async def holders(session: Session, waybill: str, courier: int, reference_number: str) -> Holders:
    """`holders_of` for one."""
    wanted = Wanted(waybill, courier, reference_number)
    return (await holders_of(session, [wanted]))[wanted]


def _is_over(shipment: Shipment) -> bool:
    return shipment.final or shipment.state is State.CANCELLED


def _first_end(waybill: str, timeline: Iterable[Entry]) -> datetime | None:
    """When a journey that continues had ended before: later scans may belong to the next parcel."""
    ends = [e.seen_at for e in timeline if e.waybill == waybill and status_info(e.code).final and not e.return_event]
    return min(ends, default=None)
