"""The builder of a shipment: what deliveries tell of it, put together, and where it stands by that.

Deliveries are told in the order in which they came. When one is applied after a later one (it waited, or two workers
met), the whole builder is told anew out of the inbox. So the rows never depend on who applied what when, and a replay
comes to the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from awbridge.clickpost.tracking.deliveries import Unreadable, read_delivery
from awbridge.clickpost.wire.codes import ORDER_PLACED, is_failure, status_event, status_info
from awbridge.domain.orders.shipment import Piece, Tracked, WaybillKind
from awbridge.domain.tracking.attribution import since
from awbridge.domain.tracking.lifecycle import Bucket, Sighting, newest
from awbridge.domain.tracking.milestones import Failure, failures, pickup_failures
from awbridge.domain.tracking.pieces import PieceStatus, exception_since, open_failures, whole
from awbridge.domain.tracking.promise import Promise, current, due_at
from awbridge.domain.tracking.scan import Scan, Source, TrackingUpdate
from awbridge.domain.tracking.timeline import Entry, Timeline, differences
from awbridge.steps.records.pieces import piece_statuses, sighting
from awbridge.store.engine.database import Session
from awbridge.store.orders import waybills
from awbridge.store.orders.shipments import TrackingStatus
from awbridge.store.orders.waybills import NewWaybill
from awbridge.store.tracking import inbox, promises, scans, update_sources
from awbridge.store.tracking.inbox import Delivery

# They show each shipment's latest scan only: one that no webhook brought proves a gap.
_LATEST_ONLY = (Source.UPDATED_ORDER, Source.REPORT)

MOST_BRIEF = 4  # scans told of one shipment at once; for more the whole timeline is read as fast


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How deliveries are read: the account's time zone, and whether a trailing Z is believed."""

    zone: ZoneInfo
    z_means_utc: bool = False

    def of(self, delivery: Delivery) -> list[TrackingUpdate]:
        """What a delivery tells. Raises Unreadable."""
        return read_delivery(
            delivery.source,
            delivery.body,
            received_at=delivery.received_at,
            zone=self.zone,
            z_means_utc=self.z_means_utc,
        )


