"""The recommendation endpoints: the accounts for a parcel in order of preference. Drawn from the seed."""

from awbridge.sandbox.config import SandboxConfig, SimulatedAccount
from awbridge.sandbox.lookups import coverage
from awbridge.sandbox.lookups.serviceability import NOT_SERVED
from awbridge.sandbox.requests import first_missing, parse_object, parse_objects, type_problem
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import error_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse
from awbridge.sandbox.wire.json import JsonObject, as_object, as_text, number

_REQUIRED = ("reference_number", "pickup_pincode", "drop_pincode", "order_type", "delivery_type")
_REQUIRED_WORLD = ("reference_number", "order_type", "delivery_type")


async def recommend(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST recommendation_api v1: parcels within India, by pincode. One entry per parcel, in order."""
    body = parse_objects(call, http=400)
    for shipment in body:
        if problem := _shipment_problem(shipment, _REQUIRED):
            return error_response(400, problem, http=400)
    entries = [_india_recommendation(sandbox, shipment) for shipment in body]
    if not any(entry["pincode_serviceable"] for entry in entries):
        return ok_response(message=NOT_SERVED)
    return ok_response(entries)


def _shipment_problem(shipment: JsonObject, required: tuple[str, ...]) -> str:
    if missing := first_missing(shipment, required):
        return f"{missing}: This field is required."
    if problem := type_problem(shipment):
        return problem
    for name in ("pickup_pincode", "drop_pincode"):
        if name in required and not coverage.is_pincode(as_text(shipment[name])):
            return f"{name}: {shipment[name]!r} is not a pincode"
    return ""


def _india_recommendation(sandbox: Sandbox, shipment: JsonObject) -> JsonObject:
    config = sandbox.config
    pickup, drop = as_text(shipment["pickup_pincode"]), as_text(shipment["drop_pincode"])
    ranked = coverage.accounts_between(
        config, pickup, drop, order_type=str(shipment["order_type"]), service_type=str(shipment["delivery_type"])
    )
    labels = [_label(sandbox, account) for account in ranked]
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
                "shipping_charge": coverage.shipping_charge(config, account, drop, number(shipment.get("weight")) or 0)
                if priority % 3
                else None,
            }
            for priority, account in enumerate(ranked, start=1)
        ],
        "filters_ran": {
            "1_active_accounts_filter": [_label(sandbox, account) for account in coverage.active_accounts(config)],
            "2_serviceable_accounts_filter": labels,
            "3_clickpost_define_and_custom_filters_accounts": labels,
            "4_ordered_list_account_names_filters_applied": False,
        },
        "pincode_serviceable": bool(ranked),
    }


def _label(sandbox: Sandbox, account: SimulatedAccount) -> str:
    return f"{account.courier_name}({account.account_code}({coverage.account_id(sandbox.config, account)}))"


async def recommend_world(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST recommendation v2: one parcel by address, in any country. Between countries, every active account serves."""
    body = parse_object(call, http=400)
    pickup, drop, details = (as_object(body.get(name)) for name in ("pickup_info", "drop_info", "shipment_details"))
    if pickup is None or drop is None or details is None:
        return error_response(400, "pickup_info, drop_info and shipment_details are required", http=400)
    if problem := _shipment_problem(details, _REQUIRED_WORLD):
        return error_response(400, problem, http=400)
    if missing := first_missing(pickup, ("country_code",)) or first_missing(drop, ("country_code",)):
        return error_response(400, f"{missing}: This field is required.", http=400)
    ranked = _accounts_for(sandbox.config, pickup, drop, details)
    return ok_response(_world_recommendation(sandbox, ranked), "Success") if ranked else ok_response(message=NOT_SERVED)


def _accounts_for(
    config: SandboxConfig, pickup: JsonObject, drop: JsonObject, details: JsonObject
) -> list[SimulatedAccount]:
    order_type, service = str(details["order_type"]), str(details["delivery_type"])
    if {as_text(pickup["country_code"]).upper(), as_text(drop["country_code"]).upper()} == {"IN"}:
        start, end = as_text(pickup.get("postal_code")), as_text(drop.get("postal_code"))
        return coverage.accounts_between(config, start, end, order_type=order_type, service_type=service)
    return coverage.accounts_supporting(config, order_type, service)


def _world_recommendation(sandbox: Sandbox, ranked: list[SimulatedAccount]) -> JsonObject:
    def labels_of(accounts: list[SimulatedAccount]) -> list[str]:
        return [f"{account.courier_name}({account.account_code})" for account in accounts]

    return {
        "preference_array": [
            {
                "account_code": account.account_code,
                "courier_partner_code": account.courier_partner_id,
                "courier_partner_name": account.courier_name,
                "priority": priority,
            }
            for priority, account in enumerate(ranked, start=1)
        ],
        "filters_ran": {
            "1_active_accounts": labels_of(coverage.active_accounts(sandbox.config)),
            "2_serviceable_accounts": labels_of(ranked),
            "ordered_list_rule_matched": False,
            "3_accounts_after_load_distribution": labels_of(ranked),
        },
        "pincode_serviceable": True,
    }
