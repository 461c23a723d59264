"""The audit log endpoint."""

import re

from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.wire.envelope import error_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse
from awbridge.sandbox.wire.json import JsonObject
from awbridge.sandbox.wire.timestamps import utc_t

HOUR = 3600


async def audit_log(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET audit-log-data: the actions in the hour that contains `log_epoch_time`, newest first."""
    time = call.query.get("log_epoch_time", "")
    if not re.fullmatch(r"\d{1,11}", time, re.ASCII):
        return error_response(400, "log_epoch_time is required, in epoch seconds")
    start = int(time) // HOUR * HOUR
    username = sandbox.config.username
    rows: list[JsonObject] = [
        {
            "ip_address": "192.0.2.10",
            "service_type": entry.service,
            "log_uuid": entry.id,
            "username": username,
            "user_email": f"{username}@example.com",
            "payload": entry.payload,
            "created_at": utc_t(entry.logged_at),
        }
        for entry in reversed(sandbox.account_records.audit_log)
        if start <= entry.logged_at < start + HOUR
    ]
    return ok_response(rows, "Success")
