"""Fallback: gives an order that one courier refused to the next courier, once it is certain that none holds it.

Proof is a refusal by ClickPost to each create-order, or the later statement of a person.
That ClickPost shows no order when it is asked proves nothing: that query is not documented. Only then, in one
transaction, the successor is added and the first ended. A killed process leaves the lease behind, nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from awbridge.clickpost.models.orders.order_rules import longest_reference
from awbridge.clickpost.orders.fallback_reasons import all_were_refused, fallback_reason
from awbridge.clickpost.wire.answers import FoundOrder
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.couriers.fallback import chain, successor_reference
from awbridge.domain.errors import PayloadRefused
from awbridge.domain.notify import events as happened
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import NewShipment, Shipment
from awbridge.domain.tracking.asking import PollingRules
from awbridge.steps.records.other_account import under_account
from awbridge.steps.records.placed import record_found
from awbridge.steps.records.unrecorded import Unrecorded, kept_if_away
from awbridge.steps.registration.verdict import FindsOrders
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import LeasePolicy
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackPolicy(LeasePolicy):
    """When another courier is tried.

    `failures`: how many answers of a kind that may pass. `window`: how old the failure may be. `again`: after a
    question that was not answered.
    """

    failures: int = 3
    window: timedelta = timedelta(days=1)
    again: timedelta = timedelta(minutes=5)
    longest_call: timedelta = timedelta(seconds=60)
    polling: PollingRules = field(default_factory=PollingRules)
    batch: int = 20


class _Changed(Exception):
    """The shipment changed meanwhile: nothing is written."""


async def fallback_due(
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
    this = _FallbackRound(store, clickpost, clock, policy, unrecorded, owner=uuid.uuid4().hex)
    now = clock()
    lease = policy.begin(now)
    async with store.write() as session:
        await _free_abandoned(session, now, policy)
        claimed = await replacements.claim_replaceable(
            session,
            owner=this.owner,
            now=now,
            until=lease.until,
            not_before=now - policy.window,
            failures=policy.failures,
            limit=policy.batch,
        )
    for shipment in claimed:
        if not lease.allows(clock()):
            break  # it is claimed again
        await this.settle(shipment)
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
        log.error("fallback.placed_twice", reference=reference)
        async with store.write() as session:
            await shipments.cancel(session, reference, now=clock())


@dataclass(frozen=True, slots=True)
class _FallbackRound:
    """One round of one worker."""

    store: Store
    clickpost: FindsOrders
    clock: Clock
    policy: FallbackPolicy
    unrecorded: Unrecorded | None
    owner: str

    async def settle(self, shipment: Shipment) -> None:
        """Decide one shipment by its calls, and by what ClickPost holds now."""
        reference = shipment.reference_number
        async with self.store.read() as session:
            calls = [c for c in await attempts.of_shipment(session, reference) if _counts(c.made_at, shipment)]
            accounts = {a.transporter: a for a in await couriers.every(session)}
        changed_at = shipment.payload_changed_at
        recent = [c for c in calls if changed_at is None or c.made_at >= changed_at]
        why = fallback_reason(recent, shipment.payload, at_least=self.policy.failures)
        candidates = _candidates(shipment, accounts)
        if why is None or shipment.maybe_placed or not all_were_refused(calls):  # not certain: never
            async with self.store.write() as session:
                await replacements.not_replaced(session, reference, self.owner)
                await _cancel_if_asked(session, reference, self.clock())
        elif not candidates:
            await self._later(shipment)  # one may be switched on again
        else:
            found = await self.clickpost.find_order(reference, region=shipment.region)
            made = [_attempt(shipment, found, self.clock())]
            async with kept_if_away(self.unrecorded, made):
                if not found.known:
                    await self._later(shipment, made)
                elif found.placed:
                    await self._place(shipment, found.placed, made)
                else:
                    await self._replace(shipment, candidates, why, made)

    async def _later(self, shipment: Shipment, made: Sequence[NewAttempt] = ()) -> None:
        reference, now = shipment.reference_number, self.clock()
        async with self.store.write() as session:
            await attempts.add(session, made)
            await replacements.replace_later(session, reference, self.owner, at=now + self.policy.again)
            await _cancel_if_asked(session, reference, now)

    async def _place(self, shipment: Shipment, placed: Placed, made: Sequence[NewAttempt]) -> None:
        """ClickPost holds the order: record it as placed, without a fallback."""
        async with self.store.write() as session:
            now = self.clock()
            await attempts.add(session, made)
            ask_at = self.policy.polling.first_poll(now, shipment.reference_number, held_before=True)
            await record_found(session, shipment, placed, ask_at=ask_at, now=now)
        log.info("fallback.already_held", reference=shipment.reference_number, waybill=placed.waybill)

    async def _replace(
        self, shipment: Shipment, candidates: Sequence[CourierAccount], why: str, made: Sequence[NewAttempt]
    ) -> None:
        reference, now = shipment.reference_number, self.clock()
        try:
            async with self.store.write() as session:
                await attempts.add(session, made)
                new = await _add_successor(session, shipment, candidates, now)
                if new is None:
                    await replacements.not_replaced(session, reference, self.owner)
                    return
                problem = f"{why}; replaced by {new.reference_number} under {new.transporter}"
                if not await replacements.supersede(session, reference, self.owner, new, problem=problem, now=now):
                    raise _Changed
                ended = replace(shipment, replaced_by=new.reference_number)
                await events.write(session, [happened.superseded(ended, now=now)], now=now)
        except _Changed:
            async with self.store.write() as session:  # release the lease, if it still holds
                await replacements.replace_later(session, reference, self.owner, at=now)
                await _cancel_if_asked(session, reference, now)
            return
        log.warning("fallback.replaced", reference=reference, by=new.reference_number, transporter=new.transporter)


def _counts(made_at: datetime, shipment: Shipment) -> bool:
    """Whether a call may have left an order. Calls before a person settled the shipment left none."""
    return shipment.settled_at is None or made_at >= shipment.settled_at


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


def _candidates(shipment: Shipment, accounts: dict[str, CourierAccount]) -> list[CourierAccount]:
    """The active accounts along the chain of fallbacks, next first."""
    names = chain(shipment.transporter or "", {name: a.fallback for name, a in accounts.items()})
    return [accounts[name] for name in names if name in accounts and accounts[name].active]


async def _add_successor(
    session: Session, shipment: Shipment, candidates: Sequence[CourierAccount], now: datetime
) -> NewShipment | None:
    """Add the shipment under the first courier that takes its payload and the first free reference number."""
    first = await _first_reference(session, shipment)
    for account in candidates:
        longest = longest_reference(account.courier_partner_id)
        for number in _NUMBERS:
            reference = successor_reference(first, number, longest)
            try:
                new = under_account(shipment, account, reference_number=reference)
            except PayloadRefused:
                break  # not for this courier
            if await shipments.add(session, new, now=now):
                await shipments.wake_deliveries(session, [new], now=now)
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
