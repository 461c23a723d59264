"""Cancel: cancels placed shipments at ClickPost. Every cancellation ends.

It ends by ClickPost's answer, by tracking (see cancellation.py), or at a deadline: then a person must act.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol, TypeAlias

import structlog

from awbridge.clickpost.wire.answers import CancelAnswer
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.notify import events as happened
from awbridge.domain.notify.events import ShipmentEvent
from awbridge.domain.orders.cancellation import FAILED, CancelState
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS, NotDone, delay_before_retry
from awbridge.steps.records.actions_ended import end_actions_by_cancelling
from awbridge.steps.records.cancellation import end_by_tracking
from awbridge.steps.records.unrecorded import Unrecorded, kept_if_away
from awbridge.steps.runtime import traces
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import LeasePolicy
from awbridge.steps.runtime.work import until_recorded
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.engine.database import Session
from awbridge.store.notify import events
from awbridge.store.orders import shipments
from awbridge.store.registration import cancellations

log = structlog.get_logger()

_Undone: TypeAlias = NotDone[CancelState]

CONFIRM_AFTER = timedelta(minutes=5)  # after "accepted, done later", and while key or account are at fault
LONGEST_PAUSE = timedelta(hours=6)  # between two tries: each pause is as long as the time since the first


class CancelsOrders(Protocol):
    """The ClickPost call that cancel needs."""

    async def cancel_order(
        self, waybill: str, cp_id: int, account_code: str, *, update_status: bool = False
    ) -> CancelAnswer:
        """Cancel one shipment by its waybill; with `update_status` ClickPost's tracking says so too."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelPolicy(LeasePolicy):
    """How cancellations are tried.

    `deadline`: how long after the first call it may take, where the courier was asked or the account is at fault.
    `update_status` has ClickPost set the tracking status too (`manually_update_status`).
    """

    retry_delays: Sequence[float] = DEFAULT_RETRY_DELAYS
    deadline: timedelta = timedelta(days=3)
    update_status: bool = False
    batch: int = 20


async def cancel_due(
    *,
    store: Store,
    clickpost: CancelsOrders,
    clock: Clock,
    policy: CancelPolicy,
    unrecorded: Unrecorded | None = None,
) -> int:
    """Cancel placed shipments on request, one batch; how many were claimed.

    Answers that the database does not take are kept as `unrecorded`; the calls are made again.
    """
    owner = uuid.uuid4().hex
    now = clock()
    lease = policy.begin(now)
    async with store.write() as session:
        claimed = await shipments.claim_cancels(session, owner=owner, now=now, until=lease.until, limit=policy.batch)
    for shipment in claimed:
        if not lease.allows(clock()):
            break  # it is claimed again
        with traces.calling("cancel", shipment.reference_number):
            answer = await clickpost.cancel_order(
                shipment.waybill or "",
                shipment.courier_partner_id,
                shipment.account_code or "",
                update_status=policy.update_status,
            )
        decided = None if answer.cancelled else decide(shipment, answer, clock(), policy)
        reference, outcome = shipment.reference_number, _outcome(decided)
        made = NewAttempt(call=answer.call, reference_number=reference, outcome=outcome, made_at=clock())
        record = partial(_record, store, made, reference, owner, decided, clock)
        async with kept_if_away(unrecorded, [made]):
            await until_recorded(record)
        _log(shipment, answer)
    return len(claimed)


async def _record(
    store: Store, made: NewAttempt, reference: str, owner: str, decided: _Undone | None, clock: Clock
) -> None:
    async with store.write() as session:
        now = clock()
        # Read again: it may have been replaced, or tracked, during the call.
        shipment = (await shipments.lock_many(session, [reference])).get(reference)
        await attempts.add(session, [made])
        if shipment is not None:
            new_events = await _keep(session, shipment, owner, decided, now)
            await events.write(session, new_events, now=now)


