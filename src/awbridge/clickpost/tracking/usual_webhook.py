"""Reads the usual webhook with a compiled decoder: one parcel, its own status and the latest one, all of them readable.

Any other body is left to webhook_bodies, which reads everything and notes what it cannot read. For the bodies that both
read they return equal updates; a property test holds this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from zoneinfo import ZoneInfo

import msgspec

from awbridge.clickpost.tracking.scan_parts import (
    FUTURE_TOLERANCE,
    LONGEST_REASON,
    is_failed_delivery,
    merged,
    remark_text,
)
from awbridge.clickpost.wire.lenient_json import LARGEST, LONGEST_ID, as_id, as_int, as_text, as_waybill
from awbridge.clickpost.wire.times import day_words, read_day, read_scan_time
from awbridge.clickpost.wire.tracking_codes import NDR_NAMES, STATUSES, is_failed_pickup, status_info
from awbridge.domain.tracking.scan import Scan, TrackingUpdate

_Value = str | int | None  # every other type is for the lenient reader


class _Place(msgspec.Struct, gc=False):
    """The fields that the body, `additional` and `latest_status` may all have. Not all of them are read everywhere."""

    reference_number: _Value = None
    order_id: _Value = None
    account_code: _Value = None
    order_status_id: _Value = None
    notification_event_id: _Value = None
    latest_time_stamp: _Value = None
    courier_partner_edd: _Value = None
    ndr_status_code: _Value = None
    ndr_status_description: _Value = None
    npr_status_code: _Value = None
    npr_status_description: _Value = None
    rto_awb: _Value = None
    rto_waybill: _Value = None
    # Of a return, which is for the lenient reader.
    forward_awb: None = None
    forward_waybill: None = None
    forward_reference_number: None = None
    forward_order_id: None = None


class _Status(_Place, gc=False):
    timestamp: _Value = None
    status: _Value = None
    remark: _Value = None
    location: _Value = None
    clickpost_status_code: _Value = None
    clickpost_status_description: _Value = None
    checkpoint_id: _Value = None


class _Additional(_Place, gc=False):
    latest_status: _Status | None = None


class _Body(_Status, gc=False):
    waybill: _Value = None
    cp_id: _Value = None
    additional: _Additional | None = None
    scans: None = None


_decoder = msgspec.json.Decoder(_Body)


def read_usual(body: bytes, *, received_at: datetime, zone: ZoneInfo, z_means_utc: bool) -> TrackingUpdate | None:
    """The update in the body of a usual webhook; None for any other."""
    try:
        if not body.isascii():
            body.decode()  # the decoder does not look into texts that it passes over
        own = _decoder.decode(body)
    except (ValueError, RecursionError):
        return None
    additional = own.additional
    latest = additional and additional.latest_status
    if additional is None or latest is None:
        return None
    waybill, courier = _waybill(own.waybill), _whole(own.cp_id)
    code, latest_code = _whole(own.clickpost_status_code), _whole(latest.clickpost_status_code)
    at = read_scan_time(own.timestamp, zone=zone, z_means_utc=z_means_utc)
    latest_at = read_scan_time(latest.timestamp, zone=zone, z_means_utc=z_means_utc)
    if not waybill or courier is None or courier < 0 or code is None or latest_code is None or not (at and latest_at):
        return None
    info = status_info(code)
    latest_info = info if latest_code == code else status_info(latest_code)
    if info.about_return or latest_info.about_return:
        return None
    stamps = (own.latest_time_stamp, additional.latest_time_stamp, latest.latest_time_stamp)
    fresh_at = None if stamps == _NO_STAMPS else _first_time(stamps, zone=zone, z_means_utc=z_means_utc)
    edd = _edd(additional.courier_partner_edd, zone)
    edd = _edd(own.courier_partner_edd, zone) if edd == "" else edd
    newest = max(at, latest_at, fresh_at or at)
    if edd is None or (newest > received_at and newest > received_at + FUTURE_TOLERANCE):
        return None
    reasons = _reasons(additional, own, latest)
    rtos = (own.rto_awb, own.rto_waybill, additional.rto_awb, additional.rto_waybill)
    rto = "" if rtos == _NO_RTO else _first_waybill(rtos)
    events = (own.notification_event_id, additional.notification_event_id)
    about, scan_id = (waybill, courier), _first_id(own.order_status_id, additional.order_status_id)
    scan_id = "" if scan_id == "0" else scan_id
    if reasons == _NO_REASONS and _repeated(latest) == _repeated(own):  # most often
        current = _scan(about, own, code, at, scan_id, reasons, _NO_FAILURE)
        scans = (current,)
    else:
        failed = (
            is_failed_delivery(code) and not is_failed_delivery(latest_code),
            is_failed_pickup(code) and not is_failed_pickup(latest_code),
        )
        is_open = not latest_info.final
        scan = _scan(about, own, code, at, scan_id, reasons, failed)
        stated = _scan(about, latest, latest_code, latest_at, "", reasons, (is_open, is_open))
        current, scans = merged(stated, (scan,))
    return TrackingUpdate(
        waybill=waybill,
        courier_partner_id=courier,
        account_code=_first_id(own.account_code, additional.account_code),
        reference_number=_first_id(own.reference_number, additional.reference_number, latest.reference_number),
        order_id=_first_id(own.order_id, additional.order_id, latest.order_id),
        scans=scans,
        latest=current,
        rto_waybill="" if rto == waybill else rto,
        edd=edd or None,
        fresh_at=fresh_at,
        event_id=None if events == _NO_EVENT else _first_int(events),
    )


_is_plain_id = re.compile(r"[A-Za-z0-9_.-]{10,100}", re.ASCII).fullmatch  # longer than any word for "none"


def _id(value: _Value) -> str:
    return value if type(value) is str and _is_plain_id(value) else as_id(value)


def _first_id(a: _Value, b: _Value, c: _Value = None) -> str:
    # Most are None, and a call costs more than what it finds out.
    if a is not None and (found := _id(a)):
        return found
    if b is not None and (found := _id(b)):
        return found
    return _id(c) if c is not None else ""


def _waybill(value: _Value) -> str:
    if type(value) is str and len(value) <= LONGEST_ID and value.isdigit() and value.isascii() and value.strip("0"):
        return value
    return as_waybill(value)


_NO_RTO = (None,) * 4
_NO_EVENT = (None,) * 2


def _first_waybill(values: Iterable[_Value]) -> str:
    for value in values:
        if value is not None and (found := as_waybill(value)):
            return found
    return ""


def _first_int(values: Iterable[_Value]) -> int | None:
    for value in values:
        if value is not None and (found := as_int(value)) is not None:
            return found
    return None


def _first_text(*values: _Value) -> str:
    for value in values:
        if value is not None and (found := as_text(value)):
            return found[:LONGEST_REASON]
    return ""


_NO_STAMPS = (None,) * 3


def _first_time(values: Iterable[_Value], *, zone: ZoneInfo, z_means_utc: bool) -> datetime | None:
    """The first of these that can be read."""
    times = (read_scan_time(value, zone=zone, z_means_utc=z_means_utc) for value in values if value is not None)
    return next((at for at in times if at), None)


@lru_cache(maxsize=1024)  # many parcels have the same
def _edd(value: _Value, zone: ZoneInfo) -> str | None:
    """The day as a date; "" where none is stated, None where it cannot be read."""
    words = day_words(value)
    day = read_day(words, zone=zone)
    return day.isoformat() if day else None if words else ""


def _whole(value: _Value) -> int | None:
    return value if type(value) is int and 0 <= value <= LARGEST else as_int(value)


_Reason = tuple[int | None, int | None, str, str]  # NDR code, NPR code, and ClickPost's texts for them


_none_given = attrgetter("ndr_status_code", "npr_status_code", "ndr_status_description", "npr_status_description")
_NONE_GIVEN = (None,) * 4


def _reasons(a: _Place, b: _Place, c: _Place) -> _Reason:
    if _none_given(a) == _none_given(b) == _none_given(c) == _NONE_GIVEN:
        return _NO_REASONS
    return (
        _first_int((a.ndr_status_code, b.ndr_status_code, c.ndr_status_code)),
        _first_int((a.npr_status_code, b.npr_status_code, c.npr_status_code)),
        _first_text(a.ndr_status_description, b.ndr_status_description, c.ndr_status_description),
        _first_text(a.npr_status_description, b.npr_status_description, c.npr_status_description),
    )


_NO_REASONS: _Reason = (None, None, "", "")
_NO_FAILURE = (False, False)
_repeated = attrgetter(
    "clickpost_status_code", "timestamp", "status", "location", "remark", "clickpost_status_description"
)


@lru_cache(maxsize=4096)  # many parcels have the same
def _remark(value: _Value) -> str:
    return remark_text(value)


def _scan(
    about: tuple[str, int],
    raw: _Status,
    code: int,
    at: datetime,
    scan_id: str,
    reasons: _Reason,
    which: tuple[bool, bool],
) -> Scan:
    """`which`: whether the scan gets the reason of a failed delivery, and that of a failed pickup."""
    ndr, npr, ndr_text, npr_text = reasons
    words = _remark(raw.clickpost_status_description)
    known = STATUSES.get(code)
    return Scan(
        waybill=about[0],
        courier_partner_id=about[1],
        code=code,
        scanned_at=at,
        status=_remark(raw.status) or words or status_info(code).name,
        remark=_remark(raw.remark),
        location=_remark(raw.location),
        scan_id=scan_id or None,
        checkpoint_id=as_id(raw.checkpoint_id) or None,
        ndr_code=ndr if which[0] else None,
        npr_code=npr if which[1] else None,
        npr_description=npr_text if which[1] else "",
        description="" if known else words[:LONGEST_REASON],
        ndr_description=ndr_text if which[0] and ndr is not None and ndr not in NDR_NAMES else "",
    )
