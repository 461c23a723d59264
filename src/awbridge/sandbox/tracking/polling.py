"""ClickPost's tracking, webhook and account endpoints."""

from urllib.parse import urlencode

from awbridge.sandbox.faults.http_failures import rate_limited
from awbridge.sandbox.orders import responses
from awbridge.sandbox.requests import auth_problem
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.webhooks.sender import is_loopback
from awbridge.sandbox.wire.codes import message_of
from awbridge.sandbox.wire.http import Answer, Call, JsonObject, as_object, as_text, reply

MOST_WAYBILLS = 5
LONGEST_WINDOW = 1800


def _poll_fault(sandbox: Sandbox, endpoint: str) -> Answer | None:
    match sandbox.fault_desk.poll(endpoint, sandbox.calls[endpoint]):
        case "poll_http_500":
            return reply({"meta": responses.meta(500), "result": None}, 500)
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
        return reply({"meta": responses.meta(400, "waybill and cp_id are required"), "result": None})
    if len(waybills) > MOST_WAYBILLS:
        return reply({"meta": responses.meta(400, f"At most {MOST_WAYBILLS} waybills are allowed"), "result": None})
    result = {waybill: _tracked(sandbox, waybill, cp_id) for waybill in waybills}
    nothing = len(waybills) == 1 and result[waybills[0]] is None
    return reply({"meta": responses.meta(200, "SUCCESS"), "result": None if nothing else result})


def _tracked(sandbox: Sandbox, waybill: str, cp_id: str) -> object:
    order = sandbox.vendor.find(waybill)
    known = order is not None and (waybill == order.waybill or order.tells_of_pieces)
    if order is None or order.untracked or not known or str(order.cp_id) != cp_id:
        dice = sandbox.fault_desk.dice("unknown", waybill)
        return dice.choice((None, {"valid": False, "latest_status": None, "scans": [], "additional": {}}))
    dice = sandbox.fault_desk.dice("track", order.reference_number, sandbox.calls["track_order"])
    older = sandbox.fault_desk.strikes("older_account", order.reference_number, dice.random())
    return responses.tracked(order, dice, bare_list=older, waybill=waybill)


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
    return reply({"meta": responses.meta(400, message), "result": None})


def _page(sandbox: Sandbox, call: Call, start: float, end: float, skip_to: int) -> JsonObject:
    rows: list[JsonObject] = []
    position, more = skip_to, False
    for following, order in sandbox.vendor.changed_between(start, end, skip_to=skip_to):
        if len(rows) == sandbox.config.page_size:
            more = True
            break
        dice = sandbox.fault_desk.dice("updated", order.reference_number, len(order.scans))
        rows.append(responses.updated_row(order, order.scans[-1], dice))
        position = following
    head = responses.meta(200, "SUCCESS")
    if more:
        head["next"] = f"{call.base_url}{call.path}?{urlencode({**call.query, 'cursor': position})}"
    elif skip_to:
        head["next"] = sandbox.fault_desk.dice("next", skip_to).choice((None, ""))
    return {"meta": head, "result": rows}


async def register_webhook(sandbox: Sandbox, call: Call) -> Answer:
    """POST registers, PUT changes the address. The answer is flat: message, status_code, success, webhook_key."""
    try:
        given = as_object(call.json()) or {}
    except ValueError:
        return flat(400, "The body is not a JSON object")
    url = as_text(given.get("webhook_url"))
    if as_text(given.get("key")) != sandbox.config.key:
        return flat(301)
    if not sandbox.config.entitled_to_webhooks:
        return flat(306)
    if not as_text(given.get("service_id")).isdecimal() or not url:
        return flat(400, "service_id and webhook_url are required")
    if not is_loopback(url):
        return flat(400, "The sandbox calls loopback addresses only, such as http://127.0.0.1:8000/")
    if call.method == "POST" and sandbox.delivery.url:
        return flat(305, "A webhook is already registered, change it with PUT")
    if call.method == "PUT" and not sandbox.delivery.url:
        return flat(327, "No webhook is registered, register it with POST")
    sandbox.delivery.url = url
    return flat(200, "Webhook registered", webhook_key=sandbox.delivery.key)


def flat(code: int, message: str = "", **more: str) -> Answer:
    """An answer without an envelope, as the registrations of webhooks and services give it."""
    return reply({"message": message or message_of(code), "status_code": code, "success": code == 200, **more})


async def test_webhook(sandbox: Sandbox, call: Call) -> Answer:
    """POST test_webhook: sends `test_data` to `test_url` now."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    try:
        given = as_object(call.json()) or {}
    except ValueError:
        given = {}
    url = as_text(given.get("test_url"))
    if not is_loopback(url) or as_object(given.get("test_data")) is None:
        return reply({"meta": responses.meta(400, "test_url (loopback) and test_data are required")})
    status = await sandbox.delivery.post(url, given["test_data"])
    if status == 200:
        return reply({"meta": responses.meta(200, "SUCCESS"), "result": {"status_code": status}})
    return reply({"meta": responses.meta(400, "The URL did not answer 200"), "result": {"status_code": status}})


async def fetch_accounts(sandbox: Sandbox, call: Call) -> Answer:
    """GET fetch-accounts: with active=True only the active ones."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    active = call.query.get("active", "True")
    if active.lower() not in ("true", "false"):
        return reply({"meta": responses.meta(400, f"[{active!r} is neither True nor False]")})
    everyone = active.lower() == "false"
    rows = [responses.account_row(account) for account in sandbox.config.accounts if everyone or account.account_active]
    result = {"enterprise_name": sandbox.config.enterprise_name, "accounts": rows}
    return reply({"meta": responses.meta(200, "SUCCESS"), "result": result})
