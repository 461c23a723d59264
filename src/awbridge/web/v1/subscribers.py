"""The routes under /v1 about who is told what: endpoints of own systems, opt-outs, alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.exceptions import HTTPException

from awbridge.domain.errors import NotFound
from awbridge.domain.notify.notices import Channel
from awbridge.domain.notify.phones import reachable
from awbridge.sinks.addresses import AddressRefused, Network, find_target
from awbridge.steps.notify import endpoints as subscribers
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.notify import alarms, endpoints, events, opt_outs
from awbridge.web.v1 import views
from awbridge.web.v1.reading import number_in


def router(store: Store, clock: Clock, *, networks: Sequence[Network], country: str) -> APIRouter:
    """The routes, on this store."""
    api = APIRouter()

    def address_in(body: views.OptOutBody) -> str:
        try:
            return reachable(body.address, country=country)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None

    def channel_in(body: views.OptOutBody) -> Channel | None:
        return Channel(body.channel) if body.channel else None

    @api.get("/endpoints", tags=["endpoints"])
    async def list_endpoints() -> list[views.EndpointView]:
        """The systems that are told of events."""
        async with store.read() as session:
            return [views.endpoint_view(e) for e in await endpoints.every(session)]

    @api.post("/endpoints", status_code=201, tags=["endpoints"])
    async def add_endpoint(body: Annotated[views.EndpointBody, Body()]) -> views.EndpointWithSecret:
        """Tell a system of events from now on. The answer holds the secret that signs them, this once."""
        try:
            await find_target(body.url, networks)
        except AddressRefused as error:
            raise HTTPException(422, str(error)) from None
        async with store.write() as session:
            added = await endpoints.add(session, body.url, kinds=body.kinds, now=clock())
        return views.EndpointWithSecret(**views.endpoint_view(added).model_dump(), secret=added.secret)

    @api.post("/endpoints/{endpoint_id}/rotate", tags=["endpoints"])
    async def rotate_secret(endpoint_id: str) -> views.EndpointWithSecret:
        """Give it a new secret. The old one signs too for a day."""
        endpoint = await subscribers.rotate(store=store, clock=clock, endpoint_id=number_in(endpoint_id))
        return views.EndpointWithSecret(**views.endpoint_view(endpoint).model_dump(), secret=endpoint.secret)

    @api.post("/endpoints/{endpoint_id}/enable", tags=["endpoints"])
    async def enable_endpoint(endpoint_id: str) -> views.EndpointView:
        """Deliver to it again, also what has waited."""
        return views.endpoint_view(
            await subscribers.enable(store=store, clock=clock, endpoint_id=number_in(endpoint_id))
        )

    @api.post("/endpoints/{endpoint_id}/disable", tags=["endpoints"])
    async def disable_endpoint(endpoint_id: str) -> views.EndpointView:
        """Deliver nothing to it until it is enabled. What happens meanwhile waits."""
        return views.endpoint_view(
            await subscribers.disable(store=store, clock=clock, endpoint_id=number_in(endpoint_id))
        )

    @api.delete("/endpoints/{endpoint_id}", status_code=204, tags=["endpoints"])
    async def remove_endpoint(endpoint_id: str) -> None:
        """Forget it, and what was on its way to it."""
        await subscribers.remove(store=store, clock=clock, endpoint_id=number_in(endpoint_id))

    @api.get("/endpoints/{endpoint_id}/deliveries", tags=["endpoints"])
    async def list_deliveries(
        endpoint_id: str, limit: Annotated[int, Query(ge=1, le=500)] = 50
    ) -> list[views.EventDeliveryView]:
        """What became of the newest events there."""
        async with store.read() as session:
            if await endpoints.get(session, number_in(endpoint_id)) is None:
                raise NotFound(f"there is no endpoint {endpoint_id}")
            return [
                views.event_delivery_view(d) for d in await events.newest(session, number_in(endpoint_id), limit=limit)
            ]

    @api.post("/endpoints/{endpoint_id}/redeliver", status_code=202, tags=["endpoints"])
    async def redeliver(endpoint_id: str, body: Annotated[views.RedeliverBody, Body()]) -> dict[str, int]:
        """Send events again: those named, or all that failed. They keep their webhook-id."""
        due = await subscribers.redeliver(
            store=store,
            clock=clock,
            endpoint_id=number_in(endpoint_id),
            event_ids=[number_in(event_id) for event_id in body.event_ids],
        )
        return {"due": due}

    @api.post("/opt-outs", status_code=204, tags=["notices"])
    async def add_opt_out(body: Annotated[views.OptOutBody, Body()]) -> None:
        """No more messages to this phone number or mail address. Only its hash is kept."""
        async with store.write() as session:
            await opt_outs.add(session, address_in(body), channel=channel_in(body), now=clock())

    @api.post("/opt-outs/remove", status_code=204, tags=["notices"])
    async def remove_opt_out(body: Annotated[views.OptOutBody, Body()]) -> None:
        """Messages to this address are welcome again."""
        async with store.write() as session:
            if not await opt_outs.remove(session, address_in(body), channel=channel_in(body)):
                raise NotFound("this address had not opted out of that")

    @api.get("/alarms", tags=["alarms"])
    async def list_alarms(
        everything: Annotated[bool, Query(description="Also those that are over.")] = False,
    ) -> list[views.AlarmView]:
        """What is wrong now."""
        async with store.read() as session:
            found = await (alarms.every(session) if everything else alarms.open_now(session))
        return [views.alarm_view(a) for a in found]

    _ = (list_endpoints, add_endpoint, rotate_secret, enable_endpoint, disable_endpoint, remove_endpoint)
    _ = (list_deliveries, redeliver, add_opt_out, remove_opt_out, list_alarms)
    return api
