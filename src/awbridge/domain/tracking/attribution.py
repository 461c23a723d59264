"""Attribution: which shipment a delivery is about. Pure.

What names a waybill or a reference number is about that alone; an order id counts only where neither is named. Couriers
use waybills again, and two couriers may have the same one. Where names do not decide, the time of the newest scan does;
where that does not either, the delivery is about nobody, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from awbridge.domain.orders.shipment import State, Tracked
from awbridge.domain.tracking.scan import Scan, TrackingUpdate

MOST_USES = 20  # of one waybill at one courier that are kept apart by time; beyond it only reference numbers tell
CORRECTED_WITHIN = timedelta(days=30)  # after an end: a later scan is of another use of the waybill


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A shipment's use of a waybill. `since_at`: earlier scans are of an earlier use (None: it is the first)."""

    courier_partner_id: int
    reference_number: str
    since_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class About:
    """The shipment that is meant, and from when on the waybill is its."""

    reference_number: str
    since_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Nobody:
    """No shipment of ours is meant, as far as is known. `key`: what must become known first.

    `why` says what is ambiguous or contradicts; None where what is named is simply not known yet.
    """

    key: str
    why: str | None = None


def attribute(
    told: TrackingUpdate, uses: Sequence[Use], known: Mapping[str, Tracked], of_order: Sequence[str] = ()
) -> About | Nobody:
    """Which shipment `told` is about.

    `uses` are those of its waybill, at any courier. `known` has the shipments of `uses`, of `of_order` (those of its
    order id) and of the reference number that it names, by reference number; who is missing there is gone.
    """
    if told.waybill and uses:
        return _by_waybill(told, uses, known)
    if told.waybill or told.reference_number:
        named = known.get(told.reference_number)
        return _once_it_has_a_waybill(told, named) if named else Nobody(key_of(told))
    return _by_order(told, [known[reference] for reference in of_order if reference in known])


def key_of(told: TrackingUpdate) -> str:
    """What a delivery waits for: "w:" waybill, "r:" reference number, "o:" order id."""
    if told.waybill:
        return f"w:{told.waybill}"
    return f"r:{told.reference_number}" if told.reference_number else f"o:{told.order_id}"


def since(told: TrackingUpdate, since_at: datetime | None) -> TrackingUpdate:
    """`told` without the scans of an earlier use of its waybill; all of it where its newest scan is older than that."""
    if since_at is None or _newest(told).scanned_at < since_at:
        return told
    latest = told.latest if told.latest and told.latest.scanned_at >= since_at else None
    return replace(told, scans=tuple(s for s in told.scans if s.scanned_at >= since_at), latest=latest)


def _once_it_has_a_waybill(told: TrackingUpdate, shipment: Tracked) -> About | Nobody:
    """Scans without a waybill wait until their shipment has one: a scan's identity hangs on it."""
    return About(shipment.reference_number) if told.waybill or shipment.waybill else Nobody(key_of(told))


def _by_waybill(told: TrackingUpdate, uses: Sequence[Use], known: Mapping[str, Tracked]) -> About | Nobody:
    fitting = [use for use in uses if told.courier_partner_id in (None, use.courier_partner_id)]
    if named := known.get(told.reference_number):
        own = next((use for use in (*fitting, *uses) if use.reference_number == named.reference_number), None)
        if own or not fitting or named.waybill in (None, told.waybill):
            return About(named.reference_number, own.since_at if own else None)
        other = f"reference_number names {named.reference_number}, whose waybill is another"
        return Nobody(_ambiguous(told), f"waybill {told.waybill} belongs to {_names(fitting)}, {other}")
    if not fitting:
        holders = ", ".join(f"{use.reference_number} at courier {use.courier_partner_id}" for use in uses[:3])
        return Nobody(key_of(told), f"waybill {told.waybill} is known of {holders}, not of {told.courier_partner_id}")
    return _by_time(told, fitting, known)


def _by_time(told: TrackingUpdate, uses: Sequence[Use], known: Mapping[str, Tracked]) -> About | Nobody:
    """The use that had begun last when the newest scan was made; those before it must have been over by then."""
    at = _newest(told).scanned_at
    begun = sorted((_begins(use, known), use.reference_number, use) for use in uses)
    so_far = [use for begins, _, use in begun if begins <= at] or [begun[0][2]]
    open_ones = [use for use in so_far[:-1] if not _is_over(known.get(use.reference_number), at)]
    if open_ones or len(uses) > MOST_USES:
        why = f"waybill {told.waybill} is used by {_names([*open_ones, so_far[-1]])} at a time: no reference_number"
        return Nobody(_ambiguous(told), f"{why} of ours says which is meant")
    found = so_far[-1]
    shipment = known.get(found.reference_number)
    if shipment is None:
        return Nobody(key_of(told))
    if other := _is_another_use(told, shipment, at):
        return other
    return About(found.reference_number, found.since_at)


def _begins(use: Use, known: Mapping[str, Tracked]) -> datetime:
    shipment = known.get(use.reference_number)
    return use.since_at or (shipment.created_at if shipment else datetime.min.replace(tzinfo=UTC))


def _is_over(shipment: Tracked | None, at: datetime) -> bool:
    if shipment is None or shipment.state == State.CANCELLED:
        return True
    return shipment.final and shipment.status_at is not None and shipment.status_at <= at


def _is_another_use(told: TrackingUpdate, shipment: Tracked, at: datetime) -> Nobody | None:
    """A shipment at its end is not meant by what names another reference number, nor by a scan of weeks later."""
    if not shipment.final or shipment.status_at is None or at <= shipment.status_at:
        return None
    ended = f"waybill {told.waybill} was {shipment.reference_number}'s, which reached its end before"
    if told.reference_number:
        return Nobody(f"r:{told.reference_number}", f"{ended}; the reference_number that is named is not known here")
    if at - shipment.status_at > CORRECTED_WITHIN:
        return Nobody(key_of(told), f"{ended}, {(at - shipment.status_at).days} days before this scan")
    return None


def _by_order(told: TrackingUpdate, shipments: Sequence[Tracked]) -> About | Nobody:
    if not shipments:
        return Nobody(key_of(told))
    if len(shipments) > 1:
        names = ", ".join(sorted(s.reference_number for s in shipments)[:3])
        return Nobody(_ambiguous(told), f"order_id {told.order_id} is that of several shipments ({names}, ...)")
    one = shipments[0]
    if _contradicts(told.courier_partner_id, one.courier_partner_id or None):
        courier = f"courier {one.courier_partner_id}, not {told.courier_partner_id}"
        return Nobody(_ambiguous(told), f"order_id {told.order_id} is that of {one.reference_number} at {courier}")
    if _contradicts(told.account_code or None, one.account_code or None):
        return Nobody(
            _ambiguous(told), f"order_id {told.order_id} is that of {one.reference_number} on another account"
        )
    return _once_it_has_a_waybill(told, one)


def _contradicts(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _ambiguous(told: TrackingUpdate) -> str:
    """The key of what no new shipment settles: it looks again by itself."""
    return f"?{key_of(told)}"


def _newest(told: TrackingUpdate) -> Scan:
    return max(told.told, key=lambda scan: scan.scanned_at)


def _names(uses: Sequence[Use]) -> str:
    return " and ".join(dict.fromkeys(use.reference_number for use in uses[:4]))
