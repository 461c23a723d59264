"""The table `shipments` as push sees it: claimed by account, then placed or not, many answers in one transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import (
    NORMAL,
    URGENT,
    Piece,
    SettleBy,
    Shipment,
    State,
    WaybillKind,
    account_key,
    shard_of,
)
from awbridge.store.engine.database import Session
from awbridge.store.engine.queries import Queries
from awbridge.store.orders import shipments, waybills
from awbridge.store.orders.shipments import from_rows
from awbridge.store.orders.waybills import NewWaybill, SharedWaybill
from awbridge.store.tracking import inbox, update_sources

_sql = Queries(__name__)


async def claim(
    session: Session,
    turns: Mapping[str, int],
    urgent: Collection[str],
    *,
    owner: str,
    now: datetime,
    until: datetime,
    locked: bool = True,
) -> list[Shipment]:
    """Take due shipments under a lease that ends at `until`: of each account as many as it has turns, urgent first.

    `urgent` names the accounts that have urgent ones. `owner` is new for every claim. `locked`: whether the
    accounts are locked in this transaction; else those are left out that something limits by now.
    """
    claimed: list[Shipment] = []
    left = dict(turns)
    for priority in (URGENT, NORMAL):
        rows = [
            (owner, until, now, account, priority, number, locked)
            for account, number in left.items()
            if number > 0 and (priority is NORMAL or account in urgent)
        ]
        for shipment in from_rows(await session.fetch_rows(_sql.claim, rows)):
            claimed.append(shipment)
            left[shipment.account] -= 1
    return claimed


class InFlight(Struct, frozen=True, gc=False):
    """The fields of the row while its answer is recorded. `owner` holds the lease."""

    success: bool
    owner: str | None
    cancel_is_asked: bool


async def lock(session: Session, references: Sequence[str]) -> dict[str, InFlight]:
    """These shipments, locked until the transaction ends."""
    keys = sorted({(shard_of(r), r) for r in references})
    rows = await session.fetch(_sql.lock, [shard for shard, _ in keys], [reference for _, reference in keys])
    return {
        row["reference_number"]: InFlight(row["success"], row["lease_owner"], row["cancel_requested_at"] is not None)
        for row in rows
    }


class Placing(Struct, frozen=True, kw_only=True, gc=False):
    """A shipment that ClickPost holds, with its answer. `difference`: how that differs from the request.

    `since_at`: from when on scans of its waybill are its own, where that is not since it was sent.
    """

    shipment: Shipment
    placed: Placed
    difference: str | None
    next_poll_at: datetime | None
    since_at: datetime | None = None

    @property
    def courier(self) -> int:
        """The courier that holds it, which may differ from the requested one."""
        return self.placed.courier_partner_id or self.shipment.courier_partner_id

    @property
    def account_code(self) -> str | None:
        """The account that holds it."""
        return self.placed.account_code or self.shipment.account_code

    @property
    def is_news(self) -> bool:
        """Whether this waybill is new to subscribers: a repeated push keeps its first waybill if ClickPost has it."""
        return self.placed.waybill != self.shipment.waybill


async def place(session: Session, placings: Sequence[Placing], *, now: datetime) -> list[SharedWaybill]:
    """Store ClickPost's answers of placed shipments, with every waybill. The first answer is final.

    Waybills that another shipment has too are returned. Updates received for that one since the new one was sent are
    applied again: they may belong to the new one.
    """
    rows = [_placed_row(p, now) for p in sorted(placings, key=lambda p: _key(p.shipment))]
    await session.write_rows(_sql.place, rows)
    new = [w for p in placings for w in _waybills(p)]
    shared = await waybills.add(session, new, now=now)
    await _apply_again(session, shared, new, now)
    await inbox.wake(session, [key for p in placings for key in _woken(p)], now=now)
    await shipments.wake_orders(session, [p.shipment.order_id for p in placings if p.shipment.order_id], now=now)
    return shared


async def _apply_again(
    session: Session, shared: Sequence[SharedWaybill], new: Sequence[NewWaybill], now: datetime
) -> None:
    if not shared:
        return
    since = {(w.piece.waybill, w.reference_number): w.since_at for w in new}
    uses = await waybills.find(session, [one.waybill for one in shared])
    for waybill, reference in sorted({(one.waybill, one.reference_number) for one in shared}):
        for other in {use.reference_number for use in uses[waybill]} - {reference}:
            await update_sources.take_out(session, other, since=since[waybill, reference])
            await inbox.apply_again(session, other, since=since[waybill, reference], now=now)


def _key(shipment: Shipment) -> tuple[int, str]:
    return shard_of(shipment.reference_number), shipment.reference_number


def _placed_row(placing: Placing, now: datetime) -> tuple[object, ...]:
    placed, account = placing.placed, account_key(placing.courier, placing.account_code)
    return (
        *_key(placing.shipment),
        now,
        placed.waybill,
        placed.label_url,
        placed.sort_code,
        placed.security_key,
        placed.vendor_order_id,
        json.dumps(placed.children),
        placing.next_poll_at,
        placing.courier,
        placing.account_code,
        account,
        placing.difference,
    )


def _waybills(placing: Placing) -> list[NewWaybill]:
    placed, reference, courier = placing.placed, placing.shipment.reference_number, placing.courier
    # Couriers state times to the minute.
    sent_at = (placing.shipment.sent_at or placing.shipment.created_at).replace(second=0, microsecond=0)
    since = placing.since_at or sent_at
    main = Piece(
        waybill=placed.waybill,
        label_url=placed.label_url,
        sort_code=placed.sort_code,
        security_key=placed.security_key,
    )
    pieces = {piece.waybill: piece for piece in placed.pieces}
    children = [pieces.get(waybill) or Piece(waybill=waybill) for waybill in placed.children]
    return [
        NewWaybill(main, courier, reference, WaybillKind.MAIN, since),
        *(NewWaybill(child, courier, reference, WaybillKind.CHILD, since) for child in children),
    ]


def _woken(placing: Placing) -> list[str]:
    shipment, placed = placing.shipment, placing.placed
    return [f"w:{w}" for w in (placed.waybill, *placed.children)] + [f"r:{shipment.reference_number}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPlaced:
    """What push decided about a shipment that was not placed by this try."""

    state: State
    no_of_retries: int
    problem: str | None
    next_try_at: datetime | None
    waiting_since_at: datetime | None = None
    maybe_placed: bool = False
    held_version: int | None = None
    settle_by: SettleBy | None = None
    courier_may_hold: bool = False


async def not_placed(session: Session, decided: Sequence[tuple[str, str, NotPlaced]], *, now: datetime) -> None:
    """Keep what push decided about these (reference number, owner of the lease); nothing where the lease was lost."""
    rows = [
        (
            shard_of(reference),
            reference,
            owner,
            d.state.value,
            d.no_of_retries,
            d.problem,
            d.next_try_at,
            d.waiting_since_at,
            d.maybe_placed,
            now,
            d.held_version,
            d.settle_by.value if d.settle_by else None,
            d.courier_may_hold,
        )
        for reference, owner, d in decided
    ]
    await session.write_rows(_sql.not_placed, sorted(rows, key=lambda row: row[:2]))


async def release(session: Session, account: str, *, now: datetime) -> int:
    """The account works again: what was turned away because of it is due at once; how many."""
    return await session.execute(_sql.release, account, now)
