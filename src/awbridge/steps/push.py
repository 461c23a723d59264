"""Push: registers due shipments with ClickPost. Claim, call, record; no transaction is open during a call.

A killed worker loses its lease, nothing else: another takes the shipment up and ClickPost answers the repeated
reference number with 323 and the waybill of the first call.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import stamina
import structlog

from awbridge.clickpost.answers import OrderAnswer
from awbridge.clickpost.orders import create_order_request
from awbridge.domain import events as happened
from awbridge.domain.errors import StoreBusy
from awbridge.domain.json import JsonObject
from awbridge.domain.outcome import Misconfigured, Outcome, Pending, Placed, Rejected, TryLater, Unknown
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS, delay_before_retry
from awbridge.domain.shipment import Region, Shipment, State
from awbridge.steps.clock import Clock
from awbridge.store import Store, attempts, events, shipments
from awbridge.store.shipments import NotPlaced

log = structlog.get_logger()

_NAMES: dict[type[Outcome], str] = {
    Placed: "placed",
    Pending: "pending",
    TryLater: "try_later",
    Unknown: "unknown",
    Rejected: "rejected",
    Misconfigured: "misconfigured",
}


class PlacesOrders(Protocol):
    """What push needs of the vendor."""

    async def create_order(self, order: JsonObject, /, *, region: Region = Region.INDIA) -> OrderAnswer:
        """Register one shipment. Never raises for what the vendor does."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPolicy:
    """How push tries and waits. Seconds, unless said otherwise."""

    batch: int = 50
    concurrency: int = 20
    lease: timedelta = timedelta(seconds=120)
    retry_delays: Sequence[float] = DEFAULT_RETRY_DELAYS
    waiting: timedelta = timedelta(seconds=30)
    waiting_deadline: timedelta = timedelta(hours=1)
    hold: timedelta = timedelta(minutes=5)
    ask_after: timedelta = timedelta(days=1)