async def _keep(
    session: Session, shipment: Shipment, owner: str, decided: _Undone | None, now: datetime
) -> list[ShipmentEvent]:
    """Record the outcome; returns the events. A cancellation is reported once, whichever step records it."""
    if decided is None:
        done = await cancellations.cancelled(session, shipment.reference_number, now=now)
        await end_actions_by_cancelling(session, shipment.reference_number, now=now)
        return [happened.cancelled(shipment, now=now)] if done else []
    if not await cancellations.not_cancelled(session, shipment.reference_number, owner, decided, now=now):
        return []
    if ended := await end_by_tracking(session, shipment, shipment.status_code, now=now):
        return ended
    if decided.state not in FAILED:
        return []
    return [happened.not_cancelled(shipment, decided.state, decided.problem or "", now=now)]


def decide(shipment: Shipment, answer: CancelAnswer, now: datetime, policy: CancelPolicy) -> _Undone:
    """The next state of a cancellation that this call did not complete. Pure."""
    tries = shipment.cancel_tries
    problem = f"not cancelled at ClickPost: {answer.message}"
    if answer.advice:
        problem = f"{problem.rstrip('.')}. {answer.advice}"
    if answer.accepted:
        return _wait(shipment, CancelState.WAITING, "cancelling", now, policy)
    if answer.misconfigured:
        return _wait(shipment, CancelState.HELD, problem, now, policy)
    if not answer.again:
        return NotDone(state=CancelState.REFUSED, tries=tries + 1, problem=problem)
    if not answer.counts:
        again_at = now + timedelta(seconds=max(answer.retry_after or 0.0, 1.0))
        return NotDone(state=CancelState.RETRYING, tries=tries, problem=problem, next_try_at=again_at)
    delay = delay_before_retry(policy.retry_delays, tries + 1, at_least=answer.retry_after)
    if delay is None:
        return NotDone(state=CancelState.GAVE_UP, tries=tries + 1, problem=problem)
    return NotDone(state=CancelState.RETRYING, tries=tries + 1, problem=problem, next_try_at=now + delay)


def _wait(shipment: Shipment, state: CancelState, problem: str, now: datetime, policy: CancelPolicy) -> _Undone:
    """Retry at growing pauses without using up a try, until the deadline."""
    since = shipment.cancel_since_at or now
    left = since + policy.deadline - now
    if left <= timedelta(0):
        return NotDone(state=CancelState.GAVE_UP, tries=shipment.cancel_tries, problem=_late(state, problem, policy))
    pause = min(max(now - since, CONFIRM_AFTER), LONGEST_PAUSE, max(left, CONFIRM_AFTER))
    return NotDone(state=state, tries=shipment.cancel_tries, problem=problem, next_try_at=now + pause)


def _late(state: CancelState, problem: str, policy: CancelPolicy) -> str:
    hours = policy.deadline.total_seconds() / 3600
    if state is CancelState.HELD:
        return f"{problem.rstrip('.')}. It was tried for {hours:g} h; cancel it again once the account works"
    return (
        f"not cancelled: the courier was asked and did not confirm it within {hours:g} h. "
        "Ask the courier; cancel it again to have it asked once more"
    )


def _outcome(decided: _Undone | None) -> AttemptOutcome:
    """The stored outcome of the attempt. A courier that is still working on it is not a failure."""
    if decided is None:
        return AttemptOutcome.CANCELLED
    outcomes = {
        CancelState.WAITING: AttemptOutcome.PENDING,
        CancelState.GAVE_UP: AttemptOutcome.GAVE_UP,
        CancelState.HELD: AttemptOutcome.MISCONFIGURED,
    }
    return outcomes.get(decided.state, AttemptOutcome.NOT_CANCELLED)


def _log(shipment: Shipment, answer: CancelAnswer) -> None:
    if answer.cancelled:
        log.info("shipment.cancelled", reference=shipment.reference_number)
    elif answer.accepted:
        log.info("shipment.cancelling", reference=shipment.reference_number)
    else:
        log.warning("shipment.not_cancelled", reference=shipment.reference_number, again=answer.again)
