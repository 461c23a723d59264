"""The timeline of one shipment: built from its updates, and the tracking status that follows.

Updates are added in the order in which they were received. If one is applied after a later one (it waited for its
shipment, or two workers ran at once), the timeline is rebuilt from the inbox (rebuild_timelines.py). So the rows never
depend on the order of applying, and a replay yields the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from awbridge.clickpost.wire.tracking_codes import ORDER_PLACED, is_failure, status_event, status_info
from awbridge.domain.orders.shipment import Piece, Tracked, WaybillKind
from awbridge.domain.tracking.lifecycle import Bucket, Sighting, newest
from awbridge.domain.tracking.milestones import Failure, failures, pickup_failures
from awbridge.domain.tracking.pieces import PieceStatus, exception_since, open_failures, whole
from awbridge.domain.tracking.promise import Promise, current, due_at, is_unreadable
from awbridge.domain.tracking.scan import Scan, Source, TrackingUpdate
from awbridge.domain.tracking.timeline import Entry, Timeline
from awbridge.steps.records.pieces import piece_statuses, sighting
from awbridge.steps.tracking.stored_status import stored_sighting
from awbridge.store.engine.database import Session
from awbridge.store.orders import waybills
from awbridge.store.orders.waybills import NewWaybill
from awbridge.store.tracking import inbox, promises, scans, update_sources
from awbridge.store.tracking.inbox import Delivery
from awbridge.store.tracking.tracking_status import TrackingStatus

# These sources show only the latest scan: a new one was missed by webhooks, so others may be missing too.
_LATEST_ONLY = (Source.UPDATED_ORDER, Source.REPORT)

_ONE = frozenset([0])
MOST_PARTIAL = 4  # scans added to one shipment at once; with more, reading the whole timeline is as fast


class TimelineBuilder:
    """Builds the timeline of one shipment, whose row the caller has locked.

    `add` merges the updates of a delivery into the stored entries, in the order in which deliveries were received.
    `tracking_status` derives the shipment's status from the result.

    `late`: an update was received no later than one applied before, so the timeline must be rebuilt from the inbox.
    `gap`: a new scan was found that webhooks should have delivered. `latest` is the newest latest_status (else scan)
    among the added updates, and `fresh_at` its age by the other times of those updates. A `partial` builder holds only
    the stored entries that may be the same scan as an added one; it takes the status before from the shipment's row.
    One that is `joining` stores a delivery, and the EDD that it stated, with a scan that it brought; or the delivery
    alone with one that it repeated.
    """

    def __init__(
        self,
        shipment: Tracked,
        entries: Sequence[Entry],
        promised: Sequence[Promise],
        *,
        partial: bool = False,
        joining: bool = False,
    ) -> None:
        self.shipment = shipment
        self._partial = partial
        self._joining = joining
        self._brought: dict[int, Entry] = {}  # delivery id -> the first scan that it brought
        self._repeated: dict[int, Entry] = {}  # delivery id -> the last scan that it repeated, if it brought none
        self._stated_with: dict[int, Entry] = {}  # id() of a new promise -> the scan that it is stored with
        self.timeline = Timeline(entries)
        self.promises = {(p.stated_at, p.edd): p for p in promised}
        self.new_promises: list[Promise] = []
        self.rto_waybills: dict[str, int] = {}
        self.forward_waybill = shipment.forward_waybill
        self.forward_reference_number = shipment.forward_reference_number
        self.last_tracked_at = shipment.last_tracked_at
        # ClickPost's descriptions of codes that are in no table: from the row, the entries and the updates.
        self._status_descriptions = {shipment.status_code: shipment.status_description or ""}
        self._ndr_descriptions = {shipment.ndr_code: shipment.ndr_description or ""}
        for entry in entries:
            if entry.description:
                self._status_descriptions[entry.code] = entry.description
            if entry.ndr_description:
                self._ndr_descriptions[entry.ndr_code] = entry.ndr_description
        self.latest: Sighting | None = None
        self.fresh_at: datetime | None = None
        self.gap = False
        self.late = False
        self.pieces_before = {p.waybill: p.sighting for p in self.pieces()}

    def add(self, update: TrackingUpdate, delivery: Delivery) -> None:
        """Add an update of a delivery."""
        if update.return_reference_number == self.shipment.reference_number:
            update = update.of_booked_return()
        own = update.waybill or self.shipment.waybill or ""
        at, source = delivery.received_at, delivery.source
        new_scans = update.all_scans
        first: Entry | None = None  # that is new
        entry: Entry | None = None
        for scan in new_scans:
            is_new = self.timeline.add(scan, own=own, received_at=at, source=source)
            self.gap = self.gap or (is_new and source in _LATEST_ONLY)
            entry = self.timeline.last
            first = first or (entry if is_new else None)
            if scan.description or scan.ndr_description:
                self._keep_descriptions(scan)
            if entry and scan is (update.latest or scan) and self._is_own(entry):
                self._note_latest(sighting(entry), update.fresh_at)
        if update.edd:
            stated_at = min(at, max([scan.scanned_at for scan in new_scans]))
            self._promise(Promise(edd=update.edd, stated_at=stated_at, received_at=at, source=source.value), first)
        if first:
            self._brought.setdefault(delivery.id, first)
        elif entry:
            self._repeated[delivery.id] = entry
        if update.rto_waybill:
            self.rto_waybills.setdefault(
                update.rto_waybill, update.courier_partner_id or self.shipment.courier_partner_id
            )
        self.forward_waybill = self.forward_waybill or update.forward_waybill or None
        self.forward_reference_number = self.forward_reference_number or update.forward_reference_number or None
        self.late = self.late or (self.shipment.last_tracked_at is not None and at <= self.shipment.last_tracked_at)
        # A removed entry may be the one behind the row's status, and its description was not read.
        self.late = self.late or bool(self.timeline.gone)
        self.last_tracked_at = max(self.last_tracked_at or at, at)

    def _note_latest(self, seen: Sighting, fresh_at: datetime | None) -> None:
        if self.latest is None or seen > self.latest:
            self.latest, self.fresh_at = seen, fresh_at
        elif seen == self.latest and fresh_at:
            self.fresh_at = min(self.fresh_at or fresh_at, fresh_at)

    def _keep_descriptions(self, scan: Scan) -> None:
        if scan.description:
            self._status_descriptions[scan.code] = scan.description
        if scan.ndr_description and scan.ndr_code is not None:
            self._ndr_descriptions[scan.ndr_code] = scan.ndr_description

    def _is_own(self, entry: Entry) -> bool:
        """Whether an entry is about the shipment as a whole."""
        return entry.waybill not in self.shipment.children and not status_info(entry.code).about_return

    def _promise(self, promise: Promise, entry: Entry | None) -> None:
        """Add a promise, stated by a delivery that brought this entry."""
        key = (promise.stated_at, promise.edd)
        if key in self.promises:
            return
        if self._joining and entry and entry.seen_at == promise.stated_at:
            # Older ones may be stored that are not read here: only one that is newer than all is surely new.
            newest = self.edd_stated_at
            if newest is None or newest < promise.stated_at:
                entry.edd = promise.edd
                self._stated_with[id(promise)] = entry
        self.promises[key] = promise
        self.new_promises.append(promise)

    @property
    def edd_stated_at(self) -> datetime | None:
        """When the current EDD was stated; None if none was."""
        return max([stated_at for stated_at, _ in self.promises], default=None)

    @property
    def own_promises(self) -> list[Promise]:
        """The new promises that are not stored with a scan."""
        return [p for p in self.new_promises if self._stated_with.get(id(p)) not in self.timeline.new]

    def joins(self, source: update_sources.UpdateSource) -> bool:
        """Whether this source is stored with a scan of its delivery. Call it once all updates are added."""
        if source.entries != _ONE or self.late or not self._joining:
            return False
        key = (source.delivery.shard, source.delivery.id)
        if brought := self._brought.get(source.delivery.id):
            if brought in self.timeline.new:
                brought.delivery = key
            return brought in self.timeline.new
        repeated = self._repeated.get(source.delivery.id)
        return repeated is not None and self.timeline.carry(repeated, key)

    def tracking_status(self, zone: ZoneInfo) -> TrackingStatus:
        """The status: from the entries of the main waybill; from those of the pieces if it has none."""
        entries = [] if self._partial else self.timeline.entries  # no failures, neither stored nor added
        own = [e for e in entries if self._is_own(e)]
        pieces = self.pieces()
        seen = self._seen(own) or whole([p.sighting for p in pieces], self._placed())
        bucket = status_info(seen.code).bucket if seen else None
        # failures and pickup_failures ignore all others, and most shipments never have one.
        status_events = [
            status_event(e.code, at=e.seen_at, ndr_code=e.ndr_code, npr_code=e.npr_code)
            for e in own
            if e.ndr_code or e.npr_code or is_failure(e.code)
        ]
        failed, missed = (failures(status_events), pickup_failures(status_events)) if status_events else ([], [])
        ended = seen is not None and (seen.final or bucket is Bucket.RETURNED)
        open_at = [failed[-1].at] if failed and seen and not ended else []
        failed_pieces = open_failures(pieces, seen, parent_ended=bool(own) and ended)
        open_at += [piece.ndr_at for piece in failed_pieces if piece.ndr_at]
        promise = current(self.promises.values())
        edd = promise.edd if promise else self.shipment.edd
        last = failed[-1] if failed else max((p.failures[-1] for p in pieces if p.failures), key=_by_time, default=None)
        ndr_code = last.ndr_code if last else None
        return TrackingStatus(
            sighting=seen,
            bucket=bucket,
            edd=edd,
            ndr_code=ndr_code,
            status_description=(seen and self._status_descriptions.get(seen.code)) or None,
            ndr_description=(ndr_code and self._ndr_descriptions.get(ndr_code)) or None,
            npr_code=missed[-1].npr_code if missed else None,
            edd_due_at=due_at(edd, zone),
            ndr_at=min(open_at, default=None),
            piece_exception_at=exception_since(pieces, bucket),
            forward_waybill=self.forward_waybill,
            forward_reference_number=self.forward_reference_number,
        )

    def pieces(self) -> list[PieceStatus]:
        """The status of each piece; none for a shipment of one parcel."""
        return piece_statuses(self.shipment.children, self.timeline.entries) if self.shipment.children else []

    @property
    def has_only_piece_entries(self) -> bool:
        """Whether it has several pieces, and no entry is about the shipment as a whole."""
        return bool(self.shipment.children) and not any(map(self._is_own, self.timeline.entries))

    def _placed(self) -> Sighting:
        placed = status_info(ORDER_PLACED)
        return Sighting(seen_at=self.shipment.created_at, final=False, step=placed.step, code=placed.code)

    def _seen(self, own: Sequence[Entry]) -> Sighting | None:
        if self._partial:
            return newest(stored_sighting(self.shipment), *map(sighting, filter(self._is_own, self.timeline.new)))
        return sighting(max(own, key=_rank)) if own else None


def _by_time(failure: Failure) -> datetime:
    return failure.at


def _rank(entry: Entry) -> tuple[datetime, bool, int, int]:
    """Entries in the order of their sightings, without making one for each."""
    info = status_info(entry.code)
    return entry.seen_at, info.final, info.step, info.code


async def open_timelines(
    session: Session, updates: Mapping[str, Sequence[TrackingUpdate]], rows: Mapping[str, Tracked]
) -> dict[str, TimelineBuilder]:
    """Builders of the stored timelines to which `updates` will be added, by reference number.

    The caller has locked `rows`. Most builders are partial, so an ordinary scan costs the same on a long timeline as on
    a short one.
    """
    locked = {reference: rows[reference] for reference in sorted(updates)}
    partial = {r for r, shipment in locked.items() if updates[r] and _can_be_partial(shipment, updates[r])}
    entries = await scans.for_matching(session, sorted(locked.keys() - partial))
    entries |= await scans.alike(session, [one for r in sorted(partial) for one in _incoming(locked[r], updates[r])])
    # An EDD that is no date is logged once: whether it is new takes all that were stated. Else the newest is enough.
    odd = sorted(r for r in locked if any(is_unreadable(update.edd) for update in updates[r]))
    promised = await promises.of_shipments(session, odd)
    promised |= {r: [promise] for r, promise in (await promises.newest(session, locked.keys() - odd)).items()}
    return {
        r: TimelineBuilder(shipment, entries[r], promised.get(r, ()), partial=r in partial, joining=True)
        for r, shipment in locked.items()
    }


def _can_be_partial(shipment: Tracked, updates: Sequence[TrackingUpdate]) -> bool:
    """Whether the row says all that the timeline would: no pieces, no failures, no end; nor do the updates."""
    new_scans = [scan for update in updates for scan in update.all_scans]
    is_open = shipment.status_code is not None and not shipment.final and shipment.status_bucket != Bucket.RETURNED
    # A shipment in transit whose row names no failed delivery had none.
    without_failures = shipment.ndr_at is None and shipment.ndr_code is None and shipment.npr_code is None
    brings_failure = any(scan.ndr_code or scan.npr_code or is_failure(scan.code) for scan in new_scans)
    return is_open and without_failures and not (brings_failure or shipment.children) and len(new_scans) <= MOST_PARTIAL


def _incoming(shipment: Tracked, updates: Sequence[TrackingUpdate]) -> list[scans.IncomingScan]:
    found: list[scans.IncomingScan] = []
    for update in updates:
        own = update.waybill or shipment.waybill or ""
        found += [
            scans.IncomingScan(
                shipment.reference_number,
                scan.scan_id,
                scan.checkpoint_id,
                scan.fingerprint(waybill=own),
                scan.part(waybill=own),
            )
            for scan in update.all_scans
        ]
    return found


async def keep(session: Session, builders: Sequence[TimelineBuilder], joined: Sequence[scans.JoinedScan]) -> None:
    """Store the scans, promises and RTO waybills, and the scans that needed no builder; not the tracking status."""
    await scans.remove(session, [(b.shipment.reference_number, e) for b in builders for e in b.timeline.gone])
    await scans.learn(session, [(b.shipment.reference_number, e) for b in builders for e in b.timeline.changed])
    for builder in builders:
        await link_rto_waybills(session, builder)
    await scans.add(session, [(b.shipment.reference_number, e) for b in builders for e in b.timeline.new], joined)
    await promises.add(session, [(b.shipment.reference_number, p) for b in builders for p in b.own_promises])


async def link_rto_waybills(session: Session, builder: TimelineBuilder) -> None:
    """Store the RTO waybills that the updates named, and wake the deliveries that wait for them."""
    now = builder.last_tracked_at or builder.shipment.created_at
    reference, since_at = builder.shipment.reference_number, builder.shipment.created_at
    new = [
        NewWaybill(Piece(waybill=number), courier, reference, WaybillKind.RTO, since_at)
        for number, courier in builder.rto_waybills.items()
    ]
    if new:
        await waybills.add(session, new, now=now)
        await inbox.wake(session, [f"w:{number}" for number in builder.rto_waybills], now=now)
