"""The usual delivery: one new scan of a known shipment in transit, newer than all before, and nothing wrong with it.

What it changes follows from the shipment's row alone, so no timeline is built for it. Every other delivery takes the
general way (timeline_builder.py). A property test holds that both ways yield the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

import msgspec

from awbridge.clickpost.wire.tracking_codes import STATUSES, is_failure, milestone_of
from awbridge.domain.notify import events as happened
from awbridge.domain.notify.events import ShipmentEvent
from awbridge.domain.orders.shipment import Tracked
from awbridge.domain.tracking.asking import PollingRules
from awbridge.domain.tracking.lifecycle import Bucket, Sighting, StatusInfo
from awbridge.domain.tracking.promise import due_at, is_unreadable
from awbridge.domain.tracking.scan import PART_MARK, Scan, Source, TrackingUpdate
from awbridge.steps.tracking.reading import Reading
from awbridge.steps.tracking.stored_status import stored_sighting
from awbridge.store.engine.database import Row, Session
from awbridge.store.notify.events import ReachedNow
from awbridge.store.orders.shipments import TrackedRows
from awbridge.store.polling.arrivals import Arrival
from awbridge.store.tracking import scans
from awbridge.store.tracking.inbox import Delivery
from awbridge.store.tracking.scans import IncomingScan, JoinedScan
from awbridge.store.tracking.tracking_status import Move, Step

_USUAL = {code: info for code, info in STATUSES.items() if not is_failure(code)}
_BUCKETS = {code: int(info.bucket) for code, info in _USUAL.items()}
_RETURNED = int(Bucket.RETURNED)
_NOT_PICKED_UP = int(Bucket.ORDER_PLACED)
_beside_the_scan = attrgetter(
    *("rto_waybill", "forward_waybill", "forward_reference_number", "return_reference_number", "problems", "entry")
)
_NOTHING_BESIDE = ("", "", "", "", (), 0)
_reasons = attrgetter("ndr_code", "npr_code", "npr_description", "description", "ndr_description", "return_event")
_NO_REASON = (None, None, "", "", "", None)


class NextScan(msgspec.Struct, frozen=True, gc=False):
    """A scan that moves a shipment on, and the shipment's row after it.

    `edd` is the current EDD; `stated` says whether this delivery stated it. `only_moves`: neither the EDD changes nor
    what lists and due times depend on.
    """

    reference_number: str
    delivery: Delivery
    scan: Scan
    hashes: tuple[str, str]
    info: StatusInfo
    code_before: int | None
    edd: str | None
    edd_stated_at: datetime | None
    edd_due_at: datetime | None
    stated: bool
    next_poll_at: datetime | None
    fresh_at: datetime | None
    only_moves: bool

    @property
    def incoming(self) -> IncomingScan:
        """What finds the stored scans that may be the same."""
        scan, (fingerprint, part) = self.scan, self.hashes
        return IncomingScan(self.reference_number, scan.scan_id, scan.checkpoint_id, fingerprint, part)

    @property
    def joined(self) -> JoinedScan:
        """The scan as it is stored, with its delivery and the EDD that this stated."""
        fingerprint, part = self.hashes
        kept = f"{fingerprint} {PART_MARK}{part}" if self.scan.location.strip() else fingerprint
        return JoinedScan(self.reference_number, self.scan, kept, self.delivery, self.edd if self.stated else None)

    @property
    def step(self) -> Step:
        """The columns of the shipment's row."""
        info = self.info
        return Step(
            self.reference_number,
            info.code,
            self.scan.scanned_at,
            _BUCKETS[info.code],
            info.step,
            info.final,
            self.edd,
            self.delivery.received_at,
            self.next_poll_at,
            self.edd_due_at,
            self.edd_stated_at,
        )

    @property
    def move(self) -> Move:
        """The columns of the shipment's row, where it only moves."""
        info = self.info
        return Move(
            self.reference_number,
            info.code,
            self.scan.scanned_at,
            _BUCKETS[info.code],
            info.step,
            self.delivery.received_at,
            self.edd_stated_at,
        )


