"""Waybills that another system has booked, from a file: each row becomes a request to register it for tracking.

A row is an order with `awb_number`, as in the import of orders, or a body of awb-register. It can be imported again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from awbridge.clickpost.orders.registration_rows import registration_of
from awbridge.clickpost.wire.lenient_json import as_object, as_text, as_waybill
from awbridge.domain.errors import FieldProblem, NotPossible, PayloadRefused
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.action import NEEDS_A_PERSON
from awbridge.steps.orders.actions import ask_registration
from awbridge.steps.orders.importing.order_rows import BadRow, ReadOrder
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.orders import shipments


@dataclass(slots=True)
class ImportedWaybills:
    """The result of an import. `requested` are registered by the step `act`; `known` are here or requested already."""

    requested: int = 0
    known: int = 0
    bad: list[BadRow] = field(default_factory=list[BadRow])
    warnings: list[BadRow] = field(default_factory=list[BadRow])


async def import_registrations(
    *, store: Store, clock: Clock, rows: Iterable[ReadOrder | BadRow], on_row: Callable[[int], None] | None = None
) -> ImportedWaybills:
    """Request the registration of each row. `on_row` gets 1 for each."""
    result = ImportedWaybills()
    lines: dict[tuple[str, str], int] = {}  # courier and waybill -> where they stand first
    for row in rows:
        if isinstance(row, BadRow):
            result.bad.append(row)
        else:
            await _import(store, clock, row, result, lines)
        if on_row:
            on_row(1)
    result.bad.sort(key=lambda bad: (bad.sheet, bad.line))
    return result


async def _import(
    store: Store, clock: Clock, row: ReadOrder, result: ImportedWaybills, lines: dict[tuple[str, str], int]
) -> None:
    reference = ""
    try:
        body = registration_of(row.order)
        reference = as_text(as_object(body.get("shipment_info")).get("reference_number"))
        courier = as_text(body.get("courier_partner")) or as_text(body.get("transporter"))
        first = lines.setdefault((courier, as_text(body.get("waybill"))), row.line)
        if first != row.line:
            raise PayloadRefused([FieldProblem("waybill", f"is that of line {first} too")])
        if await _is_here(store, reference, body):
            result.known += 1
            return
        asked = await ask_registration(store=store, clock=clock, body=body, idempotency_key=_key(body))
    except PayloadRefused as refused:
        result.bad += [row.bad(reference, _as_in_order(p.path), p.problem) for p in refused.problems]
        return
    except NotPossible as refused:
        result.bad.append(row.bad(reference, "shipment_details.reference_number", str(refused)))
        return
    action = asked.action
    if action.state in NEEDS_A_PERSON:
        problem = f"{action.problem or action.state.value}. Correct it, or `awbridge actions retry {action.id}`"
        result.bad.append(row.bad(reference, "", problem))
    elif asked.created:
        result.requested += 1
        result.warnings += [row.bad(reference, "shipment_details.awb_number", text) for text in asked.warnings]
    else:
        result.known += 1


async def _is_here(store: Store, reference: str, body: JsonObject) -> bool:
    """Whether the shipment of this reference number has this waybill."""
    async with store.read() as session:
        known = await shipments.get(session, reference) if reference and "\x00" not in reference else None
    return known is not None and known.waybill == as_waybill(body.get("waybill"))


def _key(body: JsonObject) -> str:
    """The idempotency key of a row: the same row is requested once, a corrected one anew."""
    text = json.dumps(body, sort_keys=True, default=str)
    return f"import {hashlib.sha256(text.encode()).hexdigest()}"


def _as_in_order(path: str) -> str:
    """The field of an order that became this field of a registration."""
    if path == "waybill":
        return "shipment_details.awb_number"
    if path in ("courier_partner", "account_code"):
        return f"shipment_details.{path}"
    return path.replace("shipment_info.cod_amount", "shipment_details.cod_value").replace(
        "shipment_info.", "shipment_details.", 1
    )
