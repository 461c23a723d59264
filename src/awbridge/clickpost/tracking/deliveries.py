"""Reads deliveries of every source into tracking updates: all shapes of webhooks, updated-order, track-order.

No I/O, no clock. Whatever can be learnt is learnt; what cannot be read is noted beside it, by its path and without its
value (bodies hold personal data, notes travel further).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from awbridge.clickpost.tracking.return_requests import return_event, unwrapped
from awbridge.clickpost.wire.codes import NDR_NAMES, STATUSES, is_failed_pickup, status_info
from awbridge.clickpost.wire.lenient_json import (
    as_bool,
    as_id,
    as_int,
    as_list,
    as_object,
    as_text,
    as_waybill,
    read_json,
)
from awbridge.clickpost.wire.times import day_words, read_day, read_scan_time
from awbridge.domain.errors import AwbridgeError
from awbridge.domain.json import JsonObject
from awbridge.domain.tracking.lifecycle import Bucket
from awbridge.domain.tracking.returns import ReturnEvent
from awbridge.domain.tracking.scan import Scan, Source, TrackingUpdate

_COURIER_FIELDS = ("cp_id", "courier_partner_id", "courier_partner", "carrier_partner")  # the last: updated-order
NO_COURIER = -1  # of a return that nobody was given yet
FUTURE_TOLERANCE = timedelta(minutes=10)  # clocks of couriers differ
LONGEST_TEXT = 2000  # characters of a remark
LONGEST_REASON = 200
MOST_PROBLEMS = 5  # of one delivery that are spelt out; the rest is counted

_PREFIXES = {Source.UPDATED_ORDER: "upd", Source.TRACK_ORDER: "trk", Source.WEBHOOK: "hook", Source.REPORT: "rep"}
_UTC_ZONE = ZoneInfo("UTC")


class Unreadable(AwbridgeError, ValueError):
    """Nothing can be learnt from a delivery. The text says why, for a person, and quotes nothing of it."""


def read_delivery(
    source: Source, body: bytes, *, received_at: datetime, zone: ZoneInfo, z_means_utc: bool = False
) -> list[TrackingUpdate]:
    """What a delivery tells, one TrackingUpdate per shipment in it (a webhook may carry a list).

    Times without offset are in `zone`, so are times with Z unless `z_means_utc`. Raises Unreadable when nothing can be
    learnt: no JSON, nothing to find the shipment by, or neither a status code nor a scan.
    """
    try:
        value = read_json(body)
    except ValueError as error:
        raise Unreadable(f"it is not JSON: {error}") from None
    entries = as_list(value) if isinstance(value, list) else [value]
    told: list[TrackingUpdate] = []
    problems: list[str] = []
    for number, entry in enumerate(entries, 1):
        item = unwrapped(as_object(entry))
        reading = _Reading(source, item, received_at, zone, z_means_utc, place=number - 1)
        try:
            told.append(reading.tracking_update())
        except Unreadable as error:
            problems.append(f"entry {number} of {len(entries)}: {error}" if len(entries) > 1 else str(error))
    if not told:
        raise Unreadable("; ".join(_first(problems)) or "the list is empty")
    if problems:
        told[0] = replace(told[0], problems=(*told[0].problems, *_first(problems)))
    return told


def _first(problems: Iterable[str]) -> list[str]:
    every = list(problems)
    more = len(every) - MOST_PROBLEMS
    return [*every[:MOST_PROBLEMS], f"and {more} more"] if more > 0 else every


def delivery_identity(source: Source, item: JsonObject) -> str:
    """The identity of a polled item: the same words give the same identity, whatever the order of their fields."""
    canonical = json.dumps(item, sort_keys=True, separators=(",", ":"), default=str)
    return f"{_PREFIXES[source]}:{hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()}"


@dataclass(slots=True)
class _Reading:
    """The reading of one entry: what it says, how its times are meant, and what could not be read."""

    source: Source
    item: JsonObject
    received_at: datetime
    zone: ZoneInfo
    z_means_utc: bool
    place: int = 0  # in a delivery that carries a list
    problems: dict[str, None] = field(default_factory=dict[str, None])  # in order, each once

    def tracking_update(self) -> TrackingUpdate:
        """Everything that the entry tells. Raises Unreadable."""
        if not self.item:
            raise Unreadable("it is not an object, or an empty one")
        story = self._story()
        additional = as_object(story.get("additional")) or as_object(self.item.get("additional"))
        latest_raw = as_object(additional.get("latest_status")) or as_object(story.get("latest_status"))
        places = (self.item, story, additional, latest_raw)
        if _about_return(story, latest_raw):
            return self._return_request(story, additional, latest_raw)
        waybill = _first_waybill(places[:3], "waybill")
        reference = _first_id(places, "reference_number")
        order_id = _first_id(places, "order_id")
        if not (waybill or reference) and (asked_for := _first_id(places[:3], "return_reference_number")):
            # The parcel of a return, which is booked under this number. The order is its forward one's.
            reference, order_id = asked_for, ""
        if not (waybill or reference or order_id):
            raise Unreadable("it names no waybill, reference number or order id")
        courier = _first_int(places[:3], *_COURIER_FIELDS)
        if courier == NO_COURIER:
            courier = None
        # Polling's `ndr_bucket_code` counts differently (14 is Customer Unavailable there): it is not read.
        reasons = (additional, story, latest_raw)
        teller = _Teller(
            waybill,
            courier,
            ndr=_first_int(reasons, "ndr_status_code"),
            npr=_first_int(reasons, "npr_status_code"),
            npr_description=_first_text(reasons, "npr_status_description")[:LONGEST_REASON],
            ndr_description=_first_text(reasons, "ndr_status_description")[:LONGEST_REASON],
        )
        scans = self._scans(story, latest_raw, teller)
        latest, scans = _joined(self._latest(story, additional, latest_raw, teller), scans)
        if latest is None and not scans:
            raise Unreadable(
                "; ".join(["it holds no status code and no scan that can be read", *_first(self.problems)])
            )
        if self.source is Source.UPDATED_ORDER:
            latest, scans = latest or scans[0], ()
        rto = _first_waybill(places[:3], "rto_awb", "rto_waybill")
        # A forward_awb beside an is_rvp of false names no other shipment.
        is_return = as_bool(additional.get("is_rvp", story.get("is_rvp"))) is not False
        forward = _first_waybill(places[:3], "forward_awb", "forward_waybill") if is_return else ""
        forward_reference = _first_id(places[:3], "forward_reference_number") if is_return else ""
        return TrackingUpdate(
            waybill=waybill,
            courier_partner_id=courier,
            account_code=_first_id(places[:3], "account_code"),
            reference_number=reference,
            order_id=order_id,
            scans=scans,
            latest=latest,
            rto_waybill="" if rto == waybill else rto,
            forward_waybill="" if forward == waybill else forward,
            forward_reference_number="" if forward_reference == reference else forward_reference,
            edd=self._edd(additional) or self._edd(story),
            fresh_at=self._latest_time_stamp(story, additional, latest_raw),
            event_id=_first_int((self.item, additional), "notification_event_id"),
            entry=self.place,
            problems=tuple(_first(self.problems)),
        )

    def _return_request(self, story: JsonObject, additional: JsonObject, latest_raw: JsonObject) -> TrackingUpdate:
        """What it tells of a return or exchange asked for, for its forward shipment. Raises Unreadable."""
        places = (self.item, story, additional, latest_raw)
        is_return = as_bool(additional.get("is_rvp", story.get("is_rvp"))) is not False
        waybill = _first_waybill(places[:3], "forward_awb", "forward_waybill") if is_return else ""
        reference, order_id = (
            _first_id(places[:3], name) if is_return else ""
            for name in ("forward_reference_number", "forward_order_id")
        )
        asked_for = _first_id(places[:3], "return_reference_number")
        if not (waybill or reference or order_id):  # then it can only be about a shipment that it names itself
            waybill, reference = (
                _first_waybill(places[:3], "waybill"),
                asked_for or _first_id(places, "reference_number"),
            )
        if not (waybill or reference or order_id):
            raise Unreadable("it is about a return, and names neither the forward shipment nor the return")
        notification = _first_int((additional, self.item), "notification_event_id", "notification_event")
        told = [
            self._of_return(raw, return_event(code, notification if code == _code(story) else None, places))
            for raw in (story, latest_raw)
            if (code := _code(raw)) is not None and (raw is story or code != _code(story))
        ]
        return TrackingUpdate(
            waybill=waybill,
            reference_number=reference,
            order_id=order_id,
            scans=tuple(told),
            event_id=notification,
            entry=self.place,
            return_reference_number=asked_for if asked_for != reference else "",
            problems=tuple(_first(self.problems)),
        )

    def _of_return(self, raw: JsonObject, event: ReturnEvent) -> Scan:
        """One event of a return. ClickPost sends it again with another time: return and code say which one it is."""
        code = _code(raw) or 0
        at = self._time_of_return(raw) or self._received("timestamp")
        scan_id = f"return:{event.reference_number}:{code}" if event.reference_number else ""
        nobody = _Teller("", None, ndr=None, npr=None, npr_description="", ndr_description="")
        scan = self._scan(raw, code, at, nobody, scan_id=scan_id, ndr=None, npr=False)
        return replace(scan, return_event=event)

    def _time_of_return(self, raw: JsonObject) -> datetime | None:
        """These times are UTC. Older pages call them Indian: one that would lie in the future is."""
        at = read_scan_time(raw.get("timestamp"), zone=_UTC_ZONE, z_means_utc=True)
        return at if at and at <= self.received_at + FUTURE_TOLERANCE else self._time(raw, "timestamp")

    def _story(self) -> JsonObject:
        """Where the statuses stand: in the entry itself, or in `result` of a polled one."""
        result = self.item.get("result") if self.source is Source.TRACK_ORDER else None
        if isinstance(result, list):
            return {"scans": result}
        return as_object(result) or self.item

    def _scans(self, story: JsonObject, latest_raw: JsonObject, teller: _Teller) -> tuple[Scan, ...]:
        outer = self._outer(story, latest_raw, teller)
        listed = [self._listed(raw, f"scans[{i}]", teller) for i, raw in enumerate(as_list(story.get("scans")))]
        return tuple(scan for scan in (outer, *listed) if scan)

    def _outer(self, story: JsonObject, latest_raw: JsonObject, teller: _Teller) -> Scan | None:
        """The scan that the entry itself is. Its id is the entry's."""
        code = _code(story)
        if code is None:
            if story.get("clickpost_status_code") not in (None, ""):
                self._note("clickpost_status_code is not a number")
            return None
        at = self._time(story, "timestamp")
        if at is None and _code(latest_raw) is not None:
            # `latest_status` says where the shipment stands; a scan of unknown time must not overrule it.
            if _code(latest_raw) != code:
                self._note("the scan is left out: it has no time that can be read")
            return None
        if at is None:
            at = self._updated_at(story) or self._received("timestamp")
        stands_for_latest = _code(latest_raw) is None and not status_info(code).final
        # The reason is the latest failure's: another failure before that had a reason of its own.
        latest_failed = _is_failed_delivery(_code(latest_raw) or 0)
        ndr = teller.ndr if stands_for_latest or (_is_failed_delivery(code) and not latest_failed) else None
        latest_missed = is_failed_pickup(_code(latest_raw) or 0)
        npr = stands_for_latest or (is_failed_pickup(code) and not latest_missed)
        return self._scan(story, code, at, teller, scan_id=_scan_id(story), ndr=ndr, npr=npr)

    def _listed(self, raw: Any, path: str, teller: _Teller) -> Scan | None:
        scan = as_object(raw)
        code, at = _code(scan), self._time(scan, "timestamp", path)
        if code is None or at is None:
            missing = "status code" if code is None else "time"
            self._note(f"{path} is left out: it has no {missing} that can be read")
            return None
        return self._scan(scan, code, at, teller, scan_id=_scan_id(scan), ndr=None, npr=False)

    def _latest(self, story: JsonObject, additional: JsonObject, raw: JsonObject, teller: _Teller) -> Scan | None:
        code = _code(raw)
        if code is None:
            return None
        at = self._time(raw, "timestamp", "latest_status")
        at = at or self._latest_time_stamp(story, additional, raw)
        is_outer = code == _code(story)
        if at is None and is_outer:
            at = self._time(story, "timestamp")
        scan_id = _scan_id(story) if at is None and is_outer else ""
        final = status_info(code).final
        at = at or self._received("latest_status.timestamp")
        return self._scan(raw, code, at, teller, scan_id=scan_id, ndr=None if final else teller.ndr, npr=not final)

    def _scan(
        self, raw: JsonObject, code: int, at: datetime, teller: _Teller, *, scan_id: str, ndr: int | None, npr: bool
    ) -> Scan:
        info = status_info(code)
        words = _words(raw.get("clickpost_status_description"))
        return Scan(
            waybill=teller.waybill,
            courier_partner_id=teller.courier,
            code=code,
            scanned_at=at,
            status=_words(raw.get("status")) or words or info.name,
            remark=_words(raw.get("remark")),
            location=_words(raw.get("location")),
            scan_id=scan_id or None,
            checkpoint_id=as_id(raw.get("checkpoint_id")) or None,
            ndr_code=ndr,
            npr_code=teller.npr if npr else None,
            npr_description=teller.npr_description if npr else "",
            description="" if info.known else words[:LONGEST_REASON],
            ndr_description=teller.ndr_description if ndr is not None and ndr not in NDR_NAMES else "",
        )

    def _edd(self, place: JsonObject) -> str | None:
        """The courier's expected delivery date: as 2026-11-05 where it can be read, else in the courier's own words."""
        words = day_words(place.get("courier_partner_edd"))
        day = read_day(words, zone=self.zone)
        if words and day is None:
            self._note("courier_partner_edd cannot be read as a date")
        return day.isoformat() if day else words or None

    def _latest_time_stamp(self, *places: JsonObject) -> datetime | None:
        """How old the latest status is, where it is sent. ClickPost's guide decides by it what customers are told."""
        sent = (place for place in places if "latest_time_stamp" in place)  # most often nowhere
        return next((at for place in sent if (at := self._time(place, "latest_time_stamp"))), None)

    def _time(self, raw: JsonObject, name: str, path: str = "") -> datetime | None:
        at = read_scan_time(raw.get(name), zone=self.zone, z_means_utc=self.z_means_utc)
        if at is not None and at > self.received_at + FUTURE_TOLERANCE:
            self._note(f"{path + '.' if path else ''}{name} lies in the future")
        return at

    def _updated_at(self, story: JsonObject) -> datetime | None:
        """updated-order tells beside the local time when the status changed, in true UTC."""
        at = read_scan_time(story.get("updated_at"), zone=_UTC_ZONE, z_means_utc=True)
        if at is not None and self.source is Source.UPDATED_ORDER:
            self._note("timestamp cannot be read; updated_at stands in for it")
            return at
        return None

    def _note(self, problem: str) -> None:
        self.problems[problem] = None

    def _received(self, path: str) -> datetime:
        self._note(f"{path} cannot be read; the time of receipt stands in for it")
        return self.received_at.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class _Teller:
    """What all scans of one entry share."""

    waybill: str
    courier: int | None
    ndr: int | None
    npr: int | None
    npr_description: str
    ndr_description: str


