"""The audit log and the requested returns of an account. Source: ClickPost's API reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.fields import check_window, epoch, objects, raw_of
from awbridge.clickpost.wire.lenient_json import Reply, as_id, as_int, as_object, as_text, as_waybill
from awbridge.domain.json import JsonObject

LONGEST_RETURNS_WINDOW = timedelta(minutes=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One action of a user. `created_at` is as ClickPost writes it, without a zone; `payload` as received."""

    id: str
    service: str
    username: str
    user_email: str = field(repr=False)
    ip_address: str = field(repr=False)
    created_at: str
    payload: Any = field(repr=False)
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLog:
    """The actions of one hour."""

    entries: tuple[AuditEntry, ...]
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRequest:
    """A return that a customer requested. `webhook_payload` is the body of ClickPost's webhook for it, sent or not.

    Waybill and courier are "" and None until the return is booked; `requested_at` is as ClickPost writes it.
    """

    return_reference_number: str
    status: str
    requested_at: str
    waybill: str
    courier_partner_id: int | None
    account_code: str
    refund_mode: str
    source: str
    webhook_payload: JsonObject = field(repr=False)
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRequests:
    """The returns requested in a window of time."""

    items: tuple[ReturnRequest, ...]
    raw: JsonObject = field(repr=False)


def audit_request(endpoints: Endpoints, hour: datetime) -> ApiRequest:
    """The log of the hour that contains this moment. Raises ValueError for a time without zone."""
    params = {"key": endpoints.key, "log_epoch_time": epoch(hour)}
    return endpoints.get("audit-log", endpoints.url + "/api/v1/audit-log-data/", params)


def parse_audit_log(reply: Reply) -> AuditLog:
    """The entries in an answer of audit-log-data."""
    return AuditLog(entries=tuple(_audit_entry(entry) for entry in objects(reply.result)), raw=raw_of(reply))


def _audit_entry(entry: JsonObject) -> AuditEntry:
    return AuditEntry(
        id=as_id(entry.get("log_uuid")),
        service=as_text(entry.get("service_type")),
        username=as_text(entry.get("username")),
        user_email=as_text(entry.get("user_email")),
        ip_address=as_text(entry.get("ip_address")),
        created_at=as_text(entry.get("created_at")),
        payload=entry.get("payload"),
        raw=entry,
    )


def returns_request(endpoints: Endpoints, start: datetime, end: datetime, zone: tzinfo = UTC) -> ApiRequest:
    """The returns requested in a window. Raises ValueError if it is longer than an hour.

    The endpoint takes times without an offset, of an undocumented zone: they are written in `zone`.
    """
    check_window(start, end, LONGEST_RETURNS_WINDOW)
    window = {"start_time": _naive_text(start, zone), "end_time": _naive_text(end, zone)}
    params = {"key": endpoints.key, "user_name": endpoints.username, **window}
    return endpoints.get("returns-delta", endpoints.url + "/api/v1/return_order_poll/", params)


def parse_returns(reply: Reply) -> ReturnRequests:
    """The returns in an answer of return_order_poll."""
    return ReturnRequests(items=tuple(_return_request(entry) for entry in objects(reply.result)), raw=raw_of(reply))


def _return_request(entry: JsonObject) -> ReturnRequest:
    return ReturnRequest(
        return_reference_number=as_id(entry.get("return_reference_number")),
        status=as_text(entry.get("status")),
        requested_at=as_text(entry.get("Return Request Timestamp")) or as_text(entry.get("return_request_timestamp")),
        waybill=as_waybill(entry.get("awb")) or as_waybill(entry.get("waybill")),
        courier_partner_id=as_int(entry.get("cp_id")),
        account_code=as_id(entry.get("account_code")),
        refund_mode=as_text(entry.get("refund_mode")),
        source=as_text(entry.get("source")),
        webhook_payload=as_object(entry.get("webhook_payload")),
        raw=entry,
    )


def _naive_text(moment: datetime, zone: tzinfo) -> str:
    return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")
