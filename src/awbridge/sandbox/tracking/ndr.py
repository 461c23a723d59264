"""ClickPost's endpoints about failed deliveries: what the merchant asks for, what customers wrote."""

from typing import Final

from awbridge.sandbox.account_records import NdrWish
from awbridge.sandbox.requests import auth_problem, epoch_window, object_in, shipment_of
from awbridge.sandbox.shipments.journeys import detour
from awbridge.sandbox.shipments.models import Order, Scan
from awbridge.sandbox.shipments.pieces import piece_detour
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import done, refused
from awbridge.sandbox.wire.http import Answer, Call, reply
from awbridge.sandbox.wire.json import JsonObject, as_text
from awbridge.sandbox.wire.timestamps import day_of, indian_day, utc_z

ACTIONS = ("REATTEMPT", "INITIATE_RTO")
FAILED_DELIVERY = 9
LONGEST_WINDOW = 3600
_WISHES = ("address", "landmark", "drop_pincode", "phone_number", "preferred_date")
_UNSAID: Final[JsonObject] = {"internal_username": None, "internal_cst_responded": None, "internal_comment": None}
_COMMENTS = ("Please come in the evening", "Leave it with the guard", "I was at home all day", None)


async def update_ndr(sandbox: Sandbox, call: Call) -> Answer:
    """POST ndr-update-api: the courier tries again or returns the parcel. Only right after a failed delivery."""
    if problem := auth_problem(sandbox, call):
        return problem
    given = object_in(call)
    if isinstance(given, Answer):
        return given
    order = shipment_of(sandbox, given.get("waybill"), given.get("cp_id"))
    if problem := _wrong_wish(sandbox, given, order):
        return refused(400, f"Bad Request , {problem}")
    if order is not None:
        _obey(sandbox, order, given)
    return done()


def _wrong_wish(sandbox: Sandbox, given: JsonObject, order: Order | None) -> str:
    if given.get("action") not in ACTIONS:
        return "Invalid Action"
    if order is None:
        return "Invalid waybill or cp_id"
    if as_text(given.get("account_code")) != order.account.account_code:
        return "Invalid account_code"
    latest = _instructed(order, as_text(given.get("waybill")))
    if latest is None or latest.code != FAILED_DELIVERY:
        return "Shipment is not in Failed Delivery"
    if wanted := as_text(given.get("preferred_date")):
        day = day_of(wanted)
        if day is None:
            return "preferred_date must be YYYY-MM-DD"
        if day < indian_day(sandbox.clock.real()):
            return "preferred_date lies in the past"
    return ""


def _instructed(order: Order, waybill: str) -> Scan | None:
    """The newest scan of what a waybill names: one box where boxes are scanned one by one, else the whole."""
    return order.latest_of(waybill) if _names_box(order, waybill) else order.latest


def _names_box(order: Order, waybill: str) -> bool:
    return order.tells_of_pieces and waybill in order.children


def _obey(sandbox: Sandbox, order: Order, given: JsonObject) -> None:
    now, done_so_far, waybill = sandbox.clock.real(), len(order.scans), as_text(given["waybill"])
    back = given["action"] == "INITIATE_RTO"
    if _names_box(order, waybill):
        piece = order.children.index(waybill) + 1
        steps = piece_detour(order.steps, done_so_far, piece, back=back, config=sandbox.config, seed=waybill)
    else:
        steps = detour(order.steps, done_so_far, back=back, config=sandbox.config, seed=order.waybill)
    sandbox.vendor.reroute(order, steps)
    wishes: JsonObject = {name: given.get(name) for name in _WISHES}
    sandbox.office.wishes.append(NdrWish(waybill=waybill, fields=wishes, stated_at=now))
    sandbox.office.note(f"NDR: {given['action']}", {"awb": waybill}, at=now)


async def ndr_feedback(sandbox: Sandbox, call: Call) -> Answer:
    """GET ndr_user_feedback: what was written in a window of at most 3600 s. A good answer has no envelope."""
    if problem := auth_problem(sandbox, call):
        return problem
    window = epoch_window(call, "start_date", "end_date")
    if window is None or window[1] < window[0]:
        return refused(400, "start_date and end_date are required, in epoch seconds")
    if window[1] - window[0] > LONGEST_WINDOW:
        return refused(500, f"(end_date-start_date) diff can not be more than {LONGEST_WINDOW} seconds")
    rows = [*_of_customers(sandbox, *window), *_of_merchant(sandbox, *window)]
    return reply({"result": [row for _, row in sorted(rows, key=lambda entry: entry[0])]})


def _of_customers(sandbox: Sandbox, start: float, end: float) -> list[tuple[float, JsonObject]]:
    """Drawn from the seed: the same customers write after the same failures."""
    found: list[tuple[float, JsonObject]] = []
    for order in sandbox.vendor.shipments.values():
        for scan in order.scans:
            if scan.code == FAILED_DELIVERY and start <= scan.created_at <= end and not order.untracked:
                dice = sandbox.fault_desk.dice("feedback", order.waybill, scan.index)
                if dice.random() < sandbox.config.ndr_feedback:
                    tomorrow = indian_day(scan.created_at + 86400).isoformat()
                    wishes: JsonObject = {
                        "preferred_date": dice.choice((tomorrow, None)),
                        "comment": dice.choice(_COMMENTS),
                        "landmark": dice.choice(("Behind the post office", None)),
                    }
                    found.append((scan.created_at, _row(order, scan, "CUSTOMER_FEED", wishes, scan.created_at)))
    return found


def _of_merchant(sandbox: Sandbox, start: float, end: float) -> list[tuple[float, JsonObject]]:
    found: list[tuple[float, JsonObject]] = []
    for wish in sandbox.office.wishes:
        order = sandbox.vendor.find(wish.waybill)
        if order is not None and start <= wish.stated_at <= end:
            failed = [scan for scan in order.scans if scan.code == FAILED_DELIVERY]
            own = [scan for scan in failed if scan.waybill == wish.waybill] or failed
            row = _row(order, own[-1], "CLIENT_OPS_FEED", wish.fields, wish.stated_at)
            row |= {"phone": wish.fields.get("phone_number"), "api_data_push": True}
            row["additional"] = {**_UNSAID, "internal_username": sandbox.config.username}
            found.append((wish.stated_at, row))
    return found


def _row(order: Order, scan: Scan, kind: str, wishes: JsonObject, at: float) -> JsonObject:
    return {
        "type": kind,
        "awb": scan.waybill,
        "address": wishes.get("address"),
        "landmark": wishes.get("landmark"),
        "drop_pincode": wishes.get("drop_pincode"),
        "preferred_date": wishes.get("preferred_date"),
        "preferred_time": None,
        "phone": None,
        "comment": wishes.get("comment"),
        "created_at": utc_z(at),
        "clickpost_status_code": scan.code,
        "clickpost_status_description": "Delivery Failed",
        "api_data_push": None,
        "is_rejected": scan.ndr_code == 2 or None,
        "reference_number": order.reference_number,
        "additional": {**_UNSAID},
    }
