"""ClickPost's validation of an order before it calls the courier. Pure. The first problem is raised."""

from collections.abc import Iterable
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
_NUMBERS = ("invoice_value", "length", "breadth", "height", "weight")
_SHIPMENT = ("reference_number", "order_type", "invoice_number", "invoice_date", *_NUMBERS)


class OrderRejected(Exception):
    """An order is rejected with this business code. `detail` follows the code's default message."""

    def __init__(self, code: int, detail: str = "", *, message: str = "") -> None:
        self.code = code
        self.message = message or (f"{message_of(code)}: {detail}" if detail else message_of(code))
        super().__init__(self.message)


def check_order(
    payload: JsonObject, *, region: Region, accounts: Iterable[SimulatedAccount], waybill_couriers: Iterable[int] = ()
) -> SimulatedAccount:
    """The account for the order. `waybill_couriers` require a pre-assigned waybill. Raises OrderRejected."""
    details = as_object(payload.get("shipment_details"))
    if details is None:
        raise OrderRejected(314, "shipment_details is missing")
    additional = as_object(payload.get("additional")) or {}
    for side in ("pickup", "drop"):
        _check_address(payload, side, region)
    _check_fields(details)
    _check_types(details)
    _check_numbers(details)
    _check_priority(details, additional)
    _check_cod(details)
    _check_date(details)
    _check_items(details)
    _check_return_reason(details, additional)
    _check_extras(payload)
    if int(as_text(details["courier_partner"])) in waybill_couriers and not as_text(details.get("awb_number")):
        raise OrderRejected(321)
    # The account code may be in `additional`, as in v4.
    code = as_text(details.get("account_code")) or as_text(additional.get("account_code"))
    return account_for(details | {"account_code": code}, tuple(accounts))


def _check_address(payload: JsonObject, side: str, region: Region) -> None:
    section = as_object(payload.get(f"{side}_info"))
    if section is None:
        raise OrderRejected(314, f"{side}_info is missing")
    prefix = f"{side}_" if region == "india" else ""
    for field in _ADDRESS[region]:
        if not as_text(section.get(prefix + field)):
            raise OrderRejected(400, f"{prefix}{field} is required in {side}_info")


def _check_fields(details: JsonObject) -> None:
    for field in _SHIPMENT:
        if not as_text(details.get(field)):
            raise OrderRejected(400, f"{field} is required in shipment_details")
    cp_id = as_text(details.get("courier_partner"))
    if not cp_id.isdigit():
        raise OrderRejected(302, f"courier_partner {cp_id!r} is not a number")
    if int(cp_id) in SHORT_REFERENCES and len(as_text(details["reference_number"])) > 20:
        raise OrderRejected(314, "this courier accepts a reference_number of at most 20 characters")


def _check_types(details: JsonObject) -> None:
    if details["order_type"] not in ORDER_TYPES:
        raise OrderRejected(307, f"{details['order_type']!r}")
    if details.get("delivery_type") not in DELIVERY_TYPES:
        raise OrderRejected(309, f"{details.get('delivery_type')!r}")


def _check_numbers(details: JsonObject) -> None:
    for field in _NUMBERS:
        value = number(details[field])
        if value is None or value < 0:
            raise OrderRejected(400, f"{field} must be a number, 0 or more")


def _check_priority(details: JsonObject, additional: JsonObject) -> None:
    for value in (details.get("order_priority"), additional.get("order_priority"), additional.get("priority")):
        if value is not None and not (isinstance(value, str) and value.strip()):
            raise OrderRejected(308, f"{value!r}")


def _check_cod(details: JsonObject) -> None:
    value = number(details.get("cod_value", 0))
    if value is None or value < 0:
        raise OrderRejected(315, "cod_value is not an amount")
    if details["order_type"] == "PREPAID" and value != 0:
        raise OrderRejected(315, "cod_value must be 0 for PREPAID")
    if details["order_type"] == "COD" and value == 0:
        raise OrderRejected(315, "cod_value must be above 0 for COD")


def _check_date(details: JsonObject) -> None:
    try:
        date.fromisoformat(as_text(details["invoice_date"]))
    except ValueError:
        raise OrderRejected(400, "invoice_date must be YYYY-MM-DD") from None


def _check_items(details: JsonObject) -> None:
    if not details.get("items"):
        raise OrderRejected(312)
    items = as_list(details["items"])
    if items is None:
        raise OrderRejected(313, "items must be a list")
    for position, item in enumerate(items, start=1):
        fields = as_object(item)
        if fields is None:
            raise OrderRejected(313, f"item {position} is not an object")
        if not as_text(fields.get("sku")) or not as_text(fields.get("description")):
            raise OrderRejected(313, f"item {position} needs sku and description")
        if number(fields.get("price")) is None or not number(fields.get("quantity")):
            raise OrderRejected(313, f"item {position} needs price and quantity")


def _check_return_reason(details: JsonObject, additional: JsonObject) -> None:
    if details["delivery_type"] != "RVP" or details["order_type"] == "EXCHANGE":
        return  # an exchange needs no return reason
    reason = as_text(details.get("rvp_reason")) or as_text(additional.get("rvp_reason"))
    if not reason:
        raise OrderRejected(310)
    if len(reason) > 500:
        raise OrderRejected(400, "rvp_reason is longer than 500 characters")


def _check_extras(payload: JsonObject) -> None:
    for name in ("additional", "gst_info", "tax_info", "courier_custom_fields"):
        value = payload.get(name)
        valid = as_object(value) is not None or (name == "courier_custom_fields" and as_list(value) is not None)
        if value is not None and not valid:
            raise OrderRejected(314, f"{name} must be an object")


def account_for(details: JsonObject, accounts: tuple[SimulatedAccount, ...]) -> SimulatedAccount:
    """The account of the order, if it supports its delivery and order type. Raises OrderRejected."""
    cp_id = int(as_text(details["courier_partner"]))
    candidates = [account for account in accounts if account.courier_partner_id == cp_id]
    if not candidates:
        raise OrderRejected(302, f"{cp_id}")
    code = as_text(details.get("account_code"))
    matching = [account for account in candidates if not code or account.account_code == code]
    if not matching:
        raise OrderRejected(351, code)
    if len(matching) > 1:
        raise OrderRejected(352)
    account = matching[0]
    if not account.account_active:
        raise OrderRejected(353, account.account_code)
    if details.get("delivery_type") == "RVP" and not account.rvp:
        raise OrderRejected(311)
    if details.get("order_type") == "EXCHANGE" and not account.exchange:
        raise OrderRejected(307, "this courier partner does not accept exchange orders")
    return account
