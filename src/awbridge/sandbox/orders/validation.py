"""ClickPost's validation of an order before it calls the courier. Pure: payload in, first problem out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from awbridge.sandbox.config import SimulatedAccount
from awbridge.sandbox.shipments.models import Region
from awbridge.sandbox.wire.codes import DELIVERY_TYPES, ORDER_TYPES, message_of
from awbridge.sandbox.wire.json import JsonObject, as_list, as_object, as_text, number

SHORT_REFERENCES = (5, 28)
"""Bluedart, which accepts at most 20 characters."""

_ADDRESS = {
    "india": ("name", "phone", "address", "city", "state", "pincode", "country"),
    "world": ("name", "phone", "address", "city", "postal_code", "country_code"),
}
_SHIPMENT = (
    "reference_number",
    "order_type",
    "invoice_value",
    "invoice_number",
    "invoice_date",
    "length",
    "breadth",
    "height",
    "weight",
)
_NUMBERS = ("invoice_value", "length", "breadth", "height", "weight")


@dataclass(frozen=True, slots=True)
class OrderRejection:
    """The business code and message with which an order is rejected."""

    code: int
    message: str


def check_order(
    payload: JsonObject, *, region: Region, accounts: Iterable[SimulatedAccount], waybill_couriers: Iterable[int] = ()
) -> SimulatedAccount | OrderRejection:
    """The account for the order, or its first problem. `waybill_couriers` require a pre-assigned waybill."""
    details = as_object(payload.get("shipment_details"))
    if details is None:
        return _rejection(314, "shipment_details is missing")
    return (
        _address_problem(payload, "pickup", region)
        or _address_problem(payload, "drop", region)
        or _missing_field(details)
        or _type_problem(details)
        or _number_problem(details)
        or _priority_problem(payload, details)
        or _cod_problem(details)
        or _date_problem(details)
        or _item_problem(details)
        or _return_problem(payload, details)
        or _extras_problem(payload)
        or _waybill_problem(details, waybill_couriers)
        or account_for(_with_account_code(payload, details), tuple(accounts))
    )


def _rejection(code: int, detail: str = "") -> OrderRejection:
    return OrderRejection(code, f"{message_of(code)}: {detail}" if detail else message_of(code))


def _address_problem(payload: JsonObject, side: str, region: Region) -> OrderRejection | None:
    section = as_object(payload.get(f"{side}_info"))
    if section is None:
        return _rejection(314, f"{side}_info is missing")
    prefix = f"{side}_" if region == "india" else ""
    for field in _ADDRESS[region]:
        if not as_text(section.get(prefix + field)):
            return _rejection(400, f"{prefix}{field} is required in {side}_info")
    return None


def _missing_field(details: JsonObject) -> OrderRejection | None:
    for field in _SHIPMENT:
        if not as_text(details.get(field)):
            return _rejection(400, f"{field} is required in shipment_details")
    cp_id = as_text(details.get("courier_partner"))
    if not cp_id.isdigit():
        return _rejection(302, f"courier_partner {cp_id!r} is not a number")
    if int(cp_id) in SHORT_REFERENCES and len(as_text(details["reference_number"])) > 20:
        return _rejection(314, "this courier accepts a reference_number of at most 20 characters")
    return None


def _type_problem(details: JsonObject) -> OrderRejection | None:
    if details["order_type"] not in ORDER_TYPES:
        return _rejection(307, f"{details['order_type']!r}")
    if details.get("delivery_type") not in DELIVERY_TYPES:
        return _rejection(309, f"{details.get('delivery_type')!r}")
    return None


def _number_problem(details: JsonObject) -> OrderRejection | None:
    for field in _NUMBERS:
        value = number(details[field])
        if value is None or value < 0:
            return _rejection(400, f"{field} must be a number, 0 or more")
    return None


def _priority_problem(payload: JsonObject, details: JsonObject) -> OrderRejection | None:
    additional = as_object(payload.get("additional")) or {}
    for value in (details.get("order_priority"), additional.get("order_priority"), additional.get("priority")):
        if value is not None and not (isinstance(value, str) and value.strip()):
            return _rejection(308, f"{value!r}")
    return None


def _cod_problem(details: JsonObject) -> OrderRejection | None:
    value = number(details.get("cod_value", 0))
    if value is None or value < 0:
        return _rejection(315, "cod_value is not an amount")
    if details["order_type"] == "PREPAID" and value != 0:
        return _rejection(315, "cod_value must be 0 for PREPAID")
    if details["order_type"] == "COD" and value == 0:
        return _rejection(315, "cod_value must be above 0 for COD")
    return None


def _date_problem(details: JsonObject) -> OrderRejection | None:
    try:
        date.fromisoformat(as_text(details["invoice_date"]))
    except ValueError:
        return _rejection(400, "invoice_date must be YYYY-MM-DD")
    return None


def _item_problem(details: JsonObject) -> OrderRejection | None:
    if not details.get("items"):
        return _rejection(312)
    items = as_list(details["items"])
    if items is None:
        return _rejection(313, "items must be a list")
    for position, item in enumerate(items, start=1):
        fields = as_object(item)
        if fields is None:
            return _rejection(313, f"item {position} is not an object")
        if not as_text(fields.get("sku")) or not as_text(fields.get("description")):
            return _rejection(313, f"item {position} needs sku and description")
        if number(fields.get("price")) is None or not number(fields.get("quantity")):
            return _rejection(313, f"item {position} needs price and quantity")
    return None


def _return_problem(payload: JsonObject, details: JsonObject) -> OrderRejection | None:
    if details["delivery_type"] != "RVP" or details["order_type"] == "EXCHANGE":
        return None  # an exchange needs no return reason
    additional = as_object(payload.get("additional")) or {}
    reason = as_text(details.get("rvp_reason")) or as_text(additional.get("rvp_reason"))
    if not reason:
        return _rejection(310)
    return _rejection(400, "rvp_reason is longer than 500 characters") if len(reason) > 500 else None


def _extras_problem(payload: JsonObject) -> OrderRejection | None:
    for name in ("additional", "gst_info", "tax_info", "courier_custom_fields"):
        value = payload.get(name)
        valid = as_object(value) is not None or (name == "courier_custom_fields" and as_list(value) is not None)
        if value is not None and not valid:
            return _rejection(314, f"{name} must be an object")
    return None


def _waybill_problem(details: JsonObject, waybill_couriers: Iterable[int]) -> OrderRejection | None:
    needed = int(as_text(details["courier_partner"])) in waybill_couriers
    return _rejection(321) if needed and not as_text(details.get("awb_number")) else None


def _with_account_code(payload: JsonObject, details: JsonObject) -> JsonObject:
    """The account code may be in `additional`, as in v4."""
    additional = as_object(payload.get("additional")) or {}
    code = as_text(details.get("account_code")) or as_text(additional.get("account_code"))
    return details | {"account_code": code}


def account_for(details: JsonObject, accounts: tuple[SimulatedAccount, ...]) -> SimulatedAccount | OrderRejection:
    """The account of `courier_partner` and `account_code`, if it supports the delivery and order type."""
    cp_id = int(as_text(details["courier_partner"]))
    candidates = [account for account in accounts if account.courier_partner_id == cp_id]
    if not candidates:
        return _rejection(302, f"{cp_id}")
    code = as_text(details.get("account_code"))
    matching = [account for account in candidates if not code or account.account_code == code]
    if not matching:
        return _rejection(351, code)
    if len(matching) > 1:
        return _rejection(352)
    account = matching[0]
    if not account.account_active:
        return _rejection(353, account.account_code)
    if details.get("delivery_type") == "RVP" and not account.rvp:
        return _rejection(311)
    if details.get("order_type") == "EXCHANGE" and not account.exchange:
        return _rejection(307, "this courier partner does not accept exchange orders")
    return account
