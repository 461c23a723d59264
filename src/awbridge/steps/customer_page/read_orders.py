"""Reads the parcels of orders for the customer's page: many pages in a handful of statements."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from awbridge.clickpost.orders.addressee import Addressee, addressee, same_person
from awbridge.clickpost.orders.order_places import RETURN
from awbridge.clickpost.tracking.meanings import courier_for_customers, has_refund, meaning_of, news_of, reason_of
from awbridge.clickpost.wire.tracking_codes import status_info
from awbridge.domain.customer_page.answer_rules import NO_RULES, AnswerRules
from awbridge.domain.customer_page.answer_view import Asks
from awbridge.domain.customer_page.links import expires_at
from awbridge.domain.customer_page.meanings import Meaning, Reason
from awbridge.domain.customer_page.parcel import CustomerOrder, CustomerParcel, ReturnSeen, Sighted
from awbridge.domain.customer_page.places import shown_place
from awbridge.domain.orders.shipment import State
from awbridge.domain.tracking import promise
from awbridge.domain.tracking.overdue import DEFAULT_STUCK_AFTER, StuckAfter
from awbridge.domain.tracking.promise import Promise
from awbridge.domain.tracking.returns import from_text
from awbridge.steps.customer_page.open_answers import asks_of
from awbridge.store.customer_page import links, reading
from awbridge.store.customer_page.reading import PageParcel, PageScan, PageShipment
from awbridge.store.engine.database import Session

AT_ONCE = 16  # orders that are made in one go: webhooks that arrive meanwhile wait for no more
MOST_PARCELS = 20  # of one order on one page
MOST_SUCCESSORS = 5  # in a row: a parcel may be replaced more than once


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePolicy:
    """The shop's zone, when a parcel counts as stuck, and how long a link opens after the parcel's latest news.

    `answers`: which answers customers are offered.
    """

    zone: ZoneInfo
    stuck_after: StuckAfter = DEFAULT_STUCK_AFTER
    valid_for: timedelta = timedelta(days=90)
    answers: AnswerRules = NO_RULES


async def read_orders(
    session: Session, link_ids: Iterable[int], *, policy: PagePolicy, now: datetime
) -> dict[int, CustomerOrder]:
    """The orders that these links open, by link id. Links that are unknown, revoked or expired open none."""
    opened = await links.find(session, link_ids)
    parcels = await reading.parcels(session, opened.values())
    known = {reference: one.shipment for reference, one in parcels.items()}
    near = await reading.of_orders(session, [one.shipment for one in parcels.values() if one.has_others])
    await _add_successors(session, parcels, opened.values())
    known |= {reference: one.shipment for reference, one in parcels.items()}
    for some in near.values():
        known |= {s.reference_number: s for s in some}
    groups = {
        link: _Group.of(own, near.get(own.order_id or "", ()), known)
        for link, reference in opened.items()
        if (own := known.get(reference)) and not _is_expired(own, known, policy, now)
    }
    shown = {s.reference_number for group in groups.values() for s in group.shipments}
    if others := shown - parcels.keys():
        parcels |= await reading.parcels(session, others)
    asks = await asks_of(session, [known[reference] for reference in shown], rules=policy.answers, now=now)
    makes = _ParcelMaker(parcels, asks, policy, now)
    orders: dict[int, CustomerOrder] = {}
    for number, (link, group) in enumerate(groups.items()):
        if number % AT_ONCE == 0 and len(groups) > AT_ONCE:  # reading the rows took its time too
            await asyncio.sleep(0)
        orders[link] = makes.order(group)
    return orders


async def _add_successors(session: Session, parcels: dict[str, PageParcel], opened: Iterable[str]) -> None:
    """Read the successors of the links' own shipments."""
    replaced = {one.shipment.replaced_by for one in parcels.values()}
    for _ in range(MOST_SUCCESSORS):
        wanted = {reference for reference in replaced if reference and reference not in parcels}
        if not wanted:
            return
        found = await reading.parcels(session, wanted)
        parcels |= found
        replaced = {one.shipment.replaced_by for one in found.values()}


def _chain(reference: str, known: Mapping[str, PageShipment]) -> list[PageShipment]:
    """A shipment and its successors, as far as they are known."""
    chain: list[PageShipment] = []
    shipment = known.get(reference)
    while shipment and shipment not in chain and len(chain) <= MOST_SUCCESSORS:
        chain.append(shipment)
        shipment = known.get(shipment.replaced_by or "")
    return chain


def _is_expired(own: PageShipment, known: Mapping[str, PageShipment], policy: PagePolicy, now: datetime) -> bool:
    return all(expires_at(s, policy.valid_for) <= now for s in _chain(own.reference_number, known))


