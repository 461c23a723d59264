"""Act on chosen differences: recheck them at once, push their shipments again, or mark them as solved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from awbridge.domain.errors import NotPossible, NotValid, PayloadRefused
from awbridge.domain.orders.bulk import MOST_AT_ONCE
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.reconciliation.decisions import Decision, consequence
from awbridge.steps.reconciliation.differences import push_one
from awbridge.steps.records.reconciliation_run import known_run
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments
from awbridge.store.people import audit_log
from awbridge.store.reconciliation import differences as table
from awbridge.store.reconciliation.differences import Difference

LONGEST_REASON = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What became of one difference, as a sentence. `item` is "" for one that is not of this run."""

    id: int
    item: str
    done: bool
    text: str


async def decide(
    *,
    store: Store,
    clock: Clock,
    reconciliation_id: int,
    difference_ids: Sequence[int],
    decision: Decision,
    reason: str = "",
) -> list[Decided]:
    """Act on these differences of a run, each on its own; the results in the same order.

    `reason` is kept with a difference that is marked as solved. Raises NotFound for an unknown run, NotPossible while
    it is running, NotValid for more than 500 differences or a reason that cannot be stored.
    """
    run = await known_run(store, reconciliation_id)
    if not run.state.over:
        raise NotPossible(f"reconciliation {run.id} is still {run.state}; wait until it is done")
    if len(difference_ids) > MOST_AT_ONCE:
        raise NotValid(f"choose at most {MOST_AT_ONCE} differences at once")
    if "\x00" in reason or len(reason) > LONGEST_REASON:
        raise NotValid(f"a reason is text of at most {LONGEST_REASON} characters")
    decided: list[Decided] = []
    for number in dict.fromkeys(difference_ids):
        async with store.write() as session:
            difference = await table.get(session, run.id, number)
            if difference is None:
                decided.append(Decided(id=number, item="", done=False, text="It is not of this reconciliation."))
                continue
            decided.append(await _decide_one(session, difference, decision, reason.strip(), clock()))
    return decided


async def _decide_one(
    session: Session, difference: Difference, decision: Decision, reason: str, now: datetime
) -> Decided:
    what = consequence(decision, difference.kind, difference.state, difference.pushed_at)
    done, text = what.possible, what.text
    if done:
        match decision:
            case Decision.SOLVE:
                done = await table.solve(
                    session, difference, how=f"by hand: {reason}" if reason else "by hand", now=now
                )
            case Decision.RECHECK:
                await table.check_later(session, difference, at=now)
            case Decision.PUSH_AGAIN:
                done, text = await _push(session, difference, now)
    if done:
        after = {"decision": decision.value}
        await audit_log.record(session, AuditAction.DIFFERENCE_DECIDED, difference.item, after=after, now=now)
    return Decided(id=difference.id, item=difference.item, done=done, text=text)


async def _push(session: Session, difference: Difference, now: datetime) -> tuple[bool, str]:
    shipment = await shipments.get(session, difference.item)
    if shipment:  # push serves only accounts that have a row
        await accounts.ensure(session, [(shipment.courier_partner_id, shipment.account_code)])
    try:
        done = await push_one(session, difference, shipment, now)
    except PayloadRefused as problem:
        return False, f"You must decide first: {problem}"
    return done, "It is pushed again." if done else "It has changed here since the difference was found."
