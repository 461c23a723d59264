"""ClickPost's predictions of the delivery date, within India and across borders."""

from awbridge.sandbox.lookups import coverage
from awbridge.sandbox.requests import auth_problem, object_in, objects_in
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import done, refused
from awbridge.sandbox.wire.http import Answer, Call
from awbridge.sandbox.wire.json import JsonObject, as_object, as_text
from awbridge.sandbox.wire.timestamps import indian_day


def _barred(sandbox: Sandbox, call: Call) -> Answer | None:
    if problem := auth_problem(sandbox, call):
        return problem
    if not sandbox.config.edd_subscribed:
        return refused(320, "This service is not subscribed by you", http=401)
    return None


async def predict(sandbox: Sandbox, call: Call) -> Answer:
    """POST predicted_sla_api: days for each journey, per courier; only one courier's where one is named."""
    if problem := _barred(sandbox, call):
        return problem
    given = objects_in(call)
    if isinstance(given, Answer):
        return given
    strict = call.query.get("check_drop_pincode_validity", "false").lower() == "true"
    found: list[JsonObject] = []
    for journey in given:
        pickup, drop = as_text(journey.get("pickup_pincode")), as_text(journey.get("drop_pincode"))
        if not pickup or not drop:
            return refused(400, "pickup_pincode and drop_pincode are required")
        if strict and coverage.place_of(drop) is None:
            return refused(400, f"Invalid drop pincode: {drop}")
        found.append(_prediction(sandbox, pickup, drop, as_object(journey.get("optional")) or {}))
    return done(found)


def _prediction(sandbox: Sandbox, pickup: str, drop: str, optional: JsonObject) -> JsonObject:
    cp_id, code = as_text(optional.get("cp_id")), as_text(optional.get("account_code"))
    spans: dict[str, tuple[int, int]] = {}
    for account in coverage.between(sandbox.config, pickup, drop):
        named = str(account.courier_partner_id)
        if (not cp_id or named == cp_id) and (not code or account.account_code == code):
            spans.setdefault(named, coverage.days(sandbox.config, account, pickup, drop))
    fastest = min(spans, key=lambda name: spans[name], default=None)
    answer: JsonObject = {
        "predicted_sla_min": min((span[0] for span in spans.values()), default=None),
        "predicted_sla_max": max((span[1] for span in spans.values()), default=None),
        "all_map": {name: list(span) for name, span in spans.items()},
        "min_sla_cp_id": int(fastest) if fastest else None,
    }
    if not cp_id:
        answer["pickup_date"] = indian_day(sandbox.clock.real()).isoformat()
    return answer


async def predict_world(sandbox: Sandbox, call: Call) -> Answer:
    """POST global_edd: days between two countries."""
    if problem := _barred(sandbox, call):
        return problem
    given = object_in(call)
    if isinstance(given, Answer):
        return given
    ends = [as_object(given.get(name)) or {} for name in ("pickup_details", "drop_details")]
    countries = [as_text(end.get("country")).upper() for end in ends]
    if not all(countries) or not all(as_text(end.get("pincode")) for end in ends):
        return refused(400, "pickup_details and drop_details need pincode and country")
    fewest = (2 if countries[0] == countries[1] else 5) + sandbox.fault_desk.dice("edd", *countries).randint(0, 2)
    entry: JsonObject = {
        "predicted_sla_min": fewest,
        "predicted_sla_max": fewest + 2,
        "min_sla_account_id": None,
        "pickup_date": None,
        "account_map": [],
        "fallback_edd": False,
        "if_combination_edd": False,
        "source_edd_model": "Uploaded SLA",
    }
    return done([entry])
