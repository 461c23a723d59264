"""ClickPost's recommendation endpoints: the best accounts for a parcel, the same whenever they are asked."""

from awbridge.sandbox.config import Account
from awbridge.sandbox.lookups import coverage
from awbridge.sandbox.lookups.serviceability import NOT_SERVED
from awbridge.sandbox.orders.validation import DELIVERY_TYPES, ORDER_TYPES
from awbridge.sandbox.requests import auth_problem, first_missing, object_in, objects_in
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import done, refused
from awbridge.sandbox.wire.http import Answer, Call
from awbridge.sandbox.wire.json import JsonObject, as_object, as_text, number

_NEEDED = ("reference_number", "pickup_pincode", "drop_pincode", "order_type", "delivery_type")
_NEEDED_ABROAD = ("reference_number", "order_type", "delivery_type")


async def recommend(sandbox: Sandbox, call: Call) -> Answer:
    """POST recommendation_api v1: parcels within India, by pincode. One entry for each, in the order they came."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    given = objects_in(call, http=400)
    if isinstance(given, Answer):
        return given
    for shipment in given:
        if problem := _wrong_shipment(shipment, _NEEDED):
            return refused(400, problem, http=400)
    entries = [_for_india(sandbox, shipment) for shipment in given]
    if not any(entry["pincode_serviceable"] for entry in entries):
        return done(message=NOT_SERVED)
    return done(entries)


def _wrong_shipment(shipment: JsonObject, needed: tuple[str, ...]) -> str:
    if missing := first_missing(shipment, needed):
        return f"{missing}: This field is required."
    if shipment["order_type"] not in ORDER_TYPES:
        return f"order_type: {shipment['order_type']!r} is not one of {', '.join(ORDER_TYPES)}"
    if shipment["delivery_type"] not in DELIVERY_TYPES:
        return f"delivery_type: {shipment['delivery_type']!r} is not one of {', '.join(DELIVERY_TYPES)}"
    for name in ("pickup_pincode", "drop_pincode"):
        if name in needed and not coverage.is_pincode(as_text(shipment[name])):
            return f"{name}: {shipment[name]!r} is not a pincode"
    return ""


def _for_india(sandbox: Sandbox, shipment: JsonObject) -> JsonObject:
    config = sandbox.config
    pickup, drop = as_text(shipment["pickup_pincode"]), as_text(shipment["drop_pincode"])
    chosen = coverage.between(
        config, pickup, drop, order_type=str(shipment["order_type"]), service_type=str(shipment["delivery_type"])
    )
    named = [_numbered(sandbox, account) for account in chosen]
    return {
        "preference_array": [
            {
                "cp_name": account.courier_name,
                "cp_id": account.courier_partner_id,
                "courier_name": account.courier_name,
                "account_code": account.account_code,
                "async": account.courier_partner_id in config.async_couriers,
                "account_id": coverage.account_id(config, account),
                "priority": priority,
                "scores_computation": {},
                "shipping_charge": coverage.charge(config, account, drop, number(shipment.get("weight")) or 0)
                if priority % 3
                else None,
            }
            for priority, account in enumerate(chosen, start=1)
        ],
        "filters_ran": {
            "1_active_accounts_filter": [_numbered(sandbox, each) for each in coverage.active_accounts(config)],
            "2_serviceable_accounts_filter": named,
            "3_clickpost_define_and_custom_filters_accounts": named,
            "4_ordered_list_account_names_filters_applied": False,
        },
        "pincode_serviceable": bool(chosen),
    }


def _numbered(sandbox: Sandbox, account: Account) -> str:
    return f"{account.courier_name}({account.account_code}({coverage.account_id(sandbox.config, account)}))"


async def recommend_world(sandbox: Sandbox, call: Call) -> Answer:
    """POST recommendation v2: one parcel anywhere, by address. Across borders every active account goes."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    given = object_in(call, http=400)
    if isinstance(given, Answer):
        return given
    pickup, drop, details = (as_object(given.get(name)) for name in ("pickup_info", "drop_info", "shipment_details"))
    if pickup is None or drop is None or details is None:
        return refused(400, "pickup_info, drop_info and shipment_details are required", http=400)
    if problem := _wrong_shipment(details, _NEEDED_ABROAD):
        return refused(400, problem, http=400)
    if missing := first_missing(pickup, ("country_code",)) or first_missing(drop, ("country_code",)):
        return refused(400, f"{missing}: This field is required.", http=400)
    chosen = _for_world(sandbox, pickup, drop, details)
    return done(_chosen_abroad(sandbox, chosen), "Success") if chosen else done(message=NOT_SERVED)


def _for_world(sandbox: Sandbox, pickup: JsonObject, drop: JsonObject, details: JsonObject) -> list[Account]:
    config, order_type, service = sandbox.config, str(details["order_type"]), str(details["delivery_type"])
    if {as_text(pickup["country_code"]).upper(), as_text(drop["country_code"]).upper()} == {"IN"}:
        start, end = as_text(pickup.get("postal_code")), as_text(drop.get("postal_code"))
        return coverage.between(config, start, end, order_type=order_type, service_type=service)
    return [a for a in coverage.active_accounts(config) if coverage.takes(a, order_type) and coverage.fits(a, service)]


def _chosen_abroad(sandbox: Sandbox, chosen: list[Account]) -> JsonObject:
    def named(accounts: list[Account]) -> list[str]:
        return [f"{account.courier_name}({account.account_code})" for account in accounts]

    return {
        "preference_array": [
            {
                "account_code": account.account_code,
                "courier_partner_code": account.courier_partner_id,
                "courier_partner_name": account.courier_name,
                "priority": priority,
            }
            for priority, account in enumerate(chosen, start=1)
        ],
        "filters_ran": {
            "1_active_accounts": named(coverage.active_accounts(sandbox.config)),
            "2_serviceable_accounts": named(chosen),
            "ordered_list_rule_matched": False,
            "3_accounts_after_load_distribution": named(chosen),
        },
        "pincode_serviceable": True,
    }
