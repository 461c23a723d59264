"""Stores a batch of a file's orders: the valid ones, in one transaction. Orders stored before are recognised cheaply.

A file is often imported again: after an interruption, or with a few rows corrected. An order whose payload is stored
unchanged was checked then, so it is only normalized and compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from awbridge.clickpost.orders.create import repeated_order
from awbridge.clickpost.orders.order_places import shipment_details
from awbridge.clickpost.wire.lenient_json import as_object, as_text
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import FieldProblem, IntakeError
from awbridge.domain.orders.shipment import NewShipment, Region
from awbridge.steps.orders.intake import Accepted, BatchRefused, count_received, store_orders
from awbridge.steps.orders.reading import account_of, configured, read_orders
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.meters import ORDERS_RECEIVED
from awbridge.store import Store
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments

Warnings = tuple[FieldProblem, ...]


class BatchResult(NamedTuple):
    """What became of each order of a batch, by its place: `created` or stored before, its warnings, or its error."""

    created: dict[int, bool]
    warnings: dict[int, Warnings]
    errors: dict[int, IntakeError]


class _OnlyChecked(Exception):
    """Rolls back what a check has stored."""

    def __init__(self, accepted: Accepted) -> None:
        self.accepted = accepted


async def import_batch(
    *, store: Store, clock: Clock, orders: Sequence[Any], allocation: Allocation, only_check: bool = False
) -> BatchResult:
    """Store the valid orders of a batch. The others are reported and do not affect these.

    `only_check`: the same result, but what was stored is rolled back.
    """
    async with store.read() as session:
        accounts, choosing = await configured(session, allocation)
        repeated = await _stored_before(session, orders, accounts)
    new = {place: order for place, order in enumerate(orders) if place not in repeated}
    news, errors = read_orders(new, accounts, choosing)
    result = BatchResult(dict.fromkeys(repeated, False), dict(repeated), errors)
    while news:
        try:
            accepted = await _store(store, clock, news, only_check=only_check)
        except BatchRefused as refused:
            errors |= refused.errors
            news = {place: one for place, one in news.items() if place not in errors}
        else:
            result.created.update(accepted.created)
            result.warnings.update(accepted.warnings)
            break
    if only_check:
        return result
    count_received(result.created.values())
    ORDERS_RECEIVED.add("refused", number=len(result.errors))
    return result


async def _store(store: Store, clock: Clock, news: Mapping[int, NewShipment], *, only_check: bool) -> Accepted:
    """Raises BatchRefused."""
    try:
        async with store.write() as session:
            accepted = await store_orders(session, news, now=clock())
            if only_check:
                raise _OnlyChecked(accepted)
    except _OnlyChecked as checked:
        return checked.accepted
    return accepted


async def _stored_before(
    session: Session, orders: Sequence[Any], accounts: Mapping[str, CourierAccount]
) -> dict[int, Warnings]:
    """The places of orders that are stored exactly as given and not cancelled, with the warnings about each."""
    named = {place: name for place, order in enumerate(orders) if (name := _reference(order))}
    stored = await shipments.payloads(session, list(named.values()))
    found: dict[int, Warnings] = {}
    for place, name in named.items():
        if (known := stored.get(name)) and (again := _as_stored(orders[place], accounts)):
            payload, region, warnings = again
            if known == (region, payload):
                found[place] = warnings
    return found


def _as_stored(order: Any, accounts: Mapping[str, CourierAccount]) -> tuple[str, Region, Warnings] | None:
    """The payload that a valid order would be stored with; None if only a full check can tell."""
    payload = dict(cast("dict[str, Any]", order))
    transporter, region = payload.pop("transporter", None), payload.pop("region", Region.INDIA.value)
    if region not in (Region.INDIA, Region.WORLD):
        return None
    try:
        account = account_of(transporter, accounts)
    except IntakeError:
        return None
    if account is None and shipment_details(payload).get("courier_partner") in (None, ""):
        return None
    again = repeated_order(
        payload,
        region=Region(region),
        courier_partner_id=account.courier_partner_id if account else None,
        account_code=account.account_code if account else None,
    )
    if again is None:
        return None
    normalized, warnings = again
    try:
        return shipments.payload_text(normalized), Region(region), tuple(warnings)
    except (ValueError, TypeError):  # not JSON: the check says where
        return None


def _reference(order: Any) -> str:
    return as_text(shipment_details(as_object(order)).get("reference_number"))
