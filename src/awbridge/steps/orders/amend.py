"""Corrects a shipment: edits its payload and pushes it again, or replaces it under a new reference number.

ClickPost keeps the first payload of a reference number, so an order that it holds can only be replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from awbridge.clickpost.models.orders.order_rules import longest_reference
from awbridge.clickpost.orders.columns import TOP_LEVEL
from awbridge.clickpost.orders.courier_fields import without_courier_fields
from awbridge.clickpost.orders.create import was_moved
from awbridge.clickpost.orders.edits import (
    courier_of,
    value_at,
    with_fields,
    with_reference,
    without_courier,
    without_waybill,
)
from awbridge.clickpost.orders.order_places import shipment_details
from awbridge.clickpost.orders.payload import payload_differences
from awbridge.clickpost.wire.lenient_json import as_text
from awbridge.clickpost.wire.tracking_codes import status_name
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import FieldProblem, NotFound, NotPossible, PayloadRefused, ReferenceTaken
from awbridge.domain.json import JsonObject
from awbridge.domain.notify import events as happened
from awbridge.domain.orders.shipment import NewShipment, SettleBy, Shipment, State
from awbridge.domain.people.audited import AuditAction
from awbridge.steps.orders import intake
from awbridge.steps.orders.intake import IntakeResult
from awbridge.steps.orders.payload_stays import why_payload_stays
from awbridge.steps.orders.reading import configured, read_change, read_order
from awbridge.steps.records.at_courier import order_at_courier
from awbridge.steps.records.known_shipment import known_shipment
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.engine.database import Session
from awbridge.store.notify import events
from awbridge.store.orders import payload_versions, shipments
from awbridge.store.orders.payload_versions import PayloadVersion
from awbridge.store.people import audit_log
from awbridge.store.registration import replacements

_SUCCESSOR = re.compile(r"(.+)-R(\d{1,4})", re.DOTALL)
_CANDIDATES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An edit of a payload: start with a whole `order`, an earlier `version` or the present one (neither), then set
    `fields` by path.
    """

    order: JsonObject | None = field(default=None, repr=False)
    version: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadDifference:
    """One field that an edit changes; None on the side that lacks it."""

    path: str
    before: Any = field(repr=False)
    after: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The effect of an edit. `problems` and `warnings` come from the check; `obstacle`: why it cannot change now."""

    order: JsonObject = field(repr=False)
    differences: list[PayloadDifference]
    problems: list[FieldProblem]
    obstacle: str | None
    warnings: list[FieldProblem]


async def payloads(*, store: Store, reference_number: str) -> list[PayloadVersion]:
    """Every payload that a shipment had, the first one first. Raises NotFound."""
    async with store.read() as session:
        return await payload_versions.of_shipment(session, await known_shipment(session, reference_number))


async def payload_of(*, store: Store, reference_number: str, edit: Edit) -> JsonObject:
    """The payload that an edit starts with. Raises NotFound."""
    async with store.read() as session:
        return await _base(session, await known_shipment(session, reference_number), edit)


async def preview(
    *, store: Store, reference_number: str, edit: Edit, allocation: Allocation = Allocation.RULES
) -> Preview:
    """What `change` would do, without changing anything. Raises NotFound; PayloadRefused for an unknown path."""
    async with store.read() as session:
        shipment = await known_shipment(session, reference_number)
        accounts, choosing = await configured(session, allocation)
        order = _edited(await _base(session, shipment, edit), shipment, edit, accounts)
        try:
            new = read_change(order, shipment, accounts, choosing)
        except PayloadRefused as error:
            after = {name: value for name, value in order.items() if name not in TOP_LEVEL}
            problems, warnings = error.problems, list[FieldProblem]()
        else:
            others = await intake.holders_of_own(session, new)
            taken = others.refusal if others else None
            after, problems = new.payload, [FieldProblem(intake.OWN_WAYBILL, taken)] if taken else []
            warnings = [*new.warnings, *intake.warned(others)]
    return Preview(
        order=order,
        differences=_differences(shipment.payload, after),
        problems=problems,
        obstacle=None if _may_change(shipment) else why_payload_stays(shipment),
        warnings=warnings,
    )


async def change(
    *,
    store: Store,
    clock: Clock,
    reference_number: str,
    edit: Edit,
    changed_by: str,
    reason: str = "",
    allocation: Allocation = Allocation.RULES,
) -> Shipment:
    """Edit a payload and push the shipment again. Raises what `intake.change_payload` raises."""
    async with store.write() as session:
        shipment = await intake.locked(session, reference_number)
        accounts, choosing = await configured(session, allocation)
        order = _edited(await _base(session, shipment, edit), shipment, edit, accounts)
        new = read_change(order, shipment, accounts, choosing)
        return await intake.change_locked(session, shipment, new, now=clock(), changed_by=changed_by, reason=reason)


async def replace(
    *,
    store: Store,
    clock: Clock,
    reference_number: str,
    edit: Edit,
    successor: str | None = None,
    after_cancel: bool = False,
    allocation: Allocation = Allocation.RULES,
) -> IntakeResult:
    """A new shipment in place of one that ClickPost holds or may hold; the old one is cancelled.

    Without an order or version in the edit it starts with what the courier has: the payload and the edits made there
    since. The new reference number is `successor`, else the one in the edit's order, else REF-R2 and so on, shortened
    where the courier asks for that. With `after_cancel` the new shipment is held until the old one is cancelled.
    Idempotent.

    Raises NotFound, NotPossible by the state of the old one, PayloadRefused, or ReferenceTaken.
    """
    async with store.write() as session:
        old = await intake.locked(session, reference_number)
        accounts, choosing = await configured(session, allocation)
        present = edit.order is None and edit.version is None
        base = await order_at_courier(session, old) if present else await _base(session, old, edit)
        order = _edited(base, old, edit, accounts)
        if edit.order is None and not any("awb_number" in path for path in edit.fields):
            order = without_waybill(order)
        if successor is None:
            own = as_text(shipment_details(order).get("reference_number"))
            successor = own if own and own != reference_number else None

        def read(reference: str) -> NewShipment:
            named = with_reference(order, reference)
            return read_order(named, accounts, region=old.region, choosing=choosing)

        if old.replaced_by:
            return await _replaced_already(session, old, successor, read)
        _check_replaceable(old)
        if successor is None:
            draft = read("R")
            successor = await _free_reference(session, old, longest_reference(draft.courier_partner_id))
        new = read(successor)
        try:
            [taken] = await intake.keep(session, {0: new}, clock)
        except intake.BatchRefused as error:
            raise error.errors[0] from None
        if not taken.created:
            raise ReferenceTaken(new.reference_number, ["replaces"])
        now = clock()
        await replacements.link(session, reference_number, new.reference_number, now=now)
        await shipments.cancel(session, reference_number, now=now)
        ended = await known_shipment(session, reference_number)
        if ended.state is State.CANCELLED and old.state is not State.CANCELLED:
            await events.write(session, [happened.superseded(ended, now=now)], now=now)
        elif after_cancel and ended.state is not State.CANCELLED:
            await replacements.hold_back(session, new.reference_number, reference_number, now=now)
        stored = await known_shipment(session, new.reference_number)
        sides = {"before": {"state": old.state}, "after": {"state": ended.state, "successor": new.reference_number}}
        await audit_log.record(session, AuditAction.SHIPMENT_REPLACED, reference_number, **sides, now=now)
        return IntakeResult(shipment=stored, created=True, warnings=taken.warnings)


def why_not_replaceable(old: Shipment) -> str | None:
    """Why a shipment cannot be replaced now; None if it can."""
    if old.replaced_by:
        return f"{old.reference_number} is replaced by {old.replaced_by} already: change or replace that one"
    try:
        _check_replaceable(old)
    except NotPossible as problem:
        return str(problem)
    return None


def _check_replaceable(old: Shipment) -> None:
    reference = old.reference_number
    if old.maybe_placed and old.state is not State.CANCELLED:
        raise NotPossible(
            f"{reference} may be placed at ClickPost: a second shipment would be a second parcel. Retry or cancel it "
            "first, or look in ClickPost's dashboard and say what it shows (awbridge shipments settle, POST .../settle)"
        )
    if old.final and old.state is not State.CANCELLED:
        status = status_name(old.status_code, old.status_description) or "ended"
        raise NotPossible(
            f"the journey of {reference} has ended ({status}): send a new order with a reference number of its own"
        )
    if old.sent_at is None and old.state is not State.CANCELLED:
        raise NotPossible(
            f"{reference} is {old.state} and was never sent: change its payload instead "
            "(awbridge shipments payload, or PUT .../payload)"
        )


async def _replaced_already(
    session: Session, old: Shipment, successor: str | None, read: Callable[[str], NewShipment]
) -> IntakeResult:
    known = await known_shipment(session, old.replaced_by or "")
    if successor in (None, known.reference_number):
        new = read(known.reference_number)
        if not payload_differences(known.payload, new.payload):
            return IntakeResult(shipment=known, created=False)
    raise NotPossible(
        f"{old.reference_number} is replaced by {known.reference_number} already: change or replace that one"
    )


async def _free_reference(session: Session, old: Shipment, longest: int) -> str:
    candidates = list(successor_references(old.reference_number, is_successor=bool(old.replaces), longest=longest))
    taken = {s.reference_number for s in await shipments.get_many(session, candidates)}
    free = next((c for c in candidates if c not in taken), None)
    if free is None:
        raise NotPossible(f"{candidates[0]} to {candidates[-1]} are all in use: choose a reference number yourself")
    return free


def successor_references(reference_number: str, *, is_successor: bool, longest: int) -> Iterator[str]:
    """REF-R2, REF-R3 and so on; for REF-R2, itself a successor, from REF-R3 on. REF is cut where all is too long."""
    match = _SUCCESSOR.fullmatch(reference_number) if is_successor else None
    stem, first = (match[1], int(match[2]) + 1) if match else (reference_number, 2)
    for number in range(first, first + _CANDIDATES):
        ending = f"-R{number}"
        yield stem[: longest - len(ending)] + ending


async def _base(session: Session, shipment: Shipment, edit: Edit) -> JsonObject:
    if edit.order is not None:
        return edit.order
    if edit.version is None:
        return shipment.payload
    for version in await payload_versions.of_shipment(session, shipment):
        if version.version == edit.version:
            return version.payload
    raise NotFound(
        f"{shipment.reference_number} has no payload {edit.version}; its versions are 1 to {shipment.payload_version}"
    )


def _edited(base: JsonObject, shipment: Shipment, edit: Edit, accounts: Mapping[str, CourierAccount]) -> JsonObject:
    """The edited order. It keeps its transporter, unless the edit names another one or a courier.

    Fields that only the first courier uses are dropped when the courier changes, unless the edit is a whole order.
    """
    order = with_fields(base, edit.fields)
    if edit.order is not None:
        return order
    names_another = "transporter" in edit.fields and edit.fields["transporter"] != shipment.transporter
    if names_another or was_moved(shipment) or courier_of(order) != courier_of(base):
        order = with_fields(without_courier_fields(base), edit.fields)  # what the edit names itself stays
    if "transporter" in edit.fields:
        return {**without_courier(order), "transporter": order["transporter"]}
    account = accounts.get(shipment.transporter or "")
    stays = account and account.active and courier_of(order) == courier_of(shipment.payload)
    carrier = (shipment.courier_partner_id, shipment.account_code)
    if account and stays and carrier == (account.courier_partner_id, account.account_code):
        return {**order, "transporter": account.transporter}
    return order


def _differences(before: JsonObject, after: JsonObject) -> list[PayloadDifference]:
    return [
        PayloadDifference(path=path, before=value_at(before, path), after=value_at(after, path))
        for path in payload_differences(before, after)
    ]


def _may_change(shipment: Shipment) -> bool:
    ended = shipment.success or shipment.state is State.CANCELLED or shipment.cancel_requested_at
    return not (ended or shipment.settle_by is SettleBy.ASKING)
