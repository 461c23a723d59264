"""A report of failed webhooks from ClickPost goes in again: bodies into the inbox, bare waybills to be asked."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from awbridge.clickpost.reports.report_columns import COURIER, ORDER, PAYLOAD, REFERENCE, STATUS, WAYBILL
from awbridge.clickpost.reports.vocabulary import CourierNames
from awbridge.clickpost.tracking.webhook_registration import webhook_identity
from awbridge.clickpost.wire.lenient_json import as_int, as_text, as_waybill
from awbridge.domain.errors import AwbridgeError, CellDamaged, TableUnreadable
from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.tracking.asking import soonest_poll
from awbridge.domain.tracking.scan import Source
from awbridge.steps.records.courier_names import courier_names
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.progress import OnDone, unwatched
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.orders import shipments, waybills
from awbridge.store.orders.waybills import KnownWaybill
from awbridge.store.polling import polls
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery
from awbridge.tables.header import layout_by_names
from awbridge.tables.table import Row, open_table

BATCH = 200
NOT_OURS = "no payload, and no shipment of ours has what it names"
_BEFORE = "\ufeff'`"  # what is written before a text to keep a spreadsheet off it
MEANINGS = {
    "waybill": WAYBILL,
    "payload": PAYLOAD,
    "reference_number": REFERENCE,
    "order_id": ORDER,
    "courier": COURIER,
    "status": STATUS,
}
LAYOUT = layout_by_names(MEANINGS, ("waybill", "payload", "reference_number", "order_id"))


class NoneOrSeveral(AwbridgeError):
    """A row is about no shipment of ours, or it does not say about which. The text says why."""


@dataclass(frozen=True, slots=True)
class NotReplayed:
    """A row of which nothing can be made, and why."""

    line: int
    problem: str
    sheet: str = ""  # where several are read


@dataclass(slots=True, kw_only=True)
class Replayed:
    """What came of a report: what is new by it, and what was known.

    Rows that hold a payload are `deliveries` that are new in the inbox, or `known` there, also from a row above. Of the
    others each shipment counts once: `asked` for by track-order at once because of this report, `asked_already` where
    that was due anyway or done within `ask_again` (then it is done once more when that is over), or `at_their_end`.
    `unread_payloads`: rows whose payload could not be read, and that went by what else they name.
    """

    understood: dict[str, str]
    passed_over: list[str]
    notes: list[str]
    rows: int = 0
    deliveries: int = 0
    known: int = 0
    asked: int = 0
    asked_already: int = 0
    at_their_end: int = 0
    unread_payloads: int = 0
    bad: list[NotReplayed] = field(default_factory=list[NotReplayed])


async def replay_report(
    *, store: Store, clock: Clock, path: Path, ask_again: timedelta, on_done: OnDone = unwatched
) -> Replayed:
    """Replay a failed-webhooks report, text or a spreadsheet.

    A row that holds the payload goes into the inbox as it was sent, once however often it is replayed; of any other the
    shipment is asked for. Raises TableUnreadable, also for a table without rows.
    """
    table = open_table(path, path.name, LAYOUT)
    result = Replayed(understood=table.understood, passed_over=table.unknown_columns, notes=table.notes)
    async with store.read() as session:
        names = await courier_names(session)
    wanted: dict[str, Row] = {}
    rows = table.rows()
    while batch := list(islice(rows, BATCH)):
        result.rows += len(batch)
        bare = await _replay(store, clock(), batch, result)
        wanted |= await _shipments(store, bare, names, result)
        on_done(len(batch))
    if not result.rows:
        raise TableUnreadable(f"{path.name}: holds no rows, only columns")
    references = sorted(wanted, key=lambda r: (shard_of(r), r))
    for start in range(0, len(references), BATCH):
        await _ask(store, clock(), {r: wanted[r] for r in references[start : start + BATCH]}, ask_again, result)
    result.bad.sort(key=lambda b: b.line)
    return result


async def _replay(store: Store, now: datetime, rows: Sequence[Row], result: Replayed) -> list[Row]:
    """Put the payloads into the inbox; the rows that hold none."""
    deliveries: list[NewDelivery] = []
    bare: list[Row] = []
    for row in rows:
        if body := _payload(row):
            deliveries.append(NewDelivery(webhook_identity(body), Source.REPORT, body, now))
        else:
            bare.append(row)
            result.unread_payloads += bool(row.cells.get("payload"))
    async with store.write() as session:
        new = await inbox.add_counted(session, deliveries)
    result.deliveries += new
    result.known += len(deliveries) - new
    return bare


def _not_replayed(row: Row, problem: str) -> NotReplayed:
    return NotReplayed(row.line, problem, row.sheet)


def _payload(row: Row) -> bytes:
    """The body that the webhook had; b"" where the row holds none that is an object. Python's way of writing counts."""
    cell = row.cells.get("payload")
    text = cell.strip().lstrip(_BEFORE) if isinstance(cell, str) else ""
    if not text.startswith(("{", "[")):
        return b""
    try:
        webhook_identity(text.encode())
    except ValueError:
        try:
            value: Any = ast.literal_eval(text)
            body = json.dumps(value).encode()
            webhook_identity(body)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return b""
        return body
    return text.encode()


