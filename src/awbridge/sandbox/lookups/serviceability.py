"""ClickPost's pincode endpoints: where a pincode lies, who goes there."""

from awbridge.sandbox.config import Account
from awbridge.sandbox.lookups import coverage
from awbridge.sandbox.requests import auth_problem, objects_in
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import done, refused
from awbridge.sandbox.wire.http import Answer, Call, reply
from awbridge.sandbox.wire.json import JsonObject, as_object, as_text, number

NOT_SERVED = "Pin code not serviceable"
SERVICE_TYPES = ("FORWARD", "RVP", "EXCHANGE")


async def pincode_details(sandbox: Sandbox, call: Call) -> Answer:
    """GET pincode_details: city and state, or 404 in the envelope."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    pincode = call.query.get("pincode", "").strip()
    place = coverage.place_of(pincode)
    if place is None:
        head = {"success": False, "status": 404, "message": f"Not found: {pincode}"}
        return reply({"meta": head, "result": {}})
    return done({"pincode": place.pincode, "city": place.city, "state": place.state}, "Success")


async def accounts_between(sandbox: Sandbox, call: Call) -> Answer:
    """POST serviceability_api v1: the accounts from one pincode to another, with days and charges."""
    if problem := auth_problem(sandbox, call):
        return problem
    given = objects_in(call, http=400)
    if isinstance(given, Answer):
        return given
    rows: list[JsonObject] = []
    for journey in given:
        pickup, drop = as_text(journey.get("pickup_pincode")), as_text(journey.get("drop_pincode"))
        optional = as_object(journey.get("optional")) or {}
        service = as_text(optional.get("service_type")) or "FORWARD"
        if problem := _wrong_journey(pickup, drop, service):
            return refused(400, problem, http=400)
        found = coverage.between(sandbox.config, pickup, drop, service_type=service)
        grams = number(optional.get("weight")) or 0
        rows += [_serving_row(sandbox, account, pickup, drop, service, grams) for account in found]
    return done(rows) if rows else done(message=NOT_SERVED)


def _wrong_journey(pickup: str, drop: str, service: str) -> str:
    for name, pincode in (("pickup_pincode", pickup), ("drop_pincode", drop)):
        if not coverage.is_pincode(pincode):
            return f"{name}: {pincode!r} is not a pincode"
    return "" if service in SERVICE_TYPES else f"service_type: {service!r} is not one of {', '.join(SERVICE_TYPES)}"


def _serving_row(sandbox: Sandbox, account: Account, pickup: str, drop: str, service: str, grams: float) -> JsonObject:
    config = sandbox.config
    rupees = coverage.charge(config, account, drop, grams)
    return {
        "cp_id": account.courier_partner_id,
        "service_type": service,
        "account_code": account.account_code,
        "account_id": coverage.account_id(config, account),
        "serviceable": {name: coverage.takes(account, name) for name in ("COD", "PREPAID", "EXCHANGE")},
        "comitted_sla": coverage.days(config, account, pickup, drop)[1],
        "shipping_charge": {"PREPAID": rupees, "COD": round(rupees * 1.6, 2) if account.cod else None},
        "zone": coverage.zone(pickup, drop),
    }


async def drop_serviceability(sandbox: Sandbox, call: Call) -> Answer:
    """POST serviceability_api v3: whether any active account delivers to a pincode, and how it may be paid for."""
    if problem := auth_problem(sandbox, call):
        return problem
    given = objects_in(call, http=400)
    if isinstance(given, Answer):
        return given
    asked = given[0]
    drop, pickup = as_text(asked.get("drop_pincode")), as_text(asked.get("pickup_pincode"))
    service = as_text(asked.get("service_type")) or "FORWARD"
    only = as_text(asked.get("order_type"))
    if problem := _wrong_journey(pickup or drop, drop, service):
        return refused(400, problem, http=400)
    if only and only not in coverage.ORDER_TYPES:
        return refused(400, f"order_type: {only!r} is not one of {', '.join(coverage.ORDER_TYPES)}", http=400)
    paid = {
        name: bool(coverage.between(sandbox.config, pickup or drop, drop, order_type=name, service_type=service))
        for name in ((only,) if only else ("COD", "PREPAID", "EXCHANGE"))
    }
    return done({"serviceable": any(paid.values()), **paid})


async def bulk_serviceability(sandbox: Sandbox, call: Call) -> Answer:
    """GET bulk_serviceability_api: all pincodes of one account."""
    if problem := auth_problem(sandbox, call):
        return problem
    cp_id, code = call.query.get("courier_partner_id", ""), call.query.get("account_code", "")
    if not cp_id.isdecimal():
        return refused(400, f"Field 'partner_id' expected a number but got {cp_id!r}.")
    named = (a for a in sandbox.config.accounts if (a.courier_partner_id, a.account_code) == (int(cp_id), code))
    account = next(named, None)
    if account is None:
        return refused(400, "Invalid account code/ courier partner id")
    served = [pincode for pincode in coverage.listed_pincodes() if coverage.serves(sandbox.config, account, pincode)]
    by_payment = {name: served for name in coverage.ORDER_TYPES if coverage.takes(account, name)}
    return done({"pickup_pincodes": by_payment, "drop_pincodes": by_payment}, "Success")


async def drop_pincodes(sandbox: Sandbox, call: Call) -> Answer:
    """GET serviceable_drop_pincode: all pincodes to which any active account delivers."""
    if problem := auth_problem(sandbox, call):
        return problem
    accounts = coverage.active_accounts(sandbox.config)
    by_payment: dict[str, list[str]] = {}
    for name in ("PREPAID", "COD"):
        able = [account for account in accounts if coverage.takes(account, name)]
        by_payment[name] = [
            pincode
            for pincode in coverage.listed_pincodes()
            if any(coverage.serves(sandbox.config, account, pincode) for account in able)
        ]
    return done({"drop_pincodes": by_payment}, "Success")


async def search_pincode(sandbox: Sandbox, call: Call) -> Answer:
    """GET pincode_search_overall: the accounts that serve a pincode, one row for each way of payment."""
    if problem := auth_problem(sandbox, call):
        return problem
    pincode = call.query.get("pincode", "").strip()
    pickup, rvp = (call.query.get(name, "false").lower() for name in ("is_pickup_pincode", "is_rvp"))
    if not coverage.is_pincode(pincode):
        return refused(400, f"pincode: {pincode!r} is not a pincode", http=400)
    if not {pickup, rvp} <= {"true", "false"}:
        return refused(400, "is_pickup_pincode and is_rvp are true or false", http=400)
    side = "pickup" if pickup == "true" else "drop"
    rows: list[JsonObject] = [
        {
            "account_type__account_name": account.account_code,
            "account_type__courier_partner__name": account.courier_name,
            f"{side}_pincode_serviceability__order_type": name,
        }
        for account in coverage.active_accounts(sandbox.config)
        if coverage.fits(account, "RVP" if rvp == "true" else "FORWARD")
        and coverage.serves(sandbox.config, account, pincode)
        for name in coverage.ORDER_TYPES
        if coverage.takes(account, name)
    ]
    return done(rows) if rows else done(message=NOT_SERVED)
