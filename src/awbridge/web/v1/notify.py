"""The routes of webhook endpoints, notices to customers, opt-outs and alarms."""

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
from awbridge.web.v1.request_parsing import parse_id
from awbridge.web.v1.shipment_lookup import ShipmentDep

router = APIRouter()


@router.get("/endpoints", tags=["endpoints"])
async def list_endpoints(store: StoreDep) -> list[views.EndpointView]:
    """The endpoints of webhook subscribers."""
    async with store.read() as session:
        return [views.endpoint_view(e) for e in await endpoints.every(session)]


@router.post("/endpoints", status_code=201, tags=["endpoints"])
async def add_endpoint(body: Annotated[views.EndpointBody, Body()], api: ApiDep) -> views.EndpointWithSecret:
    """Add an endpoint, which receives events from now on. Its signing secret is shown in this response only."""
    try:
        await find_target(body.url, api.networks)
    except AddressRefused as error:
        raise HTTPException(422, str(error)) from None
    async with api.store.write() as session:
        added = await endpoints.add(session, body.url, kinds=body.kinds, now=api.clock())
    return views.EndpointWithSecret(**views.endpoint_view(added).model_dump(), secret=added.secret)


@router.post("/endpoints/{endpoint_id}/rotate", tags=["endpoints"])
async def rotate_secret(endpoint_id: str, store: StoreDep, clock: ClockDep) -> views.EndpointWithSecret:
    """Create a new secret. The old one continues to sign for one day."""
    endpoint = await subscribers.rotate(store=store, clock=clock, endpoint_id=parse_id(endpoint_id))
    return views.EndpointWithSecret(**views.endpoint_view(endpoint).model_dump(), secret=endpoint.secret)


@router.post("/endpoints/{endpoint_id}/enable", tags=["endpoints"])
async def enable_endpoint(endpoint_id: str, store: StoreDep, clock: ClockDep) -> views.EndpointView:
    """Resume deliveries, including those that have waited."""
    return views.endpoint_view(await subscribers.enable(store=store, clock=clock, endpoint_id=parse_id(endpoint_id)))


@router.post("/endpoints/{endpoint_id}/disable", tags=["endpoints"])
async def disable_endpoint(endpoint_id: str, store: StoreDep, clock: ClockDep) -> views.EndpointView:
    """Pause deliveries until the endpoint is enabled. Events wait in the meantime."""
    return views.endpoint_view(await subscribers.disable(store=store, clock=clock, endpoint_id=parse_id(endpoint_id)))


@router.delete("/endpoints/{endpoint_id}", status_code=204, tags=["endpoints"])
async def remove_endpoint(endpoint_id: str, store: StoreDep, clock: ClockDep) -> None:
    """Remove the endpoint and its undelivered events."""
    await subscribers.remove(store=store, clock=clock, endpoint_id=parse_id(endpoint_id))


@router.get("/endpoints/{endpoint_id}/deliveries", tags=["endpoints"])
async def list_deliveries(
    endpoint_id: str, store: StoreDep, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[views.EventDeliveryView]:
    """The newest event deliveries of an endpoint."""
    async with store.read() as session:
        if await endpoints.get(session, parse_id(endpoint_id)) is None:
            raise NotFound(f"there is no endpoint {endpoint_id}")
        return [views.event_delivery_view(d) for d in await events.newest(session, parse_id(endpoint_id), limit=limit)]


@router.post("/endpoints/{endpoint_id}/redeliver", status_code=202, tags=["endpoints"])
async def redeliver(
    endpoint_id: str, body: Annotated[views.RedeliverBody, Body()], store: StoreDep, clock: ClockDep
) -> dict[str, int]:
    """Send events again: those listed, or all that failed. They keep their webhook-id."""
    due = await subscribers.redeliver(
        store=store,
        clock=clock,
        endpoint_id=parse_id(endpoint_id),
        event_ids=[parse_id(event_id) for event_id in body.event_ids],
    )
    return {"due": due}


@router.get("/shipments/{reference_number:path}/notices", tags=["shipments"])
async def show_notices(shipment: ShipmentDep, store: StoreDep) -> list[views.MilestoneView]:
    """Each milestone of a shipment and its notices: why the customer did or did not receive a message."""
    async with store.read() as session:
        reached = await notices.milestones_of(session, shipment.reference_number)
        made = await notices.of_shipment(session, shipment.reference_number)
    return [views.milestone_view(r, [n for n in made if n.milestone is r.milestone]) for r in reached]


@router.post("/opt-outs", status_code=204, tags=["notices"])
async def add_opt_out(body: Annotated[views.OptOutBody, Body()], api: ApiDep) -> None:
    """Send no more messages to this phone number or email address. Only its hash is stored."""
    async with api.store.write() as session:
        await opt_outs.add(session, _address(body, api.country), channel=_channel(body), now=api.clock())


@router.post("/opt-outs/remove", status_code=204, tags=["notices"])
async def remove_opt_out(body: Annotated[views.OptOutBody, Body()], api: ApiDep) -> None:
    """Allow messages to this address again."""
    async with api.store.write() as session:
        if not await opt_outs.remove(session, _address(body, api.country), channel=_channel(body)):
            raise NotFound("this address has no such opt-out")


@router.get("/alarms", tags=["alarms"])
async def list_alarms(
    store: StoreDep,
    everything: Annotated[bool, Query(description="Include cleared alarms.")] = False,
) -> list[views.AlarmView]:
    """The alarms that are raised now."""
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
