"""Apply: decides what deliveries mean. Inbox -> scans -> where each shipment stands.

The only place that understands deliveries, from whichever side they came. It makes no calls, so its transaction is its
lease. One bad delivery never stops the rest: a batch that fails is halved until the bad one stands alone and is set
aside with its problem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from awbridge.clickpost.codes import milestone_of, status_info
from awbridge.clickpost.deliveries import FUTURE_TOLERANCE, MOST_PROBLEMS, Unreadable
from awbridge.domain import events as happened
from awbridge.domain.asking import PollingRules
from awbridge.domain.errors import StoreBusy
from awbridge.domain.events import Happening
from awbridge.domain.outcome import Placed
from awbridge.domain.scan import Tidings
from awbridge.domain.shipment import Shipment, WaybillKind
from awbridge.steps.cancellation import end_by_tracking
from awbridge.steps.clock import Clock
from awbridge.steps.found import keep_found
from awbridge.steps.story import Reading, Story, keep, open_stories, stored_standing, tell_anew
from awbridge.store import Store, arrivals, events, inbox, shipments, tellings, waybills
from awbridge.store.arrivals import Arrival
from awbridge.store.database import Session
from awbridge.store.inbox import Delivery
from awbridge.store.shipments import Heard, Standing
from awbridge.store.tellings import Telling
from awbridge.store.waybills import KnownWaybill

log = structlog.get_logger()

FIRST_LOOK_AGAIN = timedelta(seconds=5)  # for a delivery whose shipment is not known; doubles each time
LONGEST_LOOK_AGAIN = timedelta(hours=6)
LONGEST_WAIT = timedelta(days=30)  # then it is set aside: its shipment is not one of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPolicy(Reading):
    """How deliveries are read, and when a shipment that falls silent is asked for."""

    polling: PollingRules = field(default_factory=PollingRules)
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
            tidings = policy.of(delivery)
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
    turned_up = {s.reference_number: (s, t) for read in ready for t in read.tidings if (s := found.turned_up(t))}
    first_told = await _tell_shipments(session, ready, now, policy, turned_up)
    await arrivals.count(session, [*_first_seen(readable), *first_told])


def _first_seen(readable: Sequence[_Read]) -> list[Arrival]:
    """Deliveries that are read for the first time, whether their shipment is known or not."""
    return [
        Arrival(read.delivery.received_at, t.courier_partner_id or 0, read.delivery.source, deliveries=1)
        for read in readable
        if read.delivery.tries == 0
        for t in read.tidings[:1]
    ]


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
    unplaced: dict[str, Shipment]

    def turned_up(self, tidings: Tidings) -> Shipment | None:
        """The shipment that went out and was not placed, where these tidings name it by reference, with a waybill."""
        return self.unplaced.get(tidings.reference_number) if tidings.waybill else None

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
    stored = await shipments.get_many(session, references)
    known = {
        s.reference_number: KnownWaybill(s.waybill or "", s.courier_partner_id, s.reference_number, WaybillKind.MAIN)
        for s in stored
    }
    orders = {o: [known[r] for r in rs if r in known] for o, rs in by_order.items()}
    unplaced = {s.reference_number: s for s in stored if s.sent_at and not s.success}
    return _Found(by_waybill, known, orders, unplaced)


async def _tell_shipments(
    session: Session,
    ready: Sequence[_Read],
    now: datetime,
    policy: ApplyPolicy,
    turned_up: Mapping[str, tuple[Shipment, Tidings]],
) -> list[Arrival]:
    """Which side told new scans. What `turned_up` is placed: ClickPost tells of it."""
    stories = await open_stories(session, _by_shipment(ready))
    for shipment, tidings in turned_up.values():
        placed = Placed(waybill=tidings.waybill, already=True, courier_partner_id=tidings.courier_partner_id)
        ask_at = policy.polling.first_ask(now, shipment.reference_number)
        await keep_found(session, shipment, placed, ask_at=ask_at, now=now)
        log.warning("shipment.turned_up", reference=shipment.reference_number, waybill=tidings.waybill)
    told: list[Telling] = []
    applied: list[tuple[Delivery, str | None, int]] = []
    for read in sorted(ready, key=lambda r: (r.delivery.received_at, r.delivery.id)):
        entries: dict[str, set[int]] = {}
        for tidings, about in zip(read.tidings, read.about, strict=True):
            stories[about.reference_number].tell(tidings, read.delivery)
            entries.setdefault(about.reference_number, set()).add(tidings.entry)
        told += [Telling(reference, read.delivery, frozenset(places)) for reference, places in entries.items()]
        problems = [p for t in read.tidings for p in t.problems][:MOST_PROBLEMS]
        applied.append((read.delivery, "; ".join(problems) or None, len(entries)))
    await inbox.applied(session, applied, now=now)
    await tellings.add(session, told)
    in_order = [story for story in stories.values() if not story.late]
    await keep(session, in_order)
    heard: list[Heard] = []
    happenings: list[Happening] = []
    for story in stories.values():
        _log_future_scans(story)
        final_story = (await tell_anew(session, story.shipment, policy)).story if story.late else story
        heard.append(_heard(final_story, policy, gap=story.gap))
        happenings += _happenings(story, heard[-1].standing)
    await shipments.set_standings(session, heard)
    for one in heard:
        shipment, seen = stories[one.reference_number].shipment, one.standing.sighting
        happenings += await end_by_tracking(session, shipment, seen.code if seen else None, now=now)
    await events.write(session, happenings, now=now)
    return [
        Arrival(e.received_at, e.courier_partner_id or story.shipment.courier_partner_id, e.source, scans=1)
        for story in stories.values()
        for e in story.timeline.new
    ]


def _by_shipment(ready: Sequence[_Read]) -> dict[str, list[Tidings]]:
    told: dict[str, list[Tidings]] = {}
    for read in ready:
        for tidings, about in zip(read.tidings, read.about, strict=True):
            told.setdefault(about.reference_number, []).append(tidings)
    return told


def _log_future_scans(story: Story) -> None:
    for entry in story.timeline.new:
        if entry.scanned_at > entry.received_at + FUTURE_TOLERANCE:
            ahead = (entry.scanned_at - entry.received_at).total_seconds()
            reference = story.shipment.reference_number
            log.warning("scan.in_future", reference=reference, source=entry.source.value, ahead_seconds=int(ahead))


def _happenings(story: Story, standing: Standing) -> list[Happening]:
    """What this batch did to where the shipment stands, for customers and own systems."""
    return happened.moved(
        story.shipment,
        before=stored_standing(story.shipment).sighting,
        after=standing.sighting,
        told=story.told_latest,
        info=status_info(standing.sighting.code) if standing.sighting else None,
        milestone_of=milestone_of,
        ndr_code=standing.ndr_code,
        edd=standing.edd,
    )


def _heard(story: Story, policy: ApplyPolicy, *, gap: bool) -> Heard:
    """Where the shipment stands now, and when it is asked for next."""
    standing = story.standing(policy.zone)
    heard_at = story.heard_at or story.shipment.created_at
    final = standing.sighting is not None and standing.sighting.final
    ask_at = policy.polling.after_hearing(
        heard_at=heard_at,
        asked_at=story.shipment.last_asked_at,
        due_at=story.shipment.next_ask_at,
        final=final,
        was_final=story.shipment.final,
        gap=gap,
    )
    reference = story.shipment.reference_number
    return Heard(reference_number=reference, standing=standing, heard_at=heard_at, next_ask_at=ask_at)
