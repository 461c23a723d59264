"""The polling endpoints: track-order and updated-order."""

from urllib.parse import urlencode

from awbridge.sandbox.requests import epoch_window
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.tracking.responses import tracked, updated_row
from awbridge.sandbox.wire.envelope import error_response, meta
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, json_response
from awbridge.sandbox.wire.json import JsonObject

MOST_WAYBILLS = 5
LONGEST_WINDOW = 1800


def _bad_request(message: str) -> ApiResponse:
    return error_response(400, message, result=None)


async def track_order(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET track-order: up to 5 waybills of one courier. Unknown waybills are null or `valid: false`."""
    waybills = [waybill.strip() for waybill in call.query.get("waybill", "").split(",") if waybill.strip()]
    cp_id = call.query.get("cp_id", "").strip()
    if not waybills or not cp_id.isdecimal():
        return _bad_request("waybill and cp_id are required")
    if len(waybills) > MOST_WAYBILLS:
        return _bad_request(f"At most {MOST_WAYBILLS} waybills are allowed")
    result = {waybill: _tracked(sandbox, waybill, cp_id) for waybill in waybills}
    is_null = len(waybills) == 1 and result[waybills[0]] is None
    return json_response({"meta": meta(200, "SUCCESS"), "result": None if is_null else result})


def _tracked(sandbox: Sandbox, waybill: str, cp_id: str) -> object:
    order = sandbox.registry.find(waybill)
    known = order is not None and (waybill == order.waybill or order.has_piece_scans)
    if order is None or order.untracked or not known or str(order.cp_id) != cp_id:
        rng = sandbox.fault_injector.rng("unknown", waybill)
        return rng.choice((None, {"valid": False, "latest_status": None, "scans": [], "additional": {}}))
    rng = sandbox.fault_injector.rng("track", order.reference_number, sandbox.calls["track_order"])
    older = sandbox.fault_injector.occurs("older_account", order.reference_number, rng.random())
    return tracked(order, rng, waybill=waybill, list_only=older)


async def updated_order(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET updated-order: the latest status of every shipment that changed in a window of at most 1800 s."""
    window, cursor = epoch_window(call), call.query.get("cursor", "0")
    if window is None or not cursor.isdecimal():
        return _bad_request("start_date and end_date are required, in epoch seconds")
    start, end = window
    if end < start:
        return _bad_request("end_date is before start_date")
    if end - start > LONGEST_WINDOW:
        return _bad_request(f"The window is longer than {LONGEST_WINDOW} seconds")
    return json_response(_page(sandbox, call, start, end, int(cursor)))


def _page(sandbox: Sandbox, call: ApiCall, start: float, end: float, skip_to: int) -> JsonObject:
    rows: list[JsonObject] = []
    position, more = skip_to, False
    for following, order in sandbox.registry.changed_between(start, end, skip_to=skip_to):
        if len(rows) == sandbox.config.page_size:
            more = True
            break
        rng = sandbox.fault_injector.rng("updated", order.reference_number, len(order.scans))
        rows.append(updated_row(order, order.scans[-1], rng))
        position = following
    head = meta(200, "SUCCESS")
    if more:
        head["next"] = f"{call.base_url}{call.path}?{urlencode({**call.query, 'cursor': position})}"
    elif skip_to:
        head["next"] = sandbox.fault_injector.rng("next", skip_to).choice((None, ""))
    return {"meta": head, "result": rows}
