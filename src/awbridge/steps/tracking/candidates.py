"""Which shipments deliveries may be about: found by waybill, order id and reference number, and locked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from awbridge.domain.tracking.attribution import Attributed, Unattributed, Use, attribute
from awbridge.domain.tracking.scan import TrackingUpdate
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments, waybills
from awbridge.store.orders.shipments import TrackedRows


@dataclass(frozen=True, slots=True)
class Candidates:
    """The locked shipments that deliveries may be about, and which of them hold each waybill and order id."""

    uses: dict[str, list[Use]]
    orders: dict[str, list[str]]
    shipments: TrackedRows

    def attribute(self, update: TrackingUpdate) -> Attributed | Unattributed:
        if (uses := self.uses.get(update.waybill)) and len(uses) == 1 and self._is_plain(update, uses[0]):
            return Attributed(uses[0].reference_number)  # as `attribute` would find
        found = self._attribute(update)
        if isinstance(found, Unattributed) and found.why is None and update.return_reference_number:
            # Its forward shipment is not ours, but the return may be.
            booked = self._attribute(update.of_booked_return())
            return booked if isinstance(booked, Attributed) else found
        return found

    def _is_plain(self, update: TrackingUpdate, use: Use) -> bool:
        """Whether the only use of the waybill decides: by the same courier, of an open shipment, no other one named."""
        rows, reference = self.shipments.rows, use.reference_number
        row = rows.get(reference)
        if (
            row is None
            or row["final"]
            or use.since_at
            or update.courier_partner_id not in (None, use.courier_partner_id)
        ):
            return False
        return update.reference_number == reference or update.reference_number not in rows

    def _attribute(self, update: TrackingUpdate) -> Attributed | Unattributed:
        uses, orders = self.uses.get(update.waybill, ()), self.orders.get(update.order_id, ())
        return attribute(update, uses, self.shipments, orders)


@dataclass(frozen=True, slots=True)
class Named:
    """Which shipments hold the waybills and order ids of updates, and all that may be meant."""

    uses: dict[str, list[Use]]
    orders: dict[str, list[str]]
    references: set[str]


async def named_by(session: Session, updates: Sequence[TrackingUpdate]) -> Named:
    """The shipments that these updates name, in whatever way; nothing is locked."""
    uses = await waybills.uses(session, [t.waybill for t in updates if t.waybill])
    by_order = [t.order_id for t in updates if t.order_id and not (t.waybill or t.reference_number)]
    orders = await shipments.of_orders(session, by_order)
    references = {name for t in updates for name in (t.reference_number, t.return_reference_number) if name}.union(
        (use.reference_number for of_waybill in uses.values() for use in of_waybill),
        (reference for references in orders.values() for reference in references),
    )
    return Named(uses, orders, references)


async def candidates_of(session: Session, named: Named, earlier: Collection[str]) -> Candidates:
    """Lock what updates name, and the shipments that their deliveries updated `earlier`."""
    locked = await shipments.lock_tracked(session, sorted(named.references.union(earlier)))
    return Candidates(named.uses, named.orders, locked)
