"""A scan: one thing that a courier says happened to a parcel, and what a delivery tells about a shipment."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

from awbridge.domain.tracking.returns import ReturnEvent

PART_LENGTH = 16  # hexadecimal digits: enough within one timeline
PART_MARK = "~"


class Source(StrEnum):
    """The side from which something was learnt."""

    WEBHOOK = "webhook"
    UPDATED_ORDER = "updated_order"
    TRACK_ORDER = "track_order"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One scan as a delivery told it.

    `waybill` is empty where the delivery named none (the shipment's own is meant then). `code` is the vendor's raw
    status code: tables change, history does not. `scanned_at` is aware, UTC. `scan_id` and `checkpoint_id` are the
    vendor's own ids of the scan; either, both or none may be known. `ndr_code` says why a delivery failed, `npr_code`
    why a pickup failed, `npr_description` that in the vendor's text. `description` and `ndr_description` are the
    vendor's texts for a status code and an NDR code that our tables lack. `return_event`: what it says of a return.
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
        """The scan's identity by what it says, for deliveries that carry no id of it.

        Webhook and polling show one scan with different precision and spacing, so time counts to the second and text
        without case and surplus spaces. `waybill` stands in where the scan names none.
        """
        return _fingerprint(self.waybill or waybill, self.code, self.scanned_at, self.status, self.location)

    def part(self, *, waybill: str = "") -> str:
        """The same without the location, shortened: one side tells a scan with its location, another without it.

        Scans that share it are one where at most one of them has a location.
        """
        return _fingerprint(self.waybill or waybill, self.code, self.scanned_at, self.status, "")[:PART_LENGTH]

    def fingerprints(self, *, waybill: str = "") -> tuple[str, ...]:
        """What a timeline keeps of what it says: the fingerprint and, where it has a location, the marked part."""
        whole = self.fingerprint(waybill=waybill)
        return (whole, PART_MARK + self.part(waybill=waybill)) if self.location.strip() else (whole,)


@lru_cache(maxsize=4096)  # the same scan is asked several times while its delivery is read and told
def _fingerprint(waybill: str, code: int, scanned_at: datetime, status: str, location: str) -> str:
    parts = (
        waybill,
        str(code),
        scanned_at.astimezone(UTC).isoformat(timespec="seconds")[:19],
        " ".join(status.casefold().split()),
        " ".join(location.casefold().split()),
    )
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingUpdate:
    """What one delivery tells of one shipment, whichever side it came from.

    attribution.py says which shipment is meant. `scans` go on the timeline; `latest` is where the shipment stands now
    by the teller's word and decides the current status (it also goes on the timeline). Without `latest`, the newest of
    `scans` stands for it. A return names the shipment that it brings back by `forward_waybill` and
    `forward_reference_number`. `edd` is what promise.py says. `fresh_at`: how old the latest status is by the teller's
    word beside its own time. `entry` is the place of this update in a delivery that carries a list, from 0.
    `return_reference_number` is set where they are about a return that a customer asked for: the shipment that they
    name is the forward one.
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
        """The same as told of the shipment that brings the return back, which carries the return's reference number."""
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
    def told(self) -> tuple[Scan, ...]:
        """All scans that it tells of, the latest among them."""
        return (*self.scans, *((self.latest,) if self.latest else ()))
