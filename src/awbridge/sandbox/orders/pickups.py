"""The pickup endpoints. A repeated request schedules another pickup."""

import re
from datetime import datetime

from awbridge.sandbox.config import SimulatedAccount
from awbridge.sandbox.requests import first_missing, parse_object, require
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import error_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, CallRejected
from awbridge.sandbox.wire.json import JsonObject, as_list, as_object, as_text
from awbridge.sandbox.wire.timestamps import indian_day, parse_day

_INDIA = (
    "courier_partner",
    "account_code",
    *(f"pickup_{name}" for name in ("name", "phone", "address", "city", "state", "country", "pincode", "date")),
    "items",
)
_WORLD_DETAILS = ("reference_number", "awb_number", "courier_partner_id", "account_code")
_WORLD_ADDRESS = ("name", "phone", "address", "city", "country_code", "date", "start_time", "end_time")


def _active_account(sandbox: Sandbox, cp_id: object, code: object) -> SimulatedAccount | None:
    account = sandbox.config.find_account(as_text(cp_id), as_text(code))
    return account if account and account.account_active else None


async def create_pickup(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST create-pickup v1: within India. All fields at the top level, `pickup_date` with its time."""
    body = parse_object(call)
    require(body, _INDIA)
    account = _active_account(sandbox, body["courier_partner"], body["account_code"])
    if account is None:
        return error_response(400, "Invalid courier partner or account code")
    try:
        day = datetime.fromisoformat(as_text(body["pickup_date"])).date()
    except ValueError:
        return error_response(400, "pickup_date must be an ISO date with its time")
    if day < indian_day(sandbox.clock.real()):
        return error_response(400, "pickup_date is in the past")
    hub = f"{as_text(body['pickup_city'])[:3].upper()}{as_text(body['pickup_pincode'])[:2]}"
    return ok_response({"location": hub, "confirmation_number": _next_confirmation(sandbox, account)})


def _next_confirmation(sandbox: Sandbox, account: SimulatedAccount) -> str:
    sandbox.account_records.pickups[account.courier_partner_id] += 1
    return str(sandbox.account_records.pickups[account.courier_partner_id])


async def create_pickup_world(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST create-pickup v2: in any country, for one waybill of the account."""
    body = parse_object(call)
    details, address = as_object(body.get("shipment_details")), as_object(body.get("pickup_info"))
    if details is None or address is None:
        raise _rejected("shipment_details and pickup_info are required")
    if missing := first_missing(details, _WORLD_DETAILS) or first_missing(address, _WORLD_ADDRESS):
        raise _rejected(f"{missing} is required")
    if not as_list(details.get("items")):
        raise _rejected("items is required")
    code, waybill = as_text(details["account_code"]), as_text(details["awb_number"])
    account = _active_account(sandbox, details["courier_partner_id"], code)
    if account is None:
        raise _rejected(f": invalid Account Code {code}")
    order = sandbox.registry.find(waybill)
    if order is None or order.account != account:
        raise _rejected(f"{waybill} not registered against account code {code}")
    if problem := _time_problem(address, sandbox.clock.real()):
        raise _rejected(problem)
    return ok_response({"confirmation_number": f"PU{order.serial % 10**6:06d}{_next_confirmation(sandbox, account)}"})


def _time_problem(address: JsonObject, now: float) -> str:
    day = parse_day(as_text(address["date"]))
    if day is None or day < indian_day(now):
        return "date must be YYYY-MM-DD, today or later"
    start, end = as_text(address["start_time"]), as_text(address["end_time"])
    if not all(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at, re.ASCII) for at in (start, end)) or end <= start:
        return "start_time and end_time must be HH:MM, and end after start"
    return ""


def _rejected(message: str) -> CallRejected:
    return CallRejected(error_response(400, {"non_field_errors": [message]}))
