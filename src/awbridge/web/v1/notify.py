"""The routes under /v1 about who is told what: endpoints of own systems, opt-outs, alarms."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.exceptions import HTTPException

from awbridge.domain.errors import NotFound
from awbridge.domain.notify.notices import Channel
from awbridge.domain.notify.phones import reachable
from awbridge.sinks.addresses import AddressRefused, find_target
from awbridge.steps.notify import endpoints as subscribers
from awbridge.store.notify import alarms, endpoints, events, notices, opt_outs
from awbridge.web.dependencies import ApiDep, ClockDep, StoreDep
from awbridge.web.v1 import notify_views as views
from awbridge.web.v1.request_parsing import number_in
from awbridge.web.v1.shipment_lookup import ShipmentDep

router = APIRouter()


@router.get("/endpoints", tags=["endpoints"])
async def list_endpoints(store: StoreDep) -> list[views.EndpointView]:
    """The systems that are told of events."""
    async with store.read() as session:
        return [views.endpoint_view(e) for e in await endpoints.every(session)]


@router.post("/endpoints", status_code=201, tags=["endpoints"])
async def add_endpoint(body: Annotated[views.EndpointBody, Body()], api: ApiDep) -> views.EndpointWithSecret:
    """Tell a system of events from now on. The answer holds the secret that signs them, this once."""
    try:
        await find_target(body.url, api.networks)
    except AddressRefused as error:
        raise HTTPException(422, str(error)) from None
    async with api.store.write() as session:
        added = await endpoints.add(session, body.url, kinds=body.kinds, now=api.clock())
    return views.EndpointWithSecret(**views.endpoint_view(added).model_dump(), secret=added.secret)


@router.post("/endpoints/{endpoint_id}/rotate", tags=["endpoints"])
async def rotate_secret(endpoint_id: str, store: StoreDep, clock: ClockDep) -> views.EndpointWithSecret:
    """Give it a new secret. The old one signs too for a day."""
    endpoint = await subscribers.rotate(store=store, clock=clock, endpoint_id=number_in(endpoint_id))
    return views.EndpointWithSecret(**views.endpoint_view(endpoint).model_dump(), secret=endpoint.secret)


@router.post("/endpoints/{endpoint_id}/enable", tags=["endpoints"])
async def enable_endpoint(endpoint_id: str, store: StoreDep, clock: ClockDep) -> views.EndpointView:
    """Deliver to it again, also what has waited."""
    return views.endpoint_view(await subscribers.enable(store=store, clock=clock, endpoint_id=number_in(endpoint_id)))


@router.post("/endpoints/{endpoint_id}/disable", tags=["endpoints"])
async def disable_endpoint(endpoint_id: str, store: StoreDep, clock: ClockDep) -> views.EndpointView:
    """Deliver nothing to it until it is enabled. What happens meanwhile waits."""
    return views.endpoint_view(await subscribers.disable(store=store, clock=clock, endpoint_id=number_in(endpoint_id)))


@router.delete("/endpoints/{endpoint_id}", status_code=204, tags=["endpoints"])
async def remove_endpoint(endpoint_id: str, store: StoreDep, clock: ClockDep) -> None:
    """Forget it, and what was on its way to it."""
    await subscribers.remove(store=store, clock=clock, endpoint_id=number_in(endpoint_id))


@router.get("/endpoints/{endpoint_id}/deliveries", tags=["endpoints"])
async def list_deliveries(
    endpoint_id: str, store: StoreDep, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[views.EventDeliveryView]:
    """What became of the newest events there."""
    async with store.read() as session:
        if await endpoints.get(session, number_in(endpoint_id)) is None:
            raise NotFound(f"there is no endpoint {endpoint_id}")
        return [views.event_delivery_view(d) for d in await events.newest(session, number_in(endpoint_id), limit=limit)]


@router.post("/endpoints/{endpoint_id}/redeliver", status_code=202, tags=["endpoints"])
async def redeliver(
    endpoint_id: str, body: Annotated[views.RedeliverBody, Body()], store: StoreDep, clock: ClockDep
) -> dict[str, int]:
    """Send events again: those named, or all that failed. They keep their webhook-id."""
    due = await subscribers.redeliver(
        store=store,
        clock=clock,
        endpoint_id=number_in(endpoint_id),
        event_ids=[number_in(event_id) for event_id in body.event_ids],
    )
    return {"due": due}


@router.get("/shipments/{reference_number:path}/notices", tags=["shipments"])
async def show_notices(shipment: ShipmentDep, store: StoreDep) -> list[views.MilestoneView]:
    """Why its customer did, or did not, get a message: each milestone, and the notice over each channel."""
    async with store.read() as session:
        reached = await notices.milestones_of(session, shipment.reference_number)
        made = await notices.of_shipment(session, shipment.reference_number)
    return [views.milestone_view(r, [n for n in made if n.milestone is r.milestone]) for r in reached]


@router.post("/opt-outs", status_code=204, tags=["notices"])
async def add_opt_out(body: Annotated[views.OptOutBody, Body()], api: ApiDep) -> None:
    """No more messages to this phone number or mail address. Only its hash is kept."""
    async with api.store.write() as session:
        await opt_outs.add(session, _address(body, api.country), channel=_channel(body), now=api.clock())


@router.post("/opt-outs/remove", status_code=204, tags=["notices"])
async def remove_opt_out(body: Annotated[views.OptOutBody, Body()], api: ApiDep) -> None:
    """Messages to this address are welcome again."""
    async with api.store.write() as session:
        if not await opt_outs.remove(session, _address(body, api.country), channel=_channel(body)):
            raise NotFound("this address had not opted out of that")


@router.get("/alarms", tags=["alarms"])
async def list_alarms(
    store: StoreDep,
    everything: Annotated[bool, Query(description="Also those that are over.")] = False,
) -> list[views.AlarmView]:
    """What is wrong now."""
    async with store.read() as session:
        found = await (alarms.every(session) if everything else alarms.open_now(session))
    return [views.alarm_view(a) for a in found]


def _address(body: views.OptOutBody, country: str) -> str:
    try:
        return reachable(body.address, country=country)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None


def _channel(body: views.OptOutBody) -> Channel | None:
    return Channel(body.channel) if body.channel else None
