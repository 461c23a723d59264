"""Differences: rechecked until they are resolved, and pushed again where ClickPost lost a shipment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from awbridge.clickpost.client.call_recorder import recorded_calls
from awbridge.clickpost.orders.actions import is_registration
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.errors import FieldProblem, NotPossible, PayloadRefused, VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import Region, Shipment, State, shard_of
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.reconciliation.differences import DifferenceKind, Ours, status_differs
from awbridge.domain.retry import backoff
from awbridge.steps.records.at_courier import order_at_courier
from awbridge.steps.records.reconciliation_run import known_run
from awbridge.steps.records.unrecorded import Unrecorded, kept_if_away
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import Lease
from awbridge.steps.runtime.progress import OnDone, unwatched
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Session
from awbridge.store.orders import payload_versions, shipments, waybills
from awbridge.store.orders.payload_versions import PayloadVersion
from awbridge.store.orders.shipments import payload_text
from awbridge.store.people import audit_log
from awbridge.store.reconciliation import differences as table
from awbridge.store.reconciliation import reconciliations
from awbridge.store.reconciliation.differences import Difference

log = structlog.get_logger()

BATCH = 20
LEASE = timedelta(minutes=15)
LONGEST_RECHECK = timedelta(minutes=5)  # the longest call that settings allow, and storing its result
FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(days=1)
MOST_CHECKS = 14  # about a week; then it stays open for a person
AFTER_PUSH = timedelta(minutes=5)
PUSHED_AGAIN, CARRIES = "push-again", "carries what was edited at the courier"


class ShowsOrders(Protocol):
    """The vendor call that a recheck needs."""

    async def fetch_order(self, waybill: str, cp_id: int, *, region: Region) -> Placed | None:
        """The shipment that ClickPost holds under a waybill; None if there is none."""
        ...


async def recheck(*, store: Store, clickpost: ShowsOrders, clock: Clock, unrecorded: Unrecorded | None = None) -> int:
    """Recheck the open differences that are due, and resolve those that no longer exist; how many were claimed.

    Calls that cannot be stored are kept as `unrecorded`.
    """
    now = clock()
    async with store.write() as session:
        due = await table.claim(session, now=now, until=now + LEASE, limit=BATCH)
    lease = Lease(now + LEASE, LONGEST_RECHECK)
    for difference in due:
        if not lease.allows(clock()):
            break  # it is claimed again
        how = await _solution(store, clickpost, clock, difference, unrecorded)
        async with store.write() as session:
            if how:
                await table.solve(session, difference, how=how, now=clock())
                log.info("reconcile.solved", kind=difference.kind.value, item=difference.item, how=how)
            else:
                await table.check_later(session, difference, at=_next_check(difference, clock()))
    return len(due)


def _next_check(difference: Difference, now: datetime) -> datetime | None:
    if difference.checks >= MOST_CHECKS:
        return None
    return now + backoff(difference.checks, first=FIRST_PAUSE, longest=LONGEST_PAUSE)


async def _solution(
    store: Store, clickpost: ShowsOrders, clock: Clock, difference: Difference, unrecorded: Unrecorded | None
) -> str | None:
    """How a difference was resolved; None while it exists."""
    if difference.kind is DifferenceKind.MISSING_THERE:
        return await _is_there(store, clickpost, clock, difference, unrecorded)
    if difference.kind is DifferenceKind.MISSING_HERE:
        return await _is_here(store, difference)
    async with store.read() as session:
        held = await reconciliations.ours_of(session, [difference.item])
    ours = held.get(difference.item)
    return _agrees(ours, difference) if ours else None


def _agrees(ours: Ours, difference: Difference) -> str | None:
    theirs = difference.their_row
    if difference.kind is DifferenceKind.STATUS:
        if theirs.status_code is None:  # a failed order: known by now
            return "known here since" if ours.state not in (State.READY, State.WAITING) else None
        return None if status_differs(ours, theirs, made_at=difference.found_at) else "tracking caught up"
    if difference.kind is DifferenceKind.COURIER:
        return "the couriers agree" if ours.courier_partner_id == theirs.courier_partner_id else None
    return "the waybills agree" if ours.waybill == theirs.waybill else None


async def _is_here(store: Store, difference: Difference) -> str | None:
    theirs = difference.their_row
    async with store.read() as session:
        known = await waybills.find(session, [theirs.waybill] if theirs.waybill else [])
        held = await reconciliations.ours_of(session, [theirs.reference_number] if theirs.reference_number else [])
    return "known here since" if known or held else None


async def _is_there(
    store: Store, clickpost: ShowsOrders, clock: Clock, difference: Difference, unrecorded: Unrecorded | None
) -> str | None:
    """Asks ClickPost: a report lists only what changed."""
    async with store.read() as session:
        shipment = await shipments.get(session, difference.item)
    if shipment is None or not shipment.waybill or not shipment.success:
        return None  # being pushed again
    if shipment.state is State.CANCELLED:
        return "cancelled here"
    if not await _holds(store, clickpost, clock, shipment, unrecorded):
        return None
    return "pushed again" if difference.pushed_at else "ClickPost holds it"


async def _holds(
    store: Store, clickpost: ShowsOrders, clock: Clock, shipment: Shipment, unrecorded: Unrecorded | None
) -> bool:
    """Whether ClickPost holds it under its waybill. Its answer is recorded for the bundle."""
    assert shipment.waybill
    with recorded_calls() as calls:
        try:
            held = await clickpost.fetch_order(shipment.waybill, shipment.courier_partner_id, region=shipment.region)
            outcome = AttemptOutcome.FOUND if held else AttemptOutcome.NOT_HELD
        except VendorError as error:
            log.warning("reconcile.call_failed", reference=shipment.reference_number, problem=str(error))
            held, outcome, calls[:] = None, AttemptOutcome.FAILED, [error.call]
    reference, now = shipment.reference_number, clock()
    made = [NewAttempt(call=c, reference_number=reference, outcome=outcome, made_at=now) for c in calls]
    async with kept_if_away(unrecorded, made), store.write() as session:
        await attempts.add(session, made)
    return held is not None and held.waybill == shipment.waybill


@dataclass(frozen=True, slots=True)
class Undecided:
    """A shipment that is not pushed again until a person decides, and why."""

    reference_number: str
    why: str


@dataclass(frozen=True, slots=True)
class PushedAgain:
    """How many shipments are pushed again, how many have changed here since, and those that need a person first."""

    pushed: int
    passed_over: int
    undecided: tuple[Undecided, ...] = ()


async def push_again(*, store: Store, clock: Clock, reconciliation_id: int, on_done: OnDone = unwatched) -> PushedAgain:
    """Push every open shipment of a run that is missing at ClickPost again. Raises NotFound, NotPossible.

    Edits at the courier since then go into the order; if it has no field for one, a person decides. Repeating it pushes
    nothing twice. If ClickPost does hold a shipment, it answers with the first waybill.
    """
    run = await known_run(store, reconciliation_id)
    if not run.state.over:
        raise NotPossible(f"reconciliation {run.id} is still {run.state}; wait until it is done")
    pushed = passed_over = after = 0
    undecided: list[Undecided] = []
    while True:
        async with store.write() as session:
            page = await table.to_push(session, run.id, after=after, limit=BATCH * 10)
            known = {s.reference_number: s for s in await shipments.get_many(session, [d.item for d in page])}
            # Push serves only accounts that have a row. Rows are created before any shipment is locked.
            await accounts.ensure(session, [(s.courier_partner_id, s.account_code) for s in known.values()])
            for difference in sorted(page, key=lambda d: (shard_of(d.item), d.item)):
                try:
                    done = await push_one(session, difference, known.get(difference.item), clock())
                except PayloadRefused as problem:
                    undecided.append(Undecided(difference.item, str(problem)))
                    continue
                pushed += done
                passed_over += not done
            if not page:
                after_all = {"pushed": pushed, "passed_over": passed_over, "undecided": len(undecided)}
                await audit_log.record(session, AuditAction.RECONCILIATION_PUSHED, run.id, after=after_all, now=clock())
        if not page:
            return PushedAgain(pushed, passed_over, tuple(undecided))
        after = page[-1].id
        on_done(len(page))


async def push_one(session: Session, difference: Difference, shipment: Shipment | None, now: datetime) -> bool:
    """Whether a shipment is being pushed again. Raises PayloadRefused where a person must decide what goes out."""
    if shipment is None or shipment.waybill != difference.waybill or shipment.state is not State.PLACED:
        return False
    edited = await _edited(session, shipment)
    version = shipment.payload_version + 1
    if not await reconciliations.push_again(
        session,
        shipment.reference_number,
        shipment.waybill or "",
        now=now,
        edited=(edited, version) if edited else None,
    ):
        return False
    if edited:
        kept = PayloadVersion(version=version, payload=edited, changed_at=now, changed_by=PUSHED_AGAIN, reason=CARRIES)
        await payload_versions.add(session, shipment, kept)
    await table.keep_pushed(session, difference, check_at=now + AFTER_PUSH, now=now)
    return True


async def _edited(session: Session, shipment: Shipment) -> JsonObject | None:
    """The order with the edits at the courier since its payload; None if they change nothing."""
    if is_registration(shipment.payload):
        booked = "was booked elsewhere: have it tracked again (awbridge waybills register), or send an order"
        raise PayloadRefused([FieldProblem("waybill", booked)])
    order = await order_at_courier(session, shipment)
    return order if payload_text(order) != payload_text(shipment.payload) else None
