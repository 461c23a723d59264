"""Records the outcomes of calls that register shipments, many in one transaction, and the state of their accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from msgspec import Struct

from awbridge.clickpost.wire.answers import FoundOrder, OrderAnswer
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.couriers.account_throttle import AccountState, Tally, after_answers, only_works
from awbridge.domain.notify import events as happened
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.domain.orders.outcome import AlreadyHeld, Misconfigured, Outcome, Pending, Placed, TryLater, Unknown
from awbridge.domain.orders.shipment import Shipment, shard_of
from awbridge.domain.privacy import without_people
from awbridge.steps.records.counted_calls import code_label
from awbridge.steps.records.placed import place, placing_of
from awbridge.steps.registration.verdict import NAMES, ONLY_ASKED, PushPolicy, decide, tally, unsettled
from awbridge.steps.runtime import traces
from awbridge.steps.runtime.meters import ORDER_PLACED, count_order
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Session
from awbridge.store.notify import alarms, events
from awbridge.store.orders import shipments
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import InFlight, NotPlaced, Placing

log = structlog.get_logger()

_GOOD_FOR = timedelta(seconds=1)  # how old an account's last success may look while it works


class FinishedCall(Struct, frozen=True, kw_only=True, gc=False):
    """A finished call. `probe`: its account had an incident when it was sent. `asked`: the query that settled it.

    `account` is the key under which it was claimed. `shipment` has the payload that was sent. `answer` is the answer to
    create-order, whatever the query found; None where ClickPost was only queried.
    """

    shipment: Shipment
    owner: str
    account: str
    probe: bool
    answer: OrderAnswer | None
    asked: FoundOrder | None
    answered_at: datetime

    @property
    def reference(self) -> str:
        """The shipment's reference number."""
        return self.shipment.reference_number

    @property
    def outcome(self) -> Outcome:
        """The outcome; placed where the query found the order."""
        if self.asked and self.asked.placed:
            return self.asked.placed
        return self.answer.outcome if self.answer else AlreadyHeld(message=ONLY_ASKED)

    @property
    def blames_account(self) -> bool:
        """Whether the answer counts against its courier account."""
        if isinstance(outcome := self.outcome, Placed):
            return False
        found = tally([(outcome, self.probe)])
        return bool(found.failed or found.wrongs or found.retry_after is not None)


async def record(store: Store, done: Sequence[FinishedCall], now: datetime, policy: PushPolicy) -> None:
    """Record these calls, all or none. Raises StoreError.

    What many processes share is locked last, and only by those who change it: a courier account.
    """
    async with store.write() as session:
        rows = await dispatch.lock(session, [d.reference for d in done])
        tallies = _tallies(done)
        await attempts.add(session, [attempt for d in done for attempt in attempts_of(d)])
        done = [d for d in done if d.reference in rows]
        # Calls of one shipment may be recorded together: after a lease that ended while the database was away.
        news = {d.reference: d for d in done if isinstance(d.outcome, Placed) and not rows[d.reference].success}
        placings = [_placing(d, policy) for d in news.values()]
        if placings:
            await events.write(session, await place(session, placings, now=now), now=now)
        await _cancel_where_asked(session, news, rows, now)
        held = {d.reference: d for d in done if _is_held(d, rows) and d.reference not in news}
        states, after = await _lock_changed(session, tallies, now, policy)
        failures = [(d, _decided(d, states, after, policy)) for d in held.values()]
        await _keep_failures(session, failures, rows, now)
        await accounts.save(session, [after[key] for key in sorted(states) if after[key] != states[key]])
        for key, state in states.items():
            if state.has_incident and not after[key].has_incident:
                await dispatch.release(session, key, now=now)
            await _alarm_account(session, state, after[key], now)
    _tell(done, placings, states, after, now)


async def _lock_changed(
    session: Session, tallies: Mapping[str, Tally], now: datetime, policy: PushPolicy
) -> tuple[dict[str, AccountState], dict[str, AccountState]]:
    """The accounts of these answers, before and after them. Those whose state they change are locked."""
    seen = await accounts.states(session, tallies)
    working = {key for key, state in seen.items() if only_works(state, tallies[key])}
    old = [key for key in working if tallies[key].good and _is_old(seen[key].good_at, now)]
    changed = seen.keys() - working
    locked = await accounts.lock(session, changed) if changed else {}
    await accounts.still_work(session, old, now=now)
    after = {key: after_answers(state, tallies[key], now, policy.throttle) for key, state in locked.items()}
    return seen | locked, seen | after


def _is_old(good_at: datetime | None, now: datetime) -> bool:
    return good_at is None or now - good_at >= _GOOD_FOR


async def _keep_failures(
    session: Session, failures: Sequence[tuple[FinishedCall, NotPlaced]], rows: dict[str, InFlight], now: datetime
) -> None:
    if not failures:
        return
    await dispatch.not_placed(session, [(d.reference, d.owner, what) for d, what in failures], now=now)
    stopped = [
        stop
        for d, what in failures
        for stop in happened.stopped(d.shipment, what.state, what.problem, maybe_placed=what.maybe_placed, now=now)
    ]
    await events.write(session, stopped, now=now)
    await _cancel_where_asked(session, {d.reference for d, w in failures if not w.maybe_placed}, rows, now)


