"""Failed deliveries: instructions to the courier, and feedback of customers. Source: ClickPost's API reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from awbridge.clickpost.models.base import RequestModel, as_payload
from awbridge.clickpost.models.ndr import NdrAction
from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.fields import check_window, day_text, epoch, given, objects, raw_of
from awbridge.clickpost.wire.lenient_json import Reply, as_id, as_int, as_text, as_waybill
from awbridge.domain.json import JsonObject

LONGEST_FEEDBACK_WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NdrFeedback:
    """What one customer wrote after a failed delivery. Text is "" where nothing was given.

    `preferred_date` and `created_at` are as ClickPost writes them (YYYY-MM-DD; ISO 8601, UTC with Z).
    """

    waybill: str
    reference_number: str
    kind: str
    address: str = field(repr=False)
    landmark: str = field(repr=False)
    drop_pincode: str
    phone: str = field(repr=False)
    preferred_date: str
    preferred_time: str
    comment: str = field(repr=False)
    clickpost_status_code: int | None
    created_at: str
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NdrFeedbacks:
    """What customers wrote in a window of time."""

    items: tuple[NdrFeedback, ...]
    raw: JsonObject = field(repr=False)


def update_ndr_request(
    endpoints: Endpoints,
    action: NdrAction | str,
    waybill: str,
    cp_id: int,
    account_code: str,
    *,
    address: str,
    landmark: str,
    drop_pincode: str,
    phone_number: str,
    preferred_date: date | None,
) -> ApiRequest:
    """Instruct the courier about an undelivered parcel. Empty fields are left out."""
    details = given(
        address=address,
        landmark=landmark,
        drop_pincode=drop_pincode,
        phone_number=phone_number,
        preferred_date=day_text(preferred_date),
    )
    body = {"action": str(action), "waybill": waybill, "cp_id": cp_id, "account_code": account_code, **details}
    return instruction_request(endpoints, body)


def instruction_request(endpoints: Endpoints, body: RequestModel | JsonObject) -> ApiRequest:
    """The same instruction in a body of ClickPost's own fields."""
    url = endpoints.url + "/api/v2/ndr-update-api"
    return endpoints.post("update-ndr", url, endpoints.login(), as_payload(body))


def feedback_request(endpoints: Endpoints, start: datetime, end: datetime) -> ApiRequest:
    """What customers wrote in a window. Raises ValueError where it is longer than an hour."""
    check_window(start, end, LONGEST_FEEDBACK_WINDOW)
    params = {**endpoints.login(), "start_date": epoch(start), "end_date": epoch(end)}
    return endpoints.get("ndr-feedback", endpoints.url + "/api/v1/ndr_user_feedback/", params)


def parse_feedback(reply: Reply) -> NdrFeedbacks:
    """The entries in an answer of ndr_user_feedback. A good answer carries no status there, only `result`."""
    return NdrFeedbacks(items=tuple(_feedback(entry) for entry in objects(reply.result)), raw=raw_of(reply))


def _feedback(entry: JsonObject) -> NdrFeedback:
    return NdrFeedback(
        waybill=as_waybill(entry.get("awb")) or as_waybill(entry.get("waybill")),
        reference_number=as_id(entry.get("reference_number")),
        kind=as_text(entry.get("type")),
        address=as_text(entry.get("address")),
        landmark=as_text(entry.get("landmark")),
        drop_pincode=as_text(entry.get("drop_pincode")),
        phone=as_text(entry.get("phone")),
        preferred_date=as_text(entry.get("preferred_date")),
        preferred_time=as_text(entry.get("preferred_time")),
        comment=as_text(entry.get("comment")),
        clickpost_status_code=as_int(entry.get("clickpost_status_code")),
        created_at=as_text(entry.get("created_at")),
        raw=entry,
    )
