"""Reads deliveries of every source into tracking updates: webhooks of all shapes, updated-order, track-order.

No I/O, no clock. A field that cannot be read is noted by its path, without its value: bodies hold personal data, and
notes travel further.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from awbridge.clickpost.tracking.return_requests import return_event, unwrapped
from awbridge.clickpost.tracking.scan_parts import (
    FUTURE_TOLERANCE,
    LONGEST_REASON,
    is_failed_delivery,
    merged,
    remark_text,
)
from awbridge.clickpost.tracking.usual_webhook import read_usual
from awbridge.clickpost.wire.lenient_json import (
    as_bool,
    as_id,
    as_int,
    as_list,
    as_object,
    first_id,
    first_int,
    first_text,
    first_waybill,
    read_json,
)
from awbridge.clickpost.wire.times import day_words, read_day, read_scan_time
from awbridge.clickpost.wire.tracking_codes import NDR_NAMES, is_failed_pickup, status_info
from awbridge.domain.errors import AwbridgeError
from awbridge.domain.json import JsonObject
from awbridge.domain.tracking.dead_letter import DeadLetterReason, text_of
from awbridge.domain.tracking.returns import ReturnEvent
from awbridge.domain.tracking.scan import Scan, Source, TrackingUpdate

_COURIER_FIELDS = ("cp_id", "courier_partner_id", "courier_partner", "carrier_partner")  # the last: updated-order
NO_COURIER = -1  # of a return that has no courier yet
MOST_PROBLEMS = 5  # listed for one delivery; the rest is counted

_LETTERS = {Source.UPDATED_ORDER: "u", Source.TRACK_ORDER: "t", Source.WEBHOOK: "h", Source.REPORT: "r"}
_HASH_BYTES = 9  # among a thousand million entries, the chance that any two have the same hash is 1 in 9,000
_UTC_ZONE = ZoneInfo("UTC")


class Unreadable(AwbridgeError, ValueError):
    """A delivery has no readable update. The message says why and quotes none of its values."""

    def __init__(self, reason: DeadLetterReason, details: str = "") -> None:
        super().__init__(text_of(reason, details))
        self.problem = reason.of(details)


def read_delivery(
    source: Source, body: bytes, *, received_at: datetime, zone: ZoneInfo, z_means_utc: bool = False
) -> list[TrackingUpdate]:
    """Parse a delivery into one TrackingUpdate per shipment; a webhook may carry a list.

    Times without an offset are in `zone`, and so are times with Z unless `z_means_utc`. Raises Unreadable where no
    entry can be read: not JSON, no shipment named, or neither a status code nor a scan.
    """
    if source is Source.WEBHOOK:
        usual = read_usual(body, received_at=received_at, zone=zone, z_means_utc=z_means_utc)
        if usual:
            return [usual]
    return read_leniently(source, body, received_at=received_at, zone=zone, z_means_utc=z_means_utc)


def read_leniently(
    source: Source, body: bytes, *, received_at: datetime, zone: ZoneInfo, z_means_utc: bool = False
) -> list[TrackingUpdate]:
    """The same without the compiled decoder, for bodies of every kind."""
    try:
        value = read_json(body)
    except ValueError as error:
        raise Unreadable(DeadLetterReason.NOT_JSON, str(error)) from None
    entries = as_list(value) if isinstance(value, list) else [value]
    updates: list[TrackingUpdate] = []
    problems: list[str] = []
    for number, entry in enumerate(entries, 1):
        item = unwrapped(as_object(entry))
        reader = _EntryReader(source, item, received_at, zone, z_means_utc, position=number - 1)
        try:
            updates.append(reader.tracking_update())
        except Unreadable as error:
            if len(entries) == 1:
                raise
            problems.append(f"entry {number} of {len(entries)}: {error}")
    if not entries:
        raise Unreadable(DeadLetterReason.EMPTY_LIST)
    if not updates:
        raise Unreadable(DeadLetterReason.NO_READABLE_ENTRY, "; ".join(_first(problems)))
    if problems:
        updates[0] = replace(updates[0], problems=(*updates[0].problems, *_first(problems)))
    return updates


def _first(problems: Iterable[str]) -> list[str]:
    every = list(problems)
    more = len(every) - MOST_PROBLEMS
    return [*every[:MOST_PROBLEMS], f"and {more} more"] if more > 0 else every


def delivery_identity(source: Source, item: JsonObject) -> str:
    """The identity of a polled item: a hash of its fields, whatever their order.

    It is short, because it is stored in a row and in an index.
    """
    canonical = json.dumps(item, sort_keys=True, separators=(",", ":"), default=str)
    whole = hashlib.blake2b(canonical.encode(), digest_size=16).digest()  # older versions stored all of it
    return _LETTERS[source] + base64.urlsafe_b64encode(whole[:_HASH_BYTES]).decode()


@dataclass(slots=True)
class _EntryReader:
    """Reads one entry of a delivery and collects what could not be read."""

    source: Source
    item: JsonObject
    received_at: datetime
    zone: ZoneInfo
    z_means_utc: bool
    position: int = 0  # in the delivery's list
    problems: dict[str, None] = field(default_factory=dict[str, None])  # in order, each once

    def tracking_update(self) -> TrackingUpdate:
        """The entry as a TrackingUpdate. Raises Unreadable."""
        if not self.item:
            raise Unreadable(DeadLetterReason.NOT_AN_OBJECT)
        timeline = self._timeline()
        additional = as_object(timeline.get("additional")) or as_object(self.item.get("additional"))
        latest_status = as_object(additional.get("latest_status")) or as_object(timeline.get("latest_status"))
        places = (self.item, timeline, additional, latest_status)
        if _about_return(timeline, latest_status):
            return self._return_request(timeline, additional, latest_status)
        waybill = first_waybill(places[:3], "waybill")
        reference = first_id(places, "reference_number")
        order_id = first_id(places, "order_id")
        if not (waybill or reference) and (return_reference := first_id(places[:3], "return_reference_number")):
            # The parcel of a return, which is booked under this number. The order is its forward one's.
            reference, order_id = return_reference, ""
        if not (waybill or reference or order_id):
            raise Unreadable(DeadLetterReason.NO_SHIPMENT_NAMED)
        courier = first_int(places[:3], *_COURIER_FIELDS)
        if courier == NO_COURIER:
            courier = None
        # Polling's `ndr_bucket_code` counts differently (14 is Customer Unavailable there): it is not read.
        reasons = (additional, timeline, latest_status)
        shared = _Shared(
            waybill,
            courier,
            ndr=first_int(reasons, "ndr_status_code"),
            npr=first_int(reasons, "npr_status_code"),
            npr_description=first_text(reasons, "npr_status_description")[:LONGEST_REASON],
            ndr_description=first_text(reasons, "ndr_status_description")[:LONGEST_REASON],
        )
        scans = self._scans(timeline, latest_status, shared)
        latest, scans = merged(self._latest(timeline, additional, latest_status, shared), scans)
        if latest is None and not scans:
            raise Unreadable(DeadLetterReason.NO_STATUS, "; ".join(_first(self.problems)))
        if self.source is Source.UPDATED_ORDER:
            latest, scans = latest or scans[0], ()
        rto = first_waybill(places[:3], "rto_awb", "rto_waybill")
        forward, forward_reference, _ = _forward_shipment(places)
        return TrackingUpdate(
            waybill=waybill,
            courier_partner_id=courier,
            account_code=first_id(places[:3], "account_code"),
            reference_number=reference,
            order_id=order_id,
            scans=scans,
            latest=latest,
            rto_waybill="" if rto == waybill else rto,
            forward_waybill="" if forward == waybill else forward,
            forward_reference_number="" if forward_reference == reference else forward_reference,
            edd=self._edd(additional) or self._edd(timeline),
            fresh_at=self._fresh_at(timeline, additional, latest_status),
            event_id=first_int((self.item, additional), "notification_event_id"),
            entry=self.position,
            problems=tuple(_first(self.problems)),
        )

    def _return_request(
        self, timeline: JsonObject, additional: JsonObject, latest_status: JsonObject
    ) -> TrackingUpdate:
        """An update about a requested return or exchange, addressed to its forward shipment. Raises Unreadable."""
        places = (self.item, timeline, additional, latest_status)
        waybill, reference, order_id = _forward_shipment(places)
        return_reference = first_id(places[:3], "return_reference_number")
        if not (waybill or reference or order_id):  # the entry may name its shipment itself
            waybill, reference = (
                first_waybill(places[:3], "waybill"),
                return_reference or first_id(places, "reference_number"),
            )
        if not (waybill or reference or order_id):
            raise Unreadable(DeadLetterReason.RETURN_OF_NO_SHIPMENT)
        notification = first_int((additional, self.item), "notification_event_id", "notification_event")
        scans = [
            self._return_scan(raw, return_event(code, notification if code == _code(timeline) else None, places))
            for raw in (timeline, latest_status)
            if (code := _code(raw)) is not None and (raw is timeline or code != _code(timeline))
        ]
        return TrackingUpdate(
            waybill=waybill,
            reference_number=reference,
            order_id=order_id,
            scans=tuple(scans),
            event_id=notification,
            entry=self.position,
            return_reference_number=return_reference if return_reference != reference else "",
            problems=tuple(_first(self.problems)),
        )

    def _return_scan(self, raw: JsonObject, event: ReturnEvent) -> Scan:
        """One event of a return, identified by return and code: ClickPost repeats it with another time."""
        code = _code(raw) or 0
        at = self._return_time(raw) or self._receipt_time("timestamp")
        scan_id = f"return:{event.return_reference_number}:{code}" if event.return_reference_number else ""
        shared = _Shared("", None, ndr=None, npr=None, npr_description="", ndr_description="")
        scan = self._scan(raw, code, at, shared, scan_id=scan_id, ndr=None, npr=False)
        return replace(scan, return_event=event)

    def _return_time(self, raw: JsonObject) -> datetime | None:
        """The time of a return event: UTC, or Indian as on older pages where UTC would be in the future."""
        at = read_scan_time(raw.get("timestamp"), zone=_UTC_ZONE, z_means_utc=True)
        return at if at and at <= self.received_at + FUTURE_TOLERANCE else self._time(raw, "timestamp")

    def _timeline(self) -> JsonObject:
        """The object that holds the statuses: the entry itself, or `result` of a polled one."""
        result = self.item.get("result") if self.source is Source.TRACK_ORDER else None
        if isinstance(result, list):
            return {"scans": result}
        return as_object(result) or self.item

    def _scans(self, timeline: JsonObject, latest_status: JsonObject, shared: _Shared) -> tuple[Scan, ...]:
        own = self._own_scan(timeline, latest_status, shared)
        listed = [self._listed_scan(raw, f"scans[{i}]", shared) for i, raw in enumerate(as_list(timeline.get("scans")))]
        return tuple(scan for scan in (own, *listed) if scan)

    def _own_scan(self, timeline: JsonObject, latest_status: JsonObject, shared: _Shared) -> Scan | None:
        """The scan in the entry's own fields, under the entry's id."""
        code = _code(timeline)
        if code is None:
            if timeline.get("clickpost_status_code") not in (None, ""):
                self._note("clickpost_status_code is not a number")
            return None
        at = self._time(timeline, "timestamp")
        if at is None and _code(latest_status) is not None:
            # `latest_status` is the current status; a scan of unknown time must not override it.
            if _code(latest_status) != code:
                self._note("the scan is left out: it has no readable time")
            return None
        if at is None:
            at = self._updated_at(timeline) or self._receipt_time("timestamp")
        is_latest = _code(latest_status) is None and not status_info(code).final
        # The reason belongs to the latest failure: an earlier failure had its own.
        latest_failed = is_failed_delivery(_code(latest_status) or 0)
        ndr = shared.ndr if is_latest or (is_failed_delivery(code) and not latest_failed) else None
        latest_missed = is_failed_pickup(_code(latest_status) or 0)
        npr = is_latest or (is_failed_pickup(code) and not latest_missed)
        return self._scan(timeline, code, at, shared, scan_id=_scan_id(timeline), ndr=ndr, npr=npr)

    def _listed_scan(self, raw: Any, path: str, shared: _Shared) -> Scan | None:
        scan = as_object(raw)
        code, at = _code(scan), self._time(scan, "timestamp", path)
        if code is None or at is None:
            missing = "status code" if code is None else "time"
            self._note(f"{path} is left out: it has no readable {missing}")
            return None
        return self._scan(scan, code, at, shared, scan_id=_scan_id(scan), ndr=None, npr=False)

    def _latest(self, timeline: JsonObject, additional: JsonObject, raw: JsonObject, shared: _Shared) -> Scan | None:
        code = _code(raw)
        if code is None:
            return None
        at = self._time(raw, "timestamp", "latest_status")
        at = at or self._fresh_at(timeline, additional, raw)
        is_own = code == _code(timeline)
        if at is None and is_own:
            at = self._time(timeline, "timestamp")
        scan_id = _scan_id(timeline) if at is None and is_own else ""
        final = status_info(code).final
        at = at or self._receipt_time("latest_status.timestamp")
        return self._scan(raw, code, at, shared, scan_id=scan_id, ndr=None if final else shared.ndr, npr=not final)

    def _scan(
        self, raw: JsonObject, code: int, at: datetime, shared: _Shared, *, scan_id: str, ndr: int | None, npr: bool
    ) -> Scan:
        info = status_info(code)
        words = remark_text(raw.get("clickpost_status_description"))
        return Scan(
            waybill=shared.waybill,
            courier_partner_id=shared.courier,
            code=code,
            scanned_at=at,
            status=remark_text(raw.get("status")) or words or info.name,
            remark=remark_text(raw.get("remark")),
            location=remark_text(raw.get("location")),
            scan_id=scan_id or None,
            checkpoint_id=as_id(raw.get("checkpoint_id")) or None,
            ndr_code=ndr,
            npr_code=shared.npr if npr else None,
            npr_description=shared.npr_description if npr else "",
            description="" if info.known else words[:LONGEST_REASON],
            ndr_description=shared.ndr_description if ndr is not None and ndr not in NDR_NAMES else "",
        )

    def _edd(self, place: JsonObject) -> str | None:
        """The courier's estimated delivery date: as 2026-11-05 where it can be read, else the courier's own text."""
        words = day_words(place.get("courier_partner_edd"))
        day = read_day(words, zone=self.zone)
        if words and day is None:
            self._note("courier_partner_edd cannot be read as a date")
        return day.isoformat() if day else words or None

    def _fresh_at(self, *places: JsonObject) -> datetime | None:
        """The time of the latest status, where sent. ClickPost's guide decides by it what customers are notified of."""
        stamped = (place for place in places if "latest_time_stamp" in place)  # most often nowhere
        return next((at for place in stamped if (at := self._time(place, "latest_time_stamp"))), None)

    def _time(self, raw: JsonObject, name: str, path: str = "") -> datetime | None:
        at = read_scan_time(raw.get(name), zone=self.zone, z_means_utc=self.z_means_utc)
        if at is not None and at > self.received_at + FUTURE_TOLERANCE:
            self._note(f"{path + '.' if path else ''}{name} is in the future")
        return at

    def _updated_at(self, timeline: JsonObject) -> datetime | None:
        """When the status changed: updated-order sends it in UTC beside the local time."""
        at = read_scan_time(timeline.get("updated_at"), zone=_UTC_ZONE, z_means_utc=True)
        if at is not None and self.source is Source.UPDATED_ORDER:
            self._note("timestamp cannot be read; updated_at is used instead")
            return at
        return None

    def _note(self, problem: str) -> None:
        self.problems[problem] = None

    def _receipt_time(self, path: str) -> datetime:
        self._note(f"{path} cannot be read; the time of receipt is used instead")
        return self.received_at.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all scans of one entry have in common."""

    waybill: str
    courier: int | None
    ndr: int | None
    npr: int | None
    npr_description: str
    ndr_description: str


def _forward_shipment(places: tuple[JsonObject, JsonObject, JsonObject, JsonObject]) -> tuple[str, str, str]:
    """Waybill, reference number and order id of the shipment that a return belongs to; "" where none is named."""
    item, timeline, additional, _ = places
    if as_bool(additional.get("is_rvp", timeline.get("is_rvp"))) is False:
        return "", "", ""  # a forward_awb beside an is_rvp of false names no other shipment
    outer = (item, timeline, additional)
    waybill = first_waybill(outer, "forward_awb", "forward_waybill")
    return waybill, first_id(outer, "forward_reference_number"), first_id(outer, "forward_order_id")


def _about_return(timeline: JsonObject, latest_status: JsonObject) -> bool:
    """Whether every status in it is about a return that a customer requested."""
    codes = [code for raw in (timeline, latest_status) if (code := _code(raw)) is not None]
    return bool(codes) and all(status_info(code).about_return for code in codes)


def _scan_id(raw: JsonObject) -> str:
    found = first_id((raw, as_object(raw.get("additional"))), "order_status_id")
    return "" if found == "0" else found


def _code(raw: JsonObject) -> int | None:
    return as_int(raw.get("clickpost_status_code"))