def _tell(
    done: Sequence[FinishedCall],
    placings: Sequence[Placing],
    before: Mapping[str, AccountState],
    after: Mapping[str, AccountState],
    now: datetime,
) -> None:
    """Log and count what was recorded."""
    differences = {p.shipment.reference_number: p.difference for p in placings}
    for d in done:
        _log(d, differences.get(d.reference))
        if d.answer:
            count_order(NAMES[type(d.answer.outcome)].value, code_label(d.answer.call))
    ORDER_PLACED.observe([(now - p.shipment.created_at).total_seconds() for p in placings])
    if traces.current:
        for p in placings:
            created_at = p.shipment.created_at
            traces.current.placed(p.shipment.reference_number, p.placed.waybill, created_at=created_at, now=now)
    for key, state in before.items():
        _log_account(state, after[key], now)


def _tallies(done: Sequence[FinishedCall]) -> dict[str, Tally]:
    answers: dict[str, list[tuple[Outcome, bool]]] = {d.account: [] for d in done}
    for d in done:
        if d.answer:
            answers[d.account].append((_without_people(d), d.probe))
    return {account: tally(its) for account, its in answers.items()}


def _without_people(done: FinishedCall) -> Outcome:
    """The outcome without personal data: the account stores its message and alarms quote it."""
    if isinstance(done.outcome, TryLater | Unknown | Misconfigured):
        return replace(done.outcome, message=without_people(done.outcome.message, done.shipment.payload))
    return done.outcome


def attempts_of(done: FinishedCall) -> list[NewAttempt]:
    """The attempts to store for one finished call."""
    calls = [(done.answer.call, NAMES[type(done.answer.outcome)])] if done.answer else []
    if done.asked:
        calls.append((done.asked.call, _query_outcome(done.asked)))
    return [
        NewAttempt(
            call=call,
            reference_number=done.reference,
            outcome=name,
            made_at=done.answered_at,
            payload_version=done.shipment.payload_version,
        )
        for call, name in calls
    ]


def _query_outcome(asked: FoundOrder) -> AttemptOutcome:
    if not asked.known:
        return AttemptOutcome.NOT_ASKED
    return AttemptOutcome.FOUND if asked.placed else AttemptOutcome.NOT_FOUND


def _is_held(done: FinishedCall, rows: dict[str, InFlight]) -> bool:
    """Whether this failure may be written: its lease still holds. Without it, another process may know more."""
    row = rows[done.reference]
    return not isinstance(done.outcome, Placed) and not row.success and row.owner == done.owner


def _decided(
    done: FinishedCall, before: dict[str, AccountState], after: dict[str, AccountState], policy: PushPolicy
) -> NotPlaced:
    # An answer that opens the breaker counts as part of the incident.
    has_incident = before[done.account].has_incident or after[done.account].has_incident
    decided = decide(done.shipment, done.outcome, done.answered_at, policy, has_incident=has_incident)
    if done.asked and not done.asked.known:
        return unsettled(done.shipment, decided, done.answered_at, policy)
    return decided


def _placing(done: FinishedCall, policy: PushPolicy) -> Placing:
    assert isinstance(done.outcome, Placed)
    ask_at = policy.polling.first_poll(done.answered_at, done.reference, held_before=done.outcome.already)
    return placing_of(done.shipment, done.outcome, next_poll_at=ask_at)


async def _cancel_where_asked(
    session: Session, known: Collection[str], rows: dict[str, InFlight], now: datetime
) -> None:
    """Cancel shipments whose cancellation was requested during the call, now that it is `known` whether they exist."""
    for reference in sorted(known, key=lambda r: (shard_of(r), r)):
        if rows[reference].cancel_is_asked:
            await shipments.cancel(session, reference, now=now)


def _log(done: FinishedCall, difference: str | None) -> None:
    fields = {"reference": done.reference, "tries": done.shipment.no_of_retries + 1}
    if isinstance(done.outcome, Placed):
        log.info("shipment.placed", waybill=done.outcome.waybill, already=done.outcome.already, **fields)
        if difference:
            log.warning("shipment.mismatched", difference=difference, **fields)
    elif isinstance(done.outcome, Pending):
        log.debug("shipment.waiting", **fields)
    elif isinstance(done.outcome, AlreadyHeld):
        log.error("shipment.already_held", **fields)
    else:
        log.warning(f"shipment.{NAMES[type(done.outcome)]}", **fields)


async def _alarm_account(session: Session, before: AccountState, after: AccountState, now: datetime) -> None:
    cause = AlarmCause.ACCOUNT.of(after.account)
    if after.has_incident and not before.has_incident:
        text = (
            f"courier account {after.account} is held ({after.incident.value}): {after.problem}; see GET /v1/accounts"
        )
        await alarms.raise_(session, cause, text, now=now)
    elif before.has_incident and not after.has_incident:
        await alarms.clear(session, cause, now=now)


def _log_account(before: AccountState, after: AccountState, now: datetime) -> None:
    """Log when an incident begins and when it ends."""
    if after.has_incident and not before.has_incident:
        log.error("account.held", account=after.account, incident=after.incident.value, problem=after.problem)
    elif before.has_incident and not after.has_incident:
        lasted = round((now - before.since_at).total_seconds()) if before.since_at else None
        log.warning("account.recovered", account=after.account, incident=before.incident.value, seconds=lasted)
