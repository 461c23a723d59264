"""The account endpoints: login, service registration, list of courier accounts."""

import hashlib

from awbridge.sandbox.requests import keyed_body, parse_object
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import error_response, flat_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, json_response
from awbridge.sandbox.wire.json import as_text
from awbridge.sandbox.wire.timestamps import utc_t

TOKEN_SECONDS = 30 * 86400
SERVICES = (1, 2)
"""1: selected events. 2: all statuses."""


async def login(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST user/token: exchange a password for a token. A success response has no envelope."""
    body = parse_object(call, http=400)
    if (body.get("username"), body.get("password")) != (sandbox.config.username, sandbox.config.password):
        return error_response(400, "Invalid username or password", http=400)
    now = sandbox.clock.real()
    sandbox.account_records.log_action("User Login: via API", None, at=now)
    token = hashlib.blake2b(f"{sandbox.config.seed}:{now}".encode(), digest_size=20).hexdigest()
    return json_response({"token": token, "expires_at": utc_t(now + TOKEN_SECONDS)})


async def register_service(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST register-service: subscribe the account. The response is flat; a repeated call returns 304."""
    service = as_text(keyed_body(sandbox, call, flat_response).get("service_id"))
    if not service.isdecimal() or int(service) not in SERVICES:
        return flat_response(400, "service_id must be 1 or 2")
    if int(service) in sandbox.account_records.services:
        return flat_response(304)
    sandbox.account_records.services.add(int(service))
    return flat_response(200, "SUCCESS")


async def fetch_accounts(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET fetch-accounts: all accounts, or with active=True (the default) the active ones."""
    active = call.query.get("active", "True")
    if active.lower() not in ("true", "false"):
        return error_response(400, f"[{active!r} is neither True nor False]")
    include_inactive = active.lower() == "false"
    fields = {"courier_partner_id", "courier_name", "account_code", "account_active"}
    rows = [
        account.model_dump(include=fields)
        for account in sandbox.config.accounts
        if include_inactive or account.account_active
    ]
    return ok_response({"enterprise_name": sandbox.config.enterprise_name, "accounts": rows})
