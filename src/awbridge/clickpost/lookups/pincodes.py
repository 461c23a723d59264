"""Serviceability of pincodes, and their city and state. Source: ClickPost's API reference.

Payment types are ClickPost's: PREPAID, COD, EXCHANGE, and any that it adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from awbridge.clickpost.models.base import RequestModel, as_payload
from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.fields import as_amount, first_object, given, objects, raw_of, texts
from awbridge.clickpost.wire.lenient_json import Reply, as_bool, as_id, as_int, as_object, as_text
from awbridge.domain.json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class PincodeDetails:
    """The city and state of an Indian pincode."""

    pincode: str
    city: str
    state: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingAccount:
    """An account that serves a route.

    `sla_days`: the transit time to which the courier commits. `charges` by payment type, in rupees; types without a
    charge are left out. `serves`: the available payment types.
    """

    courier_partner_id: int | None
    account_code: str
    service_type: str
    serves: frozenset[str]
    sla_days: int | None
    charges: dict[str, float]
    zone: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingAccounts:
    """The accounts that serve a route; empty if none does (`message` says so)."""

    accounts: tuple[ServingAccount, ...]
    message: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropServiceability:
    """Whether any active account delivers to a pincode. `serves`: the available payment types."""

    serviceable: bool
    serves: frozenset[str]
    message: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pincodes:
    """All served pincodes, by payment type. `pickup` is empty if only drop pincodes were requested."""

    pickup: dict[str, tuple[str, ...]] = field(repr=False)
    drop: dict[str, tuple[str, ...]] = field(repr=False)
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PincodeAccount:
    """An account that serves a pincode for one payment type."""

    account_name: str
    courier_name: str
    order_type: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PincodeAccounts:
    """The accounts that serve one pincode; empty if none does (`message` says so)."""

    accounts: tuple[PincodeAccount, ...]
    message: str
    raw: JsonObject = field(repr=False)


def pincode_request(endpoints: Endpoints, pincode: str) -> ApiRequest:
    """City and state of a pincode."""
    params = {"pincode": pincode, "key": endpoints.key}
    return endpoints.get("pincode-details", endpoints.url + "/api/v2/pincode_details/", params)


def parse_pincode(reply: Reply | None) -> PincodeDetails | None:
    """The pincode in an answer of pincode_details; None if it does not exist."""
    place = first_object(reply.result) if reply else {}
    if reply is None or not place:
        return None
    return PincodeDetails(
        pincode=as_id(place.get("pincode")),
        city=as_text(place.get("city")),
        state=as_text(place.get("state")),
        raw=raw_of(reply),
    )


def accounts_request(
    endpoints: Endpoints, pickup_pincode: str, drop_pincode: str, optional: RequestModel | JsonObject
) -> ApiRequest:
    """v1: the accounts that serve a route. `optional`: size (cm), weight (g), value, service type."""
    journey: JsonObject = {"pickup_pincode": pickup_pincode, "drop_pincode": drop_pincode}
    if filters := as_payload(optional):
        journey["optional"] = filters
    return journeys_request(endpoints, [journey])


def journeys_request(endpoints: Endpoints, journeys: Sequence[RequestModel | JsonObject]) -> ApiRequest:
    """v1: the same for journeys that have `pickup_pincode`, `drop_pincode` and optionally `optional`."""
    url = endpoints.serviceability_url + "/api/v1/serviceability_api/"
    return endpoints.post("serviceability", url, endpoints.login(), [as_payload(journey) for journey in journeys])


def parse_accounts(reply: Reply) -> ServingAccounts:
    """The accounts in an answer of serviceability_api v1."""
    accounts = tuple(_serving_account(entry) for entry in objects(reply.result))
    return ServingAccounts(accounts=accounts, message=reply.message, raw=raw_of(reply))


def _serving_account(entry: JsonObject) -> ServingAccount:
    charges = {name: as_amount(charge) for name, charge in as_object(entry.get("shipping_charge")).items()}
    sla = as_int(entry.get("comitted_sla"))  # ClickPost's spelling
    return ServingAccount(
        courier_partner_id=as_int(entry.get("cp_id")),
        account_code=as_id(entry.get("account_code")),
        service_type=as_text(entry.get("service_type")),
        serves=_true_names(as_object(entry.get("serviceable"))),
        sla_days=as_int(entry.get("committed_sla")) if sla is None else sla,
        charges={name: charge for name, charge in charges.items() if charge is not None},
        zone=as_text(entry.get("zone")),
        raw=entry,
    )


def drop_request(
    endpoints: Endpoints, drop_pincode: str, *, pickup_pincode: str, order_type: str, service_type: str
) -> ApiRequest:
    """v3: whether any active account delivers to a pincode. Empty arguments are left out."""
    filters = given(pickup_pincode=pickup_pincode, order_type=order_type, service_type=service_type)
    return drops_request(endpoints, [{"drop_pincode": drop_pincode, **filters}])


def drops_request(endpoints: Endpoints, drops: Sequence[RequestModel | JsonObject]) -> ApiRequest:
    """v3: the same for bodies that have `drop_pincode` and optional filters."""
    url = endpoints.serviceability_url + "/api/v3/serviceability_api/"
    return endpoints.post("drop-serviceability", url, endpoints.login(), [as_payload(drop) for drop in drops])


def parse_drop(reply: Reply) -> DropServiceability:
    """The verdict in an answer of serviceability_api v3."""
    result = first_object(reply.result)
    return DropServiceability(
        serviceable=as_bool(result.get("serviceable")) is True,
        serves=_true_names(result) - {"serviceable"},
        message=reply.message,
        raw=raw_of(reply),
    )


def bulk_request(endpoints: Endpoints, cp_id: int, account_code: str) -> ApiRequest:
    """All pincodes of one account."""
    params = {**endpoints.login(), "courier_partner_id": str(cp_id), "account_code": account_code}
    url = endpoints.serviceability_url + "/api/v1/bulk_serviceability_api/"
    return endpoints.get("bulk-serviceability", url, params)


def drop_pincodes_request(endpoints: Endpoints) -> ApiRequest:
    """All pincodes to which any account delivers."""
    url = endpoints.serviceability_url + "/api/v1/serviceable_drop_pincode/"
    return endpoints.get("serviceable-drop-pincodes", url, endpoints.login())


def parse_pincodes(reply: Reply) -> Pincodes:
    """The pincodes in an answer of bulk_serviceability_api or serviceable_drop_pincode."""
    result = first_object(reply.result)
    return Pincodes(
        pickup=_by_payment(result.get("pickup_pincodes")),
        drop=_by_payment(result.get("drop_pincodes")),
        raw=raw_of(reply),
    )


def search_request(endpoints: Endpoints, pincode: str, *, pickup: bool, rvp: bool) -> ApiRequest:
    """The accounts that serve one pincode."""
    where = {"pincode": pincode, "is_pickup_pincode": str(pickup).lower(), "is_rvp": str(rvp).lower()}
    url = endpoints.serviceability_url + "/api/v1/pincode_search_overall/"
    return endpoints.get("search-pincode", url, {**endpoints.login(), **where})


def parse_search(reply: Reply) -> PincodeAccounts:
    """The accounts in an answer of pincode_search_overall, whose field names vary with the request."""
    accounts = tuple(
        PincodeAccount(
            account_name=_ending(entry, "account_name"),
            courier_name=_ending(entry, "courier_partner__name"),
            order_type=_ending(entry, "order_type"),
            raw=entry,
        )
        for entry in objects(reply.result)
    )
    return PincodeAccounts(accounts=accounts, message=reply.message, raw=raw_of(reply))


def _ending(entry: JsonObject, name: str) -> str:
    return next((as_text(value) for key, value in entry.items() if key.endswith(name)), "")


def _true_names(flags: JsonObject) -> frozenset[str]:
    return frozenset(name for name, value in flags.items() if as_bool(value))


def _by_payment(value: object) -> dict[str, tuple[str, ...]]:
    return {name: texts(pincodes) for name, pincodes in as_object(value).items()}
