"""Milestones, delivery attempts, failed deliveries (NDR) and failed pickups (NPR), derived from scans. Pure.

Everything is computed from the scans on read, so the order of arrival makes no difference. The order in which
milestones overtake each other is defined here too; notices follow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

ONE_ATTEMPT = timedelta(hours=12)  # scans of one delivery attempt are closer together than those of two


class Milestone(StrEnum):
    """What customers and webhook subscribers are notified about."""

    AWB_GENERATED = "awb_generated"
    """It has a waybill."""
    OUT_FOR_PICKUP = "out_for_pickup"
    """The courier is on its way to the pickup."""
    SHIPPED = "shipped"
    """It was picked up, or is on its way."""
    OUT_FOR_DELIVERY = "out_for_delivery"
    """It is out for delivery. Each time counts."""
    FAILED_DELIVERY = "failed_delivery"
    """A delivery failed. Each time counts."""
    DELIVERED = "delivered"
    """It was delivered."""
    RTO_STARTED = "rto_started"
    """It returns to its sender."""
    RTO_DELIVERED = "rto_delivered"
    """It is back at its sender."""
    CANCELLED = "cancelled"
    """It was cancelled."""
    LOST = "lost"
    """It is lost."""
    DAMAGED = "damaged"
    """It is damaged."""
    DELAYED = "delayed"
    """It is past its expected day."""
    STUCK = "stuck"
    """It had no scan for too long."""


# These can happen more than once; each time counts.
REPEATED = frozenset({Milestone.OUT_FOR_DELIVERY, Milestone.FAILED_DELIVERY})

# The journey, in order. Being late or stuck is not a place on it and overtakes nothing.
JOURNEY = (
    Milestone.AWB_GENERATED,
    Milestone.OUT_FOR_PICKUP,
    Milestone.SHIPPED,
    Milestone.OUT_FOR_DELIVERY,
    Milestone.FAILED_DELIVERY,
    Milestone.DELIVERED,
    Milestone.RTO_STARTED,
    Milestone.RTO_DELIVERED,
    Milestone.CANCELLED,
    Milestone.DAMAGED,
    Milestone.LOST,
)
_PLACE = {milestone: place for place, milestone in enumerate(JOURNEY)}
_NO_MORE_LATENESS = _PLACE[Milestone.DELIVERED]

# For a return, the customer hands the parcel over; the last leg to the warehouse is not their concern.
FOR_RETURNS = frozenset(JOURNEY) - REPEATED - {Milestone.RTO_STARTED, Milestone.RTO_DELIVERED}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent:
    """What a scan means for milestones. `moving`: the parcel is in transit, so it has been picked up.

    `attempt`: the scan belongs to a delivery attempt. `ndr_code` is the reported reason, `ndr_name` its name;
    `no_attempt`: by this reason the courier did not come. `pickup_failed`, `npr_code` and `npr_name`: likewise.
    """

    at: datetime
    step: int
    code: int
    milestone: Milestone | None = None
    moving: bool = False
    attempt: bool = False
    ndr_code: int | None = None
    ndr_name: str = ""
    no_attempt: bool = False
    remark: str = ""
    pickup_failed: bool = False
    npr_code: int | None = None
    npr_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A milestone and when it was reached; `ndr_code` and `remark` are those of its scan."""

    milestone: Milestone
    at: datetime
    ndr_code: int | None = None
    remark: str = ""


def in_order(events: Iterable[StatusEvent]) -> list[StatusEvent]:
    """The events by time, oldest first."""
    return sorted(events, key=lambda h: (h.at, h.step, h.code, h.ndr_code or 0, h.npr_code or 0, h.remark))


def reached(
    events: Iterable[StatusEvent], *, placed_at: datetime | None = None, stuck_since: datetime | None = None
) -> list[Reached]:
    """The milestones of a shipment, oldest first. Each counts once; those of delivery attempts count each time.

    `placed_at`: when the waybill was received. `stuck_since`: since when the shipment is stuck, if it is.
    """
    ordered = in_order(events)
    found = [Reached(milestone=Milestone.AWB_GENERATED, at=placed_at)] if placed_at else []
    seen = {r.milestone for r in found}
    for h in ordered:
        if h.milestone and (h.milestone not in seen or h.milestone in REPEATED):
            seen.add(h.milestone)
            found.append(Reached(milestone=h.milestone, at=h.at, ndr_code=h.ndr_code, remark=h.remark))
    moving = next((h for h in ordered if h.moving), None)
    if moving and Milestone.SHIPPED not in seen:  # no scan says "shipped", but it is in transit
        found.append(Reached(milestone=Milestone.SHIPPED, at=moving.at, remark=moving.remark))
    if stuck_since:
        found.append(Reached(milestone=Milestone.STUCK, at=stuck_since))
    return sorted(found, key=lambda r: r.at)