async def push_due(*, store: Store, clickpost: PlacesOrders, clock: Clock, policy: PushPolicy) -> int:
    """Register the shipments that are due, one batch; how many were claimed."""
    owner = uuid.uuid4().hex
    now = clock()
    async with store.write() as session:
        claimed = await shipments.claim(session, owner=owner, now=now, until=now + policy.lease, limit=policy.batch)
        claimed, more_probes = _one_probe_per_account(claimed)
        for shipment in more_probes:
            rest = NotPlaced(
                state=State.HELD,
                no_of_retries=shipment.no_of_retries,
                problem=shipment.problem,
                next_try_at=now + 2 * policy.hold,
            )
            await shipments.not_placed(session, shipment.reference_number, owner, rest, now=now)
    seats = asyncio.Semaphore(policy.concurrency)

    async def push_one(shipment: Shipment) -> None:
        async with seats:
            if clock() >= now + policy.lease:
                return  # not ours any more: whoever holds it now calls
            answer = await clickpost.create_order(create_order_request(shipment), region=shipment.region)
            # The call is made and must be kept: a database that stumbles is tried a few times. If it stays away,
            # the lease runs out and the repeated call brings the same answer as 323.
            async for attempt in stamina.retry_context(on=StoreBusy, attempts=6, timeout=20.0):
                with attempt:
                    await _record(store, shipment, owner, answer, clock(), policy)

    # One shipment's trouble must not cut off another's call: all end, then the first trouble is told.
    results = await asyncio.gather(*map(push_one, claimed), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return len(claimed)


def _one_probe_per_account(claimed: Sequence[Shipment]) -> tuple[list[Shipment], list[Shipment]]:
    """(those to push, those that wait for the probe): of an account's held shipments only the first is tried."""
    probed: set[tuple[int, str | None]] = set()
    pushed: list[Shipment] = []
    waiting: list[Shipment] = []
    for shipment in claimed:
        account = (shipment.courier_partner_id, shipment.account_code)
        if shipment.state is State.HELD and account in probed:
            waiting.append(shipment)
        else:
            pushed.append(shipment)
            if shipment.state is State.HELD:
                probed.add(account)
    return pushed, waiting


async def _record(
    store: Store, shipment: Shipment, owner: str, answer: OrderAnswer, now: datetime, policy: PushPolicy
) -> None:
    outcome = answer.outcome
    reference = shipment.reference_number
    async with store.write() as session:
        await attempts.add(session, answer.call, reference_number=reference, outcome=_NAMES[type(outcome)], made_at=now)
        if isinstance(outcome, Placed):
            note = _note(shipment, outcome)
            ask_at = now + policy.ask_after
            kept = await shipments.place(session, shipment, outcome, note=note, now=now, next_ask_at=ask_at)
            if kept:
                told = happened.placed(shipment, outcome.waybill, label_url=outcome.label_url, now=now)
                await events.write(session, [told], now=now)
            if kept and await shipments.cancel_is_asked(session, reference):
                await shipments.cancel(session, reference, now=now)
        else:
            if isinstance(outcome, Misconfigured):
                # The others of the account rest twice as long, so that this one goes first and alone.
                until = now + 2 * policy.hold
                await shipments.hold_account(session, shipment, problem=outcome.message, until=until, now=now)
            decided = decide(shipment, outcome, now, policy)
            kept = await shipments.not_placed(session, reference, owner, decided, now=now)
            if kept:
                told = happened.stopped(shipment, decided.state, decided.problem, now=now)
                await events.write(session, told, now=now)
            if kept and isinstance(outcome, Rejected) and await shipments.cancel_is_asked(session, reference):
                await shipments.cancel(session, reference, now=now)  # somebody asked while the call was out
        if shipment.state is State.HELD and isinstance(outcome, Placed | Pending):
            await shipments.release_account(session, shipment, now=now)
    _tell(shipment, outcome)


def decide(shipment: Shipment, outcome: Outcome, now: datetime, policy: PushPolicy) -> NotPlaced:
    """What becomes of a shipment that this try did not place. Pure."""
    tries = shipment.no_of_retries
    match outcome:
        case Rejected():
            state = State.CANCELLED if shipment.cancel_asked_at else State.REJECTED
            return NotPlaced(state=state, no_of_retries=tries, problem=_rejection(outcome), next_try_at=None)
        case Misconfigured():
            return NotPlaced(
                state=State.HELD, no_of_retries=tries, problem=outcome.message, next_try_at=now + policy.hold
            )
        case Pending():
            since = shipment.waiting_since_at or now
            if now - since < policy.waiting_deadline:
                return NotPlaced(
                    state=State.WAITING,
                    no_of_retries=tries,
                    problem=None,
                    next_try_at=now + policy.waiting,
                    waiting_since_at=since,
                )
            hours = policy.waiting_deadline.total_seconds() / 3600
            return _retry(tries + 1, f"the courier did not finish within {hours:g} h", now, policy)
        case TryLater(counts=False):
            # Those that were turned away together do not come back together.
            wait = max(outcome.retry_after or 0.0, 1.0) * random.uniform(1.0, 1.5)  # noqa: S311
            again_at = now + timedelta(seconds=wait)
            return NotPlaced(state=State.RETRYING, no_of_retries=tries, problem=outcome.message, next_try_at=again_at)
        case TryLater():
            return _retry(tries + 1, outcome.message, now, policy, at_least=outcome.retry_after)
        case Unknown():
            return _retry(tries + 1, outcome.message, now, policy)
        case Placed():
            raise AssertionError("a placed shipment needs no decision")


def _retry(
    failures: int, problem: str, now: datetime, policy: PushPolicy, *, at_least: float | None = None
) -> NotPlaced:
    delay = delay_before_retry(policy.retry_delays, failures, at_least=at_least)
    if delay is None:
        return NotPlaced(state=State.GAVE_UP, no_of_retries=failures, problem=problem, next_try_at=None)
    return NotPlaced(state=State.RETRYING, no_of_retries=failures, problem=problem, next_try_at=now + delay)


def _rejection(outcome: Rejected) -> str:
    fields = f" (see {', '.join(outcome.fields)})" if outcome.fields else ""
    return f"{outcome.message}{fields}"


def _note(shipment: Shipment, placed: Placed) -> str | None:
    """What a person should know of a placed shipment: where ClickPost holds something else than was asked for."""
    if placed.courier_partner_id not in (None, shipment.courier_partner_id):
        return (
            f"asked for courier partner {shipment.courier_partner_id}, "
            f"but ClickPost holds the order at {placed.courier_partner_id}"
        )
    changed_at, sent_at = shipment.payload_changed_at, shipment.sent_at
    if placed.already and changed_at and sent_at and sent_at < changed_at:
        return (
            "ClickPost had placed an earlier payload of this reference number already and holds that one; "
            "the change did not reach it. Cancel this shipment and send a new one if the change matters."
        )
    return None


def _tell(shipment: Shipment, outcome: Outcome) -> None:
    fields = {"reference": shipment.reference_number, "tries": shipment.no_of_retries + 1}
    if isinstance(outcome, Placed):
        log.info("shipment.placed", waybill=outcome.waybill, already=outcome.already, **fields)
    elif isinstance(outcome, Pending):
        log.debug("shipment.waiting", **fields)
    else:
        log.warning(f"shipment.{_NAMES[type(outcome)]}", **fields)
