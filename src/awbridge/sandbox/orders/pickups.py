"""ClickPost's pickup endpoints: a courier is asked to come. Asking again is another pickup."""

import re
from datetime import datetime

from awbridge.sandbox.config import Account
from awbridge.sandbox.requests import auth_problem, first_missing, object_in
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import done, refused
from awbridge.sandbox.wire.http import Answer, Call
from awbridge.sandbox.wire.json import JsonObject, as_items, as_object, as_text
from awbridge.sandbox.wire.timestamps import day_of, indian_day

_INDIA = (
    "courier_partner",
    "account_code",
    "pickup_name",
    "pickup_phone",
    "pickup_address",
    "pickup_city",
    "pickup_state",
    "pickup_country",
    "pickup_pincode",
    "pickup_date",
    "items",
)
_WORLD_DETAILS = ("reference_number", "awb_number", "courier_partner_id", "account_code")
_WORLD_PLACE = ("name", "phone", "address", "city", "country_code", "date", "start_time", "end_time")


def _account(sandbox: Sandbox, cp_id: object, code: object) -> Account | None:
    named = as_text(cp_id), as_text(code)
    found = (a for a in sandbox.config.accounts if (str(a.courier_partner_id), a.account_code) == named)
    return next((account for account in found if account.account_active), None)


async def create_pickup(sandbox: Sandbox, call: Call) -> Answer:
    """POST create-pickup v1: within India, all fields at the top, `pickup_date` with its time."""
    if problem := auth_problem(sandbox, call):
        return problem
    given = object_in(call)
    if isinstance(given, Answer):
        return given
    if missing := first_missing(given, _INDIA):
        return refused(400, f"{missing} is required")
    account = _account(sandbox, given["courier_partner"], given["account_code"])
    if account is None:
        return refused(400, "Invalid courier partner or account code")
    try:
        day = datetime.fromisoformat(as_text(given["pickup_date"])).date()
    except ValueError:
        return refused(400, "pickup_date must be an ISO date with its time")
    if day < indian_day(sandbox.clock.real()):
        return refused(400, "pickup_date lies in the past")
    hub = f"{as_text(given['pickup_city'])[:3].upper()}{as_text(given['pickup_pincode'])[:2]}"
    return done({"location": hub, "confirmation_number": _confirmed(sandbox, account)})


def _confirmed(sandbox: Sandbox, account: Account) -> str:
    sandbox.office.pickups[account.courier_partner_id] += 1
    return str(sandbox.office.pickups[account.courier_partner_id])


async def create_pickup_world(sandbox: Sandbox, call: Call) -> Answer:
    """POST create-pickup v2: anywhere, for one waybill that is placed with the account."""
    if problem := auth_problem(sandbox, call):
        return problem
    given = object_in(call)
    if isinstance(given, Answer):
        return given
    details, place = as_object(given.get("shipment_details")), as_object(given.get("pickup_info"))
    if details is None or place is None:
        return _wrong("shipment_details and pickup_info are required")
    if missing := first_missing(details, _WORLD_DETAILS) or first_missing(place, _WORLD_PLACE):
        return _wrong(f"{missing} is required")
    if not as_items(details.get("items")):
        return _wrong("items is required")
    code, waybill = as_text(details["account_code"]), as_text(details["awb_number"])
    account = _account(sandbox, details["courier_partner_id"], code)
    if account is None:
        return _wrong(f": invalid Account Code {code}")
    order = sandbox.vendor.find(waybill)
    if order is None or order.account != account:
        return _wrong(f"{waybill} not registered against account code {code}")
    if problem := _wrong_time(place, sandbox.clock.real()):
        return _wrong(problem)
    return done({"confirmation_number": f"PU{order.serial % 10**6:06d}{_confirmed(sandbox, account)}"})


def _wrong_time(place: JsonObject, now: float) -> str:
    day = day_of(as_text(place["date"]))
    if day is None or day < indian_day(now):
        return "date must be YYYY-MM-DD, today or later"
    start, end = as_text(place["start_time"]), as_text(place["end_time"])
    if not all(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at, re.ASCII) for at in (start, end)) or end <= start:
        return "start_time and end_time must be HH:MM, the end after the start"
    return ""


def _wrong(message: str) -> Answer:
    return refused(400, {"non_field_errors": [message]})
