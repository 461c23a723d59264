"""Allocate: asks ClickPost's recommendation for shipments that no rule gave a courier. Claim, call, record.

A shipment that was sent under a courier before may be placed at ClickPost. It gets no other courier until that is
settled: ClickPost is asked, and where it shows nothing, which proves nothing, a person must settle it.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from awbridge.clickpost.lookups.recommendations import Choice, Recommendations
from awbridge.clickpost.orders.parcel import recommendation_query
from awbridge.clickpost.wire.answer_codes import AnswerKind
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.errors import PayloadRefused, VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.notify import events as happened
from awbridge.domain.orders.shipment import Region, Shipment, State
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS, NotDone, delay_before_retry
from awbridge.domain.tracking.asking import PollingRules
from awbridge.steps.records.other_account import under_account
from awbridge.steps.records.placed import record_found
from awbridge.steps.records.unrecorded import Unrecorded, kept_if_away
from awbridge.steps.registration.verdict import UNPROVEN, FindsOrders
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import LeasePolicy
from awbridge.steps.runtime.work import for_each
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session
from awbridge.store.notify import events
from awbridge.store.orders import shipments
from awbridge.store.registration import allocations

log = structlog.get_logger()


class Recommends(FindsOrders, Protocol):
    """The ClickPost calls that allocate needs."""

    async def recommend(self, shipments: Sequence[JsonObject]) -> Recommendations:
        """The best accounts for parcels within India. Raises VendorError."""
        ...

    async def recommend_world(self, shipment: JsonObject) -> Recommendations:
        """The best accounts for one parcel anywhere. Raises VendorError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocatePolicy(LeasePolicy):
    """How allocate tries and waits."""

    batch: int = 50
    concurrency: int = 5
    retry_delays: Sequence[float] = DEFAULT_RETRY_DELAYS
    hold: timedelta = timedelta(minutes=5)
    polling: PollingRules = field(default_factory=PollingRules)


async def allocate_due(
    *,
    store: Store,
    clickpost: Recommends,
    clock: Clock,
    policy: AllocatePolicy,
    unrecorded: Unrecorded | None = None,
) -> int:
    """Ask for a courier for the shipments that wait for one, one batch; how many were claimed.

    Calls whose answers the database does not take are kept as `unrecorded`; they are made again.
    """
    owner = uuid.uuid4().hex
    now = clock()
    lease = policy.begin(now)
    async with store.write() as session:
        claimed = await allocations.claim_allocating(
            session, owner=owner, now=now, until=lease.until, limit=policy.batch
        )

    async def allocate_one(shipment: Shipment) -> None:
        if not lease.allows(clock()):
            return  # it is claimed again
        if shipment.maybe_placed:
            await _settle(store, clickpost, shipment, owner, clock, policy, unrecorded)
            return
        answer = await _ask(clickpost, shipment)
        is_error = isinstance(answer, VendorError)
        outcome = AttemptOutcome.TRY_LATER if is_error else AttemptOutcome.RECOMMENDED
        made = [_attempt(shipment, answer.call, outcome, clock())]
        async with kept_if_away(unrecorded, made), store.write() as session:
            await _record(session, shipment, owner, answer, clock(), policy)

    await for_each(claimed, allocate_one, at_once=policy.concurrency)
    return len(claimed)


async def _settle(
    store: Store,
    clickpost: Recommends,
    shipment: Shipment,
    owner: str,
    clock: Clock,
    policy: AllocatePolicy,
    unrecorded: Unrecorded | None,
) -> None:
    """Ask ClickPost for a shipment that may be placed there."""
    reference = shipment.reference_number
    found = await clickpost.find_order(reference, region=shipment.region)
    now, answered = clock(), AttemptOutcome.FOUND if found.placed else AttemptOutcome.NOT_FOUND
    outcome = answered if found.known else AttemptOutcome.NOT_ASKED
    made = [_attempt(shipment, found.call, outcome, now)]
    async with kept_if_away(unrecorded, made), store.write() as session:
        await attempts.add(session, made)
        if found.placed:
            ask_at = policy.polling.first_poll(now, reference, held_before=True)
            await record_found(session, shipment, found.placed, ask_at=ask_at, now=now)
        else:
            decided = _not_shown(shipment) if found.known else _not_asked(shipment, now, policy)
            if await allocations.not_allocated(session, reference, owner, decided, now=now):
                stopped = happened.stopped(shipment, decided.state, decided.problem, maybe_placed=True, now=now)
                await events.write(session, stopped, now=now)


def _not_shown(shipment: Shipment) -> NotDone[State]:
    problem = f"it was sent before, and ClickPost does not show it. {UNPROVEN}"
    return NotDone(state=State.GAVE_UP, tries=shipment.no_of_retries, problem=problem)


