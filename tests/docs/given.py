"""What a page's reader has already: the command `given`, for the set-ups of pages.

given order ORDER-1001              stored
given order ORDER-1001 --state placed|rejected|gave_up|held
given postgresql                    a server on port 5432, until SIGTERM
"""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import xlsxwriter

from awbridge.app.load_settings import load_configuration
from awbridge.app.loops import World, opened_world, step_loops
from awbridge.app.work import running
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.tracking.scan import Source
from awbridge.steps.orders import intake
from awbridge.steps.runtime.clock import utc_now
from awbridge.steps.runtime.loop import Loop
from awbridge.store.orders import shipments
from awbridge.store.tracking import inbox
from awbridge.store.tracking.inbox import NewDelivery
from tests.support.postgres import postgres_server
from tests.support.world import as_body, webhook

SANDBOX = "http://127.0.0.1:8100"
PATIENCE = 100  # seconds


def an_order(reference: str, changes: Sequence[str] = ()) -> JsonObject:
    """The order of README.md under another reference number. `changes`: field=value of shipment_details."""
    details: dict[str, Any] = {
        "reference_number": reference,
        "order_id": reference.removeprefix("ORDER-"),
        "order_type": "COD",
        "cod_value": 1499,
        "delivery_type": "FORWARD",
        "invoice_value": 1499,
        "invoice_number": f"INV-{reference}",
        "invoice_date": "2026-11-01",
        "length": 30,
        "breadth": 20,
        "height": 5,
        "weight": 450,
        "items": [{"sku": "SHIRT-M", "description": "Cotton shirt, M", "quantity": 1, "price": 1499}],
    }
    for change in changes:
        name, _, value = change.partition("=")
        details[name] = json.loads(value) if value[:1].isdigit() else value
    transporter = details.pop("transporter", "Delhivery Surface")
    return {
        **({"transporter": transporter} if transporter else {}),
        "pickup_info": _place("pickup", "Main Warehouse", "12 Dock Road", "Mumbai", "Maharashtra", "400065"),
        "drop_info": _place("drop", "Asha Rao", "5 Lake View", "Bengaluru", "Karnataka", "560001"),
        "shipment_details": details,
        "gst_info": {},
        "additional": {"label": True},
    }


def _place(side: str, name: str, address: str, city: str, state: str, pincode: str) -> JsonObject:
    phone = "9000000001" if side == "pickup" else "9000000002"
    fields = {"name": name, "phone": phone, "address": address, "city": city, "state": state, "pincode": pincode}
    return {f"{side}_{field}": value for field, value in {**fields, "country": "IN"}.items()}


def fault(**what: Any) -> None:
    """Let the sandbox fail in the next matching calls."""
    request = urllib.request.Request(f"{SANDBOX}/_sandbox/faults/once", data=json.dumps(what).encode())
    urllib.request.urlopen(request, timeout=10).close()


def fail_once(reference: str, state: str) -> None:
    """Let the sandbox answer so that the order gets into that state."""
    if state == "maybe_placed":
        fault(kind="held_by_courier", reference_number=reference)
    elif state == "rejected":
        fault(kind="error_code", code=314, reference_number=reference)
    elif state == "gave_up":
        fault(kind="http_500", times=9, reference_number=reference)


async def all_are(world: World, references: Sequence[str], state: str) -> bool:
    """Whether all have that state."""
    found = [await get(world, reference) for reference in references]
    if state == "maybe_placed":
        return all(one.maybe_placed and one.state == "gave_up" for one in found)
    return all(one.state == state for one in found)


async def work(world: World, steps: Sequence[str], until: Any) -> None:
    """Run these steps until `until` is true of their loops."""
    every = step_loops(world)
    loops = {name: every[name] for name in steps}
    try:
        async with asyncio.timeout(PATIENCE), running(loops):
            while not await until(loops.values()):
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise click.ClickException(f"the steps {', '.join(steps)} did not get there within {PATIENCE} s") from None


async def have_rounds(loops: Iterable[Loop]) -> bool:
    """Whether each step has looked for work again after it had done some."""
    return all(loop.rounds > 1 for loop in loops)


async def get(world: World, reference: str) -> Shipment:
    """A shipment that there is."""
    async with world.store.read() as session:
        shipment = await shipments.get(session, reference)
    assert shipment, f"there is no shipment {reference}"
    return shipment


@click.group()
def run() -> None:
    """What a page's reader has already."""


@run.command("order")
@click.argument("references", nargs=-1, required=True)
@click.option("--state", default="ready")
@click.option("--set", "changes", multiple=True)
def order(references: tuple[str, ...], state: str, changes: tuple[str, ...]) -> None:
    """Store orders, and push them until they are in that state."""

    async def main() -> None:
        more = {"retry_delays": (0.01, 0.01, 0.01)} if state in ("gave_up", "maybe_placed") else {}
        settings = load_configuration(**more).settings
        async with opened_world(settings, utc_now) as world:
            orders = [an_order(reference, changes) for reference in references]
            await intake.take_in(store=world.store, clock=utc_now, orders=orders)
            for reference in references:
                fail_once(reference, state)
            if state != "ready":
                await work(world, ["push"], lambda _: all_are(world, references, state))

    asyncio.run(main())


@run.command("scan")
@click.argument("reference")
@click.argument("code", type=int)
@click.option("--ndr", type=int)
@click.option("--edd", default="")
def scan(reference: str, code: int, ndr: int | None, edd: str) -> None:
    """Apply a webhook with a scan of now."""

    async def main() -> None:
        async with opened_world(load_configuration().settings, utc_now) as world:
            now = utc_now()
            shipment = await get(world, reference)
            body = webhook(shipment.waybill or "", code, now)
            body["additional"] |= {"ndr_status_code": ndr} if ndr else {}
            body["additional"] |= {"courier_partner_edd": edd} if edd else {}
            new = NewDelivery(f"{reference} {code} {now}", Source.WEBHOOK, as_body(body), now)
            async with world.store.write() as session:
                await inbox.add(session, [new])
            await work(world, ["apply"], have_rounds)

    asyncio.run(main())


@run.command("steps")
@click.argument("names", nargs=-1, required=True)
def steps(names: tuple[str, ...]) -> None:
    """Run these steps until they have nothing to do."""

    async def main() -> None:
        async with opened_world(load_configuration(steps_idle_seconds=0.05).settings, utc_now) as world:
            await work(world, names, have_rounds)

    asyncio.run(main())


@run.command("payload")
@click.argument("reference")
@click.option("--set", "changes", multiple=True)
def payload(reference: str, changes: tuple[str, ...]) -> None:
    """Print an order."""
    click.echo(json.dumps(an_order(reference, changes), indent=2))


@run.command("table")
@click.argument("file")
@click.argument("rows", nargs=-1, required=True)
def table(file: str, rows: tuple[str, ...]) -> None:
    """Write a table with these rows, as CSV or XLSX."""
    if not file.endswith(".xlsx"):
        Path(file).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        return
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row.split(","))


@run.command("postgresql")
def postgresql() -> None:
    """An empty server on port 5432, whose superuser is postgres. Nobody needs a password. It runs until SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with postgres_server(port=5432, superuser="postgres"):
        click.echo("ready")
        signal.sigwait({signal.SIGTERM})
