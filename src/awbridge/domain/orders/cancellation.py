"""The cancellation of a shipment that ClickPost holds: its states, and how tracking ends it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from awbridge.domain.orders.shipment import Shipment, State
from awbridge.domain.tracking.milestones import Milestone


class CancelState(StrEnum):
    """The state of a cancellation.

    asked ──> cancelled       ClickPost or tracking confirms it
      │  ├──> waiting         the courier was asked (202); repeated until a deadline
      │  ├──> retrying        transient failure; backoff
      │  ├──> held            key or account at fault; repeated until the same deadline
      │  ├──> refused         ClickPost refused it; needs a person
      │  ├──> gave_up         retries or time exhausted; needs a person
      └─────> overtaken       tracking shows another end: delivered, lost or RTO
    """

    ASKED = "asked"
    """Requested; ClickPost is not asked yet."""
    WAITING = "waiting"
    """The courier was asked (202) and has not confirmed; asked again until a deadline."""
    RETRYING = "retrying"
    """A transient failure; retried after the next delay."""
    HELD = "held"
    """The key or the account is at fault; repeated until the same deadline."""
    CANCELLED = "cancelled"
    """ClickPost or tracking confirms it."""
    REFUSED = "refused"
    """ClickPost refused it; a person is needed."""
    GAVE_UP = "gave_up"
    """The retries or the time are used up; a person is needed."""
    OVERTAKEN = "overtaken"
    """Tracking shows another end: delivered, lost, or on its way back."""


NEEDS_A_PERSON = (CancelState.REFUSED, CancelState.GAVE_UP)
FAILED = (*NEEDS_A_PERSON, CancelState.OVERTAKEN)  # ended without cancelling the shipment


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """A cancellation as callers see it, in the terms of create-order."""

    state: CancelState
    success: bool
    no_of_retries: int
    next_try_at: datetime | None
    problem: str | None
    requested_at: datetime


def of_shipment(shipment: Shipment) -> Cancellation | None:
    """The cancellation of a shipment; None if none was requested."""
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
    if shipment.state is State.GAVE_UP:  # push could not find out whether there is anything to cancel
        return CancelState.GAVE_UP
    return CancelState(shipment.cancel_state) if shipment.cancel_state else CancelState.ASKED


@dataclass(frozen=True, slots=True)
class Ending:
    """How tracking ended a cancellation: CANCELLED, or OVERTAKEN and why."""

    state: CancelState
    problem: str | None = None


def ended_by_tracking(*, milestone: Milestone | None, final: bool, status: str) -> Ending | None:
    """How the current status ends a requested cancellation; None while it does not.

    A parcel cancelled too late returns to its sender: couriers turn it into an RTO.
    """
    if milestone is Milestone.CANCELLED:
        return Ending(CancelState.CANCELLED)
    if milestone in (Milestone.RTO_STARTED, Milestone.RTO_DELIVERED):
        return Ending(
            CancelState.OVERTAKEN,
            f"not cancelled: the parcel was already in transit and returns to its sender ({status})",
        )
    if final:
        return Ending(CancelState.OVERTAKEN, f"not cancelled: the shipment ended otherwise ({status})")
    return None
