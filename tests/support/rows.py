"""Rows for the tests of store, steps and web, and direct access to tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.orders.outcome import Placed
from awbridge.domain.orders.shipment import NewShipment, Region, Shipment, State
from awbridge.domain.tracking.scan import Scan, Source
from awbridge.domain.tracking.timeline import Entry, Timeline
from awbridge.store import Store
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.couriers import accounts
from awbridge.store.engine.database import Row, Session
from awbridge.store.engine.packing import unpacked, whole
from awbridge.store.engine.queries import Statement, parse
from awbridge.store.orders import shipments
from awbridge.store.polling import polls
from awbridge.store.polling.polls import DuePoll
from awbridge.store.registration import dispatch
from awbridge.store.registration.dispatch import NotPlaced, Placing
from awbridge.store.tracking import tracking_status
from awbridge.store.tracking.inbox import NewDelivery

T0 = datetime(2026, 11, 2, 6, 30, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def new_shipment(reference: str = "REF-1", **changes: Any) -> NewShipment:
    values: dict[str, Any] = {
        "reference_number": reference,
        "order_id": f"order of {reference}",
        "transporter": None,
        "courier_partner_id": 4,
        "account_code": "main",
        "region": Region.INDIA,
        "delivery_type": "FORWARD",
        "payload": {"shipment_details": {"reference_number": reference}},
    }
    return NewShipment(**{**values, **changes})


def delivery(identity: str, **changes: Any) -> NewDelivery:
    values: dict[str, Any] = {"source": Source.WEBHOOK, "body": b"{}", "received_at": T0, "problem": None}
    return NewDelivery(identity=identity, **{**values, **changes})


def scan(code: int = 5, at: datetime = T0, **changes: Any) -> Scan:
    values: dict[str, Any] = {"waybill": "AWB1", "courier_partner_id": 4, "code": code, "scanned_at": at}
    return Scan(**{**values, **changes})


def new_scan(reference: str, first: Scan, *, received_at: datetime = T0, **changes: Any) -> tuple[str, Entry]:
    timeline = Timeline()
    timeline.add(first, own=first.waybill, received_at=received_at, source=Source.WEBHOOK)
    return reference, replace(timeline.entries[0], **changes)


def placed(waybill: str = "AWB1", **changes: Any) -> Placed:
    return Placed(waybill=waybill, **changes)


def attempt(
    call: Call, reference_number: str | None, outcome: AttemptOutcome | str = "unknown", made_at: datetime = T0
) -> NewAttempt:
    return NewAttempt(call=call, reference_number=reference_number, outcome=AttemptOutcome(outcome), made_at=made_at)


def sql(text: str) -> Statement:
    """A statement of the test, in the notation of the store's SQL files."""
    return parse(f"-- name: own\n{text}")["own"]


async def fetch(store: Store, text: str, *args: object) -> list[dict[str, Any]]:
    """The rows of a statement, with what is packed as it was before."""
    async with store.read() as session:
        return [_shown(row) for row in await session.fetch(sql(text), *args)]


def _shown(row: Row) -> dict[str, Any]:
    return {name: unpacked(value) if isinstance(value, bytes) else value for name, value in whole(row).items()}


async def count(store: Store, table: str) -> int:
    return (await fetch(store, f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"]


async def add(store: Store, *references: str, now: datetime = T0, **changes: Any) -> None:
    async with store.write() as session:
        for reference in references:
            assert await shipments.add(session, new_shipment(reference, **changes), now=now)


async def place(store: Store, reference: str, waybill: str, *, now: datetime = T0, **changes: Any) -> None:
    """A shipment that push has registered."""
    async with store.write() as session:
        shipment = await shipments.get(session, reference)
        assert shipment is not None
        await keep_placed(session, shipment, placed(waybill, **changes), now=now, next_poll_at=now + timedelta(days=1))


async def decided(store: Store, *, placed: int, refused: int, clock: Callable[[], datetime], name: str = "") -> None:
    """Add that many orders just `placed` by ClickPost and that many `refused`, both named by their number."""
    prefix = f"{name}-" if name else ""
    no = NotPlaced(state=State.REJECTED, no_of_retries=1, problem="Invalid pincode", next_try_at=None)
    names = [f"{prefix}{kind}-{n}" for kind, count in (("PLACED", placed), ("REFUSED", refused)) for n in range(count)]
    await add(store, *names, now=clock())
    async with store.write() as session:
        until = clock() + timedelta(minutes=1)
        claimed = {
            s.reference_number: s for s in await claim_in(session, owner="w", now=clock(), until=until, limit=500)
        }
        assert set(claimed) == set(names)
        for reference in names[:placed]:
            await keep_placed(session, claimed[reference], Placed(waybill=f"W-{reference}"), now=clock())
        await dispatch.not_placed(session, [(reference, "w", no) for reference in names[placed:]], now=clock())


async def keep_placed(
    session: Session,
    shipment: Shipment,
    answer: Placed,
    *,
    now: datetime = T0,
    next_poll_at: datetime | None = None,
    difference: str | None = None,
) -> None:
    """Store the answer which shows that ClickPost holds a shipment."""
    placing = Placing(shipment=shipment, placed=answer, difference=difference, next_poll_at=next_poll_at)
    await dispatch.place(session, [placing], now=now)


async def claim_in(
    session: Session, *, owner: str = "me", now: datetime = T0, until: datetime | None = None, limit: int = 50
) -> list[Shipment]:
    """Claim up to `limit` due shipments of every account."""
    turns = {account.state.account: limit for account in await accounts.every(session)}
    return await dispatch.claim(session, turns, turns, owner=owner, now=now, until=until or now + 2 * MINUTE)


async def claim_due_polls(session: Session, *, now: datetime, next_poll_at: datetime, limit: int = 9) -> list[DuePoll]:
    """Claim the due polls of courier 4, whenever they were last polled."""
    return await polls.claim_due_polls(
        session, 4, now=now, due=now, asked_before=now, next_poll_at=next_poll_at, limit=limit
    )


async def set_tracking_status(
    session: Session,
    reference_number: str,
    standing: tracking_status.TrackingStatus,
    *,
    last_tracked_at: datetime,
    next_poll_at: datetime | None,
    updated_at: datetime | None = None,
) -> None:
    """Store the tracking status of one shipment."""
    one = tracking_status.TrackingChange(
        reference_number=reference_number,
        standing=standing,
        last_tracked_at=last_tracked_at,
        next_poll_at=next_poll_at,
        updated_at=updated_at,
    )
    await tracking_status.set_tracking_statuses(session, [one])