def _about_return(story: JsonObject, latest_raw: JsonObject) -> bool:
    """Whether it is about a return that a customer asked for, and nothing else."""
    codes = [code for raw in (story, latest_raw) if (code := _code(raw)) is not None]
    return bool(codes) and all(status_info(code).about_return for code in codes)


def _joined(latest: Scan | None, scans: tuple[Scan, ...]) -> tuple[Scan | None, tuple[Scan, ...]]:
    """Where `latest` is one of the scans once more, it is that scan, ids and all, and the fuller words of both."""
    for place, scan in enumerate(scans):
        if latest and _is_told_twice(scan, latest):
            fuller = scan if scan.location or not latest.location else latest
            one = replace(
                scan,
                status=fuller.status,
                location=fuller.location,
                remark=fuller.remark or scan.remark or latest.remark,
                ndr_code=latest.ndr_code if latest.ndr_code is not None else scan.ndr_code,
                ndr_description=latest.ndr_description or scan.ndr_description,
                description=scan.description or latest.description,
                npr_code=latest.npr_code if latest.npr_code is not None else scan.npr_code,
                npr_description=latest.npr_description or scan.npr_description,
            )
            return one, (*scans[:place], one, *scans[place + 1 :])
    return latest, scans


def _is_told_twice(scan: Scan, latest: Scan) -> bool:
    """One code at one time within one body: the same words, or one of both lacks the location."""
    if scan.code != latest.code:
        return False
    if bool(scan.location) == bool(latest.location):
        return scan.fingerprint() == latest.fingerprint()
    return scan.scanned_at.replace(microsecond=0) == latest.scanned_at.replace(microsecond=0)


def _scan_id(raw: JsonObject) -> str:
    found = _first_id((raw, as_object(raw.get("additional"))), "order_status_id")
    return "" if found == "0" else found


def _code(raw: JsonObject) -> int | None:
    return as_int(raw.get("clickpost_status_code"))


def _is_failed_delivery(code: int) -> bool:
    return code in STATUSES and STATUSES[code].bucket is Bucket.FAILED_DELIVERY


def _first_id(places: tuple[JsonObject, ...], *names: str) -> str:
    return next((found for place in places for name in names if (found := as_id(place.get(name)))), "")


def _first_waybill(places: tuple[JsonObject, ...], *names: str) -> str:
    return next((found for place in places for name in names if (found := as_waybill(place.get(name)))), "")


def _first_int(places: tuple[JsonObject, ...], *names: str) -> int | None:
    numbers = (as_int(place.get(name)) for place in places for name in names)
    return next((number for number in numbers if number is not None), None)


def _first_text(places: tuple[JsonObject, ...], name: str) -> str:
    return next((found for place in places if (found := as_text(place.get(name)))), "")


def _words(value: Any) -> str:
    return as_text(value)[:LONGEST_TEXT]
