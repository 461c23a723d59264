"""Scans and tracking updates: what a courier reports about a parcel, and what one delivery says about a shipment."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from awbridge.domain.tracking.returns import ReturnEvent

HASH_LENGTH = 12  # hexadecimal digits: enough within one timeline. Rows of older versions have more of the same hash
PART_MARK = "~"


class Source(StrEnum):
    """Where a scan came from."""

    WEBHOOK = "webhook"
    """A webhook of ClickPost."""
    UPDATED_ORDER = "updated_order"
    """A page of updated-order."""
    TRACK_ORDER = "track_order"
    """A response of track-order."""
    REPORT = "report"
    """A report of failed webhooks."""


SOURCES = {source.value: source for source in Source}  # a look-up is faster than a call of the enum


class Scan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One scan as a delivery reported it.

    `waybill` is empty if the delivery names none; the shipment's own waybill applies then. `code` is the vendor's raw
    status code: tables change, history does not. `scanned_at` is aware, UTC. `scan_id` and `checkpoint_id` are the
    vendor's ids of the scan; either, both or none may be present. `ndr_code` says why a delivery failed, `npr_code`
    why a pickup failed, `npr_description` that in the vendor's text. `description` and `ndr_description` are the
    vendor's texts for a status code and an NDR code that our tables lack. `return_event`: its return or exchange event.
    """

    waybill: str
    courier_partner_id: int | None
    code: int
    scanned_at: datetime
    status: str = ""
    remark: str = ""
    location: str = ""
    scan_id: str | None = None
    checkpoint_id: str | None = None
    ndr_code: int | None = None
    npr_code: int | None = None
    npr_description: str = ""
    description: str = ""
    ndr_description: str = ""
    return_event: ReturnEvent | None = None

    def fingerprint(self, *, waybill: str = "") -> str:
        """The scan's identity by content, for deliveries that carry no scan id.

        Webhooks and polling report one scan with different precision and spacing. Times therefore compare to the
        second, texts without case and surplus spaces. `waybill` applies if the scan names none.
        """
        return _hashes(self.waybill or waybill, self.code, self.scanned_at, self.status, self.location)[0]

    def part(self, *, waybill: str = "") -> str:
        """The fingerprint without the location: one source reports the location of a scan, another omits it.

        Scans with the same part are one scan if at most one of them has a location.
        """
        return _hashes(self.waybill or waybill, self.code, self.scanned_at, self.status, self.location)[1]

    def hashes(self, *, waybill: str = "") -> tuple[str, str]:
        """The fingerprint and the part at once. Not remembered: a new scan is asked once."""
        return _hashes.__wrapped__(self.waybill or waybill, self.code, self.scanned_at, self.status, self.location)

    def fingerprints(self, *, waybill: str = "") -> tuple[str, ...]:
        """What a timeline stores of the content: the fingerprint and, for a scan with a location, the marked part."""
        whole, part = _hashes(self.waybill or waybill, self.code, self.scanned_at, self.status, self.location)
        return (whole, PART_MARK + part) if self.location.strip() else (whole,)


_blake2b = hashlib.blake2b


@lru_cache(maxsize=4096)  # many scans have the same
def _normal(text: str) -> str:
    """A text without case and surplus spaces."""
    return " ".join(text.casefold().split())


@lru_cache(maxsize=4096)  # computed several times for one scan while its delivery is applied
def _hashes(waybill: str, code: int, scanned_at: datetime, status: str, location: str) -> tuple[str, str]:
    """The fingerprint, and the part of it that does without the location."""
    at = (scanned_at if scanned_at.tzinfo is UTC else scanned_at.astimezone(UTC)).isoformat()  # half the time of str
    common = f"{waybill}\x1f{code}\x1f{at[:19]}\x1f{_normal(status)}\x1f"
    without = _blake2b(common.encode(), digest_size=16)
    whole = without.copy()
    whole.update(_normal(location).encode())
    return whole.hexdigest()[:HASH_LENGTH], without.hexdigest()[:HASH_LENGTH]


class TrackingUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one delivery reports about one shipment, from any source.

    attribution.py decides which shipment it belongs to. `scans` are entries of the timeline. `latest` is the status
    that the source states as current; it decides the tracking status and is also an entry. Without `latest`, the newest
    of `scans` decides. A return names its forward shipment by `forward_waybill` and `forward_reference_number`. `edd`
    is an EDD as promise.py describes it. `fresh_at` is the source's own time of the latest status, beside the scan's.
    `entry` is the update's index in a delivery that carries a list, from 0. `return_reference_number` is set if the
    update is about a return that a customer requested; the shipment it names is then the forward one.
    """

    waybill: str = ""
    courier_partner_id: int | None = None
    account_code: str = ""
    reference_number: str = ""
    order_id: str = ""
    scans: tuple[Scan, ...] = ()
    latest: Scan | None = None
    rto_waybill: str = ""
    forward_waybill: str = ""
    forward_reference_number: str = ""
    edd: str | None = None
    fresh_at: datetime | None = None
    event_id: int | None = None
    problems: tuple[str, ...] = ()
    entry: int = 0
    return_reference_number: str = ""

    def of_booked_return(self) -> TrackingUpdate:
        """The same update for the return shipment, which carries the return's reference number."""
        return replace(
            self,
            waybill="",
            reference_number=self.return_reference_number,
            order_id="",
            forward_waybill=self.waybill,
            forward_reference_number=self.reference_number,
            return_reference_number="",
        )

    @property
    def all_scans(self) -> tuple[Scan, ...]:
        """All scans of the update, including the latest; once, if it is the only one."""
        if self.latest is None or (len(self.scans) == 1 and self.scans[0] is self.latest):
            return self.scans
        return (*self.scans, self.latest)
