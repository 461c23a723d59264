"""Declare and end downtimes, and end the incident of an account. The API, commands and pages share them."""

from __future__ import annotations

import structlog

from awbridge.domain.couriers.account_throttle import reset
from awbridge.domain.couriers.downtime import Downtime
from awbridge.domain.errors import NotFound, NotPossible
from awbridge.domain.orders.shipment import account_key
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers import accounts, downtimes
from awbridge.store.people import audit_log

log = structlog.get_logger()


async def add_downtime(*, store: Store, clock: Clock, declared: Downtime) -> Downtime:
    """Store a declared downtime; the same with its id. Shipments due during it are held, and go out afterwards."""
    async with store.write() as session:
        return await downtimes.add(session, declared, now=clock())


async def remove_downtime(*, store: Store, number: int) -> None:
    """Remove a downtime; what it holds goes out. Raises NotFound."""
    async with store.write() as session:
        if not await downtimes.remove(session, number):
            raise NotFound(f"there is no downtime {number}")


async def reset_account(*, store: Store, clock: Clock, courier_partner_id: int, account_code: str | None) -> None:
    """End the incident of an account by hand. Its shipments go out 1, 2, 4, ... at a time.

    Raises NotFound for an account that has had no shipment, NotPossible where there is no incident and no pause.
    """
    key = account_key(courier_partner_id, account_code)
    async with store.write() as session:
        state = (await accounts.lock(session, [key])).get(key)
        if state is None:
            raise NotFound(f"no account {courier_partner_id} {account_code or ''} has had a shipment".rstrip())
        resting = state.rest_until_at is not None and state.rest_until_at > clock()
        if not state.has_incident and not resting:
            raise NotPossible("this account has no incident: nothing is held by it")
        await accounts.save(session, [reset(state)])
        before = {"incident": state.incident.value}
        await audit_log.record(session, AuditAction.ACCOUNT_RESET, key, before=before, now=clock())
    log.info("account.reset", account=key, incident=state.incident.value)
