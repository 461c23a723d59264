"""A simulated ClickPost whose shipments changed during an outage of a day.

    python -m bench.outage_vendor SHIPMENTS HOURS ENDED_AT FILE  ->  prints its port, serves until its input closes

ENDED_AT: the end of the outage, in seconds since 1970. Before it prints its port, it writes the latest status code of
every waybill into FILE, one `waybill,code` a line.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

from awbridge.sandbox.config import DEFAULT_ACCOUNTS, SandboxConfig
from awbridge.sandbox.server import running
from awbridge.sandbox.shipments.models import OrderDraft
from awbridge.sandbox.shipments.registry import ShipmentRegistry
from awbridge.sandbox.wire.json import JsonObject
from bench.databases import reference, waybill

HOUR = 3600
_DELHIVERY = next(account for account in DEFAULT_ACCOUNTS if account.courier_partner_id == 4)
_CHUNK = 100_000  # scans recorded at once


def change(registry: ShipmentRegistry, shipments: int, start: float, end: float) -> None:
    """Place the shipments evenly over the outage and record every scan that falls into it."""
    for number in range(shipments):
        at = start + (end - start) * number / shipments
        payload: JsonObject = {"shipment_details": {"awb_number": waybill(number)}}
        registry.place(reference(number), OrderDraft(payload, _DELHIVERY, "india"), real=at, courier=at)
        while registry.record_due_scans(courier=at, real=at, at_most=_CHUNK):
            pass


def _write_statuses(registry: ShipmentRegistry, path: Path) -> None:
    with path.open("w") as file:
        file.writelines(f"{order.waybill},{order.scans[-1].code}\n" for order in registry.orders.values())


async def main(shipments: int, hours: float, ended_at: float, path: Path) -> None:
    """Serve until standard input closes."""
    # Courier time is behind by more than the outage: no scan is added while the benchmark runs.
    config = SandboxConfig(backdate_seconds=10 * hours * HOUR)
    async with running(config) as sandbox:
        change(sandbox.registry, shipments, ended_at - hours * HOUR, ended_at)
        _write_statuses(sandbox.registry, path)
        sys.stdout.write(f"{sandbox.url.rpartition(':')[2]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])))
