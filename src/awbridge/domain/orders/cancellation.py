"""The cancellation of a shipment that ClickPost holds: where it stands, and what ends it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.tracking.milestones import Milestone


class CancelState(StrEnum):
    """Where a cancellation stands.

    asked ──> cancelled       ClickPost, or tracking, says so
      │  ├──> waiting         the courier was asked (202): ClickPost is asked again until a deadline
      │  ├──> retrying        a failure that passes: next delay of the list
      │  ├──> held            key or account at fault: again later, until the same deadline
      │  ├──> refused         ClickPost refuses it: needs a person
      │  ├──> gave_up         tries or time used up: needs a person
      └─────> overtaken       tracking shows another end: delivered, lost, or on its way back (RTO)
    """

    ASKED = "asked"
    WAITING = "waiting"
    RETRYING = "retrying"
    HELD = "held"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    GAVE_UP = "gave_up"
    OVERTAKEN = "overtaken"


NEEDS_A_PERSON = (CancelState.REFUSED, CancelState.GAVE_UP)
FAILED = (*NEEDS_A_PERSON, CancelState.OVERTAKEN)  # over, and the shipment is not cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A cancellation as it is shown, in the terms of create-order."""

    state: CancelState
    success: bool
    no_of_retries: int
    next_try_at: datetime | None
    problem: str | None
    requested_at: datetime


def of_shipment(shipment: Shipment) -> Cancellation | None:
    """The cancellation of a shipment; None where nobody asked for one."""
    if shipment.cancel_requested_at is None:
        return None
    state = _state(shipment)
    return Cancellation(
        state=state,
        success=state is CancelState.CANCELLED,
        no_of_retries=shipment.cancel_tries,
        next_try_at=shipment.next_try_at,
        problem=None if state is CancelState.CANCELLED else shipment.problem,
        requested_at=shipment.cancel_requested_at,
    )


def _state(shipment: Shipment) -> CancelState:
    if shipment.state is State.CANCELLED:
        return CancelState.CANCELLED
    if shipment.state is State.GAVE_UP:  # push could not learn whether there is anything to cancel
        return CancelState.GAVE_UP
    return CancelState(shipment.cancel_state) if shipment.cancel_state else CancelState.ASKED


@dataclass(frozen=True, slots=True)
class Ending:
    """How tracking ended a cancellation: CANCELLED, or OVERTAKEN and why."""

    state: CancelState
    problem: str | None = None


def ended_by_tracking(*, milestone: Milestone | None, final: bool, status: str) -> Ending | None:
    """What the current status says of a cancellation that was asked for; None while it says nothing.

    A parcel that goes back to its sender was cancelled too late: couriers make an RTO of that.
    """
    if milestone is Milestone.CANCELLED:
        return Ending(CancelState.CANCELLED)
    if milestone in (Milestone.RTO_STARTED, Milestone.RTO_DELIVERED):
        return Ending(
            CancelState.OVERTAKEN, f"not cancelled: it had left already and goes back to its sender ({status})"
        )
    if final:
        return Ending(CancelState.OVERTAKEN, f"not cancelled: its journey ended otherwise ({status})")
    return None
