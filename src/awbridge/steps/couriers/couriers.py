"""The configured couriers: add, change, remove; set the allocation rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from awbridge.clickpost.wire.identifiers import identifier_problems
from awbridge.domain.couriers.allocation import Rule, read_rules
from awbridge.domain.couriers.fallback import chain_problem
from awbridge.domain.couriers.rule_changes import rules_mark
from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.records.courier_saved import record_saved
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers import couriers, rules
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.people import audit_log


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


async def put_rules(
    *, store: Store, clock: Clock, rows: Sequence[Mapping[str, Any]], instead_of: str | None = None
) -> list[Rule]:
    """Replace all allocation rules. Raises NotValid that names the rule and the condition.

    `instead_of`: the `rules_mark` of the rules that are replaced. Raises NotPossible if they were changed meanwhile.
    """
    async with store.write() as session:
        if instead_of is not None and rules_mark(await rules.every(session)) != instead_of:
            raise NotPossible("the rules were changed meanwhile; nothing was saved")
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
