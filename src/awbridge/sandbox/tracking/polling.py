"""ClickPost's tracking, webhook and account endpoints."""

from urllib.parse import urlencode

from awbridge.sandbox.faults.http_failures import rate_limited
from awbridge.sandbox.requests import auth_problem
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.tracking.responses import tracked, updated_row
from awbridge.sandbox.wire.envelope import meta
from awbridge.sandbox.wire.http import Answer, Call, reply
from awbridge.sandbox.wire.json import JsonObject

MOST_WAYBILLS = 5
LONGEST_WINDOW = 1800


def _poll_fault(sandbox: Sandbox, endpoint: str) -> Answer | None:
    match sandbox.fault_desk.poll(endpoint, sandbox.calls[endpoint]):
        case "poll_http_500":
            return reply({"meta": meta(500), "result": None}, 500)
        case "poll_rate_limited":
            return rate_limited(sandbox)
        case _:
            return None


async def track_order(sandbox: Sandbox, call: Call) -> Answer:
    """GET track-order: up to 5 waybills of one courier. Unknown ones are null or valid: false."""
    if problem := auth_problem(sandbox, call) or _poll_fault(sandbox, "track_order"):
        return problem
    waybills = [waybill.strip() for waybill in call.query.get("waybill", "").split(",") if waybill.strip()]
    cp_id = call.query.get("cp_id", "").strip()
    if not waybills or not cp_id.isdecimal():
        return reply({"meta": meta(400, "waybill and cp_id are required"), "result": None})
    if len(waybills) > MOST_WAYBILLS:
        return reply({"meta": meta(400, f"At most {MOST_WAYBILLS} waybills are allowed"), "result": None})
    result = {waybill: _tracked(sandbox, waybill, cp_id) for waybill in waybills}
    nothing = len(waybills) == 1 and result[waybills[0]] is None
    return reply({"meta": meta(200, "SUCCESS"), "result": None if nothing else result})


def _tracked(sandbox: Sandbox, waybill: str, cp_id: str) -> object:
    order = sandbox.vendor.find(waybill)
    known = order is not None and (waybill == order.waybill or order.tells_of_pieces)
    if order is None or order.untracked or not known or str(order.cp_id) != cp_id:
        dice = sandbox.fault_desk.dice("unknown", waybill)
        return dice.choice((None, {"valid": False, "latest_status": None, "scans": [], "additional": {}}))
    dice = sandbox.fault_desk.dice("track", order.reference_number, sandbox.calls["track_order"])
    older = sandbox.fault_desk.strikes("older_account", order.reference_number, dice.random())
    return tracked(order, dice, bare_list=older, waybill=waybill)


async def updated_order(sandbox: Sandbox, call: Call) -> Answer:
    """GET updated-order: the latest status of every shipment that changed in a window of at most 1800 s."""
    if problem := auth_problem(sandbox, call) or _poll_fault(sandbox, "updated_order"):
        return problem
    try:
        start, end = float(call.query["start_date"]), float(call.query["end_date"])
        skip_to = int(call.query.get("cursor", "0"))
    except (KeyError, ValueError):
        return _bad_window("start_date and end_date are required, in epoch seconds")
    if end < start:
        return _bad_window("end_date lies before start_date")
    if end - start > LONGEST_WINDOW:
        return _bad_window(f"The window is longer than {LONGEST_WINDOW} seconds")
    return reply(_page(sandbox, call, start, end, skip_to))


def _bad_window(message: str) -> Answer:
    return reply({"meta": meta(400, message), "result": None})


def _page(sandbox: Sandbox, call: Call, start: float, end: float, skip_to: int) -> JsonObject:
    rows: list[JsonObject] = []
    position, more = skip_to, False
    for following, order in sandbox.vendor.changed_between(start, end, skip_to=skip_to):
        if len(rows) == sandbox.config.page_size:
            more = True
            break
        dice = sandbox.fault_desk.dice("updated", order.reference_number, len(order.scans))
        rows.append(updated_row(order, order.scans[-1], dice))
        position = following
    head = meta(200, "SUCCESS")
    if more:
        head["next"] = f"{call.base_url}{call.path}?{urlencode({**call.query, 'cursor': position})}"
    elif skip_to:
        head["next"] = sandbox.fault_desk.dice("next", skip_to).choice((None, ""))
    return {"meta": head, "result": rows}
