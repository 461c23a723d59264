"""Fallback: gives an order that one courier refused to the next courier, once it is certain that none holds it.

Proof is a refusal by ClickPost to each create-order, or the later statement of a person.
That ClickPost shows no order when it is asked proves nothing: that query is not documented. Only then, in one
transaction, the successor is added and the first ended. A killed process leaves the lease behind, nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from awbridge.clickpost.models.orders.order_rules import longest_reference
from awbridge.clickpost.orders.create import successor
from awbridge.clickpost.orders.fallback_reasons import all_were_refused, fallback_reason
from awbridge.clickpost.wire.answers import FoundOrder
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.couriers.fallback import chain, successor_reference
from awbridge.domain.errors import PayloadRefused
from awbridge.domain.notify import events as happened
from awbridge.domain.orders.shipment import NewShipment, Region, Shipment
from awbridge.domain.tracking.asking import PollingRules
from awbridge.steps.records.placed import record_found
from awbridge.steps.records.unrecorded import Unrecorded, kept_if_away
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import Lease, checked
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session
from awbridge.store.notify import events
from awbridge.store.orders import shipments
from awbridge.store.registration import replacements

log = structlog.get_logger()

_NUMBERS = range(2, 100)  # endings of successors: REF-2 to REF-99


class FindsOrders(Protocol):
    """The ClickPost call that fallback needs."""

    async def find_order(self, reference_number: str, *, region: Region = Region.INDIA) -> FoundOrder:
        """What ClickPost holds under a reference number. Never raises for a failure of the vendor."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackPolicy:
    """When another courier is tried.

    `failures`: how many answers of a kind that may pass. `window`: how old the failure may be. `again`: after a
    question that was not answered. `longest_call`: what one question can last. Raises ValueError where the lease is
    shorter.
    """

    failures: int = 3
    window: timedelta = timedelta(days=1)
    again: timedelta = timedelta(minutes=5)
    lease: timedelta = timedelta(seconds=120)
    longest_call: timedelta = timedelta(seconds=60)
    polling: PollingRules = field(default_factory=PollingRules)
    batch: int = 20

    def __post_init__(self) -> None:
        checked(self.lease, self.longest_call)


class _Changed(Exception):
    """The shipment changed meanwhile: nothing is written."""


async def fall_back_due(
    *,
    store: Store,
    clickpost: FindsOrders,
    clock: Clock,
    policy: FallbackPolicy,
    unrecorded: Unrecorded | None = None,
) -> int:
    """Give shipments that a courier refused to its fallback, one batch; how many were claimed.

    Calls whose answers the database does not take are kept as `unrecorded`; they are made again.
    """
    await _cancel_duplicates(store, clock)
    owner = uuid.uuid4().hex
    now = clock()
    async with store.write() as session:
        await _free_abandoned(session, now, policy)
        claimed = await replacements.claim_replaceable(
            session,
            owner=owner,
            now=now,
            until=now + policy.lease,
            not_before=now - policy.window,
            failures=policy.failures,
            limit=policy.batch,
        )
    for shipment in claimed:
        if not Lease(now + policy.lease, policy.longest_call).allows(clock()):
            break  # it is claimed again
        await _settle(store, clickpost, clock, policy, shipment, owner, unrecorded)
    return len(claimed)


async def _free_abandoned(session: Session, now: datetime, policy: FallbackPolicy) -> None:
    """Release the leases of a killed fallback: payload changes, retry and cancel need them free."""
    freed = await replacements.free_ended(session, now=now, not_before=now - policy.window - policy.lease)
    for reference in freed:
        await _cancel_if_asked(session, reference, now)


async def _cancel_duplicates(store: Store, clock: Clock) -> None:
    """Cancel shipments that a worker placed after its lease was lost and after they were replaced."""
    async with store.read() as session:
        twice = await replacements.placed_though_replaced(session, limit=20)
    for reference in twice:
        log.error("fallback.placed_after_all", reference=reference)
        async with store.write() as session:
            await shipments.cancel(session, reference, now=clock())


async def _settle(
    store: Store,
    clickpost: FindsOrders,
    clock: Clock,
    policy: FallbackPolicy,
    shipment: Shipment,
    owner: str,
    unrecorded: Unrecorded | None,
) -> None:
    reference = shipment.reference_number
    async with store.read() as session:
        calls = [c for c in await attempts.of_shipment(session, reference) if _counts(c.made_at, shipment)]
        accounts = {a.transporter: a for a in await couriers.every(session)}
    changed_at = shipment.payload_changed_at
    recent = [c for c in calls if changed_at is None or c.made_at >= changed_at]
    why = fallback_reason(recent, shipment.payload, at_least=policy.failures)
    if why is None or shipment.maybe_placed or not all_were_refused(calls):  # not certain: never
        await _leave(store, shipment, owner, clock)
        return
    if not _candidates(shipment, accounts):
        await _later(store, clock, policy, shipment, owner)  # one may be switched on again
        return
    found = await clickpost.find_order(reference, region=shipment.region)
    async with kept_if_away(unrecorded, [_attempt(shipment, found, clock())]):
        if not found.known:
            await _later(store, clock, policy, shipment, owner, found)
        elif found.placed:
            await _place(store, clock, policy, shipment, owner, found)
        else:
            await _replace(store, clock, shipment, owner, found, accounts, why)


