"""What an operator may do with many shipments at once, and what it means for each of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from awbridge.domain.orders.cancellation import CancelState, of_shipment
from awbridge.domain.orders.shipment import Shipment, State

MOST_AT_ONCE = 500  # shipments: a page of a list


class BulkAction(StrEnum):
    """An action on chosen shipments."""

    RETRY = "retry"
    CANCEL = "cancel"
    POLL = "poll"


RETRIED_IN = (State.RETRYING, State.HELD, State.REJECTED, State.GAVE_UP, State.WAITING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What an action would do to a shipment, as a sentence. `possible`: whether it would do anything."""

    possible: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """The result for one shipment, as a sentence. `repeated`: nothing was done, because it was requested before."""

    reference_number: str
    done: bool
    text: str
    repeated: bool = False


def consequence(action: BulkAction, shipment: Shipment) -> Consequence:
    """What would happen to this shipment. The action itself decides again, on the shipment as it is then."""
    match action:
        case BulkAction.RETRY:
            return _of_retry(shipment)
        case BulkAction.CANCEL:
            return _of_cancel(shipment)
        case BulkAction.POLL:
            return _of_poll(shipment)


def _of_retry(shipment: Shipment) -> Consequence:
    if shipment.state not in RETRIED_IN:
        return Consequence(possible=False, text=f"Nothing to retry: it is {shipment.state}.")
    if shipment.courier_partner_id == 0:
        return Consequence(possible=True, text="ClickPost is asked to recommend a courier again.")
    if shipment.state is State.REJECTED:
        return Consequence(possible=True, text="Pushed again unchanged. Correct its payload first, or it fails again.")
    return Consequence(possible=True, text="Pushed again at once, with all its retries.")


def _of_cancel(shipment: Shipment) -> Consequence:
    if shipment.state is State.CANCELLED:
        return Consequence(possible=False, text="It is cancelled already.")
    request = of_shipment(shipment)
    if request and request.state in (CancelState.ASKED, CancelState.WAITING, CancelState.RETRYING, CancelState.HELD):
        return Consequence(possible=False, text="Its cancellation is already in progress.")
    if shipment.final:
        return Consequence(possible=True, text="ClickPost is asked, but tracking shows that its journey has ended.")
    if shipment.success:
        return Consequence(possible=True, text="ClickPost is asked to cancel it with the courier.")
    if shipment.maybe_placed:
        return Consequence(possible=True, text="ClickPost is asked whether it holds it; if so, it is cancelled there.")
    return Consequence(possible=True, text="Cancelled at once: ClickPost does not hold it.")


def _of_poll(shipment: Shipment) -> Consequence:
    if shipment.waybill is None:
        return Consequence(possible=False, text="It has no AWB yet: there is nothing to poll.")
    if shipment.final:
        return Consequence(possible=False, text="Its status is final: there is nothing to poll.")
    return Consequence(possible=True, text="ClickPost is polled for it now, or two hours after the last poll.")
