"""Deliver events: posts signed events to webhook subscribers. Claim, post, record; retried for a day.

An endpoint that accepts no event while one event uses up its tries is disabled. An alarm is raised, and deliveries to
the endpoint wait until it is enabled.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from awbridge.domain.customer_page.links import NO_LINKS, TrackLinks
from awbridge.domain.notify.events import with_link
from awbridge.domain.retry import delay_before_retry
from awbridge.sinks.outgoing import SubscriberResponse
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.group_commit import GroupCommit
from awbridge.steps.runtime.lease import LeasePolicy
from awbridge.steps.runtime.meters import EVENTS_POSTED
from awbridge.steps.runtime.work import for_each, until_recorded
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.notify import endpoints, events
from awbridge.store.notify.endpoints import Endpoint
from awbridge.store.notify.events import DueDelivery, Settled

log = structlog.get_logger()

# 24 hours in total.
DEFAULT_DELAYS = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 25200.0, 34200.0)


class Posts(Protocol):
    """The HTTP client that delivery needs."""

    async def post(self, url: str, body: str, *, key: str, secrets: Sequence[str], now: datetime) -> SubscriberResponse:
        """Deliver one event once. Never raises for a failure of the endpoint."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverPolicy(LeasePolicy):
    """How events are delivered. `links` make the `track_url` in them."""

    retry_delays: Sequence[float] = DEFAULT_DELAYS
    lease: timedelta = timedelta(seconds=180)
    disable_after: timedelta = timedelta(hours=12)
    links: TrackLinks = NO_LINKS
    batch: int = 50
    concurrency: int = 20


@dataclass(frozen=True, slots=True)
class _Tried:
    state: str
    http_status: int | None
    disabled: bool


def key_of(delivery: DueDelivery) -> str:
    """The `webhook-id` of an event: the same for every try and redelivery."""
    return f"evt_{delivery.event_id}"


async def deliver_due(*, store: Store, outgoing: Posts, clock: Clock, policy: DeliverPolicy) -> int:
    """Post one batch of due events; how many were claimed."""
    owner = uuid.uuid4().hex[:16]  # written into every row that is claimed
    now = clock()
    lease = policy.begin(now)
    async with store.write() as session:
        claimed = await events.claim(session, owner=owner, now=now, until=lease.until, limit=policy.batch)
        known = {e.id: e for e in await endpoints.every(session)} if claimed else {}
        for delivery in claimed:
            if delivery.endpoint_id in known and not known[delivery.endpoint_id].enabled:
                await events.pause(session, delivery.endpoint_id)

    async def deliver_one(delivery: DueDelivery) -> None:
        endpoint = known.get(delivery.endpoint_id)
        if endpoint is None or not endpoint.enabled or not lease.allows(clock()):
            return  # it waits, or is claimed again
        secrets = endpoint.signing_secrets(clock())
        body = with_link(delivery.body, delivery, policy.links)
        response = await outgoing.post(endpoint.url, body, key=key_of(delivery), secrets=secrets, now=clock())
        order = (endpoint.id, delivery.shard, delivery.event_id)

        async def record() -> _Tried:
            now = clock()
            return await writes.write(
                lambda session: _record(session, delivery, endpoint, owner, response, now, policy), order=order
            )

        _tell(delivery, endpoint, await until_recorded(record))

    async with GroupCommit(store) as writes:
        await for_each(claimed, deliver_one, at_once=policy.concurrency)
    return len(claimed)


async def _record(
    session: Session,
    delivery: DueDelivery,
    endpoint: Endpoint,
    owner: str,
    response: SubscriberResponse,
    now: datetime,
    policy: DeliverPolicy,
) -> _Tried:
    settled = decide(delivery, response, now, policy)
    # The endpoint is locked before its deliveries, as when it is enabled.
    if response.problem is None:
        await endpoints.succeeded(session, endpoint.id, now=now)
    else:
        await endpoints.failed(session, endpoint.id, now=now)
    problem = None
    if settled.next_try_at is None and response.problem:
        problem = _why_disable(await endpoints.lock(session, endpoint.id), response, now, policy)
    await events.settle(session, delivery, owner, settled, now=now)
    disabled = problem is not None and await endpoints.disable(session, endpoint, problem=problem, now=now)
    return _Tried(settled.state, response.http_status, disabled)


def _tell(delivery: DueDelivery, endpoint: Endpoint, tried: _Tried) -> None:
    """Count and log a try, once it is committed."""
    if tried.disabled:
        log.error("endpoint.disabled", endpoint=endpoint.id)
    fields = {"endpoint": endpoint.id, "kind": delivery.kind, "http_status": tried.http_status}
    EVENTS_POSTED.add(tried.state)
    log.debug("event.tried", state=tried.state, tries=delivery.tries + 1, **fields)


def _why_disable(
    endpoint: Endpoint | None, response: SubscriberResponse, now: datetime, policy: DeliverPolicy
) -> str | None:
    """Why to disable an endpoint after a delivery failed for good; None to keep it enabled."""
    if endpoint is None:
        return None
    if response.gone:
        return "it answered 410 Gone"
    if response.refused:
        return response.problem
    if endpoint.last_success_at and now - endpoint.last_success_at < policy.disable_after:
        return None
    return f"an event was tried {len(policy.retry_delays) + 1} times and no other was accepted: {response.problem}"


def decide(delivery: DueDelivery, response: SubscriberResponse, now: datetime, policy: DeliverPolicy) -> Settled:
    """The next state of a delivery after this try. Pure."""
    if response.problem is None:
        return Settled(state="delivered", http_status=response.http_status)
    delay = delay_before_retry(policy.retry_delays, delivery.tries + 1, at_least=response.retry_after)
    if response.refused:
        return Settled(state="due", problem=response.problem)  # waits until the endpoint is enabled
    if delay is None or response.gone:
        return Settled(state="failed", http_status=response.http_status, problem=response.problem)
    return Settled(state="due", next_try_at=now + delay, http_status=response.http_status, problem=response.problem)
