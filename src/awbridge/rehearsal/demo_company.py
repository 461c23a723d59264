"""The company's systems in the demo: a webhook subscriber and an SMS gateway. Both keep what they receive."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from standardwebhooks import Webhook, WebhookVerificationError

KINDS = ("shipment.placed", "delivered", "rto.delivered")


@dataclass(slots=True)
class Company:
    """What arrived: events by their id, SMS by their key, and what was not genuine."""

    url: str = ""
    secret: str = ""
    events: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    messages: Counter[str] = field(default_factory=Counter[str])
    not_genuine: int = 0

    @property
    def sms_url(self) -> str:
        """What AWBRIDGE_NOTICE_SMS_URL is set to."""
        return f"json://{self.url.removeprefix('http://')}/sms/{{to_digits}}?+Idempotency-Key={{key}}"

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """One request."""
        if path.startswith("/sms/"):
            self.messages[headers.get("idempotency-key", "")] += 1
            return
        try:
            event = Webhook(self.secret).verify(body, dict(headers))
        except (WebhookVerificationError, ValueError):
            self.not_genuine += 1
        else:
            self.events[headers["webhook-id"]] = event


@asynccontextmanager
async def company() -> AsyncGenerator[Company]:
    """The systems, listening while the block runs."""
    systems = Company()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                first, *lines = head.strip().split("\r\n")
                headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                systems.take(first.split(" ")[1], headers, body)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    systems.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield systems
    finally:
        server.close()


async def listen(http: httpx2.AsyncClient, url: str, systems: Company) -> None:
    """Subscribe these systems to events."""
    answer = await http.post(f"{url}/v1/endpoints", json={"url": f"{systems.url}/events", "kinds": KINDS})
    answer.raise_for_status()
    systems.secret = answer.json()["secret"]


def counts(metrics: str, name: str) -> dict[str, int]:
    """The values of one metric by their only label."""
    lines = (line.rsplit(" ", 1) for line in metrics.splitlines() if line.startswith(f"{name}{{"))
    return {label.split('"')[1]: int(float(value)) for label, value in lines}


async def unsent(http: httpx2.AsyncClient, url: str) -> int:
    """How many events and messages are still on their way."""
    text = (await http.get(f"{url}/metrics")).text
    notices, events = counts(text, "awbridge_notices"), counts(text, "awbridge_event_deliveries")
    return notices.get("due", 0) + notices.get("sending", 0) + events.get("due", 0)


async def check(
    http: httpx2.AsyncClient, url: str, references: Sequence[str], ledger: Mapping[str, Any], systems: Company
) -> tuple[dict[str, int], list[str]]:
    """(numbers to show, faults) of events and messages."""
    faults: list[str] = []
    states: Counter[str] = Counter()
    for reference in references:
        for milestone in (await http.get(f"{url}/v1/shipments/{reference}/notices")).json():
            for notice in milestone["notices"]:
                states[notice["state"]] += 1
                if not notice["why"]:
                    faults.append(f"{reference}: a notice of {milestone['milestone']} does not say why")
    faults += _wrong_events(references, ledger, systems)
    twice = [key for key, times in systems.messages.items() if times > 1]
    if twice or len(systems.messages) != states["sent"]:
        faults.append(f"{states['sent']} messages were sent, {len(systems.messages)} arrived, {len(twice)} twice")
    shown = {f"messages to customers {state}": count for state, count in sorted(states.items())}
    return {"events at the subscriber": len(systems.events), **shown}, faults


def _wrong_events(references: Sequence[str], ledger: Mapping[str, Any], systems: Company) -> list[str]:
    sent = Counter((e["type"], e["data"]["reference_number"]) for e in systems.events.values())
    delivered = [
        order["reference_number"]
        for order in ledger["orders"]
        if order["latest_status"] and order["latest_status"]["clickpost_status_code"] == 8
    ]
    expected = [*(("shipment.placed", r) for r in references), *(("delivered", r) for r in delivered)]
    faults = [
        f"{reference}: {kind} was sent {sent[kind, reference]} times"
        for kind, reference in expected
        if sent[kind, reference] != 1
    ]
    if systems.not_genuine:
        faults.append(f"{systems.not_genuine} events were not signed as they should be")
    return faults