@dataclass(frozen=True, slots=True)
class _Group:
    """The shipments of one page, in the order of the page."""

    shipments: Sequence[PageShipment]
    has_more: bool

    @classmethod
    def of(cls, own: PageShipment, near: Sequence[PageShipment], known: Mapping[str, PageShipment]) -> _Group:
        """The link's own shipment, its successors, and what else of the order is for the same person."""
        if not near and not own.replaced_by:
            return cls((own,), has_more=False)
        chain = _chain(own.reference_number, known)
        same_as = {person for s in chain if (person := _person(s))}
        there = {s.reference_number for s in chain}
        there |= {s.reference_number for s in near if _person(s) in same_as}
        others = [s for reference in there if (s := known.get(reference)) and s not in chain and _is_shown(s, there)]
        others.sort(key=lambda s: (s.created_at, s.reference_number))
        # The last successor is what the customer waits for. What it replaced is only shown if the courier had it.
        first, *replaced = reversed(chain)
        shown = [first, *others, *(s for s in replaced if s.placed_at)]
        return cls(shown[:MOST_PARCELS], len(shown) > MOST_PARCELS)


def _person(shipment: PageShipment) -> str:
    return same_person(shipment.payload, delivery_type=shipment.delivery_type)


def _is_shown(shipment: PageShipment, there: Collection[str]) -> bool:
    """Whether another parcel of the order concerns the customer: not one that was replaced or never sent."""
    never_sent = shipment.state is State.CANCELLED and shipment.placed_at is None
    return not never_sent and shipment.replaced_by not in there


@dataclass(frozen=True, slots=True)
class _ParcelMaker:
    """Makes the facts of parcels from their rows."""

    parcels: Mapping[str, PageParcel]
    asks: Mapping[str, Asks]
    policy: PagePolicy
    now: datetime

    def order(self, group: _Group) -> CustomerOrder:
        placed = {s.reference_number for s in group.shipments if s.placed_at}
        people = [addressee(s.payload, delivery_type=s.delivery_type) for s in group.shipments]
        shown = zip(group.shipments, people, strict=True)
        parcels = tuple([self._parcel(s, person, placed=placed) for s, person in shown])
        languages = (person.language for person in people)
        return CustomerOrder(parcels=parcels, language=next(filter(None, languages), ""), has_more=group.has_more)

    def _parcel(self, s: PageShipment, person: Addressee, *, placed: set[str]) -> CustomerParcel:
        read = self.parcels.get(s.reference_number)
        scans = read.scans if read else ()
        about_returns = [scan for scan in scans if scan.return_event]
        return CustomerParcel(
            is_return=s.delivery_type.upper() == RETURN,
            is_placed=s.placed_at is not None,
            is_cancelled=s.state is State.CANCELLED,
            is_replaced=s.replaced_by is not None,
            replaces=s.replaces in placed,
            is_stuck=self._is_stuck(s),
            ordered_at=self._local(s.created_at),
            placed_at=self._local(s.placed_at) if s.placed_at else None,
            cancelled_at=self._local(s.cancel_requested_at) if s.cancel_requested_at else None,
            status=meaning_of(s.status_code) if s.status_code is not None else None,
            status_at=self._local(s.status_at) if s.status_at else None,
            reason=reason_of(s.ndr_code),
            courier=courier_for_customers(s.courier_partner_id) if s.placed_at else "",
            first_name=person.first_name,
            city=person.city,
            scans=_sighted(scans, self.policy.zone),
            boxes=s.children,
            promised=_promised_days(read.promised if read else (), s.edd),
            returns=tuple([seen for scan in about_returns if (seen := self._return(scan))]),
            asks=self.asks.get(s.reference_number),
        )

    def _is_stuck(self, s: PageShipment) -> bool:
        since = s.status_at or s.placed_at
        if s.state is not State.PLACED or s.final or since is None:
            return False
        return self.now - since >= self.policy.stuck_after.on_leg(s.status_bucket)

    def _return(self, scan: PageScan) -> ReturnSeen | None:
        event = from_text(scan.return_event)
        if event is None:
            return None
        return ReturnSeen(news=news_of(event.kind), at=self._local(scan.seen_at), refund=has_refund(event))

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self.policy.zone)


def _sighted(scans: Iterable[PageScan], zone: ZoneInfo) -> tuple[Sighted, ...]:
    """What these scans say, without the events of returns. A page has dozens: as few calls as possible for each."""
    found: list[Sighted] = []
    for scan in scans:
        if scan.return_event:
            continue
        meaning, step, final, place, reason = _said_by(scan.code, scan.location, scan.ndr_code)
        at = min(scan.scanned_at, scan.received_at).astimezone(zone)
        found.append(Sighted(meaning, at, step, final, place, reason, scan.waybill))
    return tuple(found)


@lru_cache(maxsize=8192)  # a courier has few places
def _said_by(code: int, location: str, ndr_code: int | None) -> tuple[Meaning, int, bool, str, Reason]:
    """What a scan says to a customer: its meaning, step, whether it is final, the place, why a delivery failed."""
    info = status_info(code)
    reason = reason_of(ndr_code) if ndr_code else Reason.UNKNOWN
    return meaning_of(code), info.step, info.final, shown_place(location), reason


def _promised_days(stated: Iterable[Promise], current: str | None) -> tuple[date, ...]:
    """Each expected day that differs from the one before, oldest first. Texts that are no date are left out."""
    days: list[date] = []
    for edd in (*(one.edd for one in promise.changes(stated)), current):
        day = promise.edd_day(edd)
        if day and (not days or days[-1] != day):
            days.append(day)
    return tuple(days)
