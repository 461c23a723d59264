"""Label, security key and proof of delivery of a waybill. Source: ClickPost's API reference."""

from __future__ import annotations

from dataclasses import dataclass, field

from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.fields import first_object, raw_of
from awbridge.clickpost.wire.lenient_json import Reply, as_id, as_int, as_text, as_waybill
from awbridge.domain.json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The shipping label of a waybill. `url` is "" if ClickPost has none."""

    url: str = field(repr=False)
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityKey:
    """The key that opens the shipment's tracking page, if the account protects it."""

    security_key: str = field(repr=False)
    waybill: str
    courier_partner_id: int | None
    reference_number: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofOfDelivery:
    """The address of the proof of delivery (a PDF or picture). `url` is "" if there is none yet."""

    url: str = field(repr=False)
    raw: JsonObject = field(repr=False)


def label_request(endpoints: Endpoints, waybill: str, cp_id: int, regenerate: bool) -> ApiRequest:
    """The label made with the order, or a new one from the courier."""
    again = "true" if regenerate else "false"
    params = {**endpoints.login(), "waybill": waybill, "cp_id": str(cp_id), "regenerate": again}
    return endpoints.get("fetch-label", endpoints.url + "/api/v1/fetch/shippinglabel/", params)


def parse_label(reply: Reply) -> Label:
    """The label's address in an answer of fetch/shippinglabel."""
    result = first_object(reply.result)
    url = as_text(result.get("shipping_label")) or as_text(result.get("label"))
    return Label(url=url or as_text(reply.result), raw=raw_of(reply))


def security_key_request(endpoints: Endpoints, waybill: str, cp_id: int) -> ApiRequest:
    """The security key of one waybill."""
    params = {"key": endpoints.key, "waybill": waybill, "cp_id": str(cp_id)}
    return endpoints.get("fetch-security-key", endpoints.url + "/api/v1/shipment-security-key", params)


def parse_security_key(reply: Reply) -> SecurityKey:
    """The key in an answer of shipment-security-key."""
    result = first_object(reply.result)
    return SecurityKey(
        security_key=as_id(result.get("security_key")),
        waybill=as_waybill(result.get("waybill")),
        courier_partner_id=as_int(result.get("cp_id")),
        reference_number=as_id(result.get("reference_number")),
        raw=raw_of(reply),
    )


def proof_request(endpoints: Endpoints, waybill: str, cp_id: int) -> ApiRequest:
    """The proof of delivery of one waybill. It is on the tracking host."""
    params = {"key": endpoints.key, "waybill": waybill, "cp_id": str(cp_id)}
    return endpoints.get("proof-of-delivery", endpoints.tracking_url + "/v1/pod/pod_from_shipment_details/", params)


def parse_proof(reply: Reply) -> ProofOfDelivery:
    """The proof's address in an answer of pod_from_shipment_details."""
    return ProofOfDelivery(url=as_text(first_object(reply.result).get("pod_url")), raw=raw_of(reply))
