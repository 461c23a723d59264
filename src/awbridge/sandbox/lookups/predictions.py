"""The endpoints that predict transit days, within India and between countries."""

from awbridge.sandbox.lookups import coverage
from awbridge.sandbox.requests import parse_object, parse_objects
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import error_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, CallRejected
from awbridge.sandbox.wire.json import JsonObject, as_object, as_text
from awbridge.sandbox.wire.timestamps import indian_day


def _check_subscription(sandbox: Sandbox) -> None:
    if not sandbox.config.edd_subscribed:
        raise CallRejected(error_response(320, "This service is not subscribed by you", http=401))


async def predict(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST predicted_sla_api: transit days of each journey by courier, or for the courier in `optional`."""
    _check_subscription(sandbox)
    journeys = parse_objects(call)
    strict = call.query.get("check_drop_pincode_validity", "false").lower() == "true"
    predictions: list[JsonObject] = []
    for journey in journeys:
        pickup, drop = as_text(journey.get("pickup_pincode")), as_text(journey.get("drop_pincode"))
        if not pickup or not drop:
            return error_response(400, "pickup_pincode and drop_pincode are required")
        if strict and coverage.locate(drop) is None:
            return error_response(400, f"Invalid drop pincode: {drop}")
        predictions.append(_prediction(sandbox, pickup, drop, as_object(journey.get("optional")) or {}))
    return ok_response(predictions)


def _prediction(sandbox: Sandbox, pickup: str, drop: str, optional: JsonObject) -> JsonObject:
    cp_id, code = as_text(optional.get("cp_id")), as_text(optional.get("account_code"))
    ranges: dict[str, tuple[int, int]] = {}
    for account in coverage.accounts_between(sandbox.config, pickup, drop):
        courier = str(account.courier_partner_id)
        if (not cp_id or courier == cp_id) and (not code or account.account_code == code):
            ranges.setdefault(courier, coverage.transit_days(sandbox.config, account, pickup, drop))
    fastest = min(ranges, key=lambda courier: ranges[courier], default=None)
    prediction: JsonObject = {
        "predicted_sla_min": min((days[0] for days in ranges.values()), default=None),
        "predicted_sla_max": max((days[1] for days in ranges.values()), default=None),
        "all_map": {courier: list(days) for courier, days in ranges.items()},
        "min_sla_cp_id": int(fastest) if fastest else None,
    }
    if not cp_id:
        prediction["pickup_date"] = indian_day(sandbox.clock.real()).isoformat()
    return prediction


async def predict_world(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST global_edd: transit days between two countries."""
    _check_subscription(sandbox)
    body = parse_object(call)
    addresses = [as_object(body.get(name)) or {} for name in ("pickup_details", "drop_details")]
    countries = [as_text(address.get("country")).upper() for address in addresses]
    if not all(countries) or not all(as_text(address.get("pincode")) for address in addresses):
        return error_response(400, "pickup_details and drop_details require pincode and country")
    minimum = (2 if countries[0] == countries[1] else 5) + sandbox.fault_injector.rng("edd", *countries).randint(0, 2)
    entry: JsonObject = {
        "predicted_sla_min": minimum,
        "predicted_sla_max": minimum + 2,
        "min_sla_account_id": None,
        "pickup_date": None,
        "account_map": [],
        "fallback_edd": False,
        "if_combination_edd": False,
        "source_edd_model": "Uploaded SLA",
    }
    return ok_response([entry])