class TimelineBuilder:
    """One shipment's builder while a transaction holds it. `gap`: a scan came that webhooks should have brought.

    `told_latest` is the newest latest_status (else scan) among what was told, `fresh_at` how old that is by what was
    told beside it. A `brief` builder has of the entries only
    those that may be one with what is told: where the shipment stood, its row says.
    """

    def __init__(
        self, shipment: Tracked, entries: Sequence[Entry], promised: Sequence[Promise], *, brief: bool = False
    ) -> None:
        self.shipment = shipment
        self._brief = brief
        self.timeline = Timeline(entries)
        self.promises = {(p.stated_at, p.edd): p for p in promised}
        self.new_promises: list[Promise] = []
        self.ways_back: dict[str, int] = {}
        self.forward_waybill = shipment.forward_waybill
        self.forward_reference_number = shipment.forward_reference_number
        self.last_tracked_at = shipment.last_tracked_at
        # ClickPost's words for codes that are in no table: those of the row, of the entries, and of what is told.
        self._status_descriptions = {shipment.status_code: shipment.status_description or ""}
        self._status_descriptions |= {e.code: e.description for e in entries if e.description}
        self._ndr_descriptions = {shipment.ndr_code: shipment.ndr_description or ""}
        self._ndr_descriptions |= {e.ndr_code: e.ndr_description for e in entries if e.ndr_description}
        self.told_latest: Sighting | None = None
        self.fresh_at: datetime | None = None
        self.gap = False
        self.late = False
        self.pieces_before = {p.waybill: p.sighting for p in self.pieces()}

    def tell(self, update: TrackingUpdate, delivery: Delivery) -> None:
        """Add what a delivery tells of this shipment."""
        if update.return_reference_number == self.shipment.reference_number:
            update = update.of_booked_return()
        own = update.waybill or self.shipment.waybill or ""
        at, source = delivery.received_at, delivery.source
        for scan in update.all_scans:
            is_new = self.timeline.add(scan, own=own, received_at=at, source=source)
            self.gap = self.gap or (is_new and source in _LATEST_ONLY)
            entry = self.timeline.last
            self._keep_words(scan)
            if entry and self._is_own(entry) and scan is (update.latest or scan):
                self._told_of_latest(sighting(entry), update.fresh_at)
        if update.edd:
            stated_at = min(at, max(scan.scanned_at for scan in update.all_scans))
            self._promise(Promise(edd=update.edd, stated_at=stated_at, received_at=at, source=source.value))
        if update.rto_waybill:
            self.ways_back.setdefault(update.rto_waybill, update.courier_partner_id or self.shipment.courier_partner_id)
        self.forward_waybill = self.forward_waybill or update.forward_waybill or None
        self.forward_reference_number = self.forward_reference_number or update.forward_reference_number or None
        self.late = self.late or (self.shipment.last_tracked_at is not None and at <= self.shipment.last_tracked_at)
        # What turned out to be no scan of its own may be where the row stands; its words were not read.
        self.late = self.late or bool(self.timeline.gone)
        self.last_tracked_at = max(self.last_tracked_at or at, at)

    def _told_of_latest(self, seen: Sighting, fresh_at: datetime | None) -> None:
        if self.told_latest is None or seen > self.told_latest:
            self.told_latest, self.fresh_at = seen, fresh_at
        elif seen == self.told_latest and fresh_at:
            self.fresh_at = min(self.fresh_at or fresh_at, fresh_at)

    def _keep_words(self, scan: Scan) -> None:
        if scan.description:
            self._status_descriptions[scan.code] = scan.description
        if scan.ndr_description and scan.ndr_code is not None:
            self._ndr_descriptions[scan.ndr_code] = scan.ndr_description

    def _is_own(self, entry: Entry) -> bool:
        """Whether an entry says where the shipment as a whole is."""
        return entry.waybill not in self.shipment.children and not status_info(entry.code).about_return

    def _promise(self, promise: Promise) -> None:
        key = (promise.stated_at, promise.edd)
        if key not in self.promises:
            self.promises[key] = promise
            self.new_promises.append(promise)

    def standing(self, zone: ZoneInfo) -> TrackingStatus:
        """Where the shipment stands: by what is told of its main waybill, by its pieces where that is nothing."""
        entries = [] if self._brief else self.timeline.entries  # a brief one has no failures, and is told of none
        own = [e for e in entries if self._is_own(e)]
        pieces = self.pieces()
        seen = self._seen(own) or whole([p.sighting for p in pieces], self._untold())
        bucket = status_info(seen.code).bucket if seen else None
        # Of the others failures and pickup_failures want nothing, and most shipments never have one.
        happenings = [
            status_event(e.code, at=e.seen_at, ndr_code=e.ndr_code, npr_code=e.npr_code)
            for e in own
            if e.ndr_code or e.npr_code or is_failure(e.code)
        ]
        failed, missed = failures(happenings), pickup_failures(happenings)
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
        """Where each piece stands; none for a shipment of one parcel."""
        return piece_statuses(self.shipment.children, self.timeline.entries) if self.shipment.children else []

    @property
    def told_of_pieces_alone(self) -> bool:
        """Whether it is of several pieces, and nothing was told of the shipment as a whole."""
        return bool(self.shipment.children) and not any(map(self._is_own, self.timeline.entries))

    def _untold(self) -> Sighting:
        placed = status_info(ORDER_PLACED)
        return Sighting(seen_at=self.shipment.created_at, final=False, step=placed.step, code=placed.code)

    def _seen(self, own: Sequence[Entry]) -> Sighting | None:
        if self._brief:
            return newest(
                stored_tracking_status(self.shipment).sighting, *map(sighting, filter(self._is_own, self.timeline.new))
            )
        return sighting(max(own, key=_rank)) if own else None


def _by_time(failure: Failure) -> datetime:
    return failure.at


def _rank(entry: Entry) -> tuple[datetime, bool, int, int]:
    """Entries in the order of their sightings, without making one for each."""
    info = status_info(entry.code)
    return entry.seen_at, info.final, info.step, info.code


async def open_timelines(
    session: Session, told: Mapping[str, Sequence[TrackingUpdate]], rows: Mapping[str, Tracked]
) -> dict[str, TimelineBuilder]:
    """The builders of shipments as they are stored, by reference number, to be told this. The caller has locked `rows`.

    Most are brief: what an ordinary scan does to a long timeline costs no more than what it does to a short one.
    """
    locked = {reference: rows[reference] for reference in sorted(told)}
    brief = {r for r, shipment in locked.items() if told[r] and _can_be_brief(shipment, told[r])}
    entries = await scans.to_tell(session, sorted(locked.keys() - brief))
    entries |= await scans.alike(session, [one for r in sorted(brief) for one in _told(locked[r], told[r])])
    promised = await promises.of_shipments(session, sorted(locked))
    return {r: TimelineBuilder(shipment, entries[r], promised[r], brief=r in brief) for r, shipment in locked.items()}


