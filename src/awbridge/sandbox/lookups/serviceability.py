"""The pincode endpoints: location, and which accounts serve it."""

from awbridge.sandbox.config import SimulatedAccount
from awbridge.sandbox.lookups import coverage
from awbridge.sandbox.requests import parse_objects
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.codes import ORDER_TYPES
from awbridge.sandbox.wire.envelope import error_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse
from awbridge.sandbox.wire.json import JsonObject, as_object, as_text, number

NOT_SERVED = "Pin code not serviceable"
SERVICE_TYPES = ("FORWARD", "RVP", "EXCHANGE")


async def pincode_details(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET pincode_details: city and state, or code 404."""
    pincode = call.query.get("pincode", "").strip()
    location = coverage.locate(pincode)
    if location is None:
        return error_response(404, f"Not found: {pincode}", result={})
    return ok_response({"pincode": pincode, "city": location.city, "state": location.state}, "Success")


async def serviceability(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST serviceability_api v1: the accounts between two pincodes, with transit days and charges."""
    rows: list[JsonObject] = []
    for journey in parse_objects(call, http=400):
        pickup, drop = as_text(journey.get("pickup_pincode")), as_text(journey.get("drop_pincode"))
        optional = as_object(journey.get("optional")) or {}
        service = as_text(optional.get("service_type")) or "FORWARD"
        if problem := _journey_problem(pickup, drop, service):
            return error_response(400, problem, http=400)
        accounts = coverage.accounts_between(sandbox.config, pickup, drop, service_type=service)
        grams = number(optional.get("weight")) or 0
        rows += [_account_row(sandbox, account, pickup, drop, service, grams) for account in accounts]
    return ok_response(rows) if rows else ok_response(message=NOT_SERVED)


def _journey_problem(pickup: str, drop: str, service: str) -> str:
    for name, pincode in (("pickup_pincode", pickup), ("drop_pincode", drop)):
        if not coverage.is_pincode(pincode):
            return f"{name}: {pincode!r} is not a pincode"
    return "" if service in SERVICE_TYPES else f"service_type: {service!r} is not one of {', '.join(SERVICE_TYPES)}"


def _account_row(
    sandbox: Sandbox, account: SimulatedAccount, pickup: str, drop: str, service: str, grams: float
) -> JsonObject:
    config = sandbox.config
    rupees = coverage.shipping_charge(config, account, drop, grams)
    return {
        "cp_id": account.courier_partner_id,
        "service_type": service,
        "account_code": account.account_code,
        "account_id": coverage.account_id(config, account),
        "serviceable": {name: coverage.accepts_payment(account, name) for name in ("COD", "PREPAID", "EXCHANGE")},
        "comitted_sla": coverage.transit_days(config, account, pickup, drop)[1],
        "shipping_charge": {"PREPAID": rupees, "COD": round(rupees * 1.6, 2) if account.cod else None},
        "zone": coverage.zone(pickup, drop),
    }


async def drop_serviceability(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST serviceability_api v3: whether any active account delivers to a pincode, per order type."""
    query = parse_objects(call, http=400)[0]
    drop, pickup = as_text(query.get("drop_pincode")), as_text(query.get("pickup_pincode"))
    service = as_text(query.get("service_type")) or "FORWARD"
    order_type = as_text(query.get("order_type"))
    if problem := _journey_problem(pickup or drop, drop, service):
        return error_response(400, problem, http=400)
    if order_type and order_type not in ORDER_TYPES:
        return error_response(400, f"order_type: {order_type!r} is not one of {', '.join(ORDER_TYPES)}", http=400)
    config = sandbox.config
    serviceable = {
        name: bool(coverage.accounts_between(config, pickup or drop, drop, order_type=name, service_type=service))
        for name in ((order_type,) if order_type else ("COD", "PREPAID", "EXCHANGE"))
    }
    return ok_response({"serviceable": any(serviceable.values()), **serviceable})


async def bulk_serviceability(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET bulk_serviceability_api: all pincodes that one account serves."""
    cp_id, code = call.query.get("courier_partner_id", ""), call.query.get("account_code", "")
    if not cp_id.isdecimal():
        return error_response(400, f"Field 'partner_id' expected a number but got {cp_id!r}.")
    account = sandbox.config.find_account(str(int(cp_id)), code)
    if account is None:
        return error_response(400, "Invalid account code/ courier partner id")
    served = [pincode for pincode in coverage.listed_pincodes() if coverage.serves(sandbox.config, account, pincode)]
    by_payment = {name: served for name in ORDER_TYPES if coverage.accepts_payment(account, name)}
    return ok_response({"pickup_pincodes": by_payment, "drop_pincodes": by_payment}, "Success")


async def drop_pincodes(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET serviceable_drop_pincode: all pincodes to which any active account delivers."""
    accounts = coverage.active_accounts(sandbox.config)
    by_payment: dict[str, list[str]] = {}
    for name in ("PREPAID", "COD"):
        candidates = [account for account in accounts if coverage.accepts_payment(account, name)]
        by_payment[name] = [
            pincode
            for pincode in coverage.listed_pincodes()
            if any(coverage.serves(sandbox.config, account, pincode) for account in candidates)
        ]
    return ok_response({"drop_pincodes": by_payment}, "Success")


async def search_pincode(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET pincode_search_overall: the accounts that serve a pincode, one row per order type."""
    pincode = call.query.get("pincode", "").strip()
    pickup, rvp = (call.query.get(name, "false").lower() for name in ("is_pickup_pincode", "is_rvp"))
    if not coverage.is_pincode(pincode):
        return error_response(400, f"pincode: {pincode!r} is not a pincode", http=400)
    if not {pickup, rvp} <= {"true", "false"}:
        return error_response(400, "is_pickup_pincode and is_rvp must be true or false", http=400)
    side = "pickup" if pickup == "true" else "drop"
    rows: list[JsonObject] = [
        {
            "account_type__account_name": account.account_code,
            "account_type__courier_partner__name": account.courier_name,
            f"{side}_pincode_serviceability__order_type": name,
        }
        for account in coverage.active_accounts(sandbox.config)
        if coverage.supports_service(account, "RVP" if rvp == "true" else "FORWARD")
        and coverage.serves(sandbox.config, account, pincode)
        for name in ORDER_TYPES
        if coverage.accepts_payment(account, name)
    ]
    return ok_response(rows) if rows else ok_response(message=NOT_SERVED)
