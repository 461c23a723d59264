"""From what is known of a parcel to what a customer is told: where it stands, its steps, its expected day. Pure.

The words are chosen in `view`; here everything is a key of a language's texts, a day or a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter

import msgspec

from awbridge.domain.customer_page.ladder import ProgressStep, steps_of
from awbridge.domain.customer_page.meanings import Meaning, Reason
from awbridge.domain.customer_page.parcel import CustomerParcel, Sighted
from awbridge.domain.customer_page.stage import STAGES, STAGES_OF_RETURNS, ParcelStage

MOST_EVENTS = 60  # of one parcel: a page is short


class Arriving(StrEnum):
    """When a parcel on its way is expected, if not late. The words of the days differ."""

    TODAY = "today"
    TOMORROW = "tomorrow"
    ON_A_DAY = "on_a_day"


class Expected(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The expected day. `first`: the one named first, if another. `changes`: how often it changed."""

    day: date
    first: date | None = None
    changes: int = 0
    is_missed: bool = False


class ParcelBox(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One box of a parcel of several: where it stands, since when, where it was seen last."""

    stage: ParcelStage
    at: datetime | None
    place: str
    reason: Reason


class Event(msgspec.Struct, frozen=True, gc=False):
    """One or several equal scans: what happened, where, when last."""

    meaning: Meaning
    place: str
    reason: Reason
    at: datetime


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer is told of one parcel.

    `stage_at`: since when it stands there. `seen`: the newest scan that names a place. `days`: what happened, by day,
    newest first. `arriving`: set while the stage is ON_THE_WAY and a day is expected. `is_today`: the stage was reached
    on the day of the page.
    """

    parcel: CustomerParcel
    stage: ParcelStage
    stage_at: datetime | None
    is_today: bool
    seen: Sighted | None
    steps: tuple[ProgressStep, ...]
    expected: Expected | None
    arriving: Arriving | None
    reason: Reason
    boxes: tuple[ParcelBox, ...]
    days: tuple[tuple[date, tuple[Event, ...]], ...]

    @property
    def has_refund(self) -> bool:
        """Whether money is to be paid back."""
        return any(seen.refund for seen in self.parcel.returns)


_NOTHING_EXPECTED = frozenset(
    {ParcelStage.DELIVERED, ParcelStage.EXPIRED, ParcelStage.CANCELLED, ParcelStage.DAMAGED, ParcelStage.LOST}
)
_FAILED = frozenset({ParcelStage.FAILED, ParcelStage.OUT_OF_AREA})
_LATE_IF_MISSED = frozenset({ParcelStage.PICKED_UP, ParcelStage.ON_THE_WAY, ParcelStage.NEARBY, ParcelStage.DELAYED})
_SILENT_IF_STUCK = frozenset({*_LATE_IF_MISSED, ParcelStage.OUT_FOR_DELIVERY, ParcelStage.HELD, ParcelStage.FAILED})


def journey_of(parcel: CustomerParcel, *, today: date, refund: bool = False) -> Journey:
    """What a customer is told of one parcel on this day. `refund`: the order's return is to be paid back."""
    stage = _stage(parcel)
    expected = _expected(parcel, stage, today)
    if stage in _LATE_IF_MISSED and expected and expected.is_missed:
        stage = ParcelStage.LATE
    if parcel.is_stuck and (stage in _SILENT_IF_STUCK or stage is ParcelStage.LATE):
        stage = ParcelStage.NO_NEWS
    at = _stage_at(parcel, stage)
    scans = sorted(parcel.scans, key=_rank, reverse=True)
    return Journey(
        parcel=parcel,
        stage=stage,
        stage_at=at,
        is_today=at is not None and at.date() == today,
        seen=next((s for s in scans if s.place), None),
        steps=steps_of(parcel, refund=refund or any(r.refund for r in parcel.returns)),
        expected=expected,
        arriving=_arriving(stage, expected, today),
        reason=_reason(parcel, stage),
        boxes=tuple(_box(parcel, waybill, stage) for waybill in parcel.boxes) if len(parcel.boxes) > 1 else (),
        days=_by_day(scans),
    )


def _stage(parcel: CustomerParcel) -> ParcelStage:
    if parcel.is_replaced:
        return ParcelStage.REPLACED
    found = _stage_of(parcel.status, is_return=parcel.is_return)
    if parcel.is_cancelled and found not in _NOTHING_EXPECTED and found is not ParcelStage.RETURN_RECEIVED:
        return ParcelStage.RETURN_CANCELLED if parcel.is_return else ParcelStage.CANCELLED
    if found:
        return found
    if parcel.is_return:
        return ParcelStage.RETURN_ARRANGED
    return ParcelStage.HANDED_OVER if parcel.is_placed else ParcelStage.PREPARING


def _stage_of(status: Meaning | None, *, is_return: bool) -> ParcelStage | None:
    if status is None:
        return None
    return (STAGES_OF_RETURNS.get(status) if is_return else None) or STAGES[status]


def _stage_at(parcel: CustomerParcel, stage: ParcelStage) -> datetime | None:
    if stage in (ParcelStage.CANCELLED, ParcelStage.RETURN_CANCELLED) and parcel.status is not Meaning.CANCELLED:
        return parcel.cancelled_at or parcel.status_at
    return parcel.status_at or parcel.placed_at or parcel.ordered_at


def _reason(parcel: CustomerParcel, stage: ParcelStage) -> Reason:
    """Why the newest delivery failed, as long as that is where the parcel stands."""
    if stage is not ParcelStage.FAILED:
        return Reason.UNKNOWN
    failed = [s for s in parcel.scans if s.meaning is Meaning.FAILED and s.reason is not Reason.UNKNOWN]
    return parcel.reason if parcel.reason is not Reason.UNKNOWN or not failed else max(failed, key=_rank).reason


def _expected(parcel: CustomerParcel, stage: ParcelStage, today: date) -> Expected | None:
    """The expected day of a parcel that is still to be delivered. Of a return, no day is expected by the customer."""
    goes_back = stage in (ParcelStage.GOING_BACK, ParcelStage.GOING_BACK_ASKED, ParcelStage.BACK, ParcelStage.REPLACED)
    exchanged = stage in (ParcelStage.EXCHANGE_PICKED_UP, ParcelStage.EXCHANGE_ON_THE_WAY, ParcelStage.EXCHANGE_DONE)
    if not parcel.promised or stage in _NOTHING_EXPECTED or goes_back or exchanged or parcel.is_return:
        return None
    first, now = parcel.promised[0], parcel.promised[-1]
    if stage in _FAILED and parcel.status_at and now <= parcel.status_at.date():
        return None  # the day on which it failed is not expected any more
    return Expected(
        day=now,
        first=first if first != now else None,
        changes=len(parcel.promised) - 1,
        is_missed=now < today,
    )


def _arriving(stage: ParcelStage, expected: Expected | None, today: date) -> Arriving | None:
    if (
        expected is None
        or expected.is_missed
        or stage not in (ParcelStage.ON_THE_WAY, ParcelStage.PICKED_UP, ParcelStage.NEARBY)
    ):
        return None
    distance = (expected.day - today).days
    if distance < 2:
        return Arriving.TOMORROW if distance else Arriving.TODAY
    return Arriving.ON_A_DAY if stage is ParcelStage.ON_THE_WAY else None


def _box(parcel: CustomerParcel, waybill: str, whole: ParcelStage) -> ParcelBox:
    """A box by its own scans; without any, it stands where the scans of the whole parcel say."""
    own = [s for s in parcel.scans if s.box == waybill]
    newest = max(own or [s for s in parcel.scans if s.box not in parcel.boxes], key=_rank, default=None)
    if newest is None or parcel.is_cancelled or parcel.is_replaced:
        unseen = ParcelStage.RETURN_ARRANGED if parcel.is_return else ParcelStage.HANDED_OVER
        stage = unseen if parcel.status and not parcel.is_cancelled and not parcel.is_replaced else whole
        return ParcelBox(stage=stage, at=None, place="", reason=Reason.UNKNOWN)
    place = max((s for s in own if s.place), key=_rank, default=None)
    stage = _stage_of(newest.meaning, is_return=parcel.is_return)
    assert stage is not None
    return ParcelBox(stage=stage, at=newest.at, place=place.place if place else "", reason=newest.reason)


_rank = attrgetter("at", "final", "step", "meaning")


def _by_day(newest_first: Iterable[Sighted]) -> tuple[tuple[date, tuple[Event, ...]], ...]:
    """The scans by day. Scans that say the same one after another are one, with the time of the last."""
    days: list[tuple[date, tuple[Event, ...]]] = []
    events: list[Event] = []
    of: date | None = None
    shown = 0
    for scan in newest_first:
        if shown >= MOST_EVENTS:
            break
        meaning, place, at = scan.meaning, scan.place, scan.at
        day = at.date()
        if day == of:
            if events[-1].meaning is meaning and events[-1].place == place:
                continue
        elif of:
            days.append((of, tuple(events)))
            events = []
        of = day
        events.append(Event(meaning, place, scan.reason, at))
        shown += 1
    return (*days, (of, tuple(events))) if of else ()


def summary(journeys: Sequence[Journey]) -> tuple[str, Mapping[str, int]]:
    """The headline over several parcels: its key, and its numbers. ("", {}) if the first parcel's serves for all."""
    forward = [j for j in journeys if not j.parcel.is_return and j.stage is not ParcelStage.REPLACED]
    if len(forward) < 2:
        return "", {}
    done = sum(j.stage is ParcelStage.DELIVERED for j in forward)
    if done == len(forward):
        return "headline.all_delivered", {"count": done}
    if done:
        return "headline.some_delivered", {"done": done, "count": len(forward)}
    if len({j.stage for j in forward}) == 1:
        return "", {}
    return "headline.several", {"count": len(forward)}
