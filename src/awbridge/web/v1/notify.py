"""The routes of webhook endpoints, notices to customers, opt-outs and alarms."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Literal

from fastapi import Body, Query
from pydantic import Field
from starlette.exceptions import HTTPException

from awbridge.domain.errors import NotFound
from awbridge.domain.notify.events import EventKind
from awbridge.domain.notify.notices import Channel
from awbridge.sinks.addresses import AddressRefused
from awbridge.steps.notify import endpoints as subscribers
from awbridge.steps.notify.opt_outs import add_opt_out as add_opt_out_of
from awbridge.steps.notify.opt_outs import remove_opt_out as remove_opt_out_of
from awbridge.store.notify import alarms, endpoints, events, notices
from awbridge.store.notify.alarms import Alarm
from awbridge.store.notify.endpoints import Endpoint
from awbridge.store.notify.events import DeliveryShown
from awbridge.web.dependencies import ApiDep, ClockDep, StoreDep
from awbridge.web.requested import parse_id
from awbridge.web.v1.request_parsing import NO_NUL, Limit, Moment
from awbridge.web.v1.shipments.lookup import ShipmentDep
from awbridge.web.v1.strict import OwnBody, v1_router
from awbridge.web.v1.views.notify import (
    AlarmView,
    EndpointView,
    EndpointWithSecret,
    EventDeliveryView,
    MilestoneView,
    milestone_view,
)

router = v1_router()


class EndpointBody(OwnBody):
    """An endpoint to add."""

    url: str = Field(max_length=2000, pattern=NO_NUL)
    kinds: list[EventKind] = Field(default_factory=list[EventKind], description="Event types; empty for all.")


class RedeliverBody(OwnBody):
    """Which events to send again; empty for all that failed."""

    event_ids: list[str] = Field(default_factory=list[str], max_length=1000)


class ReplayBody(OwnBody):
    """Since when events are sent again."""

    since: Moment = Field(description="A day or a time, in the account's zone if it names none.")


class OptOutBody(OwnBody):
    """An address that must receive no messages."""

    address: str = Field(min_length=3, max_length=320, pattern=NO_NUL, description="A phone number or email address.")
    channel: Literal["mail", "sms", "whatsapp"] | None = Field(None, description="Only this channel; null for all.")


@router.get("/endpoints", tags=["endpoints"], response_model=list[EndpointView])
async def list_endpoints(store: StoreDep) -> list[Endpoint]:
    """The endpoints of webhook subscribers."""
    async with store.read() as session:
        return await endpoints.every(session)


@router.post("/endpoints", status_code=201, tags=["endpoints"], response_model=EndpointWithSecret)
async def add_endpoint(body: Annotated[EndpointBody, Body()], api: ApiDep) -> Endpoint:
    """Add an endpoint, which receives events from now on. Its signing secret is shown in this response only."""
    try:
        return await subscribers.subscribe(
            store=api.store, clock=api.clock, url=body.url, kinds=body.kinds, networks=api.networks
        )
    except AddressRefused as error:
        raise HTTPException(422, str(error)) from None


@router.put("/endpoints/{endpoint_id}", tags=["endpoints"], response_model=EndpointView)
async def change_endpoint(endpoint_id: str, body: Annotated[EndpointBody, Body()], api: ApiDep) -> Endpoint:
    """Change the address or the event types. Events that are due go to the new address, signed as before."""
    try:
        return await subscribers.change(
            store=api.store,
            clock=api.clock,
            endpoint_id=parse_id(endpoint_id),
            url=body.url,
            kinds=body.kinds,
            networks=api.networks,
        )
    except AddressRefused as error:
        raise HTTPException(422, str(error)) from None


@router.post("/endpoints/{endpoint_id}/replay", status_code=202, tags=["endpoints"])
async def replay_events(endpoint_id: str, body: Annotated[ReplayBody, Body()], api: ApiDep) -> dict[str, int]:
    """Send every event again since a time, delivered or not. They keep their webhook-id."""
    since = body.since if body.since.tzinfo else body.since.replace(tzinfo=api.zone)
    due = await subscribers.replay(
        store=api.store, clock=api.clock, endpoint_id=parse_id(endpoint_id), since=since.astimezone(UTC)
    )
    return {"due": due}


@router.post("/endpoints/{endpoint_id}/rotate", tags=["endpoints"], response_model=EndpointWithSecret)
async def rotate_secret(endpoint_id: str, store: StoreDep, clock: ClockDep) -> Endpoint:
    """Create a new secret. The old one continues to sign for one day."""
    return await subscribers.rotate(store=store, clock=clock, endpoint_id=parse_id(endpoint_id))


@router.post("/endpoints/{endpoint_id}/enable", tags=["endpoints"], response_model=EndpointView)
async def enable_endpoint(endpoint_id: str, store: StoreDep, clock: ClockDep) -> Endpoint:
    """Resume deliveries, including those that have waited."""
    return await subscribers.enable(store=store, clock=clock, endpoint_id=parse_id(endpoint_id))


@router.post("/endpoints/{endpoint_id}/disable", tags=["endpoints"], response_model=EndpointView)
async def disable_endpoint(endpoint_id: str, store: StoreDep, clock: ClockDep) -> Endpoint:
    """Pause deliveries until the endpoint is enabled. Events wait in the meantime."""
    return await subscribers.disable(store=store, clock=clock, endpoint_id=parse_id(endpoint_id))


@router.delete("/endpoints/{endpoint_id}", status_code=204, tags=["endpoints"])
async def remove_endpoint(endpoint_id: str, store: StoreDep, clock: ClockDep) -> None:
    """Remove the endpoint and its undelivered events."""
    await subscribers.remove(store=store, clock=clock, endpoint_id=parse_id(endpoint_id))


@router.get("/endpoints/{endpoint_id}/deliveries", tags=["endpoints"], response_model=list[EventDeliveryView])
async def list_deliveries(endpoint_id: str, store: StoreDep, limit: Limit = 50) -> list[DeliveryShown]:
    """The newest event deliveries of an endpoint."""
    async with store.read() as session:
        if await endpoints.get(session, parse_id(endpoint_id)) is None:
            raise NotFound(f"there is no endpoint {endpoint_id}")
        return await events.newest(session, parse_id(endpoint_id), limit=limit)


@router.post("/endpoints/{endpoint_id}/redeliver", status_code=202, tags=["endpoints"])
async def redeliver(
    endpoint_id: str, body: Annotated[RedeliverBody, Body()], store: StoreDep, clock: ClockDep
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
async def show_notices(shipment: ShipmentDep, store: StoreDep) -> list[MilestoneView]:
    """Each milestone of a shipment and its notices: why the customer did or did not receive a message."""
    async with store.read() as session:
        reached = await notices.milestones_of(session, shipment.reference_number)
        made = await notices.of_shipment(session, shipment.reference_number)
    return [milestone_view(milestone, made) for milestone in reached]


@router.post("/opt-outs", status_code=204, tags=["notices"])
async def add_opt_out(body: Annotated[OptOutBody, Body()], api: ApiDep) -> None:
    """Send no more messages to this phone number or email address. Only its hash is stored."""
    await add_opt_out_of(
        store=api.store, clock=api.clock, address=body.address, country=api.country, channel=_channel(body)
    )


@router.post("/opt-outs/remove", status_code=204, tags=["notices"])
async def remove_opt_out(body: Annotated[OptOutBody, Body()], api: ApiDep) -> None:
    """Allow messages to this address again."""
    await remove_opt_out_of(store=api.store, address=body.address, country=api.country, channel=_channel(body))


@router.get("/alarms", tags=["alarms"], response_model=list[AlarmView])
async def list_alarms(
    store: StoreDep,
    everything: Annotated[bool, Query(description="Include cleared alarms.")] = False,
) -> list[Alarm]:
    """The alarms that are raised now."""
    async with store.read() as session:
        return await (alarms.every(session) if everything else alarms.open_now(session))


def _channel(body: OptOutBody) -> Channel | None:
    return Channel(body.channel) if body.channel else None
