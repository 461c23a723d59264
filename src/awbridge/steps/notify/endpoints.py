"""Operations on webhook endpoints: redeliver, enable, disable. The API, CLI and pages share them."""

from __future__ import annotations

from collections.abc import Sequence

from awbridge.domain.errors import NotFound
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.notify import endpoints, events
from awbridge.store.notify.endpoints import Endpoint
from awbridge.store.people import audit_log


def _unknown(endpoint_id: int) -> NotFound:
    return NotFound(f"there is no endpoint {endpoint_id}; see awbridge endpoints list")


async def _known(session: Session, endpoint_id: int) -> Endpoint:
    endpoint = await endpoints.get(session, endpoint_id)
    if endpoint is None:
        raise _unknown(endpoint_id)
    return endpoint


async def redeliver(*, store: Store, clock: Clock, endpoint_id: int, event_ids: Sequence[int] = ()) -> int:
    """Redeliver these events, or all that failed, under their first webhook-id; how many are due. Raises NotFound.

    A disabled endpoint receives them once it is enabled.
    """
    now = clock()
    async with store.write() as session:
        endpoint = await endpoints.lock(session, endpoint_id)
        if endpoint is None:
            raise _unknown(endpoint_id)
        if event_ids:
            for event_id in event_ids:
                if not await events.redeliver(session, endpoint_id, event_id, now=now):
                    raise NotFound(f"event {event_id} was never addressed to endpoint {endpoint_id}")
            due = len(event_ids)
        else:
            due = await events.redeliver_failed(session, endpoint_id, now=now)
        if not endpoint.enabled:
            await events.pause(session, endpoint_id)
        after = {"events": due}
        await audit_log.record(session, AuditAction.ENDPOINT_REDELIVERED, endpoint_id, after=after, now=now)
    return due


async def enable(*, store: Store, clock: Clock, endpoint_id: int) -> Endpoint:
    """Resume deliveries to an endpoint, including those that waited. Raises NotFound."""
    async with store.write() as session:
        await endpoints.enable(session, endpoint_id, now=clock())
        enabled = await _known(session, endpoint_id)
        await audit_log.record(session, AuditAction.ENDPOINT_ENABLED, endpoint_id, now=clock())
        return enabled


async def disable(*, store: Store, clock: Clock, endpoint_id: int) -> Endpoint:
    """Pause deliveries to an endpoint until it is enabled. Raises no alarm. Raises NotFound."""
    async with store.write() as session:
        await endpoints.lock(session, endpoint_id)
        await endpoints.rest(session, endpoint_id, now=clock())
        disabled = await _known(session, endpoint_id)
        await audit_log.record(session, AuditAction.ENDPOINT_DISABLED, endpoint_id, now=clock())
        return disabled


async def rotate(*, store: Store, clock: Clock, endpoint_id: int) -> Endpoint:
    """Give an endpoint a new secret; the old one signs too for a day. Raises NotFound."""
    async with store.write() as session:
        await endpoints.rotate(session, endpoint_id, now=clock())
        rotated = await _known(session, endpoint_id)
        await audit_log.record(session, AuditAction.ENDPOINT_ROTATED, endpoint_id, now=clock())
        return rotated


async def remove(*, store: Store, clock: Clock, endpoint_id: int) -> None:
    """Forget an endpoint, and what was on its way to it. Raises NotFound."""
    async with store.write() as session:
        if not await endpoints.remove(session, endpoint_id, now=clock()):
            raise _unknown(endpoint_id)
        await audit_log.record(session, AuditAction.ENDPOINT_REMOVED, endpoint_id, now=clock())
