"""Decides what an answer means for the shipment and for its account. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from awbridge.clickpost.wire.answers import FoundOrder, OrderAnswer
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.couriers.account_throttle import AccountThrottlePolicy, Tally
from awbridge.domain.orders.outcome import (
    AlreadyHeld,
    Misconfigured,
    Outcome,
    Pending,
    Placed,
    Rejected,
    TryLater,
    Unknown,
)
from awbridge.domain.orders.shipment import Region, SettleBy, Shipment, State
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS, delay_before_retry, throttled_pause
from awbridge.domain.tracking.asking import PollingRules
from awbridge.steps.runtime.lease import LeasePolicy
from awbridge.store.registration.dispatch import NotPlaced


class FindsOrders(Protocol):
    """The ClickPost call that shows what a reference number holds."""

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        """What ClickPost holds under a reference number. Never raises for a failure of the vendor."""
        ...


NAMES: dict[type[Outcome], AttemptOutcome] = {
    Placed: AttemptOutcome.PLACED,
    Pending: AttemptOutcome.PENDING,
    TryLater: AttemptOutcome.TRY_LATER,
    Unknown: AttemptOutcome.UNKNOWN,
    AlreadyHeld: AttemptOutcome.ALREADY_HELD,
    Rejected: AttemptOutcome.REJECTED,
    Misconfigured: AttemptOutcome.MISCONFIGURED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPolicy(LeasePolicy):
    """How push tries and waits. Seconds, unless stated otherwise.

    `batch` bounds one claim and one group of answers, `concurrency` the calls in flight; how many there are follows
    ClickPost's answers (`domain.concurrency`), and claims follow that. `round` is how long one round
    claims. `rate_per_second` limits all accounts together, over all processes (None: no limit).
    `longest_call`: the longest try, with the query that may follow it.
    """

    batch: int = 100
    concurrency: int = 100
    round: timedelta = timedelta(seconds=20)
    retry_delays: Sequence[float] = DEFAULT_RETRY_DELAYS
    waiting: timedelta = timedelta(seconds=30)
    waiting_deadline: timedelta = timedelta(hours=1)
    polling: PollingRules = field(default_factory=PollingRules)
    rate_per_second: float | None = None
    throttle: AccountThrottlePolicy = field(default_factory=AccountThrottlePolicy)


def decide(
    shipment: Shipment, outcome: Outcome, now: datetime, policy: PushPolicy, *, has_incident: bool = False
) -> NotPlaced:
    """The next state of a shipment that this try did not place.

    While its account `has_incident`, a transient failure uses up no try.
    """
    decided = _decide(shipment, outcome, now, policy, has_incident=has_incident)
    if not _maybe_placed(shipment, outcome):
        ends = decided.state is State.GAVE_UP or _is_refused(outcome)
        return _cancelled(decided) if ends and shipment.cancel_requested_at else decided
    first = shipment.held_version or (None if isinstance(outcome, Pending) else shipment.payload_version)
    at_courier = bool(shipment.courier_may_hold) or _is_left_open_by_courier(outcome)
    undecided = replace(
        decided, maybe_placed=True, held_version=first, settle_by=shipment.settle_by, courier_may_hold=at_courier
    )
    if isinstance(outcome, AlreadyHeld):
        return replace(undecided, settle_by=SettleBy.ASKING)
    return _unproven(shipment, undecided, now) if decided.state in _ENDS else undecided


_ENDS = (State.GAVE_UP, State.REJECTED, State.CANCELLED)
_SETTLE = (
    "Retry, with another payload if this one was refused, or look for this reference number in ClickPost's dashboard "
    "and say what it shows: awbridge shipments settle, or POST .../settle"
)
ONLY_ASKED = "it was queried again by its reference number"
UNPROVEN = f"An earlier call may have placed it, and no later answer can prove that it did not. {_SETTLE}"
HELD_THERE = (
    "The courier says that it holds this order already, and ClickPost shows no waybill of it. Nothing is sent again or "
    "elsewhere. Look for this reference number in ClickPost's dashboard, or ask the courier, and say what there is: "
    "awbridge shipments settle, or POST .../settle"
)


def _maybe_placed(shipment: Shipment, outcome: Outcome) -> bool:
    """Whether ClickPost or the courier may hold the order after this answer.

    A refusal does not settle what an earlier call left open: ClickPost may refuse before it reads the reference number.
    It does settle an order that was only queued. The courier's own reason for the payload that may be placed settles
    what ClickPost left open (which answers 323 for an order it holds before it asks a courier), but not what the
    courier left open.
    """
    is_open = isinstance(outcome, Unknown | Pending | AlreadyHeld) or _is_registered(outcome) or _is_silent(outcome)
    if is_open or not shipment.maybe_placed:
        return is_open
    only_queued = shipment.state is State.WAITING and shipment.held_version is None
    same = shipment.held_version in (None, shipment.payload_version) and not shipment.courier_may_hold
    reasoned = isinstance(outcome, TryLater) and outcome.reasoned
    return not ((only_queued and _is_refused(outcome)) or (same and reasoned))


def _is_left_open_by_courier(outcome: Outcome) -> bool:
    courier_silent = (
        isinstance(outcome, TryLater) and (outcome.courier_silent or outcome.maybe_placed) and not outcome.silent
    )
    return courier_silent or isinstance(outcome, AlreadyHeld)


def _is_refused(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) or (isinstance(outcome, TryLater) and outcome.refused)


def _cancelled(decided: NotPlaced) -> NotPlaced:
    return replace(decided, state=State.CANCELLED, next_try_at=None)


def _unproven(shipment: Shipment, decided: NotPlaced, now: datetime) -> NotPlaced:
    """The parcel may travel: the first payload is sent once more, then a person must settle it."""
    sent, first = shipment.payload_version, decided.held_version
    if shipment.settle_by is None and first is not None and first != sent:
        problem = f"{decided.problem}. An earlier payload may have been placed: it is sent again to find out"
        return replace(decided, state=State.RETRYING, problem=problem, next_try_at=now, settle_by=SettleBy.REPEATING)
    problem = f"{(decided.problem or '').rstrip('.')}. {UNPROVEN}"
    return replace(decided, state=State.GAVE_UP, problem=problem, next_try_at=None, settle_by=None)


def must_be_settled(shipment: Shipment, outcome: Outcome, now: datetime, policy: PushPolicy) -> bool:
    """Whether ClickPost is asked what it holds before this outcome is kept.

    It is asked where an answer says that the order is known but has no waybill, and before a person must settle it. A
    waybill in the reply settles the question; none proves nothing.
    """
    if isinstance(outcome, Placed | Misconfigured):
        return False
    decided = decide(shipment, outcome, now, policy)
    ends = decided.state is State.GAVE_UP or isinstance(outcome, Rejected)
    return _is_registered(outcome) or isinstance(outcome, AlreadyHeld) or (ends and decided.maybe_placed)


def unsettled(shipment: Shipment, decided: NotPlaced, now: datetime, policy: PushPolicy) -> NotPlaced:
    """The next state of a shipment that may be placed while ClickPost could not be asked.

    It does not end: it is retried after the longest delay and uses up no try.
    """
    if decided.state not in _ENDS or not decided.maybe_placed:
        return decided
    again_at = now + timedelta(seconds=max(policy.retry_delays))
    return replace(decided, state=State.RETRYING, no_of_retries=shipment.no_of_retries, next_try_at=again_at)


def is_failure(outcome: Outcome) -> bool:
    """Whether an outcome counts against the account: a transient failure of courier, ClickPost or network."""
    return isinstance(outcome, Unknown) or (isinstance(outcome, TryLater) and outcome.counts and not outcome.unclear)


def is_pushback(answer: OrderAnswer) -> bool:
    """Whether ClickPost could not cope with the call: 429, a server error, no connection, no answer."""
    status = answer.call.http_status
    failed = isinstance(answer.outcome, TryLater | Unknown)
    return failed and (status is None or status == 429 or status >= 500)


def is_answered(outcome: Outcome) -> bool:
    """Whether the order went through to a courier, so that the answer's time shows how busy ClickPost is."""
    return isinstance(outcome, Placed | Pending)


