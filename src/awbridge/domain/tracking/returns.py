"""Return and exchange events: customers request them from ClickPost; they belong to the forward shipment. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields

from awbridge.domain.json import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnEvent:
    """One event of a return or an exchange that a customer requested.

    `kind` is the type of the outgoing event, such as "return.approved". `return_reference_number` is ClickPost's for
    the return; `return_waybill` and `return_courier_partner_id` are those of the return shipment, once booked.
    `self_shipped`: the customer ships it (None: not stated). `items` are the returned items and their reasons.
    Subscribers receive these fields, and the database stores them.
    """

    kind: str
    return_reference_number: str = ""
    return_waybill: str = ""
    return_courier_partner_id: int | None = None
    self_shipped: bool | None = None
    items: list[JsonObject] = field(default_factory=list[JsonObject])


def to_text(event: ReturnEvent | None) -> str | None:
    """An event as stored beside its scan."""
    return json.dumps(asdict(event), ensure_ascii=False, separators=(",", ":")) if event else None


def from_text(text: str | None) -> ReturnEvent | None:
    """The stored event."""
    if not text:
        return None
    kept: JsonObject = json.loads(text)
    return ReturnEvent(**{one.name: kept[one.name] for one in fields(ReturnEvent)})
