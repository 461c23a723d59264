"""Milestones, tries to deliver, failed deliveries (NDR) and pickups (NPR) of a shipment, out of its scans. Pure.

All of it is computed from the scans when somebody looks, so that no order of arrival can make a difference. Which
milestone overtakes which stands here too: people are told of them in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

ONE_ATTEMPT = timedelta(hours=12)  # scans of one try to deliver lie closer together than those of two


class Milestone(StrEnum):
    """What a customer, or a company's own system, is told of."""

    AWB_GENERATED = "awb_generated"
    OUT_FOR_PICKUP = "out_for_pickup"
    SHIPPED = "shipped"
    OUT_FOR_DELIVERY = "out_for_delivery"
    FAILED_DELIVERY = "failed_delivery"
    DELIVERED = "delivered"
    RTO_STARTED = "rto_started"
    RTO_DELIVERED = "rto_delivered"
    CANCELLED = "cancelled"
    LOST = "lost"
    DAMAGED = "damaged"
    DELAYED = "delayed"
    STUCK = "stuck"


# These happen more than once, and each time counts.
REPEATED = frozenset({Milestone.OUT_FOR_DELIVERY, Milestone.FAILED_DELIVERY})

# Those along the way, in order. Being late or stuck is no place on the way: it overtakes nothing.
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