def next_scan(
    row: Row, update: TrackingUpdate, delivery: Delivery, reading: Reading, polling: PollingRules
) -> NextScan | None:
    """The scan in a delivery, where it alone decides the shipment's status; None for the general way.

    `row`: the shipment's, from `shipments.lock_tracked`. `update`: the only one of the delivery, and the only one of
    the shipment in this batch.
    """
    scan, at = update.latest, delivery.received_at
    if scan is None or len(update.scans) != 1 or update.scans[0] is not scan or delivery.source is not Source.WEBHOOK:
        return None
    info = _USUAL.get(scan.code)
    if info is None or scan.scanned_at > at or not update.waybill or delivery.again or delivery.by_row:
        return None
    if _beside_the_scan(update) != _NOTHING_BESIDE or _reasons(scan) != _NO_REASON:
        return None
    if row["special"] or row["status_bucket"] == _RETURNED:
        return None
    last_at, code = row["last_tracked_at"], row["status_code"]
    if last_at is None:
        if code is not None:
            return None
    elif code is None or at <= last_at or _rank(scan, info) <= (row["status_at"], False, row["status_step"], code):
        return None
    edd, stated_at = row["edd"], row["edd_stated_at"]
    if stated_at is None and edd is not None and last_at is not None:
        return None  # of an older version: when the current EDD was stated shows in the promises alone
    stated = bool(update.edd)
    if stated:
        if is_unreadable(update.edd) or (stated_at is not None and scan.scanned_at <= stated_at):
            return None
        edd, stated_at = update.edd, scan.scanned_at
    polled_at, poll_due_at = row["last_polled_at"], row["next_poll_at"]
    next_poll_at = polling.after_update(
        last_tracked_at=at, polled_at=polled_at, due_at=poll_due_at, final=info.final, was_final=False, gap=False
    )
    edd_due_at, steady_from_at = due_at(edd, reading.zone), row["steady_from_at"]
    only_moves = (
        steady_from_at is not None
        and scan.scanned_at >= steady_from_at
        and not info.final
        and _BUCKETS[info.code] != _NOT_PICKED_UP
        and (edd, edd_due_at, next_poll_at) == (row["edd"], row["edd_due_at"], poll_due_at)
    )
    return NextScan(
        row["reference_number"],
        delivery,
        scan,
        scan.hashes(waybill=update.waybill),
        info,
        code,
        edd,
        stated_at,
        edd_due_at,
        stated,
        next_poll_at,
        update.fresh_at,
        only_moves,
    )


def _rank(scan: Scan, info: StatusInfo) -> tuple[datetime, bool, int, int]:
    return scan.scanned_at, info.final, info.step, info.code


async def without_known(session: Session, found: Sequence[NextScan]) -> list[NextScan]:
    """Those whose scan is not stored: no entry of the timeline may be the same."""
    known = await scans.alike(session, [one.incoming for one in found]) if found else {}
    return [one for one in found if not known[one.reference_number]]


def reached(moved: Sequence[NextScan], now: datetime) -> list[ReachedNow]:
    """The milestones that these scans reach. Where nobody listens, they are all that is told of them."""
    return [
        ReachedNow(one.reference_number, milestone, one.info.code, one.scan.scanned_at, now, one.fresh_at)
        for one in moved
        if (milestone := milestone_of(one.info.code))
    ]


def moved_events(one: NextScan, shipment: Tracked) -> list[ShipmentEvent]:
    """The events of the change of status, for customers and webhook subscribers."""
    info = one.info
    seen = Sighting(seen_at=one.scan.scanned_at, final=info.final, step=info.step, code=info.code)
    return happened.moved(
        shipment,
        before=stored_sighting(shipment),
        after=seen,
        latest=seen,
        info=info,
        milestone_of=milestone_of,
        ndr_code=None,
        edd=one.edd,
        fresh_at=one.fresh_at,
    )


def arrivals_of(steps: Iterable[NextScan], locked: TrackedRows) -> list[Arrival]:
    """What these scans count as, by source and courier."""
    return [
        Arrival(one.delivery.received_at, courier, one.delivery.source, scans=1)
        for one in steps
        if (courier := one.scan.courier_partner_id or locked.rows[one.reference_number]["courier_partner_id"])
        is not None
    ]
