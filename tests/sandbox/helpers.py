"""The merchant's side: payloads, an HTTP client, and a webhook receiver."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from awbridge.sandbox import JourneyWeights, Sandbox

AUTH = {"username": "sandbox", "key": "sandbox-key"}
CREATE = "/api/v3/create-order/"


def item(**changes: Any) -> dict[str, Any]:
    return {"sku": "MUG-1", "description": "Mug", "price": 250, "quantity": 1} | changes


def order(reference: str, /, *, additional: dict[str, Any] | None = None, **details: Any) -> dict[str, Any]:
    """A create-order payload for India. `details` override shipment_details."""

    def address(side: str) -> dict[str, Any]:
        fields = ("name", "phone", "address", "city", "state", "pincode", "country")
        real = {"phone": "9000000001", "pincode": "411001", "country": "IN"}
        return {f"{side}_{name}": real.get(name, f"some {name}") for name in fields}

    shipment = {
        "reference_number": reference,
        "courier_partner": 4,
        "account_code": "",
        "order_type": "PREPAID",
        "delivery_type": "FORWARD",
        "cod_value": 0,
        "invoice_value": 250,
        "invoice_number": f"INV-{reference}",
        "invoice_date": "2026-03-14",
        "length": 10,
        "breadth": 10,
        "height": 10,
        "weight": 400,
        "items": [item()],
        "order_id": f"ORDER-{reference}",
    }
    return {
        "pickup_info": address("pickup"),
        "drop_info": address("drop"),
        "shipment_details": shipment | details,
        "additional": additional or {},
    }


def only(journey: str) -> JourneyWeights:
    """Weights that draw this journey for every forward order."""
    return JourneyWeights(**(dict.fromkeys(JourneyWeights.model_fields, 0) | {journey: 1}))


def code_of(response: httpx2.Response) -> int:
    """The business code, in any response shape."""
    body = response.json()
    meta = body.get("meta", body)
    return meta.get("status", meta.get("status_code"))


async def place(http: httpx2.AsyncClient, reference: str, **details: Any) -> httpx2.Response:
    return await http.post(CREATE, json=order(reference, **details))


@asynccontextmanager
async def merchant(sandbox: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client that sends the correct username and key."""
    async with httpx2.AsyncClient(base_url=sandbox.url, params=AUTH, trust_env=False, verify=False) as http:
        yield http


@dataclass
class Receiver:
    """A server that records webhooks. It returns each of `statuses` in turn, then 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}
                self.bodies.append(json.loads(await reader.readexactly(int(headers["content-length"]))))
                self.headers.append(headers)
                status = self.statuses.pop(0) if self.statuses else 200
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A running receiver."""
    arrived = Receiver()
    server = await asyncio.start_server(arrived._serve, "127.0.0.1", 0)
    arrived.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    yield arrived
    server.close()


async def until(done: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for a condition to become true."""
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


async def settled(sandbox: Sandbox) -> None:
    """Wait until no webhook is queued or in flight."""
    await until(lambda: not sandbox.state()["queued_webhooks"] and not sandbox.state()["in_flight_webhooks"])


def flat_order(reference: str, /, **changes: Any) -> dict[str, Any]:
    """A create-order v1 payload: all fields at the top level."""
    details = order(reference)["shipment_details"]
    place_fields = {"name": "Tea House", "phone": "8000000001", "address": "Plot 4", "country": "IN"}
    pickup = place_fields | {"city": "Pune", "state": "Maharashtra", "pincode": "411001"}
    drop = place_fields | {"city": "Bengaluru", "state": "Karnataka", "pincode": "560001"}
    return {
        **{f"pickup_{name}": value for name, value in pickup.items()},
        **{f"drop_{name}": value for name, value in drop.items()},
        **{name: value for name, value in details.items() if name != "delivery_type"},
        "tin": "000",
        "gst_info": {"consignee_gstin": "29TESTGSTIN"},
        **changes,
    }


def b2b_order(reference: str, /, **changes: Any) -> dict[str, Any]:
    """A create-b2b-order payload with two equal boxes."""
    place_fields = {"name": "Tea House", "phone": "8000000001", "organisation": "Tea Ltd", "address": "Plot 4"}
    india = place_fields | {"state": "Karnataka", "country": "India"}
    return {
        "pickup_info": india | {"city": "Pune", "pincode": "411001"},
        "drop_info": india | {"city": "Bengaluru", "pincode": "560001"},
        "shipment_info": {
            "reference_number": reference,
            "courier_partner": 4,
            "account_code": "Delhivery Surface",
            "order_type": "PREPAID",
            "delivery_type": "FORWARD",
            "cod_value": 0,
            "weight": 5000,
            "invoice_info": [{"number": "INV-1", "value": 50000, "date": "2026-11-01"}],
            "gst_info": {"enterprise_gstin": "29TESTGSTIN", "consignee_gstin": "27TESTGSTIN"},
            "box_info": [
                {"count": 2, "length": 20, "breadth": 20, "height": 20, "invoice_info": [{"number": "INV-1"}]},
            ],
            **changes,
        },
        "additional_info": {"is_label_required": True},
    }


async def until_failed_delivery(sandbox: Sandbox, http: httpx2.AsyncClient, reference: str) -> Any:
    """Place an order and advance to its first failed delivery. Requires such a journey and backdated time."""
    await place(http, reference)
    shipment = sandbox.registry.orders[reference]
    first = next(step for step in shipment.steps if step.code == 9)
    await sandbox.advance(first.offset)
    assert shipment.scans[-1].code == 9
    return shipment
