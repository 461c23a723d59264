"""Intake: orders come in. What ClickPost would refuse is refused here, by field; nothing is half-stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from awbridge.clickpost.orders import new_shipment, payload_differences
from awbridge.domain.errors import (
    FieldProblem,
    IntakeError,
    NotFound,
    NotPossible,
    PayloadRefused,
    ReferenceTaken,
)
from awbridge.domain.shipment import NewShipment, Region, Shipment, State, shard_of
from awbridge.steps.clock import Clock
from awbridge.store import Store, accounts, couriers, payload_versions, shipments
from awbridge.store.couriers import CourierAccount
from awbridge.store.database import Session
from awbridge.store.payload_versions import PayloadVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """A shipment as it stands after intake. `created` is False where the same order was known already."""

    shipment: Shipment
    created: bool


class BatchRefused(IntakeError):
    """Orders of a batch were refused and nothing of it was stored. `errors` maps each one's place to the reason."""

    def __init__(self, errors: Mapping[int, IntakeError]) -> None:
        self.errors = dict(errors)
        super().__init__(f"{len(errors)} of the orders were refused; nothing was stored")


async def take_in(*, store: Store, clock: Clock, orders: Sequence[Any]) -> list[TakenIn]:
    """Store orders (ClickPost payloads, with `transporter` and `region` if wished), all or none.

    Raises BatchRefused, with every refused order's place in the batch.
    """
    async with store.read() as session:
        news = await _read_orders(session, orders)
    async with store.write() as session:
        return await keep(session, news, clock)  # a refusal rolls back


async def take_in_with(session: Session, *, clock: Clock, orders: Sequence[Any]) -> list[TakenIn]:
    """`take_in` within a transaction of the caller's, who rolls back what a refusal leaves half-stored."""
    return await keep(session, await _read_orders(session, orders), clock)


async def _read_orders(session: Session, orders: Sequence[Any]) -> dict[int, NewShipment]:
    accounts = await accounts_of(session)
    news: dict[int, NewShipment] = {}
    errors: dict[int, IntakeError] = {}
    for place, order in enumerate(orders):
        try:
            news[place] = read_order(order, accounts)
        except IntakeError as error:
            errors[place] = error
    errors.update(_repeated(news))
    if errors:
        raise BatchRefused(errors)
    return news


async def accounts_of(session: Session) -> dict[str, CourierAccount]:
    """Every courier account by its transporter."""
    return {a.transporter: a for a in await couriers.every(session)}


async def change_payload(
    *, store: Store, clock: Clock, reference_number: str, order: Any, changed_by: str = "", reason: str = ""
) -> Shipment:
    """Replace the payload of a shipment that ClickPost does not hold yet, and push it again. The old one is kept.

    Raises NotFound, PayloadRefused, or NotPossible when it is placed, cancelled or just being sent.
    """
    async with store.write() as session:
        existing = await locked(session, reference_number)
        return await change_locked(session, existing, order, now=clock(), changed_by=changed_by, reason=reason)


async def change_locked(
    session: Session, existing: Shipment, order: Any, *, now: datetime, changed_by: str, reason: str = ""
) -> Shipment:
    """`change_payload` of a shipment that the caller holds locked."""
    new = read_change(order, existing, await accounts_of(session))
    is_new = shipments.payload_text(existing.payload) != shipments.payload_text(new.payload)
    version = existing.payload_version + 1 if is_new else None
    if not await shipments.change_payload(session, new, now=now, version=version):
        raise NotPossible(why_payload_stays(existing))
    if version:
        kept = PayloadVersion(
            version=version, payload=new.payload, changed_at=now, changed_by=changed_by, reason=reason
        )
        await payload_versions.add(session, existing, kept)
    return await _existing(session, existing.reference_number)


def read_change(order: Any, existing: Shipment, accounts: Mapping[str, CourierAccount]) -> NewShipment:
    """Check an order that is to take the place of a shipment's. Raises PayloadRefused with every wrong field."""
    new = read_order(order, accounts, region=existing.region)
    if new.reference_number != existing.reference_number:
        stays = f"must stay {existing.reference_number}"
        raise PayloadRefused([FieldProblem("shipment_details.reference_number", stays)])
    return new


def why_payload_stays(shipment: Shipment) -> str:
    """Why a payload cannot be changed, and what can be done instead."""
    reference = shipment.reference_number
    if shipment.replaced_by:
        return f"{reference} is replaced by {shipment.replaced_by}: its payload cannot change any more"
    if shipment.success or shipment.state is State.CANCELLED:
        return (
            f"{reference} is {shipment.state}: its payload cannot change any more. "
            "Replace it by a new shipment: awbridge shipments replace, or POST .../replace"
        )
    if shipment.cancel_asked_at:
        return f"{reference} is being cancelled: its payload cannot change any more"
    return f"{reference} is being sent right now: its payload cannot change while it is. Try again in a minute"


