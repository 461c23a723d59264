"""Attribution: decides which shipment a tracking update belongs to. Pure.

A waybill or a reference number decides alone; an order id counts only if the update names neither. Couriers reuse
waybills, and two couriers can issue the same waybill. If identifiers do not decide, the time of the newest scan does.
If that does not decide either, the update stays unattributed, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from awbridge.domain.orders.shipment import State, Tracked
from awbridge.domain.tracking.scan import Scan, TrackingUpdate

MOST_USES = 20  # uses of one waybill at one courier that time can separate; beyond it only reference numbers decide
CORRECTED_WITHIN = timedelta(days=30)  # after a final status; a later scan belongs to another use of the waybill


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A shipment's use of a waybill. Scans before `since_at` belong to an earlier use (None: this is the first use)."""

    courier_partner_id: int
    reference_number: str
    since_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attributed:
    """The shipment that an update belongs to, and the start of its use of the waybill."""

    reference_number: str
    since_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unattributed:
    """No known shipment matches. `key` names what must become known first.

    `why` explains an ambiguity or a contradiction; None if the identifiers are simply not known yet.
    """

    key: str
    why: str | None = None


def attribute(
    update: TrackingUpdate, uses: Sequence[Use], known: Mapping[str, Tracked], of_order: Sequence[str] = ()
) -> Attributed | Unattributed:
    """Return the shipment that `update` belongs to.

    `uses` are all uses of its waybill, at any courier. `known` maps reference numbers to shipments: those of `uses`, of
    `of_order` (the shipments of its order id) and the one it names. A shipment missing from `known` was deleted.
    """
    if update.waybill and uses:
        return _by_waybill(update, uses, known)
    if update.waybill or update.reference_number:
        named = known.get(update.reference_number)
        return _once_it_has_a_waybill(update, named) if named else Unattributed(key_of(update))
    return _by_order(update, [known[reference] for reference in of_order if reference in known])


def key_of(update: TrackingUpdate) -> str:
    """The key that a delivery waits for: "w:" waybill, "r:" reference number, "o:" order id."""
    if update.waybill:
        return f"w:{update.waybill}"
    return f"r:{update.reference_number}" if update.reference_number else f"o:{update.order_id}"


def since(update: TrackingUpdate, since_at: datetime | None) -> TrackingUpdate:
    """Drop the scans of an earlier use of the waybill. An update whose newest scan is older is returned unchanged."""
    if since_at is None or _newest(update).scanned_at < since_at:
        return update
    latest = update.latest if update.latest and update.latest.scanned_at >= since_at else None
    return replace(update, scans=tuple(s for s in update.scans if s.scanned_at >= since_at), latest=latest)


def _once_it_has_a_waybill(update: TrackingUpdate, shipment: Tracked) -> Attributed | Unattributed:
    """Scans without a waybill wait until their shipment has one, because a scan's identity includes the waybill."""
    return Attributed(shipment.reference_number) if update.waybill or shipment.waybill else Unattributed(key_of(update))


def _by_waybill(update: TrackingUpdate, uses: Sequence[Use], known: Mapping[str, Tracked]) -> Attributed | Unattributed:
    fitting = [use for use in uses if update.courier_partner_id in (None, use.courier_partner_id)]
    if named := known.get(update.reference_number):
        own = next((use for use in (*fitting, *uses) if use.reference_number == named.reference_number), None)
        if own or not fitting or named.waybill in (None, update.waybill):
            return Attributed(named.reference_number, own.since_at if own else None)
        other = f"but reference_number {named.reference_number} has another waybill"
        return Unattributed(_ambiguous(update), f"waybill {update.waybill} belongs to {_names(fitting)}, {other}")
    if not fitting:
        holders = ", ".join(f"{use.reference_number} at courier {use.courier_partner_id}" for use in uses[:3])
        why = f"waybill {update.waybill} is known for {holders}, not for courier {update.courier_partner_id}"
        return Unattributed(key_of(update), why)
    return _by_time(update, fitting, known)


def _by_time(update: TrackingUpdate, uses: Sequence[Use], known: Mapping[str, Tracked]) -> Attributed | Unattributed:
    """The latest use that had begun when the newest scan was made. All earlier uses must have ended by then."""
    at = _newest(update).scanned_at
    begun = sorted((_begins(use, known), use.reference_number, use) for use in uses)
    so_far = [use for begins, _, use in begun if begins <= at] or [begun[0][2]]
    open_ones = [use for use in so_far[:-1] if not _is_over(known.get(use.reference_number), at)]
    if open_ones or len(uses) > MOST_USES:
        why = f"waybill {update.waybill} is in use by {_names([*open_ones, so_far[-1]])} at the same time"
        return Unattributed(_ambiguous(update), f"{why} and no known reference_number decides")
    found = so_far[-1]
    shipment = known.get(found.reference_number)
    if shipment is None:
        return Unattributed(key_of(update))
    if other := _is_another_use(update, shipment, at):
        return other
    return Attributed(found.reference_number, found.since_at)


def _begins(use: Use, known: Mapping[str, Tracked]) -> datetime:
    shipment = known.get(use.reference_number)
    return use.since_at or (shipment.created_at if shipment else datetime.min.replace(tzinfo=UTC))


def _is_over(shipment: Tracked | None, at: datetime) -> bool:
    if shipment is None or shipment.state == State.CANCELLED:
        return True
    return shipment.final and shipment.status_at is not None and shipment.status_at <= at


def _is_another_use(update: TrackingUpdate, shipment: Tracked, at: datetime) -> Unattributed | None:
    """An ended shipment gets no update that names another reference number, nor one with a scan of weeks later."""
    if not shipment.final or shipment.status_at is None or at <= shipment.status_at:
        return None
    ended = f"waybill {update.waybill} belonged to {shipment.reference_number}, which had already ended"
    if update.reference_number:
        return Unattributed(f"r:{update.reference_number}", f"{ended}; reference_number is not known here")
    if at - shipment.status_at > CORRECTED_WITHIN:
        return Unattributed(key_of(update), f"{ended}, {(at - shipment.status_at).days} days before this scan")
    return None


def _by_order(update: TrackingUpdate, shipments: Sequence[Tracked]) -> Attributed | Unattributed:
    if not shipments:
        return Unattributed(key_of(update))
    if len(shipments) > 1:
        names = ", ".join(sorted(s.reference_number for s in shipments)[:3])
        return Unattributed(_ambiguous(update), f"order_id {update.order_id} has several shipments ({names}, ...)")
    one = shipments[0]
    if _contradicts(update.courier_partner_id, one.courier_partner_id or None):
        courier = f"courier {one.courier_partner_id}, not {update.courier_partner_id}"
        return Unattributed(_ambiguous(update), f"order_id {update.order_id} is {one.reference_number} at {courier}")
    if _contradicts(update.account_code or None, one.account_code or None):
        why = f"order_id {update.order_id} is {one.reference_number} on another account"
        return Unattributed(_ambiguous(update), why)
    return _once_it_has_a_waybill(update, one)


def _contradicts(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _ambiguous(update: TrackingUpdate) -> str:
    """The key of an ambiguity, which no new shipment resolves: the delivery is retried on a schedule."""
    return f"?{key_of(update)}"


def _newest(update: TrackingUpdate) -> Scan:
    return max(update.all_scans, key=lambda scan: scan.scanned_at)


def _names(uses: Sequence[Use]) -> str:
    return " and ".join(dict.fromkeys(use.reference_number for use in uses[:4]))