def _not_asked(shipment: Shipment, now: datetime, policy: AllocatePolicy) -> NotDone[State]:
    """It waits and uses up no try: the parcel may travel."""
    problem = "it was sent before, and ClickPost could not be asked whether it holds it"
    again_at = now + policy.hold
    return NotDone(state=State.ALLOCATING, tries=shipment.no_of_retries, problem=problem, next_try_at=again_at)


async def _ask(clickpost: Recommends, shipment: Shipment) -> Recommendations | VendorError:
    query = recommendation_query(shipment.payload, shipment.region)
    try:
        if shipment.region is Region.WORLD:
            return await clickpost.recommend_world(query)
        return await clickpost.recommend([query])
    except VendorError as error:
        return error


async def _record(
    session: Session,
    shipment: Shipment,
    owner: str,
    answer: Recommendations | VendorError,
    now: datetime,
    policy: AllocatePolicy,
) -> None:
    accounts, reference = await couriers.every(session), shipment.reference_number
    chosen = None if isinstance(answer, VendorError) else choose(shipment, answer, accounts)
    not_chosen = AttemptOutcome.TRY_LATER if isinstance(answer, VendorError) else AttemptOutcome.NOT_RECOMMENDED
    outcome = AttemptOutcome.RECOMMENDED if chosen else not_chosen
    await attempts.add(session, [_attempt(shipment, answer.call, outcome, now)])
    if chosen:
        kept = await allocations.allocate(
            session, shipment.reference_number, owner, chosen, by="recommendation", now=now
        )
        log.info("shipment.allocated", reference=shipment.reference_number, transporter=chosen.transporter)
    else:
        decided = _failed(shipment, answer, now, policy)
        kept = await allocations.not_allocated(session, reference, owner, decided, now=now)
        if kept:
            stopped = happened.stopped(shipment, decided.state, decided.problem, now=now)
            await events.write(session, stopped, now=now)
        log.warning("shipment.not_allocated", reference=reference)
    if kept and await shipments.cancel_is_asked(session, reference):
        await shipments.cancel(session, reference, now=now)  # requested during the call


def _attempt(shipment: Shipment, call: Call, outcome: AttemptOutcome, now: datetime) -> NewAttempt:
    return NewAttempt(
        call=call,
        reference_number=shipment.reference_number,
        outcome=outcome,
        made_at=now,
        payload_version=shipment.payload_version,
    )


def choose(shipment: Shipment, answer: Recommendations, accounts: Sequence[CourierAccount]) -> CourierAccount | None:
    """The best recommended account that an active transporter maps to and whose courier takes the payload. Pure."""
    active = {(a.courier_partner_id, a.account_code or ""): a for a in reversed(accounts) if a.active}
    for choice in _choices(shipment, answer):
        account = active.get((choice.courier_partner_id or 0, choice.account_code))
        if account and _takes(account, shipment):
            return account
    return None


def _choices(shipment: Shipment, answer: Recommendations) -> list[Choice]:
    ours = [item for item in answer.items if item.reference_number in ("", shipment.reference_number)]
    return [choice for item in ours if item.serviceable is not False for choice in item.choices]


def _takes(account: CourierAccount, shipment: Shipment) -> bool:
    try:
        under_account(shipment, account)
    except PayloadRefused:
        return False
    return True


def _failed(
    shipment: Shipment, answer: Recommendations | VendorError, now: datetime, policy: AllocatePolicy
) -> NotDone[State]:
    tries = shipment.no_of_retries
    if isinstance(answer, Recommendations):
        return NotDone(state=State.REJECTED, tries=tries, problem=_why_none(shipment, answer))
    problem = f"no courier was recommended: {answer}"
    if answer.kind == AnswerKind.PERMANENT.value:
        return NotDone(state=State.REJECTED, tries=tries, problem=problem)
    if answer.kind in (AnswerKind.CONFIGURATION.value, AnswerKind.THROTTLED.value):
        at = now + (timedelta(seconds=answer.retry_after) if answer.retry_after else policy.hold)
        return NotDone(state=State.ALLOCATING, tries=tries, problem=problem, next_try_at=at)
    delay = delay_before_retry(policy.retry_delays, tries + 1, at_least=answer.retry_after)
    state = State.ALLOCATING if delay else State.GAVE_UP
    again_at = now + delay if delay else None
    return NotDone(state=state, tries=tries + 1, problem=problem, next_try_at=again_at)


def _why_none(shipment: Shipment, answer: Recommendations) -> str:
    choices = _choices(shipment, answer)
    if not choices:
        reason = f" ({answer.message})" if answer.message else ""
        return f"ClickPost recommends no courier for it{reason}. Change the payload and name a transporter, or retry"
    names = ", ".join(f"{c.courier_partner_id} {c.account_code}" for c in choices[:5])
    return f"ClickPost recommends {names}, but no active transporter that takes it maps to these. Map one, then retry"