async def retry(*, store: Store, clock: Clock, reference_number: str) -> Shipment:
    """Push a shipment again at once, with all its tries. Raises NotFound, or NotPossible by its state."""
    async with store.write() as session:
        existing = await _existing(session, reference_number)
        if not await shipments.try_again(session, reference_number, now=clock()):
            raise NotPossible(f"{reference_number} is {existing.state}: there is nothing to retry")
        return await _existing(session, reference_number)


async def cancel(*, store: Store, clock: Clock, reference_number: str) -> Shipment:
    """Cancel a shipment: at once when ClickPost cannot hold it, else as soon as ClickPost has cancelled it too.

    Raises NotFound. Cancelling twice changes nothing.
    """
    async with store.write() as session:
        await _existing(session, reference_number)
        await shipments.cancel(session, reference_number, now=clock())
        return await _existing(session, reference_number)


async def locked(session: Session, reference_number: str) -> Shipment:
    """A shipment that nobody else changes until the transaction ends. Raises NotFound."""
    found = await shipments.lock_many(session, [reference_number])
    if reference_number not in found:
        raise NotFound(f"there is no shipment {reference_number}")
    return found[reference_number]


async def _existing(session: Session, reference_number: str) -> Shipment:
    shipment = await shipments.get(session, reference_number)
    if shipment is None:
        raise NotFound(f"there is no shipment {reference_number}")
    return shipment


def read_order(order: Any, accounts: Mapping[str, CourierAccount], *, region: Region = Region.INDIA) -> NewShipment:
    """Check one order and resolve its transporter. Raises PayloadRefused with every wrong field."""
    if not isinstance(order, dict):
        raise PayloadRefused([FieldProblem("", "an order is a JSON object: ClickPost's create-order payload")])
    payload = dict(cast("dict[str, Any]", order))
    transporter = payload.pop("transporter", None)
    chosen = payload.pop("region", region.value)
    if chosen not in (Region.INDIA, Region.WORLD):
        raise PayloadRefused([FieldProblem("region", "must be india or world")])
    account = account_of(transporter, accounts)
    return new_shipment(
        payload,
        region=Region(chosen),
        transporter=account.transporter if account else None,
        courier_partner_id=account.courier_partner_id if account else None,
        account_code=account.account_code if account else None,
    )


def account_of(transporter: Any, accounts: Mapping[str, CourierAccount]) -> CourierAccount | None:
    """The courier account behind a transporter; None where none is named. Raises PayloadRefused for an unknown one."""
    if transporter is None:
        return None
    account = accounts.get(transporter) if isinstance(transporter, str) else None
    if account is None:
        known = ", ".join(sorted(accounts)) or "none yet; add one with `awbridge couriers import` or PUT /v1/couriers"
        raise PayloadRefused([FieldProblem("transporter", f"{transporter!r} is not known. Known: {known}", 302)])
    if not account.active:
        raise PayloadRefused([FieldProblem("transporter", f"{transporter!r} is switched off", 353)])
    return account


def _repeated(news: Mapping[int, NewShipment]) -> dict[int, IntakeError]:
    seen: dict[str, NewShipment] = {}
    errors: dict[int, IntakeError] = {}
    for place, new in news.items():
        first = seen.setdefault(new.reference_number, new)
        if first is not new and (differences := _differences(first, new)):
            errors[place] = ReferenceTaken(new.reference_number, differences)
    return errors


def _differences(known: Shipment | NewShipment, new: NewShipment) -> list[str]:
    region = [] if known.region is new.region else ["region"]
    return region + payload_differences(known.payload, new.payload)


async def keep(session: Session, news: Mapping[int, NewShipment], clock: Clock) -> list[TakenIn]:
    """Store orders that were read, by their place in the batch. Raises BatchRefused, half-stored: roll back then."""
    now = clock()
    in_key_order = sorted(news.items(), key=lambda n: (shard_of(n[1].reference_number), n[1].reference_number))
    await accounts.ensure(session, [(n.courier_partner_id, n.account_code) for n in news.values()])
    created = {place: await shipments.add(session, new, now=now) for place, new in in_key_order}
    await shipments.wake_deliveries(session, [news[place] for place, made in created.items() if made], now=now)
    stored = {
        s.reference_number: s for s in await shipments.get_many(session, [n.reference_number for n in news.values()])
    }
    taken: list[TakenIn] = []
    conflicts: dict[int, IntakeError] = {}
    for place, new in news.items():
        shipment = stored[new.reference_number]
        if not created[place] and (differences := _differences(shipment, new)):
            conflicts[place] = ReferenceTaken(new.reference_number, differences)
        taken.append(TakenIn(shipment=shipment, created=created[place]))
    if conflicts:
        raise BatchRefused(conflicts)
    return taken