# Of a return the customer is the one who hands the parcel over: its way to the warehouse's door is no news to them.
FOR_RETURNS = frozenset(
    {
        Milestone.AWB_GENERATED,
        Milestone.OUT_FOR_PICKUP,
        Milestone.SHIPPED,
        Milestone.DELIVERED,
        Milestone.CANCELLED,
        Milestone.DAMAGED,
        Milestone.LOST,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEvent:
    """A scan as far as milestones go. `moving`: the parcel is on its way out, so somebody has picked it up.

    `attempt`: it belongs to a try to deliver. `ndr_code` is the reason told with it, `ndr_name` that in words;
    `no_attempt` says that by this reason nobody came. `pickup_failed`, `npr_code` and `npr_name`: the same of a pickup.
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
    words: str = ""
    pickup_failed: bool = False
    npr_code: int | None = None
    npr_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A milestone and when it was reached; `ndr_code` and `words` are those of the scan that shows it."""

    milestone: Milestone
    at: datetime
    ndr_code: int | None = None
    words: str = ""


def in_order(happenings: Iterable[StatusEvent]) -> list[StatusEvent]:
    """The same happenings, oldest first, whatever order they came in."""
    return sorted(happenings, key=_place_in_time)


def _place_in_time(h: StatusEvent) -> tuple[datetime, int, int, int, int, str]:
    return h.at, h.step, h.code, h.ndr_code or 0, h.npr_code or 0, h.words


def reached(
    happenings: Iterable[StatusEvent], *, placed_at: datetime | None = None, stuck_since: datetime | None = None
) -> list[Reached]:
    """The milestones of a shipment, oldest first. Each counts once, but each try to deliver for itself.

    `placed_at`: when the waybill was got. `stuck_since`: since when it stands still, where it counts as stuck now.
    """
    story = in_order(happenings)
    found = [Reached(milestone=Milestone.AWB_GENERATED, at=placed_at)] if placed_at else []
    seen = {r.milestone for r in found}
    for h in story:
        if h.milestone and (h.milestone not in seen or h.milestone in REPEATED):
            seen.add(h.milestone)
            found.append(Reached(milestone=h.milestone, at=h.at, ndr_code=h.ndr_code, words=h.words))
    moving = next((h for h in story if h.moving), None)
    if moving and Milestone.SHIPPED not in seen:  # no scan says so, but it has left
        found.append(Reached(milestone=Milestone.SHIPPED, at=moving.at, words=moving.words))
    if stuck_since:
        found.append(Reached(milestone=Milestone.STUCK, at=stuck_since))
    return sorted(found, key=lambda r: r.at)


def reached_by_all(
    ways: Sequence[Sequence[StatusEvent]], *, placed_at: datetime | None = None, stuck_since: datetime | None = None
) -> list[Reached]:
    """The milestones of a shipment of which each of several pieces tells: reached when the last piece reached them."""
    if len(ways) == 1:
        return reached(ways[0], placed_at=placed_at, stuck_since=stuck_since)
    of_pieces = [_firsts(way) for way in ways]
    common = [m for m in Milestone if of_pieces and all(m in firsts for firsts in of_pieces)]
    found = [max((firsts[m] for firsts in of_pieces), key=lambda r: r.at) for m in common]
    return sorted([*found, *reached((), placed_at=placed_at, stuck_since=stuck_since)], key=lambda r: r.at)


def _firsts(way: Sequence[StatusEvent]) -> dict[Milestone, Reached]:
    return {r.milestone: r for r in reversed(reached(way))}


def first(found: Iterable[Reached], milestone: Milestone) -> datetime | None:
    """When a milestone was reached first; None when it was not."""
    return next((r.at for r in found if r.milestone is milestone), None)


def overtaken_by(milestone: Milestone, reached: Iterable[Milestone]) -> Milestone | None:
    """The latest of the reached milestones, if it lies behind this one on the way; None where none does."""
    places = [place for other in reached if (place := _PLACE.get(other)) is not None]
    here = _PLACE.get(milestone)
    limit = here if here is not None else _NO_MORE_LATENESS - 1
    latest = max(places, default=-1)
    return JOURNEY[latest] if latest > limit else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One try to deliver: when the courier set out (None where no scan says so), and how it ended, if it has."""

    began_at: datetime | None
    ended_at: datetime | None = None
    delivered: bool = False
    ndr_code: int | None = None
    ndr_name: str = ""
    no_attempt: bool = False

    @property
    def _last_at(self) -> datetime | None:
        return self.ended_at or self.began_at

    def goes_on(self, at: datetime) -> bool:
        """Whether a scan of that time may still belong to this try."""
        return self._last_at is not None and at - self._last_at < ONE_ATTEMPT


def attempts(happenings: Iterable[StatusEvent]) -> list[DeliveryAttempt]:
    """Every try to deliver, oldest first. Scans of one try are one: out for delivery, failed or delivered."""
    made: list[DeliveryAttempt] = []
    for h in in_order(happenings):
        if not h.attempt:
            continue
        last = made[-1] if made else None
        if h.milestone is Milestone.OUT_FOR_DELIVERY:
            if last is None or last.ended_at or not last.goes_on(h.at):
                made.append(DeliveryAttempt(began_at=h.at))
            continue
        if last is None or last.delivered or not (last.goes_on(h.at) or last.ended_at is None):
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
    """How often the courier really came: a failure whose reason is that nobody tried does not count."""
    return sum(not attempt.no_attempt for attempt in made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One report of a delivery that failed (NDR). The code may have been told by a later scan, before the next try."""

    at: datetime
    ndr_code: int | None
    ndr_name: str
    words: str


def failures(happenings: Iterable[StatusEvent]) -> list[Failure]:
    """Every failed delivery with its reason, oldest first."""
    found: list[Failure] = []
    for h in in_order(happenings):
        if h.milestone is Milestone.FAILED_DELIVERY or (h.ndr_code and not found):
            found.append(Failure(at=h.at, ndr_code=h.ndr_code, ndr_name=h.ndr_name, words=h.words))
        elif h.ndr_code and not found[-1].ndr_code:
            found[-1] = replace(found[-1], ndr_code=h.ndr_code, ndr_name=h.ndr_name)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PickupFailure:
    """One report of a pickup that failed (NPR). The code may have been told by a later scan, before the next try."""

    at: datetime
    npr_code: int | None
    npr_name: str
    words: str


def pickup_failures(happenings: Iterable[StatusEvent]) -> list[PickupFailure]:
    """Every failed pickup with its reason, oldest first."""
    found: list[PickupFailure] = []
    for h in in_order(happenings):
        if h.pickup_failed or (h.npr_code and not found):
            found.append(PickupFailure(at=h.at, npr_code=h.npr_code, npr_name=h.npr_name, words=h.words))
        elif h.npr_code and not found[-1].npr_code:
            found[-1] = replace(found[-1], npr_code=h.npr_code, npr_name=h.npr_name)
    return found
