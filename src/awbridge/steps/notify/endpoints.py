"""Operations on webhook endpoints: add, change, redeliver, replay, enable, disable, rotate, remove."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from awbridge.domain.errors import NotFound
from awbridge.domain.notify.events import EventKind
from awbridge.domain.people.audited import AuditAction
from awbridge.sinks.addresses import Network, find_target
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.engine.ids import first_id
from awbridge.store.notify import endpoints, events
from awbridge.store.notify.endpoints import Endpoint
from awbridge.store.people import audit_log

REPLAY_BATCH = 2000  # events of one transaction


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


async def subscribe(
    *, store: Store, clock: Clock, url: str, kinds: Sequence[EventKind], networks: Sequence[Network]
) -> Endpoint:
    """Send events to a URL from now on. `kinds`: empty for every event. Raises AddressRefused, AddressUnknown.

    `networks`: private networks that are allowed.
    """
    await find_target(url, networks)
    async with store.write() as session:
        return await endpoints.add(session, url, kinds=kinds, now=clock())


async def change(
    *,
    store: Store,
    clock: Clock,
    endpoint_id: int,
    url: str,
    kinds: Sequence[EventKind],
    networks: Sequence[Network],
) -> Endpoint:
    """Another address, or other events from now on. What is due goes to the new address, signed as before.

    Raises AddressRefused, AddressUnknown, NotFound.
    """
    await find_target(url, networks)
    async with store.write() as session:
        await endpoints.change(session, endpoint_id, url, kinds=kinds, now=clock())
        after = {"kinds": [kind.value for kind in kinds]}  # not the URL, which may contain a secret
        await audit_log.record(session, AuditAction.ENDPOINT_CHANGED, endpoint_id, after=after, now=clock())
        return await _known(session, endpoint_id)


async def replay(*, store: Store, clock: Clock, endpoint_id: int, since: datetime) -> int:
    """Send every event again that was addressed to an endpoint since then, under its first webhook-id; how many.

    Events that happened before the endpoint was added are not among them. It goes in batches, oldest first: a killed
    replay may be begun again. Raises NotFound.
    """
    end, after, replayed = clock(), first_id(since), 0
    while True:
        async with store.write() as session:
            endpoint = await endpoints.lock(session, endpoint_id)
            if endpoint is None:
                raise _unknown(endpoint_id)
            sent = await events.redeliver_between(session, endpoint_id, after, end, now=clock(), limit=REPLAY_BATCH)
            if sent and not endpoint.enabled:
                await events.pause(session, endpoint_id)
            replayed += len(sent)
            if len(sent) < REPLAY_BATCH:
                done = {"since": since.isoformat(), "events": replayed}
                await audit_log.record(session, AuditAction.ENDPOINT_REPLAYED, endpoint_id, after=done, now=clock())
        if len(sent) < REPLAY_BATCH:
            return replayed
        after = sent[-1] + 1


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
