"""Retry, cancel or instruct the courier of many shipments at once, with a result for each."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

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
    *,
    store: Store,
    clock: Clock,
    references: Sequence[str],
    instruction: JsonObject,
    changes: Mapping[str, JsonObject] | None = None,
) -> list[BulkResult]:
    """Give the couriers of these shipments the same instruction after a failed delivery; the results in their order.

    `instruction` is the body of an NDR action; `changes` adds fields to that of some shipments, such as a new address
    or phone number. The same instruction about the same failed delivery is given once, however often it is requested.
    Raises StoreBusy.
    """
    async with store.read() as session:
        found = {s.reference_number: s for s in await shipments.get_many(session, sorted(set(references)))}
    bodies = {reference: {**instruction, **(changes or {}).get(reference, {})} for reference in references}
    return [await _instruct(store, clock, name, found.get(name), body) for name, body in bodies.items()]


def _instruction_key(shipment: Shipment | None, body: JsonObject) -> str:
    """The idempotency key of an instruction: the failed delivery, what is to be done, and a digest of what changes."""
    since = shipment.ndr_at.isoformat() if shipment and shipment.ndr_at else ""
    day = body.get("preferred_date") or ""
    more = sorted((name, value) for name, value in body.items() if name not in ("action", "preferred_date"))
    digest = hashlib.blake2b(repr(more).encode(), digest_size=8).hexdigest() if more else ""
    return f"ndr {since} {body.get('action')} {day} {digest}".strip()


async def _instruct(
    store: Store, clock: Clock, reference: str, shipment: Shipment | None, instruction: JsonObject
) -> BulkResult:
    try:
        requested = await actions.ask(
            store=store,
            clock=clock,
            kind=ActionKind.NDR,
            reference_number=reference,
            body=instruction,
            idempotency_key=_instruction_key(shipment, instruction),
        )
    except (NotFound, NotPossible, KeyTaken) as problem:
        return BulkResult(reference_number=reference, done=False, text=f"{problem}.")
    except PayloadRefused as refused:
        problems = "; ".join(f"{p.path} {p.problem}".strip() for p in refused.problems)
        return BulkResult(reference_number=reference, done=False, text=f"{problems}.")
    text = "Will be sent to the courier." if requested.created else "Was requested before; it is not sent twice."
    is_new = requested.created
    return BulkResult(reference_number=reference, done=is_new, text=text, repeated=not is_new)
