"""The bodies of orders in /openapi.json: every field with its limits, and two full examples."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from awbridge.clickpost.models.order_schema.order_schema import ORDERS, order_schemas
from awbridge.domain.json import JsonObject
from awbridge.web.v1.request_parsing import LARGEST_BATCH

_EXAMPLES = {
    "india_cod": "Within India, cash on delivery",
    "uae_cross_border": "From the UAE to Saudi Arabia, prepaid (`region` is world)",
}
_COURIER = (
    "Name the courier by `transporter` or by `shipment_details.courier_partner`. An order may name none only where "
    "allocation is on (AWBRIDGE_ALLOCATION)."
)
_CHECKED = (
    "An order that ClickPost would certainly refuse is refused with 422 and every invalid field. This schema states "
    "the limits of those checks. It cannot state these, which are checked too: `delivery_type`, `awb_number`, "
    "`order_id` and `account_code` may not differ between `shipment_details` and `additional`; an identifier that a "
    "spreadsheet rounded (9.00E+09) is refused, and so are control characters in `reference_number`, `order_id` and "
    "`awb_number`, NUL, numbers of more than 64 bits and more than 32 levels. The checks are more lenient where a "
    "text has spaces at its ends, which do not count, and where a phone number has other dashes or invisible "
    "characters, which are left out."
)


def order_example(name: str) -> JsonObject:
    """A full example of an order: `india_cod` or `uae_cross_border`."""
    file = resources.files("awbridge.web.described") / "orders" / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))


def describe_orders(described: JsonObject) -> None:
    """Describe the bodies of orders. Raises ValueError if another schema has the name of one of theirs."""
    schemas: JsonObject = described["components"]["schemas"]
    ours = order_schemas() | {"Order": _any_order()}
    if taken := schemas.keys() & ours:
        raise ValueError(f"two schemas are called {', '.join(sorted(taken))}")
    schemas |= ours
    many = {"type": "array", "items": _ref("Order"), "minItems": 1, "maxItems": LARGEST_BATCH}
    posted = {"title": "One order, or a list of up to 1000", "anyOf": [_ref("Order"), many]}
    _body(described, "/v1/shipments", "post", posted)
    _body(described, "/v1/shipments/{reference_number}/payload", "put", _ref("Order"))


def _any_order() -> JsonObject:
    return {
        "title": "Order",
        "description": f"A create-order payload of ClickPost, in the form of its region. {_COURIER}\n\n{_CHECKED}",
        "oneOf": [_ref(model.__name__) for model in ORDERS],
    }


def _ref(name: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{name}"}


def _body(described: JsonObject, path: str, method: str, schema: JsonObject) -> None:
    examples = {name: {"summary": text, "value": order_example(name)} for name, text in _EXAMPLES.items()}
    content: dict[str, Any] = {"application/json": {"schema": schema, "examples": examples}}
    described["paths"][path][method]["requestBody"] = {"required": True, "content": content}
