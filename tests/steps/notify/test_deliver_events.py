"""Outgoing webhooks: signed, once in effect, tried for a day, held back while an endpoint is disabled."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from standardwebhooks import Webhook, WebhookVerificationError

from awbridge.domain.customer_page.links import LinkKeys, TrackLinks
from awbridge.domain.notify.events import EventKind
from awbridge.sinks.outgoing import EventSender, SubscriberResponse
from awbridge.steps.customer_page.revoke_link import revoke_link
from awbridge.steps.notify.deliver_events import DEFAULT_DELAYS, DeliverPolicy, deliver_due
from awbridge.steps.notify.endpoints import redeliver
from awbridge.steps.tracking.apply import apply_due
from awbridge.store import Store
from awbridge.store.notify import alarms, endpoints, events
from awbridge.store.notify.endpoints import Endpoint
from tests.steps.registration.test_concurrency import CountingStore
from tests.steps.tracking.test_apply import POLICY as APPLY
from tests.steps.tracking.test_apply import deliver as deliver_webhook
from tests.support.notices import a_customer
from tests.support.receivers import Receiver, Request, http_server, ok
from tests.support.rows import T0, count
from tests.support.world import SetClock, webhook

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
POLICY = DeliverPolicy()


async def listen(store: Store, receiver: Receiver, *kinds: EventKind) -> Endpoint:
    async with store.write() as session:
        return await endpoints.add(session, receiver.url, kinds=kinds, now=T0)


async def hear(store: Store, clock: SetClock, code: int) -> None:
    await deliver_webhook(store, webhook("AWB1", code, clock.now), at=clock.now)
    await apply_due(store=store, clock=clock, policy=APPLY)


async def deliver(store: Store, clock: SetClock, policy: DeliverPolicy = POLICY) -> int:
    async with EventSender(allowed=LOOPBACK, timeout=30.0) as outgoing:
        return await deliver_due(store=store, outgoing=outgoing, clock=clock, policy=policy)


async def shown(store: Store, endpoint: Endpoint) -> list[events.DeliveryShown]:
    async with store.read() as session:
        return await events.newest(session, endpoint.id, limit=50)


async def now_of(store: Store, endpoint: Endpoint) -> Endpoint:
    async with store.read() as session:
        found = await endpoints.get(session, endpoint.id)
    assert found
    return found


def kinds_of(requests: list[Request]) -> list[str]:
    return sorted(json.loads(r.body)["type"] for r in requests)


async def test_a_delivery_is_signed_by_the_convention(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        endpoint = await listen(store, receiver, EventKind.DELIVERED)
        await a_customer(store, "R")
        await hear(store, clock, 8)
        await deliver(store, clock)
    (request,) = receiver.requests
    with time_machine.travel(clock.now, tick=False):
        event = Webhook(endpoint.secret).verify(request.body, request.headers)
    assert event["type"] == "delivered"
    assert event["data"]["waybill"] == "AWB1"
    assert event["data"]["status"]["code"] == 8
    assert "9000000000" not in request.body, "events name parcels, not people"
    with time_machine.travel(clock.now, tick=False), pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(request.body.replace("AWB1", "AWB2"), request.headers)
    (delivery,) = await shown(store, endpoint)
    assert (delivery.state, delivery.http_status) == ("delivered", 200)
    assert request.headers["webhook-id"] == f"evt_{delivery.event_id}"


async def test_deliveries_that_are_answered_at_the_same_time_are_recorded_together(store: Store) -> None:
    class Answering:
        async def post(self, url: str, body: str, **_: Any) -> SubscriberResponse:
            return SubscriberResponse(http_status=200)

    clock, numbers = SetClock(), range(20)
    async with store.write() as session:
        endpoint = await endpoints.add(session, "https://shop.example/events", kinds=(EventKind.DELIVERED,), now=T0)
    for n in numbers:
        await a_customer(store, f"R{n}", f"AWB{n}")
    await deliver_webhook(store, *[webhook(f"AWB{n}", 8, clock.now) for n in numbers], at=clock.now)
    await apply_due(store=store, clock=clock, policy=APPLY)
    counting = CountingStore(store)
    assert await deliver_due(store=counting.as_store, outgoing=Answering(), clock=clock, policy=POLICY) == 20
    assert {delivery.state for delivery in await shown(store, endpoint)} == {"delivered"}
    assert counting.writes <= 3, "one to claim, and two groups"


async def test_an_event_has_the_present_link_to_the_customers_page(store: Store) -> None:
    clock, keys = SetClock(), LinkKeys(["a key of the tests"])
    policy = replace(POLICY, links=TrackLinks("https://shop.example", keys))
    async with http_server() as receiver:
        endpoint = await listen(store, receiver, EventKind.DELIVERED)
        await a_customer(store, "R")
        await hear(store, clock, 8)
        await deliver(store, clock)
        for _ in range(2):
            (delivery,) = await shown(store, endpoint)
            await redeliver(store=store, clock=clock, endpoint_id=endpoint.id, event_ids=[delivery.event_id])
            await deliver(store, clock, policy)
            await revoke_link(store=store, clock=clock, reference_number="R")
    links = [json.loads(request.body)["data"]["track_url"] for request in receiver.requests]
    first, second = (f"https://shop.example/track/{keys.token('R', generation)}" for generation in (0, 1))
    assert links == [None, first, second], "none while the page is off; never one that was revoked"


async def test_every_change_gives_its_events_and_no_other(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        await listen(store, receiver)
        await a_customer(store, "R")
        for code in (6, 9, 9, 6, 11, 21, 14):
            clock.forward(minutes=10)
            await hear(store, clock, code)
        while await deliver(store, clock):
            pass
    assert kinds_of(receiver.requests) == sorted(
        [*["status.changed"] * 6, *["ndr.raised"] * 2, "rto.started", "rto.delivered"]
    )


async def test_an_endpoint_hears_only_what_it_asked_for(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        await listen(store, receiver, EventKind.NDR_RAISED)
        await a_customer(store, "R")
        for code in (6, 9, 8):
            clock.forward(minutes=10)
            await hear(store, clock, code)
        await deliver(store, clock)
    assert kinds_of(receiver.requests) == ["ndr.raised"]


async def test_without_endpoints_no_event_is_kept(store: Store) -> None:
    await a_customer(store, "R")
    await hear(store, SetClock(), 8)
    assert await count(store, "events") == 0
    assert await count(store, "milestones") == 1


async def test_it_is_tried_for_a_day_under_one_id(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        receiver.respond = lambda _: ok("500 Oops", "the disk is full")
        endpoint = await listen(store, receiver, EventKind.DELIVERED)
        await a_customer(store, "R")
        await hear(store, clock, 8)
        while (first := (await shown(store, endpoint))[0]).next_try_at:
            clock.now = first.next_try_at
            await deliver(store, clock)
    assert len(receiver.requests) == len(DEFAULT_DELAYS) + 1
    assert len({r.headers["webhook-id"] for r in receiver.requests}) == 1
    assert timedelta(hours=24) <= clock.now - T0 < timedelta(hours=30)
    (delivery,) = await shown(store, endpoint)
    assert (delivery.state, delivery.problem) == ("failed", "HTTP 500: the disk is full")


async def test_an_endpoint_that_takes_nothing_is_disabled_and_gets_all_when_it_is_back(store: Store) -> None:
    clock, policy = SetClock(), DeliverPolicy(retry_delays=(1.0,))
    async with http_server() as receiver:
        receiver.respond = lambda _: ok("500 Oops")
        endpoint = await listen(store, receiver)
        await a_customer(store, "R")
        await hear(store, clock, 6)
        for _ in range(2):
            await deliver(store, clock, policy)
            clock.forward(seconds=2)
        assert not (await now_of(store, endpoint)).enabled
        async with store.read() as session:
            (alarm,) = await alarms.open_now(session)
        assert alarm.cause == f"endpoint.{endpoint.id}"
        assert f"awbridge endpoints enable {endpoint.id}" in alarm.text
        await hear(store, clock, 8)
        asked = len(receiver.requests)
        assert await deliver(store, clock, policy) == 0
        receiver.respond = lambda _: ok()
        async with store.write() as session:
            await endpoints.enable(session, endpoint.id, now=clock())
            assert await events.redeliver_failed(session, endpoint.id, now=clock()) == 1
        await deliver(store, clock, policy)
        assert kinds_of(receiver.requests[asked:]) == ["delivered", "status.changed", "status.changed"]
    assert {d.state for d in await shown(store, endpoint)} == {"delivered"}
    async with store.read() as session:
        assert await alarms.open_now(session) == []


async def test_one_bad_event_does_not_disable_an_endpoint_that_takes_others(store: Store) -> None:
    clock, policy = SetClock(), DeliverPolicy(retry_delays=(1.0,))
    async with http_server() as receiver:
        receiver.respond = lambda r: ok("400 No") if '"status.changed"' in r.body else ok()
        endpoint = await listen(store, receiver)
        await a_customer(store, "R")
        await hear(store, clock, 8)
        for _ in range(2):
            await deliver(store, clock, policy)
            clock.forward(seconds=2)
    assert (await now_of(store, endpoint)).enabled
    assert sorted(d.state for d in await shown(store, endpoint)) == ["delivered", "failed"]


async def test_410_disables_at_once(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        receiver.respond = lambda _: ok("410 Gone")
        endpoint = await listen(store, receiver, EventKind.DELIVERED)
        await a_customer(store, "R")
        await hear(store, clock, 8)
        await deliver(store, clock)
    assert (await now_of(store, endpoint)).problem == "it answered 410 Gone"


async def test_redelivery_by_hand_keeps_the_id(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        endpoint = await listen(store, receiver, EventKind.DELIVERED)
        await a_customer(store, "R")
        await hear(store, clock, 8)
        await deliver(store, clock)
        (first,) = await shown(store, endpoint)
        async with store.write() as session:
            assert await events.redeliver(session, endpoint.id, first.event_id, now=clock())
            assert not await events.redeliver(session, endpoint.id, 1, now=clock())
        await deliver(store, clock)
    assert [r.headers["webhook-id"] for r in receiver.requests] == [f"evt_{first.event_id}"] * 2


async def test_after_a_rotation_both_secrets_hold_for_a_day(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        endpoint = await listen(store, receiver, EventKind.STATUS_CHANGED)
        await a_customer(store, "R")
        async with store.write() as session:
            new = await endpoints.rotate(session, endpoint.id, now=clock())
        assert new
        await hear(store, clock, 6)
        await deliver(store, clock)
        clock.forward(hours=25)
        await hear(store, clock, 8)
        await deliver(store, clock)
    first, second = receiver.requests
    for secret, request in ((endpoint.secret, first), (new, first), (new, second)):
        with time_machine.travel(float(request.headers["webhook-timestamp"]), tick=False):
            Webhook(secret).verify(request.body, request.headers)
    with (
        time_machine.travel(float(second.headers["webhook-timestamp"]), tick=False),
        pytest.raises(WebhookVerificationError),
    ):
        Webhook(endpoint.secret).verify(second.body, second.headers)


async def test_killed_after_posting_it_posts_again_under_the_same_id(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        endpoint = await listen(store, receiver, EventKind.DELIVERED)
        await a_customer(store, "R")
        await hear(store, clock, 8)

        class Killed(EventSender):
            async def post(self, *args: object, **more: object) -> object:  # type: ignore[override]
                await super().post(*args, **more)  # type: ignore[arg-type]
                raise asyncio.CancelledError

        async with Killed(allowed=LOOPBACK) as outgoing:
            with pytest.raises(asyncio.CancelledError):
                await deliver_due(store=store, outgoing=outgoing, clock=clock, policy=POLICY)
        assert await deliver(store, clock) == 0
        clock.forward(minutes=5)
        await deliver(store, clock)
    assert len({r.headers["webhook-id"] for r in receiver.requests}) == 1
    assert (len(receiver.requests), [d.state for d in await shown(store, endpoint)]) == (2, ["delivered"])


async def test_several_workers_post_each_event_once(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        await listen(store, receiver, EventKind.STATUS_CHANGED)
        await a_customer(store, "R")
        for code in (4, 5, 6, 9, 8):
            clock.forward(minutes=10)
            await hear(store, clock, code)
        await asyncio.gather(*(deliver(store, clock, DeliverPolicy(batch=2)) for _ in range(4)))
        await deliver(store, clock)
    ids = [r.headers["webhook-id"] for r in receiver.requests]
    assert len(ids) == len(set(ids)) == 5


async def test_an_endpoint_in_a_private_network_is_refused_and_disabled(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        endpoint = await listen(store, receiver, EventKind.DELIVERED)
        await a_customer(store, "R")
        await hear(store, clock, 8)
        async with EventSender(allowed=()) as outgoing:
            await deliver_due(store=store, outgoing=outgoing, clock=clock, policy=POLICY)
    assert receiver.requests == []
    assert not (await now_of(store, endpoint)).enabled
    (waiting,) = await shown(store, endpoint)
    assert (waiting.state, waiting.next_try_at) == ("due", None)


async def test_a_redirect_is_not_followed(store: Store) -> None:
    clock = SetClock()
    async with http_server() as receiver:
        receiver.respond = lambda _: ok("302 Found", location="http://169.254.169.254/latest/meta-data")
        endpoint = await listen(store, receiver, EventKind.DELIVERED)
        await a_customer(store, "R")
        await hear(store, clock, 8)
        await deliver(store, clock)
    (tried,) = await shown(store, endpoint)
    assert (tried.state, tried.http_status) == ("due", 302)
