"""Return and exchange events: customers request them from ClickPost; they belong to the forward shipment. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from awbridge.domain.json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnEvent:
    """One event of a return or an exchange that a customer requested.

    `kind` is the type of the outgoing event, such as "return.approved". `reference_number` is ClickPost's for the
    return; `waybill` and `courier_partner_id` are those of the return shipment, once booked. `self_shipped`: the
    customer ships it (None: not stated). `items` are the returned items and their reasons.
    """

    kind: str
    reference_number: str = ""
    waybill: str = ""
    courier_partner_id: int | None = None
    self_shipped: bool | None = None
    items: tuple[JsonObject, ...] = ()

    def to_json(self) -> JsonObject:
        """The JSON that subscribers receive and the database stores."""
        return {
            "kind": self.kind,
            "return_reference_number": self.reference_number,
            "return_waybill": self.waybill,
            "return_courier_partner_id": self.courier_partner_id,
            "self_shipped": self.self_shipped,
            "items": list(self.items),
        }


def to_text(event: ReturnEvent | None) -> str | None:
    """An event as stored beside its scan."""
    return json.dumps(event.to_json(), ensure_ascii=False, separators=(",", ":")) if event else None


def from_text(text: str | None) -> ReturnEvent | None:
    """The stored event."""
    if not text:
        return None
    kept: dict[str, Any] = json.loads(text)
    return ReturnEvent(
        kind=kept["kind"],
        reference_number=kept["return_reference_number"],
        waybill=kept["return_waybill"],
        courier_partner_id=kept["return_courier_partner_id"],
        self_shipped=kept["self_shipped"],
        items=tuple(kept["items"]),
    )