def tally(answers: Sequence[tuple[Outcome, bool]]) -> Tally:
    """One account's answers, counted; each with whether its call was a probe."""
    good = [(o, probe) for o, probe in answers if isinstance(o, Placed | Pending | Rejected | AlreadyHeld)]
    failed = [o for o, _ in answers if isinstance(o, TryLater | Unknown) and is_failure(o)]
    wrong = [o for o, _ in answers if isinstance(o, Misconfigured)]
    rests = [o.retry_after or 1.0 for o, _ in answers if isinstance(o, TryLater) and not o.counts]
    return Tally(
        good=len(good),
        probe_good=sum(probe for _, probe in good),
        failed=len(failed),
        other=len(answers) - len(good) - len(failed) - len(wrong),
        wrongs=len(wrong),
        wrong=wrong[-1].message if wrong else "",
        problem=failed[-1].message if failed else "",
        retry_after=max(rests, default=None),
    )


def _is_silent(outcome: Outcome) -> bool:
    return isinstance(outcome, TryLater) and (outcome.silent or outcome.courier_silent)


def _is_registered(outcome: Outcome) -> bool:
    return isinstance(outcome, TryLater) and outcome.maybe_placed


def _decide(
    shipment: Shipment, outcome: Outcome, now: datetime, policy: PushPolicy, *, has_incident: bool
) -> NotPlaced:
    tries = shipment.no_of_retries
    if has_incident and is_failure(outcome) and isinstance(outcome, TryLater | Unknown):
        again_at = now + policy.throttle.probe
        return NotPlaced(state=State.HELD, no_of_retries=tries, problem=outcome.message, next_try_at=again_at)
    match outcome:
        case Rejected():
            state = State.CANCELLED if shipment.cancel_requested_at else State.REJECTED
            return NotPlaced(state=state, no_of_retries=tries, problem=_rejection(outcome), next_try_at=None)
        case AlreadyHeld():
            problem = f"{outcome.message.rstrip('.')}. {HELD_THERE}"
            return NotPlaced(state=State.GAVE_UP, no_of_retries=tries, problem=problem, next_try_at=None)
        case Misconfigured():
            again_at = now + policy.throttle.hold
            return NotPlaced(state=State.HELD, no_of_retries=tries, problem=outcome.message, next_try_at=again_at)
        case Pending():
            return _wait(shipment, now, policy)
        case TryLater(counts=False):
            again_at = now + throttled_pause(outcome.retry_after)
            return NotPlaced(state=State.RETRYING, no_of_retries=tries, problem=outcome.message, next_try_at=again_at)
        case TryLater():
            return _retry(tries + 1, outcome.message, now, policy, at_least=outcome.retry_after)
        case Unknown():
            return _retry(tries + 1, outcome.message, now, policy)
        case Placed():
            raise AssertionError("a placed shipment needs no decision")


def _wait(shipment: Shipment, now: datetime, policy: PushPolicy) -> NotPlaced:
    since = shipment.waiting_since_at or now
    if now - since < policy.waiting_deadline:
        return NotPlaced(
            state=State.WAITING,
            no_of_retries=shipment.no_of_retries,
            problem=None,
            next_try_at=now + policy.waiting,
            waiting_since_at=since,
        )
    hours = policy.waiting_deadline.total_seconds() / 3600
    return _retry(shipment.no_of_retries + 1, f"the courier did not finish within {hours:g} h", now, policy)


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
