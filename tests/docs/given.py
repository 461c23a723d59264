"""What a page's reader has already: the command `given`, for the set-ups of pages.

given order ORDER-1001              stored
given order ORDER-1001 --state placed|rejected|gave_up|held
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Sequence
from typing import Any

import click

from awbridge.app.load_settings import load_configuration
from awbridge.app.loops import World, opened_world, step_loops
from awbridge.app.work import running
from awbridge.domain.json import JsonObject
from awbridge.steps.orders import intake
from awbridge.steps.runtime.clock import utc_now
from awbridge.store.orders import shipments

SANDBOX = "http://127.0.0.1:8100"
PATIENCE = 30  # seconds


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
    return {
        "transporter": details.pop("transporter", "Delhivery Surface"),
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


async def work(world: World, steps: Sequence[str], until: Any) -> None:
    """Run these steps until `until()` is true."""
    loops = {name: loop for name, loop in step_loops(world).items() if name in steps}
    async with asyncio.timeout(PATIENCE), running(loops):
        while not await until():
            await asyncio.sleep(0.01)


async def is_in(world: World, reference: str, state: str) -> bool:
    """Whether the shipment has that state."""
    async with world.store.read() as session:
        shipment = await shipments.get(session, reference)
    return shipment is not None and shipment.state == state


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
        more = {"retry_delays": (0.01, 0.01, 0.01)} if state == "gave_up" else {}
        settings = load_configuration(**more).settings
        async with opened_world(settings, utc_now) as world:
            orders = [an_order(reference, changes) for reference in references]
            await intake.take_in(store=world.store, clock=utc_now, orders=orders)
            for reference in references:
                if state == "rejected":
                    fault(kind="error_code", code=314, reference_number=reference)
                elif state == "gave_up":
                    fault(kind="http_500", times=9, reference_number=reference)
                if state != "ready":
                    await work(world, ["push"], lambda name=reference: is_in(world, name, state))

    asyncio.run(main())
