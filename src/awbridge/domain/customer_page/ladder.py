"""The steps of the progress line: those passed, the one where the parcel stands, those to come. Pure.

Their words are the texts `step.<key>` of a language.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

from awbridge.domain.customer_page.meanings import Meaning
from awbridge.domain.customer_page.parcel import CustomerParcel


class StepState(StrEnum):
    """Whether a step is passed, where the parcel stands, to come, or where it went wrong."""

    DONE = "done"
    NOW = "now"
    TO_COME = "to_come"
    WRONG = "wrong"


class ProgressStep(msgspec.Struct, frozen=True, gc=False):
    """One step, and the day on which it was reached, where known."""

    key: str
    state: StepState
    day: date | None = None


@dataclass(frozen=True, slots=True)
class _Rung:
    """A step, and the scans that reach it."""

    key: str
    reached_by: frozenset[Meaning]


def _rung(key: str, *meanings: Meaning) -> _Rung:
    return _Rung(key, frozenset(meanings))


M = Meaning
_MOVING = (M.ORIGIN_IN, M.ORIGIN_OUT, M.ON_THE_WAY, M.DELAYED, M.HELD, M.ASK_US, M.NEARBY)
_TRIED = (M.OUT_FOR_DELIVERY, M.FAILED)
_BACK_ON_THE_WAY = (
    *(M.GOING_BACK, M.GOING_BACK_ON_THE_WAY, M.GOING_BACK_DELAYED),
    *(M.GOING_BACK_ASK_US, M.GOING_BACK_NEARBY, M.GOING_BACK_FAILED),
)

_TO_THE_COURIER: Final = (
    _rung("ordered"),
    _rung("handed_over", M.REGISTERED, M.AWAITING_PICKUP, M.PICKUP_COMING, M.PICKUP_FAILED),
    _rung("picked_up", M.PICKED_UP),
)
_FORWARD: Final = (
    *_TO_THE_COURIER,
    _rung("on_the_way", *_MOVING, M.GOING_BACK_ASKED),
    _rung("out_for_delivery", *_TRIED),
    _rung("delivered", M.DELIVERED),
)
_GOES_BACK: Final = (
    *_TO_THE_COURIER,
    _rung("on_the_way", *_MOVING, *_TRIED, M.OUT_OF_AREA, M.GOING_BACK_ASKED),
    _rung("going_back", *_BACK_ON_THE_WAY),
    _rung("back", M.BACK),
)
_EXCHANGE: Final = (
    *_TO_THE_COURIER,
    _rung("on_the_way", *_MOVING, *_TRIED),
    _rung("exchange_picked_up", M.DELIVERED, M.EXCHANGE_PICKED_UP),
    _rung("exchange_on_the_way", M.EXCHANGE_ON_THE_WAY),
    _rung("exchange_done", M.EXCHANGE_DONE),
)
_RETURN: Final = (
    _rung("return_arranged", M.REGISTERED, M.AWAITING_PICKUP, M.PICKUP_COMING, M.PICKUP_FAILED, M.OUT_OF_AREA),
    _rung("return_collected", M.PICKED_UP),
    _rung("return_on_the_way", *_MOVING, *_TRIED),
    _rung("return_received", M.DELIVERED),
)
_ALL_RUNGS: Final = (*_FORWARD, *_GOES_BACK[4:], *_EXCHANGE[4:], *_RETURN)
# By the meaning of a scan: the steps that it reaches, and whether the last such scan does, as of a delivery.
_REACHES: Final = {
    meaning: tuple((rung.key, M.DELIVERED in rung.reached_by) for rung in _ALL_RUNGS if meaning in rung.reached_by)
    for meaning in Meaning
}
_EXCHANGED = frozenset({M.EXCHANGE_PICKED_UP, M.EXCHANGE_ON_THE_WAY, M.EXCHANGE_DONE})
_GONE_BACK = frozenset({*_BACK_ON_THE_WAY, M.BACK})
_ENDED_WRONG: Final = {M.CANCELLED: "cancelled", M.DAMAGED: "damaged", M.LOST: "lost", M.EXPIRED: "expired"}


def steps_of(parcel: CustomerParcel, *, refund: bool = False) -> tuple[ProgressStep, ...]:
    """The steps of a parcel. `refund`: its return is to be paid back, which is the last step."""
    ladder = _ladder(parcel)
    days = _first_days(parcel)
    end = "replaced" if parcel.is_replaced else _ENDED_WRONG.get(parcel.status or M.ON_THE_WAY)
    if not end and parcel.is_cancelled and parcel.status not in (M.DELIVERED, M.BACK, M.EXCHANGE_DONE):
        end = "cancelled"
    at = _place(ladder, parcel)
    if end:
        passed = _passed(ladder[: at + 1], days)
        return (*passed, ProgressStep(key=end, state=StepState.WRONG, day=_day(_ended_at(parcel))))
    steps = [*_passed(ladder[:at], days), _now(ladder, at, parcel, days)]
    steps += [ProgressStep(rung.key, StepState.TO_COME) for rung in ladder[at + 1 :]]
    if parcel.is_return and refund:
        is_there = parcel.status is M.DELIVERED
        steps.append(ProgressStep(key="refund", state=StepState.NOW if is_there else StepState.TO_COME))
    return tuple(steps)


def _ladder(parcel: CustomerParcel) -> Sequence[_Rung]:
    if parcel.is_return and parcel.status not in _GONE_BACK:
        return _RETURN
    if parcel.is_return:
        return (*_RETURN[:3], _rung("return_going_back", *_BACK_ON_THE_WAY), _rung("return_back", M.BACK))
    if parcel.status in _GONE_BACK:
        return _GOES_BACK
    return _EXCHANGE if parcel.status in _EXCHANGED else _FORWARD


def _place(ladder: Sequence[_Rung], parcel: CustomerParcel) -> int:
    """The step where the parcel stands. Where its status names none, the furthest that a scan reached."""
    if parcel.status is M.OUT_OF_AREA and not parcel.is_return:
        return next(place for place, rung in enumerate(ladder) if rung.key == "on_the_way")
    by_status = next((place for place, rung in enumerate(ladder) if parcel.status in rung.reached_by), None)
    if by_status is not None:
        return by_status
    seen = {scan.meaning for scan in parcel.scans}
    reached = [place for place, rung in enumerate(ladder) if rung.reached_by & seen]
    at_least = 1 if parcel.placed_at and not parcel.is_return else 0
    return max([at_least, *reached]) if parcel.status or not parcel.is_return else at_least


def _now(ladder: Sequence[_Rung], at: int, parcel: CustomerParcel, days: dict[str, date]) -> ProgressStep:
    """The step where the parcel stands: the last one is done, a failed delivery is wrong."""
    rung = ladder[at]
    if parcel.status is M.FAILED and not parcel.is_return:
        return ProgressStep(key="failed", state=StepState.WRONG, day=_day(parcel.status_at))
    state = StepState.DONE if at == len(ladder) - 1 else StepState.NOW
    return ProgressStep(key=rung.key, state=state, day=days.get(rung.key))


def _passed(rungs: Iterable[_Rung], days: dict[str, date]) -> list[ProgressStep]:
    return [ProgressStep(rung.key, StepState.DONE, days.get(rung.key)) for rung in rungs]


def _first_days(parcel: CustomerParcel) -> dict[str, date]:
    """On which day each step was reached first; of the delivery, the last."""
    first: dict[Meaning, datetime] = {}
    last: dict[Meaning, datetime] = {}
    for scan in parcel.scans:
        meaning, at = scan.meaning, scan.at
        known = first.get(meaning)
        if known is None:
            first[meaning] = last[meaning] = at
        elif at < known:
            first[meaning] = at
        elif at > last[meaning]:
            last[meaning] = at
    reached: dict[str, datetime] = {}
    for meaning, earliest in first.items():
        for key, by_last in _REACHES.get(meaning, ()):
            at = last[meaning] if by_last else earliest
            known = reached.get(key)
            if known is None or at < known:
                reached[key] = at
    days: dict[str, date] = {key: at.date() for key, at in reached.items()}
    days["ordered"] = parcel.ordered_at.date()
    if parcel.placed_at:
        days["handed_over"] = days["return_arranged"] = parcel.placed_at.date()
    return days


def _ended_at(parcel: CustomerParcel) -> datetime | None:
    return parcel.status_at if parcel.status in _ENDED_WRONG else parcel.cancelled_at


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None
