"""Intake: orders come in. What ClickPost would refuse is refused here, by field; nothing is half-stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from awbridge.domain.shipment import NewShipment, Region, Shipment, shard_of
from awbridge.steps.clock import Clock
from awbridge.store import Store, couriers, shipments
from awbridge.store.couriers import CourierAccount
from awbridge.store.database import Session


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
        accounts = {a.transporter: a for a in await couriers.every(session)}
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
    async with store.write() as session:
        taken, conflicts = await _store(session, news, clock)
        if conflicts:
            raise BatchRefused(conflicts)  # rolls back
    return taken


async def change_payload(*, store: Store, clock: Clock, reference_number: str, order: Any) -> Shipment:
    """Replace the payload of a shipment that ClickPost does not hold yet, and push it again.

    Raises NotFound, PayloadRefused, or NotPossible when it is placed, cancelled or just being sent.
    """
    async with store.write() as session:
        accounts = {a.transporter: a for a in await couriers.every(session)}
        existing = await _existing(session, reference_number)
        new = read_order(order, accounts, region=existing.region)
        if new.reference_number != reference_number:
            raise PayloadRefused([FieldProblem("shipment_details.reference_number", f"must stay {reference_number}")])
        if not await shipments.change_payload(session, new, now=clock()):
            raise NotPossible(
                f"{reference_number} is {existing.state} or being sent right now: its payload cannot change any more"
            )
        return await _existing(session, reference_number)


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


async def _store(
    session: Session, news: Mapping[int, NewShipment], clock: Clock
) -> tuple[list[TakenIn], dict[int, IntakeError]]:
    now = clock()
    in_key_order = sorted(news.items(), key=lambda n: (shard_of(n[1].reference_number), n[1].reference_number))
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
    return taken, conflicts
