"""Apply: decides what deliveries mean. Inbox -> scans -> where each shipment stands.

The only place that understands deliveries, from whichever side they came. It makes no calls, so its transaction is its
lease. One bad delivery never stops the rest: a batch that fails is halved until the bad one stands alone and is set
aside with its problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from awbridge.clickpost.codes import milestone_of, status_info
from awbridge.clickpost.deliveries import Unreadable, read_delivery
from awbridge.domain import events as happened
from awbridge.domain.errors import StoreBusy
from awbridge.domain.events import Happening
from awbridge.domain.lifecycle import Sighting, newest, sighting
from awbridge.domain.scan import Scan, Source, Tidings
from awbridge.domain.shipment import Shipment, WaybillKind
from awbridge.domain.timeline import KnownScan, find_known, learn_ids
from awbridge.steps.clock import Clock
from awbridge.store import Store, events, inbox, scans, shipments, waybills
from awbridge.store.database import Session
from awbridge.store.inbox import Delivery
from awbridge.store.shipments import Standing
from awbridge.store.waybills import KnownWaybill

log = structlog.get_logger()

FIRST_LOOK_AGAIN = timedelta(seconds=5)  # for a delivery whose shipment is not known; doubles each time
LONGEST_LOOK_AGAIN = timedelta(hours=6)
LONGEST_WAIT = timedelta(days=30)  # then it is set aside: its shipment is not one of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPolicy:
    """How deliveries are read, and when a shipment that falls silent is asked for."""

    zone: ZoneInfo
    z_means_utc: bool = False
    ask_after: timedelta = timedelta(days=1)
    ask_again: timedelta = timedelta(hours=2)
    batch: int = 200


async def apply_due(*, store: Store, clock: Clock, policy: ApplyPolicy) -> int:
    """Apply the deliveries that are due, one batch; how many were taken up."""
    try:
        async with store.write() as session:
            claimed = await inbox.claim(session, now=clock(), limit=policy.batch)
            await _apply(session, claimed, clock(), policy)
            return len(claimed)
    except StoreBusy:
        raise
    except Exception as error:
        log.warning("apply.batch_failed", error=type(error).__name__)
    return await _apply_in_parts(store, clock, policy)


async def _apply_in_parts(store: Store, clock: Clock, policy: ApplyPolicy) -> int:
    """The batch holds something that cannot be stored: one by one, and what fails alone is set aside."""
    for taken in range(policy.batch):
        claimed: list[Delivery] = []
        try:
            async with store.write() as session:
                claimed = await inbox.claim(session, now=clock(), limit=1)
                await _apply(session, claimed, clock(), policy)
        except StoreBusy:
            raise
        except Exception as error:
            if not claimed:
                raise
            log.error("apply.set_aside", delivery=claimed[0].id, error=type(error).__name__)
            async with store.write() as session:
                await inbox.set_aside(session, claimed[0], problem=f"could not be applied: {type(error).__name__}")
        if not claimed:
            return taken
    return policy.batch


@dataclass(slots=True)
class _Read:
    """A delivery, what it tells, and which shipment each piece of it is about."""

    delivery: Delivery
    tidings: list[Tidings]
    about: list[KnownWaybill] = field(default_factory=list[KnownWaybill])


async def _apply(session: Session, claimed: Sequence[Delivery], now: datetime, policy: ApplyPolicy) -> None:
    readable: list[_Read] = []
    for delivery in claimed:
        try:
            tidings = read_delivery(
                delivery.source,
                delivery.body,
                received_at=delivery.received_at,
                zone=policy.zone,
                z_means_utc=policy.z_means_utc,
            )
        except Unreadable as error:
            await inbox.set_aside(session, delivery, problem=str(error))
        else:
            readable.append(_Read(delivery, tidings))
    found = await _find_shipments(session, [t for read in readable for t in read.tidings])
    ready: list[_Read] = []
    for read in readable:
        missing = next((t for t in read.tidings if (found.of(t)) is None), None)
        if missing is not None:
            if now - read.delivery.received_at > LONGEST_WAIT:
                await inbox.set_aside(session, read.delivery, problem=f"no shipment of ours: {_key(missing)}")
                continue
            pause = min(FIRST_LOOK_AGAIN * 2 ** min(read.delivery.tries, 20), LONGEST_LOOK_AGAIN)
            await inbox.wait(session, read.delivery, key=_key(missing), until=now + pause)
        else:
            read.about = [about for t in read.tidings if (about := found.of(t))]
            ready.append(read)
    await _tell_shipments(session, ready, now, policy)


def _key(tidings: Tidings) -> str:
    if tidings.waybill:
        return f"w:{tidings.waybill}"
    return f"r:{tidings.reference_number}" if tidings.reference_number else f"o:{tidings.order_id}"


@dataclass(frozen=True, slots=True)
class _Found:
    """Which shipment tidings are about, by waybill, else reference number, else order id."""

    by_waybill: dict[str, list[KnownWaybill]]
    by_reference: dict[str, KnownWaybill]
    by_order: dict[str, list[KnownWaybill]]

    def of(self, tidings: Tidings) -> KnownWaybill | None:
        if known := self.by_waybill.get(tidings.waybill):
            same_courier = (k for k in known if k.courier_partner_id == tidings.courier_partner_id)
            return next(same_courier, known[0])
        if tidings.reference_number in self.by_reference:
            return _if_named(tidings, self.by_reference[tidings.reference_number])
        candidates = self.by_order.get(tidings.order_id, [])
        if len(candidates) == 1 and (not tidings.waybill or not candidates[0].waybill):
            return _if_named(tidings, candidates[0])
        return None


def _if_named(tidings: Tidings, known: KnownWaybill) -> KnownWaybill | None:
    """Scans without a waybill wait until their shipment has one: a scan's identity hangs on it."""
    return known if tidings.waybill or known.waybill else None