def _counts(made_at: datetime, shipment: Shipment) -> bool:
    """Whether a call may have left an order. Calls before a person settled the shipment left none."""
    return shipment.settled_at is None or made_at >= shipment.settled_at


async def _later(
    store: Store,
    clock: Clock,
    policy: FallbackPolicy,
    shipment: Shipment,
    owner: str,
    found: FoundOrder | None = None,
) -> None:
    reference, now = shipment.reference_number, clock()
    async with store.write() as session:
        if found:
            await attempts.add(session, [_attempt(shipment, found, now)])
        await replacements.replace_later(session, reference, owner, at=now + policy.again)
        await _cancel_if_asked(session, reference, now)


async def _leave(store: Store, shipment: Shipment, owner: str, clock: Clock) -> None:
    async with store.write() as session:
        await replacements.not_replaced(session, shipment.reference_number, owner)
        await _cancel_if_asked(session, shipment.reference_number, clock())


async def _cancel_if_asked(session: Session, reference: str, now: datetime) -> None:
    """Cancel where that was requested under our lease: no other step cancels a rejected shipment."""
    if await shipments.cancel_is_asked(session, reference):
        await shipments.cancel(session, reference, now=now)


def _attempt(shipment: Shipment, found: FoundOrder, now: datetime) -> NewAttempt:
    held = AttemptOutcome.PLACED if found.placed else AttemptOutcome.NOT_HELD
    return NewAttempt(
        call=found.call,
        reference_number=shipment.reference_number,
        outcome=held if found.known else AttemptOutcome.TRY_LATER,
        made_at=now,
        payload_version=shipment.payload_version,
    )


async def _place(
    store: Store, clock: Clock, policy: FallbackPolicy, shipment: Shipment, owner: str, found: FoundOrder
) -> None:
    """ClickPost holds the order: record it as placed, without a fallback."""
    assert found.placed is not None
    async with store.write() as session:
        now = clock()
        await attempts.add(session, [_attempt(shipment, found, now)])
        ask_at = policy.polling.first_poll(now, shipment.reference_number)
        await record_found(session, shipment, found.placed, ask_at=ask_at, now=now)
    log.info("fallback.held_already", reference=shipment.reference_number, waybill=found.placed.waybill)


async def _replace(
    store: Store,
    clock: Clock,
    shipment: Shipment,
    owner: str,
    found: FoundOrder,
    accounts: dict[str, CourierAccount],
    why: str,
) -> None:
    try:
        async with store.write() as session:
            await attempts.add(session, [_attempt(shipment, found, clock())])
            new = await _add_successor(session, shipment, _candidates(shipment, accounts), clock)
            if new is None:
                await replacements.not_replaced(session, shipment.reference_number, owner)
                return
            problem = f"{why}; replaced by {new.reference_number} under {new.transporter}"
            done = await replacements.supersede(
                session, shipment.reference_number, owner, new, problem=problem, now=clock()
            )
            if not done:
                raise _Changed
            ended = replace(shipment, replaced_by=new.reference_number)
            await events.write(session, [happened.superseded(ended, now=clock())], now=clock())
    except _Changed:
        async with store.write() as session:  # release the lease, if it still holds
            await replacements.replace_later(session, shipment.reference_number, owner, at=clock())
            await _cancel_if_asked(session, shipment.reference_number, clock())
        return
    log.warning(
        "fallback.replaced",
        reference=shipment.reference_number,
        by=new.reference_number,
        transporter=new.transporter,
    )


def _candidates(shipment: Shipment, accounts: dict[str, CourierAccount]) -> list[CourierAccount]:
    """The active accounts along the chain of fallbacks, next first."""
    names = chain(shipment.transporter or "", {name: a.fallback for name, a in accounts.items()})
    return [accounts[name] for name in names if name in accounts and accounts[name].active]


async def _add_successor(
    session: Session, shipment: Shipment, candidates: Sequence[CourierAccount], clock: Clock
) -> NewShipment | None:
    """Add the shipment under the first courier that takes its payload and the first free reference number."""
    first = await _first_reference(session, shipment)
    for account in candidates:
        longest = longest_reference(account.courier_partner_id)
        for number in _NUMBERS:
            try:
                new = successor(
                    shipment,
                    reference_number=successor_reference(first, number, longest),
                    transporter=account.transporter,
                    courier_partner_id=account.courier_partner_id,
                    account_code=account.account_code,
                )
            except PayloadRefused:
                break  # not for this courier
            if await shipments.add(session, new, now=clock()):
                await shipments.wake_deliveries(session, [new], now=clock())
                return new
    return None


async def _first_reference(session: Session, shipment: Shipment) -> str:
    """The first reference number of the chain, so that suffixes do not accumulate."""
    first: Shipment | None = shipment
    for _ in _NUMBERS:
        if first is None or first.replaces is None:
            break
        first = await shipments.get(session, first.replaces)
    return first.reference_number if first else shipment.reference_number