def _can_be_brief(shipment: Tracked, told: Sequence[TrackingUpdate]) -> bool:
    """Whether the row says all that the timeline would: no pieces, no failures, no end, and none are told of now."""
    told_scans = [scan for update in told for scan in update.all_scans]
    stands = shipment.status_code is not None and not shipment.final and shipment.status_bucket != Bucket.RETURNED
    # Where a shipment is on its way and its row names no failed delivery, it had none.
    smooth = shipment.ndr_at is None and shipment.ndr_code is None and shipment.npr_code is None
    news = any(scan.ndr_code or scan.npr_code or is_failure(scan.code) for scan in told_scans)
    return stands and smooth and not news and not shipment.children and len(told_scans) <= MOST_BRIEF


def _told(shipment: Tracked, told: Sequence[TrackingUpdate]) -> list[scans.IncomingScan]:
    found: list[scans.IncomingScan] = []
    for update in told:
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


async def keep(session: Session, builders: Sequence[TimelineBuilder]) -> None:
    """Store what was told, all but where the shipments stand."""
    for builder in builders:
        reference = builder.shipment.reference_number
        await scans.remove(session, reference, builder.timeline.gone)
        for entry in builder.timeline.changed:
            await scans.learn(session, reference, entry)
        await _link_ways_back(session, builder)
    await scans.add(session, [(s.shipment.reference_number, e) for s in builders for e in s.timeline.new])
    await promises.add(session, [(s.shipment.reference_number, p) for s in builders for p in s.new_promises])


async def _link_ways_back(session: Session, builder: TimelineBuilder) -> None:
    now = builder.last_tracked_at or builder.shipment.created_at
    reference, since_at = builder.shipment.reference_number, builder.shipment.created_at
    new = [
        NewWaybill(Piece(waybill=number), courier, reference, WaybillKind.RTO, since_at)
        for number, courier in builder.ways_back.items()
    ]
    if new:
        await waybills.add(session, new, now=now)
        await inbox.wake(session, [f"w:{number}" for number in builder.ways_back], now=now)


@dataclass(frozen=True, slots=True)
class Retold:
    """A builder told anew, and whether its scans or promises differed from what was stored."""

    builder: TimelineBuilder
    changed: bool


async def rebuild_shipment(
    session: Session, shipment: Tracked, reading: Reading, *, without: Sequence[Delivery] = ()
) -> Retold:
    """Tell a locked shipment's builder out of the inbox and store its scans and promises, all but where it stands.

    What was learnt from deliveries that are no longer in the inbox, or that can no longer be read, stays; not what was
    learnt from those of `without` that turned out to be about another shipment.
    """
    reference = shipment.reference_number
    stored = (await scans.entries(session, [reference]))[reference]
    promised = (await promises.of_shipments(session, [reference]))[reference]
    told: list[tuple[TrackingUpdate, Delivery]] = []
    for telling in await update_sources.of_shipment(session, reference):
        told += [(t, telling.delivery) for t in _entries(telling, reading)]
    heard = {(d.received_at, d.source) for d in (*without, *(delivery for _, delivery in told))}
    builder = TimelineBuilder(
        shipment,
        [replace(e) for e in stored if (e.received_at, e.source) not in heard],
        [p for p in promised if (p.received_at, p.source) not in heard],
    )
    reused = await waybills.reused_by(session, reference)
    for update, delivery in told:
        builder.tell(since(update, reused.get(update.waybill)), delivery)
    differ = differences(stored, builder.timeline)
    await scans.remove(session, reference, [*differ.gone, *differ.changed])
    await scans.add(session, [(reference, entry) for entry in (*differ.changed, *differ.new)])
    other_promises = set(builder.promises.values()) != set(promised)
    if other_promises:
        await promises.replace(session, reference, builder.promises.values())
    await _link_ways_back(session, builder)
    return Retold(builder, bool(differ.gone or differ.new or differ.changed or other_promises))


def _entries(telling: update_sources.UpdateSource, reading: Reading) -> list[TrackingUpdate]:
    try:
        return [t for t in reading.of(telling.delivery) if t.entry in telling.entries]
    except Unreadable:
        return []


def stored_tracking_status(shipment: Tracked) -> TrackingStatus:
    """Where the shipment's row says that it stands."""
    seen = None
    if shipment.status_code is not None and shipment.status_at is not None:
        seen = Sighting(
            seen_at=shipment.status_at, final=shipment.final, step=shipment.status_step, code=shipment.status_code
        )
    return TrackingStatus(
        sighting=seen,
        bucket=shipment.status_bucket,
        edd=shipment.edd,
        ndr_code=shipment.ndr_code,
        npr_code=shipment.npr_code,
        status_description=shipment.status_description,
        ndr_description=shipment.ndr_description,
        piece_exception_at=shipment.piece_exception_at,
        edd_due_at=shipment.edd_due_at,
        ndr_at=shipment.ndr_at,
        forward_waybill=shipment.forward_waybill,
        forward_reference_number=shipment.forward_reference_number,
    )