async def _find_shipments(session: Session, tidings: Sequence[Tidings]) -> _Found:
    by_waybill = await waybills.find(session, [t.waybill for t in tidings if t.waybill])
    rest = [t for t in tidings if t.waybill not in by_waybill]
    references = [t.reference_number for t in rest if t.reference_number]
    by_order = await shipments.of_orders(session, [t.order_id for t in rest if t.order_id])
    references += [reference for orders in by_order.values() for reference in orders]
    known = {
        s.reference_number: KnownWaybill(s.waybill or "", s.courier_partner_id, s.reference_number, WaybillKind.MAIN)
        for s in await shipments.get_many(session, references)
    }
    return _Found(by_waybill, known, {o: [known[r] for r in rs if r in known] for o, rs in by_order.items()})


async def _tell_shipments(session: Session, ready: Sequence[_Read], now: datetime, policy: ApplyPolicy) -> None:
    references = sorted({about.reference_number for read in ready for about in read.about})
    locked = await shipments.lock_many(session, references)
    known = await scans.known(session, references)
    chapters = {r: _Chapter(shipment, known[r]) for r, shipment in locked.items()}
    for read in ready:
        for tidings, about in zip(read.tidings, read.about, strict=True):
            chapters[about.reference_number].add(tidings, about, read.delivery)
        problems = [p for t in read.tidings for p in t.problems]
        await inbox.applied(session, read.delivery, now=now, problem="; ".join(problems) or None)
    await scans.add(session, [new for chapter in chapters.values() for new in chapter.new])
    for chapter in chapters.values():
        await chapter.save(session, policy)
    await events.write(session, [h for chapter in chapters.values() for h in chapter.happenings()], now=now)


