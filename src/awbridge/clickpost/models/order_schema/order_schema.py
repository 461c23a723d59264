"""The JSON Schema of create-order payloads as awbridge accepts them: v3 (India), v4 (world), and the flat form.

Every limit in it is read from the tables that the checks use. `tests/clickpost/models/test_order_schema.py` compares
both, at and over each limit.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from awbridge.clickpost.models.field_texts import field_texts
from awbridge.clickpost.models.order_schema.place_shapes import with_place_limits
from awbridge.clickpost.models.order_schema.rule_shapes import (
    ADDITIONAL,
    order_rules,
    with_detail_rules,
    with_item_limits,
    with_reason_limit,
)
from awbridge.clickpost.models.orders import json_shapes
from awbridge.clickpost.models.orders.flat import FlatOrder
from awbridge.clickpost.models.orders.india import IndiaOrder
from awbridge.clickpost.models.orders.order_base import Order, OrderPart, PlacePart
from awbridge.clickpost.models.orders.order_parts import ItemTraits, OrderDetails
from awbridge.clickpost.models.orders.place_rules import DROP, PICKUP
from awbridge.clickpost.models.orders.world import WorldOrder
from awbridge.clickpost.orders.order_places import SECTIONS
from awbridge.clickpost.wire.identifiers import IDENTIFIERS
from awbridge.domain.json import JsonObject

ORDERS: dict[type[Order], str] = {
    IndiaOrder: "An order within India: ClickPost's create-order v3 payload.",
    WorldOrder: "An order outside India or across borders: ClickPost's create-order v4 payload, with `region` world.",
    FlatOrder: "An order within India in ClickPost's older form, with every field at the top (create-order v1).",
}
PASSED_ON = (
    "Unknown fields are sent to ClickPost as they are: couriers have their own. So are values of other types in fields "
    f"with `{json_shapes.UNCHECKED}`: their type is the one that ClickPost documents, and ClickPost checks it."
)

_TRANSPORTER: JsonObject = {
    "type": "string",
    "description": "Your name of a courier account (`GET /v1/couriers`), in place of `courier_partner` and "
    "`account_code`, which it sets. Not sent to ClickPost.",
}
_COURIER = " Required, unless `transporter` is given, or allocation chooses the courier."


def order_schemas(ref_template: str = "#/components/schemas/{model}") -> dict[str, JsonObject]:
    """The schemas of all forms of an order and of their parts, by name. `ref_template`: where they will be found."""
    _, found = models_json_schema([(model, "validation") for model in ORDERS], ref_template=ref_template)
    schemas: dict[str, JsonObject] = found["$defs"]
    models = {model.__name__: model for model in _subclasses(OrderPart)}
    for name, described in schemas.items():
        _complete(described, models[name])
    for model, text in ORDERS.items():
        _complete_order(schemas[model.__name__], model, text)
    return schemas


def _subclasses(model: type[OrderPart]) -> set[type[OrderPart]]:
    return {model, *(inner for child in model.__subclasses__() for inner in _subclasses(child))}


def _complete(described: JsonObject, model: type[OrderPart]) -> None:
    """Add to a part of an order what its model does not state: texts, and limits that are in tables."""
    texts = {_sent_name(model, name): text for name, text in field_texts(model).items()}
    for name, field in described["properties"].items():
        field.pop("title", None)
        if field.get("default", ...) is None:
            del field["default"]
        if name in IDENTIFIERS:
            field["type"] = ["integer" if kind == "number" else kind for kind in field["type"]]
        if name in texts:
            field["description"] = " ".join(texts[name].split())
    if issubclass(model, PlacePart):
        with_place_limits(described, model.form)
    if issubclass(model, OrderDetails):
        with_detail_rules(described)
        _without_required(described, "courier_partner")
        described["properties"]["courier_partner"]["description"] += _COURIER
    if issubclass(model, ItemTraits):
        with_item_limits(described)
    with_reason_limit(described)


def _complete_order(described: JsonObject, model: type[Order], text: str) -> None:
    region = "world" if model is WorldOrder else "india"
    fields: JsonObject = described["properties"]
    described["description"] = f"{text}\n\n{PASSED_ON}"
    if model is FlatOrder:
        for form in (PICKUP, DROP):
            with_place_limits(described, form)
        described["not"] = {"anyOf": [{"required": [section]} for section in SECTIONS]}
    else:
        info = f"The name of `{ADDITIONAL[0]}` in ClickPost's integration guide: give one of them."
        fields[ADDITIONAL[1]] = {**fields[ADDITIONAL[0]], "description": info}
    if model is WorldOrder:
        described["required"] = ["region", *described["required"]]
    described.setdefault("allOf", []).extend(order_rules(model.layout))
    described["properties"] = {"transporter": _TRANSPORTER, "region": _region(region), **fields}


def _region(name: str) -> JsonObject:
    if name == "world":
        text = "The region whose form this is. Required, except in a payload that replaces one of this region."
        return {"const": name, "description": text}
    return {"const": name, "description": "The region whose form this is. The default."}


def _without_required(described: JsonObject, name: str) -> None:
    described["required"] = [other for other in described["required"] if other != name]


def _sent_name(model: type[BaseModel], name: str) -> str:
    field: Any = model.model_fields.get(name)
    return (field.serialization_alias or field.alias or name) if field else name
