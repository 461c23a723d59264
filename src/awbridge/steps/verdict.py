"""What push makes of an answer: of the shipment, and of the account that was called. Pure: no I/O, no clock."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from awbridge.domain.asking import PollingRules
from awbridge.domain.desk import DeskPolicy, Tally
from awbridge.domain.outcome import Misconfigured, Outcome, Pending, Placed, Rejected, TryLater, Unknown
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS, delay_before_retry
from awbridge.domain.shipment import Shipment, State
from awbridge.store.dispatch import NotPlaced

NAMES: dict[type[Outcome], str] = {
    Placed: "placed",
    Pending: "pending",
    TryLater: "try_later",
    Unknown: "unknown",
    Rejected: "rejected",
    Misconfigured: "misconfigured",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPolicy:
    """How push tries and waits. Seconds, unless said otherwise.

    `batch` bounds one claim and one group of answers, `concurrency` the calls in flight. `round` is how long one round
    goes on claiming. `rate_per_second` limits all accounts together, over all processes (None: no limit).
    """

    batch: int = 50
    concurrency: int = 20
    lease: timedelta = timedelta(seconds=120)
    round: timedelta = timedelta(seconds=20)
    retry_delays: Sequence[float] = DEFAULT_RETRY_DELAYS
    waiting: timedelta = timedelta(seconds=30)
    waiting_deadline: timedelta = timedelta(hours=1)
    polling: PollingRules = field(default_factory=PollingRules)
    rate_per_second: float | None = None
    desk: DeskPolicy = field(default_factory=DeskPolicy)


def decide(
    shipment: Shipment, outcome: Outcome, now: datetime, policy: PushPolicy, *, in_trouble: bool = False
) -> NotPlaced:
    """What becomes of a shipment that this try did not place.

    While its account is `in_trouble`, a failure that passes uses up no try.
    """
    decided = _decide(shipment, outcome, now, policy, in_trouble=in_trouble)
    unheard = isinstance(outcome, Unknown | Pending) or _is_registered(outcome) or _is_silent(outcome)
    stands = shipment.may_stand or unheard
    return replace(decided, may_stand=stands and not isinstance(outcome, Rejected))


def must_be_settled(shipment: Shipment, outcome: Outcome, now: datetime, policy: PushPolicy) -> bool:
    """Whether ClickPost has to be asked what it holds, before this outcome is believed.

    Where it says that it knows the order but gives no waybill, before giving up what may stand there, and where it
    refuses what an earlier call may have placed: a changed payload may be refused before its reference number is read.
    """
    if isinstance(outcome, Rejected):
        return shipment.may_stand
    if isinstance(outcome, Placed | Misconfigured):
        return False
    decided = decide(shipment, outcome, now, policy)
    return _is_registered(outcome) or (decided.state is State.GAVE_UP and decided.may_stand)


def unsettled(shipment: Shipment, decided: NotPlaced, now: datetime, policy: PushPolicy) -> NotPlaced:
    """What becomes of a shipment that may stand at ClickPost, and ClickPost could not be asked.

    It comes to no end: nobody may take for dead what may travel. It goes on at the longest delay, using up no try.
    """
    if decided.state not in (State.GAVE_UP, State.REJECTED, State.CANCELLED):
        return decided
    again_at = now + timedelta(seconds=max(policy.retry_delays))
    tries = shipment.no_of_retries
    return replace(decided, state=State.RETRYING, no_of_retries=tries, next_try_at=again_at, may_stand=True)


def is_failure(outcome: Outcome) -> bool:
    """Whether an outcome counts against the account: a failure that passes, of courier, ClickPost or network."""
    return isinstance(outcome, Unknown) or (isinstance(outcome, TryLater) and outcome.counts and not outcome.unclear)


def tally(answers: Sequence[tuple[Outcome, bool]]) -> Tally:
    """One account's answers, counted; each with whether its call was a probe."""
    good = [(o, probe) for o, probe in answers if isinstance(o, Placed | Pending | Rejected)]
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
    return isinstance(outcome, TryLater) and outcome.silent


def _is_registered(outcome: Outcome) -> bool:
    return isinstance(outcome, TryLater) and outcome.may_stand


def _decide(shipment: Shipment, outcome: Outcome, now: datetime, policy: PushPolicy, *, in_trouble: bool) -> NotPlaced:
    tries = shipment.no_of_retries
    if in_trouble and is_failure(outcome) and isinstance(outcome, TryLater | Unknown):
        again_at = now + policy.desk.probe
        return NotPlaced(state=State.HELD, no_of_retries=tries, problem=outcome.message, next_try_at=again_at)
    match outcome:
        case Rejected():
            state = State.CANCELLED if shipment.cancel_asked_at else State.REJECTED
            return NotPlaced(state=state, no_of_retries=tries, problem=_rejection(outcome), next_try_at=None)
        case Misconfigured():
            again_at = now + policy.desk.hold
            return NotPlaced(state=State.HELD, no_of_retries=tries, problem=outcome.message, next_try_at=again_at)
        case Pending():
            return _wait(shipment, now, policy)
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