def reached_by_all(
    pieces: Sequence[Sequence[StatusEvent]], *, placed_at: datetime | None = None, stuck_since: datetime | None = None
) -> list[Reached]:
    """The milestones of a multi-piece shipment: each is reached when the last piece reaches it."""
    if len(pieces) == 1:
        return reached(pieces[0], placed_at=placed_at, stuck_since=stuck_since)
    of_pieces = [_firsts(events) for events in pieces]
    common = [m for m in Milestone if of_pieces and all(m in firsts for firsts in of_pieces)]
    found = [max((firsts[m] for firsts in of_pieces), key=lambda r: r.at) for m in common]
    return sorted([*found, *reached((), placed_at=placed_at, stuck_since=stuck_since)], key=lambda r: r.at)


def _firsts(events: Sequence[StatusEvent]) -> dict[Milestone, Reached]:
    return {r.milestone: r for r in reversed(reached(events))}


def first(found: Iterable[Reached], milestone: Milestone) -> datetime | None:
    """When a milestone was first reached; None if it was not."""
    return next((r.at for r in found if r.milestone is milestone), None)


def overtaken_by(milestone: Milestone, reached: Iterable[Milestone]) -> Milestone | None:
    """The latest reached milestone, if it comes after this one on the journey; else None."""
    places = [place for other in reached if (place := _PLACE.get(other)) is not None]
    here = _PLACE.get(milestone)
    limit = here if here is not None else _NO_MORE_LATENESS - 1
    latest = max(places, default=-1)
    return JOURNEY[latest] if latest > limit else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One delivery attempt: when it began (None if no scan says so), and how it ended, if it has."""

    began_at: datetime | None
    ended_at: datetime | None = None
    delivered: bool = False
    ndr_code: int | None = None
    ndr_name: str = ""
    no_attempt: bool = False

    def includes(self, at: datetime) -> bool:
        """Whether a scan at that time may still belong to this attempt."""
        last_at = self.ended_at or self.began_at
        return last_at is not None and at - last_at < ONE_ATTEMPT


def attempts(events: Iterable[StatusEvent]) -> list[DeliveryAttempt]:
    """Every delivery attempt, oldest first. Its scans are out for delivery, failed or delivered."""
    made: list[DeliveryAttempt] = []
    for h in in_order(events):
        if not h.attempt:
            continue
        last = made[-1] if made else None
        if h.milestone is Milestone.OUT_FOR_DELIVERY:
            if last is None or last.ended_at or not last.includes(h.at):
                made.append(DeliveryAttempt(began_at=h.at))
            continue
        if last is None or last.delivered or not (last.includes(h.at) or last.ended_at is None):
            last = DeliveryAttempt(began_at=None)
            made.append(last)
        made[-1] = _ended(last, h)
    return made


def _ended(attempt: DeliveryAttempt, h: StatusEvent) -> DeliveryAttempt:
    if h.milestone is Milestone.DELIVERED:
        return replace(attempt, ended_at=h.at, delivered=True, ndr_code=None, ndr_name="", no_attempt=False)
    return replace(
        attempt,
        ended_at=attempt.ended_at or h.at,
        ndr_code=h.ndr_code or attempt.ndr_code,
        ndr_name=h.ndr_name or attempt.ndr_name,
        no_attempt=h.no_attempt or attempt.no_attempt,
    )


def count_made(made: Sequence[DeliveryAttempt]) -> int:
    """How often the courier came. A failure whose reason is that no attempt was made does not count."""
    return sum(not attempt.no_attempt for attempt in made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failed delivery (NDR). A later scan before the next attempt may supply the code."""

    at: datetime
    ndr_code: int | None
    ndr_name: str
    remark: str


def failures(events: Iterable[StatusEvent]) -> list[Failure]:
    """Every failed delivery with its reason, oldest first."""
    found: list[Failure] = []
    for h in in_order(events):
        if h.milestone is Milestone.FAILED_DELIVERY or (h.ndr_code and not found):
            found.append(Failure(at=h.at, ndr_code=h.ndr_code, ndr_name=h.ndr_name, remark=h.remark))
        elif h.ndr_code and not found[-1].ndr_code:
            found[-1] = replace(found[-1], ndr_code=h.ndr_code, ndr_name=h.ndr_name)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupFailure:
    """One failed pickup (NPR). A later scan before the next attempt may supply the code."""

    at: datetime
    npr_code: int | None
    npr_name: str
    remark: str


def pickup_failures(events: Iterable[StatusEvent]) -> list[PickupFailure]:
    """Every failed pickup with its reason, oldest first."""
    found: list[PickupFailure] = []
    for h in in_order(events):
        if h.pickup_failed or (h.npr_code and not found):
            found.append(PickupFailure(at=h.at, npr_code=h.npr_code, npr_name=h.npr_name, remark=h.remark))
        elif h.npr_code and not found[-1].npr_code:
            found[-1] = replace(found[-1], npr_code=h.npr_code, npr_name=h.npr_name)
    return found
