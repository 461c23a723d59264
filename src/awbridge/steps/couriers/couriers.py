"""The configured couriers: add, change, remove; move waiting shipments; set the allocation rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from awbridge.clickpost.orders.create import has_own_waybill
from awbridge.clickpost.wire.identifiers import identifier_problems
from awbridge.domain.couriers.allocation import Rule, read_rules
from awbridge.domain.couriers.fallback import chain_problem
from awbridge.domain.errors import NotFound, NotPossible, NotValid, PayloadRefused
from awbridge.domain.orders.shipment import Shipment, State, shard_of
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.records.courier_saved import record_saved
from awbridge.steps.records.other_account import under_account
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers import couriers, rules
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.people import audit_log
from awbridge.store.registration import allocations

log = structlog.get_logger()

PAGE = 200
_START = (-1, "")


async def put_couriers(*, store: Store, clock: Clock, accounts: Sequence[CourierAccount]) -> None:
    """Add transporters or change their mapping; all or none.

    Raises NotValid for a broken chain of fallbacks, and for an account code whose digits a spreadsheet has rounded.
    """
    for account in accounts:
        for problem in identifier_problems({"account_code": account.account_code}):
            raise NotValid(f"{account.transporter}: account_code {problem.problem}")
    async with store.write() as session:
        existing = {a.transporter: a for a in await couriers.every(session)}
        fallbacks = {a.transporter: a.fallback for a in (*existing.values(), *accounts)}
        if problem := chain_problem(fallbacks):
            raise NotValid(problem)
        await couriers.put(session, accounts, now=clock())
        await record_saved(session, existing, accounts, now=clock())


async def remove_courier(*, store: Store, transporter: str) -> None:
    """Remove a transporter. Raises NotFound, and NotPossible while a fallback or a rule names it."""
    async with store.write() as session:
        users = [a.transporter for a in await couriers.every(session) if a.fallback == transporter]
        if users:
            raise NotPossible(f"{transporter} is the fallback of {', '.join(users)}: change that first")
        named = [rule.name for rule in await rules.every(session) if rule.transporter == transporter]
        if named:
            raise NotPossible(f"allocation rules name {transporter}: {', '.join(named)}. Change them first")
        if not await couriers.remove(session, transporter):
            raise NotFound(f"there is no transporter {transporter}")
        await audit_log.record(session, AuditAction.COURIER_REMOVED, transporter)


async def put_rules(*, store: Store, clock: Clock, rows: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Replace all allocation rules. Raises NotValid that names the rule and the condition."""
    async with store.write() as session:
        transporters = {a.transporter for a in await couriers.every(session)}
        try:
            new = read_rules(rows, transporters)
        except ValueError as error:
            raise NotValid(str(error)) from None
        before = {"rules": [rule.name for rule in await rules.every(session)]}
        await rules.replace(session, new, now=clock())
        after = {"rules": [rule.name for rule in new]}
        await audit_log.record(session, AuditAction.RULES_REPLACED, "", before=before, after=after, now=clock())
    return new


@dataclass(frozen=True, slots=True, kw_only=True)
class Staying:
    """A shipment that was not moved, and why."""

    reference_number: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The reference numbers that were moved to the other transporter, and the shipments that were not."""

    moved: list[str]
    stayed: list[Staying]


async def move_shipments(*, store: Store, clock: Clock, from_transporter: str, to_transporter: str) -> Moved:
    """Move the shipments that a transporter still has to place, where ClickPost certainly does not hold them.

    Raises NotFound for an unknown destination, NotPossible for one that is switched off or the same.
    """
    result = Moved(moved=[], stayed=[])
    after = _START
    while True:
        async with store.write() as session:
            account = _destination(await couriers.get(session, to_transporter), from_transporter, to_transporter)
            by = f"moved from {from_transporter}"
            page = await allocations.movable(session, from_transporter, after, limit=PAGE)
            for shipment in page:
                reference, reason = shipment.reference_number, _cannot_move(shipment, account)
                if reason is None and not await allocations.move(session, reference, account, by=by, now=clock()):
                    reason = "it is being sent right now; move again in a minute"
                if reason is None:
                    result.moved.append(reference)
                else:
                    state = shipment.state.value
                    result.stayed.append(Staying(reference_number=reference, state=state, reason=reason))
        if len(page) < PAGE:
            break
        after = (shard_of(page[-1].reference_number), page[-1].reference_number)
    async with store.write() as session:
        after = {"to": to_transporter, "moved": len(result.moved), "stayed": len(result.stayed)}
        await audit_log.record(session, AuditAction.COURIER_MOVED, from_transporter, after=after, now=clock())
    log.info("courier.moved", transporter=from_transporter, to=to_transporter, shipments=len(result.moved))
    return result


def _destination(account: CourierAccount | None, moved_from: str, name: str) -> CourierAccount:
    if account is None:
        raise NotFound(f"there is no transporter {name}")
    if not account.active:
        raise NotPossible(f"{name} is switched off: nothing is moved there")
    if name == moved_from:
        raise NotPossible(f"{name} to {name}: there is nothing to move")
    return account


def _cannot_move(shipment: Shipment, account: CourierAccount) -> str | None:
    if shipment.cancel_requested_at:
        return "it is being cancelled"
    if shipment.sent_at and (shipment.state is not State.REJECTED or shipment.maybe_placed):
        return "it was sent: ClickPost may hold it"
    if has_own_waybill(shipment):
        return "its payload has a waybill of the first courier"
    try:
        under_account(shipment, account)
    except PayloadRefused as error:
        return f"the other courier does not accept it: {error}"
    return None
