"""Evidence: the zip of one shipment for a person: payload, every call with URL and response, the timeline."""

from __future__ import annotations

import json
from typing import Any

from awbridge.domain.orders.shipment import Shipment
from awbridge.domain.privacy import Privacy, Veil
from awbridge.steps.audit.calls import instant, is_failure, record_of
from awbridge.steps.records.known_shipment import known_shipment
from awbridge.steps.records.zip_file import Archive, as_lines
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.tracking import scans
from awbridge.store.tracking.scans import TimelineScan

_FACTS = (
    *("reference_number", "order_id", "transporter", "courier_partner_id", "account_code", "state", "success"),
    *("no_of_retries", "problem", "waybill", "children", "status_code", "status_at", "created_at", "placed_at"),
)
_SCAN = ("scanned_at", "waybill", "status_code", "status", "remark", "location", "source", "received_at")


async def evidence_of(*, store: Store, clock: Clock, reference_number: str, privacy: Privacy) -> bytes:
    """Everything about one shipment as a zip, masked for one destination. Raises NotFound."""
    async with store.read() as session:
        shipment = await known_shipment(session, reference_number)
        made = await attempts.evidence_of_shipment(session, reference_number)
        timeline = await scans.timeline(session, reference_number)
    veil = Veil(privacy)
    payload = veil.value(shipment.payload)
    records = [record_of(call, privacy) for call in made]
    failed = sum(is_failure(c.http_status, c.business_status, c.outcome) for c in made)
    zipped = Archive(clock().date())
    zipped.add("shipment.json", _json({**_facts(shipment, veil), "calls": len(made), "failed_calls": failed}))
    zipped.add("payload.json", _json(payload))
    zipped.add("calls.jsonl", as_lines(records))
    for number, record in enumerate(records, 1):
        zipped.add(f"calls/{number:03d}-{record['api']}.json", _json(record))
    zipped.add("timeline.json", _json([_scan(scan, veil) for scan in timeline]))
    return zipped.content()


def _facts(shipment: Shipment, veil: Veil) -> dict[str, Any]:
    facts = {name: getattr(shipment, name) for name in _FACTS}
    return {**facts, "problem": shipment.problem and veil.text(shipment.problem)}


def _scan(scan: TimelineScan, veil: Veil) -> dict[str, Any]:
    texts = {name: veil.text(getattr(scan, name)) for name in ("status", "remark", "location")}
    return {name: texts.get(name, getattr(scan, name)) for name in _SCAN}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=instant) + "\n"
