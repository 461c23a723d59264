"""Retry or cancel many shipments at once, with a result for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from awbridge.domain.errors import NotFound, NotPossible
from awbridge.domain.orders.bulk import BulkAction
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.steps.orders import intake
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """What became of one shipment, as a sentence."""

    reference_number: str
    done: bool
    text: str


async def _retry(store: Store, clock: Clock, reference: str) -> str:
    shipment = await intake.retry(store=store, clock=clock, reference_number=reference)
    return "Waiting for a courier." if shipment.state is State.ALLOCATING else "Will be pushed again at once."


async def _cancel(store: Store, clock: Clock, reference: str) -> str:
    shipment: Shipment = await intake.cancel(store=store, clock=clock, reference_number=reference)
    return "Cancelled." if shipment.state is State.CANCELLED else "Being cancelled at ClickPost."


_STEPS: dict[BulkAction, Callable[[Store, Clock, str], Awaitable[str]]] = {
    BulkAction.RETRY: _retry,
    BulkAction.CANCEL: _cancel,
}


async def act_on(*, store: Store, clock: Clock, action: BulkAction, references: Sequence[str]) -> list[BulkResult]:
    """Retry or cancel each of these shipments; the results in the same order.

    Each is a transaction of its own: what is not possible for one does not prevent the others. Raises ValueError for
    polling, which belongs to another step, and StoreBusy.
    """
    if action not in _STEPS:
        raise ValueError(f"{action} is not an action of this step")
    return [await _one(store, clock, action, reference) for reference in references]


async def _one(store: Store, clock: Clock, action: BulkAction, reference: str) -> BulkResult:
    try:
        text = await _STEPS[action](store, clock, reference)
    except (NotFound, NotPossible) as problem:
        return BulkResult(reference_number=reference, done=False, text=f"{problem}.")
    return BulkResult(reference_number=reference, done=True, text=text)