async def _shipments(store: Store, rows: Sequence[Row], names: CourierNames, result: Replayed) -> dict[str, Row]:
    """The shipments that these rows are about, each with a row of its own."""
    found: dict[str, Row] = {}
    async with store.read() as session:
        for row in rows:
            try:
                reference = await _reference(session, row, names)
            except (CellDamaged, NoneOrSeveral) as error:
                result.bad.append(_not_replayed(row, str(error)))
            else:
                found[reference] = row
    return found


async def _ask(store: Store, now: datetime, wanted: Mapping[str, Row], ask_again: timedelta, result: Replayed) -> None:
    async with store.write() as session:
        for reference, row in wanted.items():
            found = await shipments.get(session, reference)
            at = soonest_poll(now, polled_at=found.last_polled_at if found else None, ask_again=ask_again)
            if await polls.resume_polling(session, reference, now=now, asked_before=now - ask_again, else_at=at):
                is_due = found is not None and found.next_poll_at is not None and found.next_poll_at <= at
                already = is_due or at > now
                result.asked_already += already
                result.asked += not already
            elif found and found.final:
                result.at_their_end += 1
            else:
                result.bad.append(_not_replayed(row, f"{reference} has no waybill yet"))


async def _reference(session: Session, row: Row, names: CourierNames) -> str:
    """The shipment that a row is about: what names a waybill or a reference number is about that alone, else the order.

    Raises NoneOrSeveral.
    """
    number, reference, order = as_waybill(row.id("waybill")), row.id("reference_number"), row.id("order_id")
    if reference and await shipments.get(session, reference):
        return reference
    if number:
        return _holder(number, _courier(row, names), (await waybills.find(session, [number])).get(number, []))
    found = (await shipments.of_orders(session, [order])).get(order, []) if order and not reference else []
    if len(found) > 1:
        raise NoneOrSeveral(f"no payload, and order {order} is that of several shipments ({', '.join(found)}, ...)")
    if not found:
        raise NoneOrSeveral(NOT_OURS)
    return found[0]


def _holder(number: str, courier: int | None, known: Sequence[KnownWaybill]) -> str:
    """Whose a waybill is by now. Of two couriers that have it, the row must name the one that it means."""
    fitting = [k for k in known if courier in (None, k.courier_partner_id)]
    if not fitting:
        raise NoneOrSeveral(NOT_OURS)
    couriers = sorted({k.courier_partner_id for k in fitting})
    if len(couriers) > 1:
        listed = ", ".join(map(str, couriers))
        raise NoneOrSeveral(f"no payload, and waybill {number} is known of couriers {listed}: name one as courier")
    return max(fitting, key=lambda k: (k.since_at is not None, k.since_at)).reference_number


def _courier(row: Row, names: CourierNames) -> int | None:
    cell = row.cells.get("courier")
    number = as_int(cell)
    return names.find(as_text(cell)) if number is None else number
