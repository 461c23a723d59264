"""The endpoints for failed deliveries (NDR): the merchant's instructions, and feedback."""

from typing import Final

from awbridge.sandbox.account_records import NdrInstruction
from awbridge.sandbox.requests import epoch_window, find_tracked_order, parse_object
from awbridge.sandbox.shipments.journeys import replan
from awbridge.sandbox.shipments.models import SimulatedOrder, SimulatedScan
from awbridge.sandbox.shipments.pieces import replan_piece
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import error_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, json_response
from awbridge.sandbox.wire.json import JsonObject, as_text
from awbridge.sandbox.wire.timestamps import indian_day, parse_day, utc_z

ACTIONS = ("REATTEMPT", "INITIATE_RTO")
FAILED_DELIVERY = 9
LONGEST_WINDOW = 3600
_INSTRUCTION_FIELDS = ("address", "landmark", "drop_pincode", "phone_number", "preferred_date")
_NO_INTERNAL: Final[JsonObject] = {"internal_username": None, "internal_cst_responded": None, "internal_comment": None}
_COMMENTS = ("Please come in the evening", "Leave it with the guard", "I was at home all day", None)


async def update_ndr(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST ndr-update-api: reattempt delivery or return to origin. Only directly after a failed delivery."""
    body = parse_object(call)
    order = find_tracked_order(sandbox, body.get("waybill"), body.get("cp_id"))
    if problem := _instruction_problem(sandbox, body, order):
        return error_response(400, f"Bad Request , {problem}")
    if order is not None:
        _apply_instruction(sandbox, order, body)
    return ok_response()


def _instruction_problem(sandbox: Sandbox, body: JsonObject, order: SimulatedOrder | None) -> str:
    if body.get("action") not in ACTIONS:
        return "Invalid Action"
    if order is None:
        return "Invalid waybill or cp_id"
    if as_text(body.get("account_code")) != order.account.account_code:
        return "Invalid account_code"
    latest = _latest_scan(order, as_text(body.get("waybill")))
    if latest is None or latest.code != FAILED_DELIVERY:
        return "Shipment is not in Failed Delivery"
    if preferred := as_text(body.get("preferred_date")):
        day = parse_day(preferred)
        if day is None:
            return "preferred_date must be YYYY-MM-DD"
        if day < indian_day(sandbox.clock.real()):
            return "preferred_date is in the past"
    return ""


def _latest_scan(order: SimulatedOrder, waybill: str) -> SimulatedScan | None:
    """The latest scan of the piece with this waybill if pieces have scans of their own, else of the shipment."""
    return order.latest_of(waybill) if _is_scanned_piece(order, waybill) else order.latest


def _is_scanned_piece(order: SimulatedOrder, waybill: str) -> bool:
    return order.has_piece_scans and waybill in order.children


def _apply_instruction(sandbox: Sandbox, order: SimulatedOrder, body: JsonObject) -> None:
    now, completed, waybill = sandbox.clock.real(), len(order.scans), as_text(body["waybill"])
    back = body["action"] == "INITIATE_RTO"
    if _is_scanned_piece(order, waybill):
        piece = order.children.index(waybill) + 1
        steps = replan_piece(order.steps, completed, piece, back=back, config=sandbox.config, seed=waybill)
    else:
        steps = replan(order.steps, completed, back=back, config=sandbox.config, seed=order.waybill)
    sandbox.registry.reroute(order, steps)
    fields: JsonObject = {name: body.get(name) for name in _INSTRUCTION_FIELDS}
    sandbox.account_records.ndr_instructions.append(NdrInstruction(waybill=waybill, fields=fields, requested_at=now))
    sandbox.account_records.log_action(f"NDR: {body['action']}", {"awb": waybill}, at=now)


async def ndr_feedback(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET ndr_user_feedback: the feedback of a window of at most 3600 s. A success response has no envelope."""
    window = epoch_window(call)
    if window is None or window[1] < window[0]:
        return error_response(400, "start_date and end_date are required, in epoch seconds")
    if window[1] - window[0] > LONGEST_WINDOW:
        return error_response(500, f"(end_date-start_date) diff can not be more than {LONGEST_WINDOW} seconds")
    rows = [*_customer_feedback(sandbox, *window), *_merchant_feedback(sandbox, *window)]
    return json_response({"result": [row for _, row in sorted(rows, key=lambda entry: entry[0])]})


def _customer_feedback(sandbox: Sandbox, start: float, end: float) -> list[tuple[float, JsonObject]]:
    """Drawn from the seed: the same failures always have the same feedback."""
    rows: list[tuple[float, JsonObject]] = []
    for order in sandbox.registry.shipments.values():
        for scan in order.scans:
            if scan.code == FAILED_DELIVERY and start <= scan.created_at <= end and not order.untracked:
                rng = sandbox.fault_injector.rng("feedback", order.waybill, scan.index)
                if rng.random() < sandbox.config.ndr_feedback:
                    tomorrow = indian_day(scan.created_at + 86400).isoformat()
                    fields: JsonObject = {
                        "preferred_date": rng.choice((tomorrow, None)),
                        "comment": rng.choice(_COMMENTS),
                        "landmark": rng.choice(("Behind the post office", None)),
                    }
                    rows.append((scan.created_at, _row(order, scan, "CUSTOMER_FEED", fields, scan.created_at)))
    return rows


def _merchant_feedback(sandbox: Sandbox, start: float, end: float) -> list[tuple[float, JsonObject]]:
    rows: list[tuple[float, JsonObject]] = []
    for instruction in sandbox.account_records.ndr_instructions:
        order = sandbox.registry.find(instruction.waybill)
        if order is not None and start <= instruction.requested_at <= end:
            failed = [scan for scan in order.scans if scan.code == FAILED_DELIVERY]
            own = [scan for scan in failed if scan.waybill == instruction.waybill] or failed
            row = _row(order, own[-1], "CLIENT_OPS_FEED", instruction.fields, instruction.requested_at)
            row |= {"phone": instruction.fields.get("phone_number"), "api_data_push": True}
            row["additional"] = {**_NO_INTERNAL, "internal_username": sandbox.config.username}
            rows.append((instruction.requested_at, row))
    return rows


def _row(order: SimulatedOrder, scan: SimulatedScan, kind: str, fields: JsonObject, at: float) -> JsonObject:
    return {
        "type": kind,
        "awb": scan.waybill,
        **{name: fields.get(name) for name in ("address", "landmark", "drop_pincode", "preferred_date", "comment")},
        "preferred_time": None,
        "phone": None,
        "created_at": utc_z(at),
        "clickpost_status_code": scan.code,
        "clickpost_status_description": "Delivery Failed",
        "api_data_push": None,
        "is_rejected": scan.ndr_code == 2 or None,
        "reference_number": order.reference_number,
        "additional": {**_NO_INTERNAL},
    }