class _Chapter:
    """What one batch adds to one shipment's story."""

    def __init__(self, shipment: Shipment, known: list[KnownScan]) -> None:
        self.shipment = shipment
        self.known = known
        self.new: list[scans.NewScan] = []
        self.learnt: list[KnownScan] = []
        self.links: list[tuple[str, int]] = []
        self.current = _current(shipment)
        self.told_latest: Sighting | None = None
        self.edd = shipment.edd
        self.ndr_code = shipment.ndr_code
        self.heard_at: datetime | None = shipment.last_heard_at
        self.gap = False

    def add(self, tidings: Tidings, about: KnownWaybill, delivery: Delivery) -> None:
        """Put what one delivery tells on the timeline and into the fold."""
        told = (*tidings.scans, *((tidings.latest,) if tidings.latest else ()))
        own = tidings.waybill or about.waybill or self.shipment.waybill or ""
        for scan in told:
            is_new = self._put(scan, own, delivery)
            # updated-order shows each shipment's latest scan only: one that no webhook brought proves a gap.
            self.gap = self.gap or (is_new and delivery.source is Source.UPDATED_ORDER)
            if about.kind is not WaybillKind.CHILD:
                self._see(scan, delivery)
                if tidings.latest is None or scan is tidings.latest:
                    self.told_latest = newest(self.told_latest, _sighting(scan, delivery))
        self.edd = tidings.edd or self.edd
        courier = tidings.courier_partner_id or self.shipment.courier_partner_id
        self.links += [(number, courier) for number in (tidings.rto_waybill,) if number]
        self.heard_at = max(filter(None, (self.heard_at, delivery.received_at)))

    def _put(self, scan: Scan, own: str, delivery: Delivery) -> bool:
        waybill = scan.waybill or own
        fingerprint = scan.fingerprint(waybill=own)
        known = find_known(self.known, scan, fingerprint)
        if known is None:
            self.known.append(KnownScan(0, fingerprint, scan.scan_id, scan.checkpoint_id))
            self.new.append(
                scans.NewScan(
                    reference_number=self.shipment.reference_number,
                    fingerprint=fingerprint,
                    scan=scan,
                    known=self.known[-1],
                    waybill=waybill,
                    received_at=delivery.received_at,
                    source=delivery.source,
                )
            )
            return True
        if learn_ids(known, scan) and known.id:
            self.learnt.append(known)
        return False

    def _see(self, scan: Scan, delivery: Delivery) -> None:
        seen = _sighting(scan, delivery)
        before = self.current
        self.current = newest(self.current, seen)
        if self.current != before and scan.ndr_code is not None:
            self.ndr_code = scan.ndr_code

    async def save(self, session: Session, policy: ApplyPolicy) -> None:
        """Write where the shipment stands now, and what was learnt beside its scans."""
        reference = self.shipment.reference_number
        for known in self.learnt:
            await scans.learn_ids(session, reference, known)
        heard_at = self.heard_at or self.shipment.created_at
        for number, courier in self.links:
            await waybills.add(session, number, courier, reference, WaybillKind.RTO, now=heard_at)
            await inbox.wake(session, [f"w:{number}"], now=heard_at)
        final = self.current is not None and self.current.final
        ask_at = None if final else heard_at + policy.ask_after
        if self.gap:
            asked_at = self.shipment.last_asked_at
            ask_at = max(heard_at, asked_at + policy.ask_again) if asked_at else heard_at
        standing = Standing(
            sighting=self.current,
            bucket=status_info(self.current.code).bucket if self.current else None,
            edd=self.edd,
            ndr_code=self.ndr_code,
        )
        await shipments.set_standing(session, reference, standing, heard_at=heard_at, next_ask_at=ask_at)

    def happenings(self) -> list[Happening]:
        """What this batch did to where the shipment stands, for customers and own systems."""
        return happened.moved(
            self.shipment,
            before=_current(self.shipment),
            after=self.current,
            told=self.told_latest,
            info=status_info(self.current.code) if self.current else None,
            milestone_of=milestone_of,
            ndr_code=self.ndr_code,
            edd=self.edd,
        )


def _sighting(scan: Scan, delivery: Delivery) -> Sighting:
    return sighting(status_info(scan.code), scan.scanned_at, delivery.received_at)


def _current(shipment: Shipment) -> Sighting | None:
    if shipment.status_code is None or shipment.status_at is None:
        return None
    return Sighting(
        seen_at=shipment.status_at, final=shipment.final, step=shipment.status_step, code=shipment.status_code
    )
