"""Retry, cancel or instruct the courier of many shipments at once, with a result for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from awbridge.domain.errors import KeyTaken, NotFound, NotPossible, PayloadRefused
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.action import ActionKind
from awbridge.domain.orders.bulk import BulkAction, BulkResult
from awbridge.domain.orders.shipment import Shipment, State
from awbridge.steps.orders import actions, intake
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.orders import shipments


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


async def instruct(
    *, store: Store, clock: Clock, references: Sequence[str], instruction: JsonObject
) -> list[BulkResult]:
    """Give the couriers of these shipments the same instruction after a failed delivery; the results in their order.

    `instruction` is the body of an NDR action. The same instruction about the same failed delivery is given once,
    however often it is requested. Raises StoreBusy.
    """
    async with store.read() as session:
        found = {s.reference_number: s for s in await shipments.get_many(session, sorted(set(references)))}
    return [await _instruct(store, clock, reference, found.get(reference), instruction) for reference in references]


async def _instruct(
    store: Store, clock: Clock, reference: str, shipment: Shipment | None, instruction: JsonObject
) -> BulkResult:
    since = shipment.ndr_at.isoformat() if shipment and shipment.ndr_at else ""
    day = instruction.get("preferred_date") or ""
    try:
        requested = await actions.ask(
            store=store,
            clock=clock,
            kind=ActionKind.NDR,
            reference_number=reference,
            body=instruction,
            idempotency_key=f"ndr {since} {instruction.get('action')} {day}".strip(),
        )
    except (NotFound, NotPossible, KeyTaken) as problem:
        return BulkResult(reference_number=reference, done=False, text=f"{problem}.")
    except PayloadRefused as refused:
        problems = "; ".join(f"{p.path} {p.problem}".strip() for p in refused.problems)
        return BulkResult(reference_number=reference, done=False, text=f"{problems}.")
    text = "Will be sent to the courier." if requested.created else "Was requested before; it is not sent twice."
    return BulkResult(reference_number=reference, done=requested.created, text=text)
