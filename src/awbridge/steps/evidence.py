"""Evidence: the zip of one shipment, for a person: payload, every call with its URL and answer, the timeline."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from awbridge.domain.errors import NotFound
from awbridge.steps.clock import Clock
from awbridge.store import Store, attempts, scans, shipments


async def evidence_of(*, store: Store, clock: Clock, reference_number: str) -> bytes:
    """Everything about one shipment as a zip. Raises NotFound."""
    async with store.read() as session:
        shipment = await shipments.get(session, reference_number)
        if shipment is None:
            raise NotFound(f"there is no shipment {reference_number}")
        calls = await attempts.of_shipment(session, reference_number)
        timeline = await scans.timeline(session, reference_number)
    facts = asdict(shipment)
    payload = facts.pop("payload")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("shipment.json", _json(facts | {"calls": len(calls), "made_at": clock()}))
        zipped.writestr("payload.json", _json(payload))
        for number, call in enumerate(calls, 1):
            zipped.writestr(f"calls/{number:03d}-{call.api}.json", _json(asdict(call)))
        zipped.writestr("timeline.json", _json([asdict(scan) for scan in timeline]))
    return content.getvalue()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain) + "\n"


def _plain(value: Any) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
