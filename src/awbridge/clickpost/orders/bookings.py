"""Changes to a booked shipment, pickups, and waybills booked elsewhere. Source: ClickPost's API reference."""

from __future__ import annotations

from dataclasses import dataclass, field

from awbridge.clickpost.models.base import RequestModel, as_payload
from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.fields import first_object, raw_of
from awbridge.clickpost.wire.lenient_json import Reply, as_id, as_text
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Region

ALREADY_REGISTERED = 303

_CREATE_PICKUP = {Region.INDIA: "/api/v1/create-pickup/", Region.WORLD: "/api/v2/create-pickup/"}
_AWB_REGISTER = {2: "/api/v2/tracking/awb-register/", 3: "/api/v3/tracking/awb-register/"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pickup:
    """A pickup that the courier confirmed. `location` is the courier's code, "" if it gives none."""

    confirmation_number: str
    location: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaybillRegistration:
    """A waybill that ClickPost now tracks. `already`: it was registered before (code 303); then the ids may be ""."""

    already: bool
    tracking_id: str
    security_key: str = field(repr=False)
    message: str
    raw: JsonObject = field(repr=False)


def edit_order_request(
    endpoints: Endpoints, waybill: str, cp_id: int, changes: RequestModel | JsonObject
) -> ApiRequest:
    """Change fields of an order that the courier has. Waybill and courier override those in `changes`."""
    body: JsonObject = {**as_payload(changes), "awb_number": waybill, "courier_partner": cp_id}
    return endpoints.post("edit-order", endpoints.url + "/api/v1/edit-order/", endpoints.login(), body)


def pickup_request(endpoints: Endpoints, payload: RequestModel | JsonObject, region: Region) -> ApiRequest:
    """Schedule a pickup: v1 within India, v2 for the rest of the world and across borders."""
    url = endpoints.url + _CREATE_PICKUP[region]
    return endpoints.post("create-pickup", url, endpoints.login(), as_payload(payload))


def parse_pickup(reply: Reply) -> Pickup:
    """The confirmation in an answer of create-pickup."""
    result = first_object(reply.result)
    return Pickup(
        confirmation_number=as_id(result.get("confirmation_number")),
        location=as_text(result.get("location")),
        raw=raw_of(reply),
    )


def waybill_request(endpoints: Endpoints, payload: RequestModel | JsonObject, version: int) -> ApiRequest:
    """Track a waybill that was not booked through ClickPost. v2 takes the key in the body, v3 in the URL.

    Raises ValueError for any other version.
    """
    if version not in _AWB_REGISTER:
        raise ValueError(f"awb-register has the versions 2 and 3, not {version}")
    url, body = endpoints.url + _AWB_REGISTER[version], as_payload(payload)
    if version == 2:
        return endpoints.post("register-waybill", url, {}, {**body, "key": endpoints.key})
    return endpoints.post("register-waybill", url, {"key": endpoints.key}, body)


def parse_waybill(reply: Reply) -> WaybillRegistration:
    """The result of awb-register."""
    result = first_object(reply.result)
    return WaybillRegistration(
        already=reply.business_status == ALREADY_REGISTERED,
        tracking_id=as_id(result.get("tracking_id")),
        security_key=as_id(result.get("security_key")),
        message=reply.message,
        raw=raw_of(reply),
    )


def unregister_request(endpoints: Endpoints, waybill: str, cp_id: int) -> ApiRequest:
    """Stop the tracking of a waybill, which then counts as expired. The key goes in the body."""
    body: JsonObject = {"cp_id": cp_id, "waybill": waybill, "key": endpoints.key}
    return endpoints.post("unregister-waybill", endpoints.url + "/api/v2/tracking/awb-unregister/", {}, body)
