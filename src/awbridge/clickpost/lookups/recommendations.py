"""ClickPost's courier recommendations. Source: ClickPost's API reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from awbridge.clickpost.models.base import RequestModel, as_payload
from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.fields import as_amount, objects, raw_of
from awbridge.clickpost.wire.lenient_json import Reply, as_bool, as_id, as_int, as_text
from awbridge.domain.call import Call
from awbridge.domain.json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One account that could take the parcel. `priority` 1 is best; `shipping_charge` in the account's currency."""

    courier_partner_id: int | None
    courier_name: str
    account_code: str
    priority: int | None
    shipping_charge: float | None
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The accounts for one parcel, best first. `serviceable` is None if ClickPost does not state it."""

    reference_number: str
    choices: tuple[Choice, ...]
    serviceable: bool | None
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendations:
    """The answer for all parcels; empty if the place is not served (`message` says so)."""

    items: tuple[Recommendation, ...]
    message: str
    raw: JsonObject = field(repr=False)
    call: Call


def recommend_request(endpoints: Endpoints, shipments: Sequence[RequestModel | JsonObject]) -> ApiRequest:
    """v1: parcels within India, by pincode. Raises ValueError for no parcel."""
    if not shipments:
        raise ValueError("recommend takes at least one shipment")
    url = endpoints.url + "/api/v1/recommendation_api/"
    bodies = [as_payload(shipment) for shipment in shipments]
    return endpoints.post("recommend", url, {"key": endpoints.key}, bodies)


def recommend_world_request(endpoints: Endpoints, shipment: RequestModel | JsonObject) -> ApiRequest:
    """v2: one parcel anywhere, by address."""
    url = endpoints.url + "/api/v2/recommendation/"
    return endpoints.post("recommend", url, {"key": endpoints.key}, as_payload(shipment))


def parse_recommendations(reply: Reply, call: Call) -> Recommendations:
    """The choices in an answer of either version: v1 returns a list, v2 one object."""
    items = tuple(_recommendation(entry) for entry in objects(reply.result))
    return Recommendations(items=items, message=reply.message, raw=raw_of(reply), call=call)


def _recommendation(entry: JsonObject) -> Recommendation:
    choices = [_choice(choice) for choice in objects(entry.get("preference_array"))]
    return Recommendation(
        reference_number=as_id(entry.get("reference_number")),
        choices=tuple(sorted(choices, key=lambda choice: (choice.priority is None, choice.priority))),
        serviceable=as_bool(entry.get("pincode_serviceable")),
        raw=entry,
    )


def _choice(entry: JsonObject) -> Choice:
    courier = as_int(entry.get("cp_id"))
    name = as_text(entry.get("cp_name")) or as_text(entry.get("courier_partner_name"))
    return Choice(
        courier_partner_id=as_int(entry.get("courier_partner_code")) if courier is None else courier,
        courier_name=name or as_text(entry.get("courier_name")),
        account_code=as_id(entry.get("account_code")),
        priority=as_int(entry.get("priority")),
        shipping_charge=as_amount(entry.get("shipping_charge")),
        raw=entry,
    )
