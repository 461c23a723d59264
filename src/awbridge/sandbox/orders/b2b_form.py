"""The form of create-b2b-order: converts its sections to those of v3. Pure.

The vendor's OpenAPI files do not describe this endpoint. Public copies of its page describe `shipment_info` with lists
of invoices and boxes, and `additional_info.is_async`, true by default.
"""

from typing import Final

from awbridge.sandbox.wire.json import JsonObject, as_object, as_objects, as_text

_ADDRESS: Final = ("name", "phone", "address", "city", "state", "pincode", "country", "email")
_DETAILS: Final = (
    *("reference_number", "courier_partner", "account_code", "order_type", "delivery_type", "cod_value", "weight"),
    *("order_id", "awb_number", "rvp_reason"),
)
_GST: Final = ("enterprise_gstin", "consignee_gstin")


def b2b_problem(payload: JsonObject) -> str:
    """The first problem of a B2B order; "" if it can be converted."""
    info = as_object(payload.get("shipment_info"))
    if info is None:
        return "shipment_info is missing"
    gst = as_object(info.get("gst_info")) or {}
    if missing := next((name for name in _GST if not as_text(gst.get(name))), ""):
        return f"shipment_info.gst_info.{missing} is required"
    if not as_objects(info.get("box_info")):
        return "shipment_info.box_info is required"
    numbers = {as_text(invoice.get("number")) for invoice in as_objects(info.get("invoice_info"))}
    for box in as_objects(info.get("box_info")):
        for invoice in as_objects(box.get("invoice_info")):
            if (name := as_text(invoice.get("number"))) not in numbers:
                return f"box_info refers to invoice {name!r}, which invoice_info does not contain"
    return ""


def sections_of_b2b(payload: JsonObject) -> JsonObject:
    """Convert to the sections of v3. Each box becomes an item; with several boxes, each is a piece."""
    info = as_object(payload.get("shipment_info")) or {}
    additional = as_object(payload.get("additional_info")) or {}
    boxes, invoices = as_objects(info.get("box_info")), as_objects(info.get("invoice_info"))
    first = boxes[0] if boxes else {}
    details: JsonObject = {name: info[name] for name in _DETAILS if name in info}
    details |= {name: first.get(name) for name in ("length", "breadth", "height")}
    items = [item for box in boxes for item in _items(box)]
    details |= _invoice_fields(invoices) | {"items": items}
    return {
        "pickup_info": _address(payload, "pickup"),
        "drop_info": _address(payload, "drop"),
        "shipment_details": details,
        "gst_info": info.get("gst_info"),
        "additional": {"async": additional.get("is_async") is not False, "mps": len(items) > 1},
    }


def _address(payload: JsonObject, side: str) -> JsonObject:
    section = as_object(payload.get(f"{side}_info")) or {}
    return {f"{side}_{name}": section[name] for name in _ADDRESS if name in section}


def _invoice_fields(invoices: list[JsonObject]) -> JsonObject:
    if not invoices:
        return {}
    first = invoices[0]
    total = sum(float(as_text(invoice.get("value")) or 0) for invoice in invoices)
    return {"invoice_number": first.get("number"), "invoice_date": first.get("date"), "invoice_value": total}


def _items(box: JsonObject) -> list[JsonObject]:
    products = as_objects(box.get("product_info"))
    product = products[0] if products else {}
    count = int(as_text(box.get("count")) or 1)
    item: JsonObject = {
        "sku": as_text(product.get("sku")) or "box",
        "description": as_text(box.get("description")) or "box",
        "quantity": product.get("sku_count") or 1,
        "price": product.get("price") or 0,
    }
    return [item] * count
