"""What an account has to do, counted in its own database."""

from __future__ import annotations

from datetime import datetime

from awbridge.domain.orders.shipment import State
from awbridge.store import Store
from awbridge.store.accounts.account_figures import AccountFigures
from awbridge.store.audit import figures, samples
from awbridge.store.couriers import accounts
from awbridge.store.notify import alarms
from awbridge.store.polling import arrivals

_OPEN = (State.ALLOCATING, State.READY, State.RETRYING, State.WAITING, State.HELD)
_FAILED = (State.REJECTED, State.GAVE_UP)
_NOT_APPLIED = ("due", "waiting")


async def count_account(name: str, store: Store, now: datetime) -> AccountFigures:
    """Count what the account of this name has to do. A large backlog is as its own process counted it last.

    Raises StoreBusy.
    """
    async with store.read() as session:
        last_at = await arrivals.last_webhook_at(session)
        if sample := await samples.large(session, now=now):
            found = sample.figures
            shipments, inbox, alarmed, waiting = found.shipments, found.inbox, found.alarms, found.waiting_since
            counted_at = sample.sampled_at
        else:
            held = await accounts.held(session, now=now)
            shipments = await figures.shipments(session)
            inbox = await figures.inbox_stages(session, now=now)
            alarmed = len(await alarms.open_now(session))
            waiting = await figures.waiting_since(session, list(held), now=now)
            counted_at = now
    since = [at for step, at in waiting.items() if at and step != "archive"]
    return AccountFigures(
        account=name,
        orders=sum(shipments.get(state, 0) for state in _OPEN),
        failed=sum(shipments.get(state, 0) for state in _FAILED),
        deliveries=sum(inbox.get(stage, 0) for stage in _NOT_APPLIED),
        alarms=alarmed,
        due_at=min(since, default=None),
        last_webhook_at=last_at,
        counted_at=counted_at,
    )
