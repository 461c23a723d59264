"""Reads orders: what ClickPost would refuse is refused here by field, and the courier is found. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from awbridge.clickpost.orders.create import allocated, new_shipment, unallocated_shipment
from awbridge.clickpost.orders.order_places import shipment_details
from awbridge.clickpost.orders.parcel import parcel_of
from awbridge.clickpost.orders.payload import payload_differences
from awbridge.clickpost.wire.validation_codes import ACCOUNT_INACTIVE, COURIER_WRONG
from awbridge.domain.couriers.allocation import Rule, first_match
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import (
    FieldProblem,
    IntakeError,
    PayloadRefused,
    ReferenceTaken,
)
from awbridge.domain.orders.shipment import NewShipment, Region, Shipment
from awbridge.store.couriers import couriers, rules
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """How to choose the courier of an order that names none: by rules, then perhaps by ClickPost's recommendation."""

    allocation: Allocation = Allocation.OFF
    rules: Sequence[Rule] = ()

    @property
    def is_on(self) -> bool:
        """Whether an order may come without a courier at all."""
        return self.allocation.by_recommendation or (self.allocation.by_rules and bool(self.rules))


def read_orders(
    orders: Mapping[int, Any], accounts: Mapping[str, CourierAccount], choosing: Choosing
) -> tuple[dict[int, NewShipment], dict[int, IntakeError]]:
    """Check the orders of a batch, each by its place: those that can be stored, and why the others are refused."""
    news: dict[int, NewShipment] = {}
    errors: dict[int, IntakeError] = {}
    for place, order in orders.items():
        try:
            news[place] = read_order(order, accounts, choosing=choosing)
        except IntakeError as error:
            errors[place] = error
    errors.update(_repeated(news))
    return {place: new for place, new in news.items() if place not in errors}, errors


async def configured(session: Session, allocation: Allocation) -> tuple[dict[str, CourierAccount], Choosing]:
    """Every courier account by its transporter, and what chooses among them where an order names none."""
    accounts = {a.transporter: a for a in await couriers.every(session)}
    own_rules = await rules.every(session) if allocation.by_rules else []
    return accounts, Choosing(allocation=allocation, rules=own_rules)


def read_change(
    order: Any, existing: Shipment, accounts: Mapping[str, CourierAccount], choosing: Choosing
) -> NewShipment:
    """Check an order that replaces the payload of a shipment. Raises PayloadRefused with every wrong field."""
    new = read_order(order, accounts, region=existing.region, choosing=choosing)
    if new.reference_number != existing.reference_number:
        stays = f"must stay {existing.reference_number}"
        raise PayloadRefused([FieldProblem("shipment_details.reference_number", stays)])
    return new


def read_order(
    order: Any,
    accounts: Mapping[str, CourierAccount],
    *,
    region: Region = Region.INDIA,
    choosing: Choosing | None = None,
) -> NewShipment:
    """Check one order and find its courier: by its transporter, else as it says itself, else as `choosing` does.

    Raises PayloadRefused with every wrong field. The courier is NO_COURIER where ClickPost must recommend one.
    """
    if not isinstance(order, dict):
        raise PayloadRefused([FieldProblem("", "an order is a JSON object: ClickPost's create-order payload")])
    payload = dict(cast("dict[str, Any]", order))
    transporter = payload.pop("transporter", None)
    chosen = payload.pop("region", region.value)
    if chosen not in (Region.INDIA, Region.WORLD):
        raise PayloadRefused([FieldProblem("region", "must be india or world")])
    names_none = transporter is None and shipment_details(payload).get("courier_partner") in (None, "")
    if names_none and choosing and choosing.is_on:
        return _choose(unallocated_shipment(payload, region=Region(chosen)), accounts, choosing)
    account = account_of(transporter, accounts)
    return new_shipment(
        payload,
        region=Region(chosen),
        transporter=account.transporter if account else None,
        courier_partner_id=account.courier_partner_id if account else None,
        account_code=account.account_code if account else None,
    )


def _choose(new: NewShipment, accounts: Mapping[str, CourierAccount], choosing: Choosing) -> NewShipment:
    active = {name: account for name, account in accounts.items() if account.active}
    if rule := first_match(choosing.rules, parcel_of(new.payload, new.region), active):
        account = active[rule.transporter]
        return allocated(
            new,
            transporter=account.transporter,
            courier_partner_id=account.courier_partner_id,
            account_code=account.account_code,
            by=f"rule {rule.name}",
        )
    if choosing.allocation.by_recommendation:
        return new
    problem = "none is named, and no rule of allocation fits; name one, or add a rule with an active transporter"
    raise PayloadRefused([FieldProblem("transporter", problem, COURIER_WRONG)])


def account_of(transporter: Any, accounts: Mapping[str, CourierAccount]) -> CourierAccount | None:
    """The courier account behind a transporter; None where none is named. Raises PayloadRefused for an unknown one."""
    if transporter is None:
        return None
    account = accounts.get(transporter) if isinstance(transporter, str) else None
    if account is None:
        known = ", ".join(sorted(accounts)) or "none yet; add one with `awbridge couriers import` or PUT /v1/couriers"
        raise PayloadRefused(
            [FieldProblem("transporter", f"{transporter!r} is not known. Known: {known}", COURIER_WRONG)]
        )
    if not account.active:
        raise PayloadRefused([FieldProblem("transporter", f"{transporter!r} is switched off", ACCOUNT_INACTIVE)])
    return account


def _repeated(news: Mapping[int, NewShipment]) -> dict[int, IntakeError]:
    seen: dict[str, NewShipment] = {}
    errors: dict[int, IntakeError] = {}
    for place, new in news.items():
        first = seen.setdefault(new.reference_number, new)
        if first is not new and (differences := order_differences(first, new)):
            errors[place] = ReferenceTaken(new.reference_number, differences)
    return errors


def order_differences(known: Shipment | NewShipment, new: NewShipment) -> list[str]:
    """The fields in which an order differs from the one that has its reference number."""
    region = [] if known.region is new.region else ["region"]
    return region + payload_differences(known.payload, new.payload)
